"""The interarrival jitter of RFC 3550 section 6.4.1 for many packets at once: J += (|D| - J) / 16."""

from __future__ import annotations

import numpy as np

from forensics.streams.segments import Segments

GAIN = 1 / 16
"""RFC 3550 section 6.4.1."""

_KEPT = 1 - GAIN
_MEMORY = 1024
"""Packets after which a deviation has left the jitter: (15/16)**1024 is below the resolution of float64."""

_FADING = _KEPT ** np.arange(1.0, _MEMORY + 1)
_BLOCK = 128
"""Packets that are summed with growing weights and then scaled back: the largest weight, 4000, loses nothing."""

_GROWING = _KEPT ** -np.arange(0.0, _BLOCK)
_SHRINKING = _KEPT ** np.arange(0.0, _BLOCK)
_LONG_SEGMENT = 8 * _BLOCK
"""Segments of so many rows, in the mean, are faster summed one by one than all at once."""


def estimate_jitter(deviation: np.ndarray, segments: Segments, *, carried: np.ndarray) -> np.ndarray:
    """Estimate the jitter after each packet.

    Parameters
    ----------
    deviation : ndarray of float64, shape (n,)
        |D|: how much the transit of each packet differs from that of the one before.
    segments : Segments
        The rows of each stream.
    carried : ndarray of float64, shape (k,)
        The jitter of each stream before its first row.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of `deviation`.
    """
    jitter = deviation * GAIN
    if len(deviation) >= _LONG_SEGMENT * len(segments):
        for start, end in zip(segments.start.tolist(), (segments.last + 1).tolist(), strict=True):
            jitter[start:end] = _faded_sums(jitter[start:end])
        place = None
    else:
        place = np.arange(len(jitter)) - segments.spread(segments.start)
        _sum_by_doubling(jitter, place, longest=int(segments.count.max(initial=0)))
    if carried.any():
        place = np.arange(len(jitter)) - segments.spread(segments.start) if place is None else place
        jitter += segments.spread(carried) * _FADING[np.minimum(place, _MEMORY - 1)]
    return jitter


def _faded_sums(terms: np.ndarray) -> np.ndarray:
    """Return the running sums of `terms`, each fading by 15/16 from row to row, block by block."""
    blocks = np.zeros((-(-len(terms) // _BLOCK), _BLOCK))
    blocks.reshape(-1)[: len(terms)] = terms
    blocks *= _GROWING
    np.cumsum(blocks, axis=1, out=blocks)
    ends = blocks[:, -1] * _SHRINKING[-1]
    span = 1
    while span * _BLOCK < _MEMORY and span < len(ends):
        ends[span:] += ends[:-span] * _KEPT ** (_BLOCK * span)
        span *= 2
    blocks[1:] += (ends[:-1] * _KEPT)[:, None]
    blocks *= _SHRINKING
    return blocks.reshape(-1)[: len(terms)]


def _sum_by_doubling(jitter: np.ndarray, place: np.ndarray, *, longest: int) -> None:
    """Sum the terms of all segments at once, in place, by doubling the span over which they are summed."""
    span = 1
    while span < min(longest, _MEMORY):
        earlier = jitter[:-span] * _KEPT**span
        earlier[place[span:] < span] = 0.0
        jitter[span:] += earlier
        span *= 2
