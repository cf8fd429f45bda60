"""What the timeline in the browser asks the kernel for, and the answers: plain content and named arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics.views.view import View

Message = dict[str, Any]


def answer(view: View, message: Message) -> tuple[Message, dict[str, np.ndarray]]:
    """Return what the browser asked for: plain content and named arrays.

    Parameters
    ----------
    view : View
    message : dict
        ``{"kind": "open"}``, ``{"kind": "tiles", "keys": […]}`` or ``{"kind": "clip", "name": …, "start_s": …,
        "seconds": …}``.
    """
    if message["kind"] == "open":
        return {"header": view.header}, view.arrays
    if message["kind"] == "tiles":
        return {}, {key: view.tile(key) for key in message["keys"]}
    samples = view.clip(message["name"], start_s=message["start_s"], seconds=message["seconds"])
    pcm = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    return {"rate_hz": view.sounds[message["name"]].sample_rate_hz}, {"samples": pcm}


def reply(view: View, message: Message) -> tuple[Message, list[bytes]]:
    """Return the content and the buffers of the message that answers `message`, under its id.

    Where it cannot be answered, also because the kernel was interrupted meanwhile, `failed` says why: the browser then
    asks again instead of waiting for ever.
    """
    try:
        content, arrays = answer(view, message)
    except (Exception, KeyboardInterrupt) as fault:
        return {"id": message["id"], "arrays": [], "failed": f"{type(fault).__name__}: {fault}"}, []
    listing = [{"name": name, "dtype": str(a.dtype)} for name, a in arrays.items()]
    return {**content, "id": message["id"], "arrays": listing}, [a.tobytes() for a in arrays.values()]


def takes_long(message: Message) -> bool:
    """Tell whether the answer is worked out beside everything else: speech activity of an hour takes seconds."""
    return message["kind"] == "tiles" and any("/activity/" in key for key in message["keys"])
