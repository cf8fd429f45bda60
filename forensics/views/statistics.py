"""The browser's own statistics over the axis: how deep its jitter buffer was and should be, what it concealed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.model import Scene
from forensics.playout.arrivals import playout_rate_hz
from forensics.views.axis import Axis


def buffer_arrays(scene: Scene, axis: Axis) -> dict[str, np.ndarray]:
    """Return what `getStats` says of the downlink's jitter buffer, interval by interval.

    Returns
    -------
    dict of numpy.ndarray, each of shape (intervals,)
        ``at_s`` (float64, axis: the interval's end); float32, in milliseconds: ``delay_ms`` and ``target_ms``, means
        over the interval (Δ jitterBufferDelay and Δ jitterBufferTargetDelay over Δ jitterBufferEmittedCount, as
        webrtc-stats defines them), and ``concealed_ms``, how much was concealed within it. Empty without statistics.
    """
    table = _inbound(scene)
    if table is None:
        return {}
    passed = table.diff().iloc[1:]
    emitted = passed["jitter_buffer_emitted_count"].where(passed["jitter_buffer_emitted_count"] > 0)
    rate = playout_rate_hz(scene.downlink.codec) if scene.downlink is not None else 48_000
    out = {"at_s": np.asarray(axis.from_capture(table["capture_s"].to_numpy()[1:]), dtype=np.float64)}
    for name, member in (("delay_ms", "jitter_buffer_delay"), ("target_ms", "jitter_buffer_target_delay")):
        if member in passed:
            out[name] = (passed[member] / emitted * 1e3).to_numpy(dtype=np.float32)
    if "concealed_samples" in passed:
        out["concealed_ms"] = (passed["concealed_samples"] / rate * 1e3).to_numpy(dtype=np.float32)
    return out


def _inbound(scene: Scene) -> pd.DataFrame | None:
    """The cumulative counters of the downlink in the order of time; None where there are not two samples of them."""
    table = scene.stats.get("inbound-rtp")
    if table is None or "capture_s" not in table or "jitter_buffer_emitted_count" not in table:
        return None
    if scene.downlink is not None and "ssrc" in table:
        table = table[table["ssrc"] == scene.downlink.ssrc]
    table = table[np.isfinite(table["capture_s"])].sort_values("capture_s").select_dtypes("number")
    return table if len(table) > 1 else None
