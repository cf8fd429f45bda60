"""The drift of a sender's clock against the capture's, from the quickest packet of every stretch of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

import numpy as np

STRETCH_S = 5.0
"""Each gives one point: the lowest transit in it, which queues and late senders can only raise. Ours."""

STEP_S = 0.020
"""Between neighbouring stretches a clock of 300 ppm moves by 1.5 ms; what moves farther is another route, or a sender
that stood still while its time stamps did too. It is taken out: a step is no drift. Ours."""

FEWEST_FOR_DRIFT_S = 10.0
"""A line through less time than this says more of the jitter than of the clock. Ours."""

_FEWEST_FOR_SLOPE = 4


@dataclass(slots=True)
class _Line:
    """Sums of the points of one stream, the last of them, and the steps that were taken out so far."""

    points: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    last_x: float = 0.0
    last_y: float = 0.0
    steps: float = 0.0

    def add(self, x: float, y: float) -> None:
        """Take in a point; what parts it from the one before, beyond the slope so far, may be a step."""
        if self.points:
            slope = self.slope() if self.points >= _FEWEST_FOR_SLOPE else None
            step = y - self.last_y - (slope or 0.0) * (x - self.last_x)
            self.steps += step if abs(step) > STEP_S else 0.0
        self.last_x, self.last_y = x, y
        y -= self.steps
        self.points += 1.0
        self.x += x
        self.y += y
        self.xx += x * x
        self.xy += x * y

    def slope(self) -> float | None:
        """Return the slope of the line of least squares, None where the points do not spread."""
        spread = self.points * self.xx - self.x**2
        return (self.points * self.xy - self.x * self.y) / spread if spread > 0 else None


@dataclass(slots=True, eq=False)
class Drifts:
    """The state of every stream: its current stretch with the lowest transit in it, and a line through those before."""

    stretch: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    low_s: np.ndarray = field(default_factory=lambda: np.zeros(0))
    low_at_s: np.ndarray = field(default_factory=lambda: np.zeros(0))
    lines: dict[int, _Line] = field(default_factory=dict)

    def reserve(self, streams: int) -> None:
        """Make room for stream numbers below `streams`."""
        more = streams - len(self.stretch)
        if more > 0:
            self.stretch = np.concatenate([self.stretch, np.full(more, -1, np.int32)])
            self.low_s = np.concatenate([self.low_s, np.zeros(more)])
            self.low_at_s = np.concatenate([self.low_at_s, np.zeros(more)])

    def keep(self, streams: np.ndarray) -> None:
        """Forget all streams but these, which become 0, 1, 2 … in their order."""
        self.stretch, self.low_s, self.low_at_s = self.stretch[streams], self.low_s[streams], self.low_at_s[streams]
        numbers = {old: new for new, old in enumerate(streams.tolist())}
        self.lines = {numbers[old]: line for old, line in self.lines.items() if old in numbers}

    def add(self, streams: np.ndarray, start: np.ndarray, *, passed_s: np.ndarray, transit_s: np.ndarray) -> None:
        """Take in the next packets.

        Parameters
        ----------
        streams, start : ndarray of int, shape (k,)
            Stream numbers, and the row at which each one's packets start.
        passed_s, transit_s : ndarray of float64, shape (n,)
            Seconds since the first packet of the stream, and arrival less media time, in the order of arrival.
        """
        stretch = (passed_s * (1 / STRETCH_S)).astype(np.int32)
        edge = np.empty(len(stretch), bool)
        np.not_equal(stretch[1:], stretch[:-1], out=edge[1:])
        edge[start] = True
        at = np.flatnonzero(edge)
        low = np.minimum.reduceat(transit_s, at)
        hits = np.flatnonzero(transit_s == np.repeat(low, np.diff(at, append=len(stretch))))
        low_at = passed_s[hits[np.searchsorted(hits, at)]]
        owner = streams[np.searchsorted(start, at, side="right") - 1]
        begins = stretch[at] > self.stretch[owner]
        begins[np.flatnonzero(owner[1:] == owner[:-1]) + 1] = True
        self._go_on(owner[~begins], low[~begins], low_at[~begins])
        columns = (owner[begins], stretch[at[begins]], low[begins], low_at[begins])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for stream, points in groupby(rows, itemgetter(0)):
            self._enter(stream, points)

    def _go_on(self, stream: np.ndarray, low: np.ndarray, low_at: np.ndarray) -> None:
        """Go on with the current stretch of each stream."""
        lower = low < self.low_s[stream]
        self.low_s[stream[lower]] = low[lower]
        self.low_at_s[stream[lower]] = low_at[lower]

    def _enter(self, stream: int, points: Iterable[tuple[int, int, float, float]]) -> None:
        """Close the current stretch of a stream for each that begins; a straggler of an earlier one goes with it."""
        line = self.lines.setdefault(stream, _Line())
        current, low, low_at = self.stretch[stream].item(), self.low_s[stream].item(), self.low_at_s[stream].item()
        for _, number, lowest, place in points:
            if number > current:
                if current >= 0:
                    line.add(low_at, low)
                current, low, low_at = number, lowest, place
            elif lowest < low:
                low, low_at = lowest, place
        self.stretch[stream], self.low_s[stream], self.low_at_s[stream] = current, low, low_at

    def ppm(self, stream: int, *, duration_s: float) -> float | None:
        """Return the drift of a stream: positive where the sender's clock runs fast; None where there is no telling."""
        line = replace(self.lines.get(stream, _Line()))
        if self.stretch[stream] >= 0:
            line.add(float(self.low_at_s[stream]), float(self.low_s[stream]))
        slope = line.slope()
        return None if duration_s < FEWEST_FOR_DRIFT_S or slope is None else -1e6 * slope
