"""Verdicts, turns and prompts as plain rows: what the canvas, the workbench and the report all read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from forensics.model import Diagnosis, Evidence, Prompt, RtpStream, Scene, Turn, Verdict
from forensics.views.axis import Axis

EDGE_PACKETS = 3
"""Packets opened on either side of a glitch."""


def verdict_rows(diagnosis: Diagnosis, axis: Axis) -> list[dict[str, Any]]:
    """Return one plain row per verdict, in the order of time.

    `start_s`, `end_s` and the pair `captured_s` are seconds of the axis, `capture_start_s` and `capture_end_s` of the
    capture.
    """
    return [
        _verdict_row(v) | {"captured_s": axis.captured_s(v.glitch)}
        for v in sorted(diagnosis.verdicts, key=lambda v: v.glitch.start_s)
    ]


def turn_rows(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    """Return one plain row per turn."""
    return [
        {"speaker": t.speaker, "start_s": t.start_s, "end_s": t.end_s, "latency_s": plain(t.latency_s),
         "parts": {k: plain(v) for k, v in t.parts.items()}, "measured": list(t.measured),
         "barge_in_s": plain(t.barge_in_s), "talk_over_s": plain(t.talk_over_s), "text": t.text}
        for t in turns
    ]  # fmt: skip


def prompt_rows(prompts: tuple[Prompt, ...]) -> list[dict[str, Any]]:
    """Return one plain row per damaged stretch of what the user said."""
    return [
        {"start_s": start_s, "end_s": end_s, "what": what}
        for prompt in prompts
        for start_s, end_s, what in plain(prompt.spans)
    ]


def sides(verdict: Verdict) -> dict[str, list[Evidence]]:
    """Sort the evidence of `verdict` by what it says about the cause that was chosen.

    "for" speaks for the chosen cause or against another one, "against" the opposite, "unchecked" could not be checked.
    """
    out: dict[str, list[Evidence]] = {"for": [], "against": [], "unchecked": []}
    for item in verdict.evidence:
        if item.supports is None:
            out["unchecked"].append(item)
        else:
            out["for" if item.supports == (item.cause is verdict.cause) else "against"].append(item)
    return out


def merged(items: list[Evidence]) -> list[list[Evidence]]:
    """Group evidence that says the same of several causes, the weightiest statement first."""
    groups: dict[str, list[Evidence]] = {}
    for item in sorted(items, key=lambda item: -abs(item.weight)):
        groups.setdefault(item.statement, []).append(item)
    return list(groups.values())


def plain(value: Any) -> Any:
    """Return `value` as JSON can hold it: numpy scalars as Python's, numbers that are none as None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def frames_of(verdict: Verdict) -> tuple[int, ...]:
    """Return every frame number that the glitch or its evidence names, sorted."""
    named = set(verdict.glitch.frames).union(*(e.frames for e in verdict.evidence))
    return tuple(sorted(int(f) for f in named))


def frames_around(verdict: Verdict, stream: RtpStream | None, *, most: int) -> tuple[int, ...]:
    """Return up to `most` frame numbers worth opening: the packets of `stream` on either edge, then what is named."""
    edges: list[int] = []
    if stream is not None and len(stream.packets):
        frames, arrival_s = (stream.packets[name].to_numpy() for name in ("frame", "arrival_s"))
        first, last = (
            int(np.searchsorted(arrival_s, at)) for at in (verdict.glitch.capture_start_s, verdict.glitch.capture_end_s)
        )
        edges = [*frames[max(first - EDGE_PACKETS, 0) : first + 1], *frames[max(last - 1, 0) : last + EDGE_PACKETS]]
    chosen = dict.fromkeys(int(frame) for frame in (*edges, *frames_of(verdict)) if frame > 0)
    return tuple(sorted([*chosen][:most]))


def call_facts(scene: Scene) -> dict[str, Any]:
    """Return what there is to know of the call before any verdict: duration, streams, what was given."""
    return {
        "recording_s": scene.recording.duration_s if scene.recording else None,
        "downlink": _stream_facts(scene.downlink),
        "uplink": _stream_facts(scene.uplink),
        "streams": len(scene.streams),
    }


def _verdict_row(verdict: Verdict) -> dict[str, Any]:
    glitch = verdict.glitch
    return {
        "id": verdict.id,
        "start_s": glitch.start_s,
        "end_s": glitch.end_s,
        "capture_start_s": plain(glitch.capture_start_s),
        "capture_end_s": plain(glitch.capture_end_s),
        "cause": str(verdict.cause),
        "mechanism": verdict.mechanism,
        "confidence": plain(verdict.confidence),
        "kind": glitch.kind,
        "direction": glitch.direction,
        "audible": bool(glitch.audible),
    }


def _stream_facts(stream: Any) -> dict[str, Any] | None:
    if stream is None:
        return None
    lost = int(stream.losses["packets"].sum()) if len(stream.losses) else 0
    return {
        "ssrc": f"0x{stream.ssrc:08X}",
        "source": stream.source,
        "destination": stream.destination,
        "codec": f"{stream.codec.name} / {stream.codec.clock_rate_hz} Hz ({stream.codec.known})",
        "packets": len(stream.packets),
        "lost": lost,
        "lost_share": lost / max(len(stream.packets) + lost, 1),
        "encrypted": stream.encrypted,
        "readable": stream.readable,
        "delay_p95_ms": plain(stream.packets["relative_delay_s"].quantile(0.95) * 1e3) if len(stream.packets) else None,
    }
