"""A line with steps through points of which some are wrong: one slope, and an offset that jumps now and then."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LEAST_STEP = 0.0005
"""Half a millisecond in the unit of y (seconds): five times what reverberation moves a found window by."""

LEAST_POINTS = 3
"""A piece of the line has at least so many points, unless they are known to be good: two agree by chance more often."""

WRONG = 20
"""A point that is 20 least steps off is as wrong as one that is a thousand off."""

OUTLYING = 4.0
"""Points so many (scaled) median deviations off are left out, as is usual for robust lines."""

FLOOR = 20e-6
"""No point is measured better than 0.02 ms, a sample at 48 kHz."""


@dataclass(frozen=True, slots=True)
class SteppedLine:
    """y = offset + slope * t, and from each `steps[k][0]` on `steps[k][1]` more; it rests on the `kept` points."""

    offset: float
    slope: float
    steps: tuple[tuple[float, float], ...]
    kept: np.ndarray
    deviation: float  # standard, of the points that were kept
    slope_error: float  # standard error

    def __call__(self, t: np.ndarray | float) -> np.ndarray:
        """Return y at `t`."""
        at, change = np.array(self.steps or [(np.inf, 0.0)]).T
        jumped = np.append(0.0, np.cumsum(change))[np.searchsorted(at, t, side="right")]
        return self.offset + self.slope * np.asarray(t) + jumped


def fit_stepped_line(
    t: np.ndarray,
    y: np.ndarray,
    *,
    least_step: float = LEAST_STEP,
    level: bool = False,
    least_points: int = LEAST_POINTS,
) -> SteppedLine:
    """Fit a line with as few steps as the points ask for.

    Parameters
    ----------
    t, y : ndarray, (n,) float64
        `t` rises; both in seconds.
    least_step : float
        Smaller steps are noise.
    level : bool
        The slope is zero, as it has to be where the points are too noisy to tell one.
    least_points : int
        In a piece, and a piece costs as much as so many points a least step off.

    Returns
    -------
    SteppedLine

    Notes
    -----
    A step is placed half way between the points on either side of it. One that is followed by another within
    `least_points` points is not seen; those points are left out.
    """
    slope = 0.0 if level else _median_slope(t, y)
    previous: list[int] = []
    for _ in range(3):
        edges = [0, *_breaks(y - slope * t, least_step, least_points), len(t)]
        if edges == previous:
            break
        previous = edges
        fitted, kept = _common_slope(t, y, edges, slope)
        slope = 0.0 if level else fitted
    rest = y - slope * t
    levels = [_level(rest[a:b], kept[a:b]) for a, b in pairwise(edges)]
    steps = tuple(
        ((t[edge - 1] + t[edge]) / 2, after - before)
        for edge, before, after in zip(edges[1:-1], levels[:-1], levels[1:], strict=True)
    )
    piece = np.repeat(np.arange(len(levels)), np.diff(edges))
    residual = (rest - np.array(levels)[piece])[kept]
    deviation = max(float(np.std(residual)), FLOOR)
    lever = sum(float(np.var(t[a:b][kept[a:b]]) * kept[a:b].sum()) for a, b in pairwise(edges) if kept[a:b].any())
    return SteppedLine(levels[0], slope, steps, kept, deviation, deviation / np.sqrt(max(lever, 1e-12)))


def _median_slope(t: np.ndarray, y: np.ndarray) -> float:
    """Median slope between neighbours: a few steps and wrong points do not move it."""
    return float(np.median(np.diff(y) / np.diff(t))) if len(t) > 1 else 0.0


def _breaks(rest: np.ndarray, least_step: float, least_points: int) -> list[int]:
    """Where the level of `rest` changes: the cheapest partition, where a piece costs as much as a least step saves.

    Dynamic programming over all partitions (Jackson et al. 2005) into pieces of at least `least_points`.
    """
    count = len(rest)
    cheapest, begin = np.full(count + 1, np.inf), np.zeros(count + 1, int)
    cheapest[0] = 0.0
    for end in range(least_points, count + 1):
        starts = [start for start in range(end - least_points + 1) if np.isfinite(cheapest[start])]
        costs = [
            cheapest[start] + _deviation(rest[start:end], least_step) + least_points * least_step for start in starts
        ]
        best = int(np.argmin(costs))
        cheapest[end], begin[end] = costs[best], starts[best]
    breaks, end = [], int(begin[count])
    while end > 0:
        breaks.append(end)
        end = int(begin[end])
    return breaks[::-1]


def _deviation(values: np.ndarray, least_step: float) -> float:
    """Sum of absolute deviations from the median, each counted up to `WRONG` steps."""
    ordered, middle = np.sort(values), len(values) // 2
    median = ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2  # np.median: 25 us
    return float(np.minimum(np.abs(values - median), WRONG * least_step).sum())


def _level(rest: np.ndarray, kept: np.ndarray) -> float:
    """Median of the points that are kept, of all where none is."""
    return float(np.median(rest[kept] if kept.any() else rest))


def _common_slope(t: np.ndarray, y: np.ndarray, edges: list[int], slope: float) -> tuple[float, np.ndarray]:
    """One slope for all pieces by least squares, without the points that lie off."""
    kept = np.ones(len(t), bool)
    for _ in range(3):
        rest = y - slope * t
        off = np.concatenate([rest[a:b] - _level(rest[a:b], kept[a:b]) for a, b in pairwise(edges)])
        limit = OUTLYING * max(1.4826 * float(np.median(np.abs(off))), FLOOR)
        kept = np.abs(off) <= limit
        pieces = [(t[a:b][kept[a:b]], y[a:b][kept[a:b]]) for a, b in pairwise(edges)]
        lever = sum(float(np.square(ts - ts.mean()).sum()) for ts, _ in pieces if len(ts))
        turn = sum(float(((ts - ts.mean()) * (ys - ys.mean())).sum()) for ts, ys in pieces if len(ts))
        slope = turn / lever if lever > 0 else slope
    return slope, kept
