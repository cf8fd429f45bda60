"""The sender's own clock on the axis: from what it stamps on its packets, or says in its sender reports."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.clocks.captures import DRIFT_SPAN_S, ONE_WAY_ERROR_S
from forensics.clocks.stepped_line import fit_stepped_line
from forensics.errors import ClockError
from forensics.model import ClockMap, RtpStream

WINDOW_S = 10.0
"""Of each of these the quickest packet counts: long enough for one that met no queue."""

LEAST_STAMPS = 5
"""Sender reports come every few seconds: fewer are no clock."""

LEAST_STEP_S = 0.1
"""A path that got longer by less is no clock that was set."""


def estimate_sending_clock(stream: RtpStream, *, origin_ns: int) -> ClockMap:
    """Bring the sender's clock onto the axis by the packets that were on their way for the shortest time.

    Parameters
    ----------
    stream : RtpStream
    origin_ns : int
        UTC of the capture's zero.

    Returns
    -------
    ClockMap
        `local` "sender"; `method` says which stamps: "abs-send-time" (the sender's seconds, unwrapped),
        "abs-capture-time" or "sender-reports" (the sender's UTC less `origin_ns`, in seconds). The path is taken to
        need no time, which `error_s` bounds.

    Raises
    ------
    ClockError
        The stream bears no such stamps.

    Notes
    -----
    abs-send-time (24 bits of 6.18 seconds) is set as a packet leaves the sender's socket; abs-capture-time and sender
    reports tell when the sound was made, so that they include what the sender held back. Steps are kept where the
    clock was set, or the path changed for good.
    """
    stamps = _stamps(stream, origin_ns)
    if stamps is None:
        raise ClockError(
            f"SSRC {stream.ssrc:#010x} bears no abs-send-time and no abs-capture-time, and fewer than {LEAST_STAMPS} "
            "sender reports can be read. A capture at the sender would tell when its packets left."
        )
    method, local_s, arrival_s = stamps
    table = pd.DataFrame({"local_s": local_s, "ahead_s": arrival_s - local_s})
    window = ((local_s - local_s.min()) // WINDOW_S).astype(int)
    quickest = table.loc[table.groupby(window)["ahead_s"].idxmin()]
    if np.ptp(local_s) < DRIFT_SPAN_S:
        return ClockMap("sender", float(quickest["ahead_s"].min()), ONE_WAY_ERROR_S, method)
    line = fit_stepped_line(quickest["local_s"].to_numpy(), quickest["ahead_s"].to_numpy(), least_step=LEAST_STEP_S)
    return ClockMap("sender", line.offset, ONE_WAY_ERROR_S, method, drift_ppm=line.slope * 1e6, steps=line.steps)


def _stamps(stream: RtpStream, origin_ns: int) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Method, sender's time and arrival of each stamp, in the order of the sender's time."""
    packets, reports = stream.packets, stream.reports
    sources = [("abs-send-time", packets["abs_send_time_s"].to_numpy(dtype=float), packets["arrival_s"].to_numpy())]
    if "abs_capture_time_ns" in packets:
        captured = packets[packets["abs_capture_time_ns"] != 0]
        made_s = (captured["abs_capture_time_ns"].to_numpy() - origin_ns) * 1e-9
        sources.append(("abs-capture-time", made_s, captured["arrival_s"].to_numpy()))
    own = reports[(reports["packet_type"] == "SR") & (reports["sender_ssrc"] == stream.ssrc) & (reports["ntp_ns"] != 0)]
    own = own.drop_duplicates("frame")
    said_s = (own["ntp_ns"].to_numpy("int64") - origin_ns) * 1e-9
    sources.append(("sender-reports", said_s, own["arrival_s"].to_numpy(dtype=float)))
    for method, local_s, arrival_s in sources:
        known = np.isfinite(local_s)
        if known.sum() >= LEAST_STAMPS:
            order = np.argsort(local_s[known], kind="stable")
            return method, local_s[known][order], arrival_s[known][order]
    return None
