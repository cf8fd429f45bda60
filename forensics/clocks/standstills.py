"""When the listener's sound card stood still: the audio that getStats counts as given out, against the clock."""

from __future__ import annotations

import numpy as np

STANDSTILL_S = 0.02
"""NetEq gives out 10 ms at a time, for sound cards that ask for 10 to 12 ms (512 samples at 44.1 kHz), so that readings
of a steady card lie within ± 10 ms of a line, and two of them at most this far apart."""

AROUND = 3
"""Readings on either side of which the median tells how long it stood."""

STEADY_RATE = 0.05
"""So far may the counted rate be from the codec's; else it is counted in other samples."""


def find_standstills(at_s: np.ndarray, total_samples_received: np.ndarray, *, rate_hz: int) -> np.ndarray:
    """Find how much longer than the audio given out each interval between two readings was.

    Parameters
    ----------
    at_s : ndarray, (n,) float64
        Capture seconds of each reading, rising.
    total_samples_received : ndarray, (n,)
        The W3C's `totalSamplesReceived` of inbound-rtp; NaN where it was not read.
    rate_hz : int
        Of the audio that the jitter buffer gives out.

    Returns
    -------
    ndarray, (n,) float64
        Seconds that the sound card stood still between the reading before and this one, negative where it caught up;
        0 where it did neither by more than `STANDSTILL_S`, and for the first reading.

    Notes
    -----
    A recording of what the jitter buffer gave out does not hear a standstill: its clock jumps there. A device that
    stood still between two readings and caught up before the second is not seen.
    """
    stood_s = np.zeros(len(at_s))
    known = np.flatnonzero(np.isfinite(total_samples_received))
    given_s = np.asarray(total_samples_received, dtype=float)[known] / rate_hz
    behind_s = np.asarray(at_s, dtype=float)[known] - given_s
    if len(known) < 2 or not _is_steady(np.asarray(at_s)[known], given_s):
        return stood_s
    breaks = np.flatnonzero(np.abs(np.diff(behind_s)) > STANDSTILL_S) + 1
    edges = [0, *breaks.tolist(), len(known)]
    for before, here, after in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        level_before_s = np.median(behind_s[max(before, here - AROUND) : here])
        stood_s[known[here]] = np.median(behind_s[here : min(after, here + AROUND)]) - level_before_s
    return stood_s


def _is_steady(at_s: np.ndarray, given_s: np.ndarray) -> bool:
    """Whether the samples are counted at the rate that they are taken to have."""
    return abs(float(np.median(np.diff(given_s) / np.maximum(np.diff(at_s), 1e-9))) - 1) < STEADY_RATE
