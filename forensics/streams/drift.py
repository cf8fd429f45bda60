"""The drift of a sender's clock against the capture's, from the quickest packet of every stretch of a stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

STRETCH_S = 5.0
"""Each gives one point: the lowest transit in it, which queues and late senders can only raise. Ours."""

STEP_S = 0.020
"""Between neighbouring stretches a clock of 300 ppm moves by 1.5 ms; what moves farther is another route, or a sender
that stood still while its time stamps did too. It is taken out: a step is no drift. Ours."""

FEWEST_FOR_DRIFT_S = 10.0
"""A line through less time than this says more of the jitter than of the clock. Ours."""

_FEWEST_FOR_SLOPE = 4

_STATE: dict[str, Any] = {
    "stretch": np.int64,
    "low_s": np.float64,
    "low_at_s": np.float64,
    "before_s": np.float64,
    "before_at_s": np.float64,
    "steps_s": np.float64,
    "points": np.float64,
    "x": np.float64,
    "y": np.float64,
    "xx": np.float64,
    "xy": np.float64,
}
_NOTHING = {"stretch": -1, "before_s": np.nan}


@dataclass(slots=True, eq=False)
class Drifts:
    """The state of every stream: its current stretch, and the sums of a line through those before."""

    state: dict[str, np.ndarray] = field(default_factory=lambda: {n: np.zeros(0, t) for n, t in _STATE.items()})

    def reserve(self, streams: int) -> None:
        """Make room for stream numbers below `streams`."""
        more = streams - len(self.state["points"])
        if more > 0:
            for name, column in self.state.items():
                blank = np.full(more, _NOTHING.get(name, 0), column.dtype)
                self.state[name] = np.concatenate([column, blank])

    def keep(self, streams: np.ndarray) -> None:
        """Forget all streams but these, which become 0, 1, 2 … in their order."""
        self.state = {name: column[streams] for name, column in self.state.items()}

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
        edge[1:] = stretch[1:] != stretch[:-1]
        edge[start] = True
        at = np.flatnonzero(edge)
        low = np.minimum.reduceat(transit_s, at)
        hits = np.flatnonzero(transit_s == np.repeat(low, np.diff(at, append=len(stretch))))
        low_at = passed_s[hits[np.searchsorted(hits, at)]]
        owner = streams[np.searchsorted(start, at, side="right") - 1]
        goes_on = stretch[at] <= self.state["stretch"][owner]
        first = np.isin(at, start)
        self._lower(owner[first & goes_on], low[first & goes_on], low_at[first & goes_on])
        for group in np.flatnonzero(~(first & goes_on)).tolist():
            self._enter(int(owner[group]), int(stretch[at[group]]), float(low[group]), float(low_at[group]))

    def _lower(self, stream: np.ndarray, low: np.ndarray, low_at: np.ndarray) -> None:
        """Go on with the current stretch of each stream."""
        lower = low < self.state["low_s"][stream]
        self.state["low_s"][stream[lower]] = low[lower]
        self.state["low_at_s"][stream[lower]] = low_at[lower]

    def _enter(self, stream: int, stretch: int, low: float, low_at: float) -> None:
        """Close the current stretch of a stream and begin another; a straggler of an earlier one goes with it."""
        state = self.state
        if stretch <= state["stretch"][stream]:
            self._lower(np.array([stream]), np.array([low]), np.array([low_at]))
            return
        for name, value in self._with_point(stream).items():
            state[name][stream] = value
        state["stretch"][stream], state["low_s"][stream], state["low_at_s"][stream] = stretch, low, low_at

    def _with_point(self, stream: int) -> dict[str, float]:
        """Return the sums of a stream with the point of its current stretch."""
        one = {name: float(column[stream]) for name, column in self.state.items()}
        sums = {name: one[name] for name in ("before_s", "before_at_s", "steps_s", "points", "x", "y", "xx", "xy")}
        if one["stretch"] < 0:
            return sums
        slope = _slope(sums) if sums["points"] >= _FEWEST_FOR_SLOPE else 0.0
        step = one["low_s"] - one["before_s"] - (slope or 0.0) * (one["low_at_s"] - one["before_at_s"])
        if abs(step) > STEP_S:
            sums["steps_s"] += step
        x, y = one["low_at_s"], one["low_s"] - sums["steps_s"]
        added = {"points": 1.0, "x": x, "y": y, "xx": x * x, "xy": x * y}
        place = {"before_s": one["low_s"], "before_at_s": one["low_at_s"]}
        return sums | {name: sums[name] + value for name, value in added.items()} | place

    def ppm(self, stream: int, *, duration_s: float) -> float | None:
        """Return the drift of a stream: positive where the sender's clock runs fast; None where there is no telling."""
        slope = _slope(self._with_point(stream))
        return None if duration_s < FEWEST_FOR_DRIFT_S or slope is None else -1e6 * slope


def _slope(sums: dict[str, float]) -> float | None:
    """Return the slope of the line of least squares, None where the points do not spread."""
    spread = sums["points"] * sums["xx"] - sums["x"] ** 2
    return (sums["points"] * sums["xy"] - sums["x"] * sums["y"]) / spread if spread > 0 else None
