"""Repeated pitch: where a sound goes on as copies of one pitch period, each fainter than the one before.

Voices never do that: pitch and mouth move from period to period. Concealment does nothing else, for it has nothing but
the last periods that it played.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE_HZ = 16_000
"""NetEq's pitch periods are whole multiples of 1/8000 s, so that they are whole samples here."""

HOP = 80
"""Samples between two looks: 5 ms."""

WINDOW = 240
"""Samples that are compared: 15 ms, the longest pitch period that NetEq repeats."""

LAGS = np.arange(40, 241)
"""Pitch periods in samples: 2.5 to 15 ms (libwebrtc, expand.cc)."""

SPAN = 960
"""Samples over which the copies are followed back: 60 ms, four of the longest periods. The first 35 ms of concealment
do not fade, so that at least 25 ms of them do."""

WANDER = 1
"""Samples by which copies may lie off: NetEq goes to and fro between two neighbouring periods."""

ALIKE = 0.98
"""Least correlation of a copy with what it copies: of 13 662 looks at uncut speech 3 reach it together with `FALL_DB`,
of 229 looks into holes 183 (recorded calls, four voices)."""

FALL_DB = 5.0
"""The fade of 60 ms of concealment: 10 % in 6.25 ms from the eighth period on, half of it before (expand.cc)."""

LIKER = 1e-3
"""Two periods are as alike as one; the shorter lag is the period unless the longer is better by more than rounding."""

QUIET_DB = 40.0
"""What is this far below loud speech holds too little waveform to be compared."""

LOOKS = 3
"""Neighbouring looks that have to agree: 10 ms, so that a chance likeness of one look is none."""

BLOCK = 2000
"""Looks taken at once: some ten MB."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A stretch of copies: where it was seen (s), the period (s), the fade over `SPAN` (dB), the likeness."""

    start_s: float
    end_s: float
    period_s: float
    fall_db: float
    alike: float


def find_repeats(samples: np.ndarray) -> list[Repeat]:
    """Find the stretches in which one pitch period is repeated and fades.

    Parameters
    ----------
    samples : ndarray, (n,) float32
        At `RATE_HZ`.

    Returns
    -------
    list of Repeat
        In the order of time. `start_s` is where the first copy is told from the voice, `SPAN` before the first look
        that saw copies all the way.

    Notes
    -----
    Concealment of unvoiced sounds is noise and repeats nothing; of less than 70 ms it does not fade enough. A tone that
    fades looks the same.
    """
    ends = _falling(samples)
    if len(ends) == 0:
        return []
    blocks = [_follow(samples, ends[first : first + BLOCK]) for first in range(0, len(ends), BLOCK)]
    period, alike, fall_db = (np.concatenate(column) for column in zip(*blocks, strict=True))
    seen = np.flatnonzero((alike >= ALIKE) & (fall_db >= FALL_DB))
    runs = np.split(seen, np.flatnonzero(np.diff(ends[seen]) > 2 * HOP) + 1)
    return [
        Repeat(
            start_s=float(ends[run[0]] - SPAN) / RATE_HZ,
            end_s=float(ends[run[-1]]) / RATE_HZ,
            period_s=float(np.median(period[run])) / RATE_HZ,
            fall_db=float(np.max(fall_db[run])),
            alike=float(np.median(alike[run])),
        )
        for run in runs
        if len(run) >= LOOKS
    ]


def _falling(samples: np.ndarray) -> np.ndarray:
    """Ends of the windows that are by half of `FALL_DB` fainter than `SPAN` before, and not too faint."""
    ends = np.arange(WINDOW + SPAN + LAGS[-1] + WANDER, len(samples) + 1, HOP)
    if len(ends) == 0:
        return ends
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    level_db = 10 * np.log10((power[ends] - power[ends - WINDOW]) / WINDOW + 1e-12)
    earlier_db = 10 * np.log10((power[ends - SPAN] - power[ends - SPAN - WINDOW]) / WINDOW + 1e-12)
    sounding = level_db[level_db > -70.0]
    if len(sounding) == 0:
        return ends[:0]
    return ends[(level_db > np.percentile(sounding, 95) - QUIET_DB) & (earlier_db - level_db > FALL_DB / 2)]


def _follow(samples: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Period (samples), least likeness and fade (dB) of the chain of copies back from each window."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)
    first = ends - WINDOW
    last = windows[first]
    power = np.square(last).sum(axis=1) + 1e-9
    alike, period = np.full(len(ends), -1.0), np.full(len(ends), LAGS[0])
    for lag in LAGS:
        likeness, _ = _compare(windows[first - lag], last, power)
        better = likeness > alike + LIKER
        alike[better], period[better] = likeness[better], lag
    back, fall_db = period.copy(), np.zeros(len(ends))
    while (more := back + period <= SPAN).any():
        best, step = np.full(len(ends), -1.0), period.copy()
        for wander in range(-WANDER, WANDER + 1):
            likeness, louder_db = _compare(windows[np.maximum(first - back - period - wander, 0)], last, power)
            better = (likeness > best) & more
            best[better], step[better] = likeness[better], period[better] + wander
            fall_db[better] = louder_db[better]
        alike = np.where(more, np.minimum(alike, best), alike)
        back = np.where(more, back + step, back)
    return period, alike, fall_db


def _compare(earlier: np.ndarray, last: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of two rows of windows, and by how much the earlier ones are louder (dB)."""
    own = np.square(earlier).sum(axis=1) + 1e-9
    return (earlier * last).sum(axis=1) / np.sqrt(own * power), 10 * np.log10(own / power)
