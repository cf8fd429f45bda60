"""What can be asked about a turn: packets, clocks, the model's log, the browser's counters, on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from forensics.model import EVENT_COLUMNS, ClockMap, EventKind, empty_table


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Everything that was aligned, and the recording's clock to read it by. Whatever is missing is None or empty."""

    journey: pd.DataFrame | None = None
    clocks: Mapping[str, ClockMap] = field(default_factory=dict)
    events: pd.DataFrame | None = None  # EVENT_COLUMNS, placed
    stats: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    _sorted: dict[tuple[EventKind, ...], pd.DataFrame] = field(default_factory=dict, repr=False)

    def to_axis_s(self, heard_s: float) -> float:
        """Map recording time to the axis; without packets both are the same."""
        clock = self.clocks.get("recording")
        return float(clock.to_capture_s(heard_s)) if clock is not None else heard_s

    def to_heard_s(self, axis_s: float) -> float:
        """Map the axis to recording time."""
        clock = self.clocks.get("recording")
        return float(clock.from_capture_s(axis_s)) if clock is not None else axis_s

    def of_kind(self, *kinds: EventKind) -> pd.DataFrame:
        """Return the placed events of these kinds, in the order of time."""
        if kinds not in self._sorted:
            events = empty_table(EVENT_COLUMNS) if self.events is None else self.events
            placed = events[events["kind"].isin(kinds) & np.isfinite(events["capture_s"])]
            self._sorted[kinds] = placed.sort_values("capture_s", kind="stable")
        return self._sorted[kinds]

    def first_packet(self, heard_s: float) -> pd.Series | None:
        """Return the packet that was heard, or by the replay would be, first of a stretch that begins at `heard_s`."""
        if self.journey is None:
            return None
        first = int(np.searchsorted(self._latest_s, heard_s, side="right"))
        return self.journey.iloc[first] if first < len(self.journey) else None

    @cached_property
    def _latest_s(self) -> np.ndarray:
        """When the latest packet had been heard to its end, up to each of the journey."""
        assert self.journey is not None
        ends_s = self.journey["heard_s"].to_numpy() + self.journey["duration_s"].to_numpy()
        return np.asarray(np.fmax.accumulate(np.append(-np.inf, ends_s))[1:])

    def round_trip_s(self, at_s: float) -> float | None:
        """Return the network's round trip that the browser measured last before `at_s`, by STUN (candidate-pair)."""
        pairs = self.stats.get("candidate-pair")
        if pairs is None or "capture_s" not in pairs:
            return None
        known = pairs[pairs["nominated"]].dropna(subset=["current_round_trip_time"])
        known = known[known["current_round_trip_time"] > 0]
        before = known[known["capture_s"] <= at_s]
        chosen = before.tail(1) if len(before) else known.head(1)
        return float(chosen["current_round_trip_time"].iat[0]) if len(chosen) else None
