"""What can be asked about a turn: packets, clocks, the model's log, the browser's counters, on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forensics.model import ClockMap, EventKind


@dataclass(frozen=True, slots=True, eq=False)
class Witnesses:
    """Everything that was aligned, and the recording's clock to read it by. Whatever is missing is None or empty."""

    journey: pd.DataFrame | None = None
    clocks: Mapping[str, ClockMap] = field(default_factory=dict)
    events: pd.DataFrame | None = None  # EVENT_COLUMNS, placed
    stats: Mapping[str, pd.DataFrame] = field(default_factory=dict)

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
        if self.events is None:
            return pd.DataFrame({"capture_s": [], "response_id": [], "item_id": [], "text": [], "duration_s": [],
                                 "audio_s": [], "line": []})  # fmt: skip
        placed = self.events[self.events["kind"].isin(kinds) & np.isfinite(self.events["capture_s"])]
        return placed.sort_values("capture_s", kind="stable")

    def first_packet(self, heard_s: float) -> pd.Series | None:
        """Return the packet that was heard, or by the replay would be, first of a stretch that begins at `heard_s`."""
        if self.journey is None:
            return None
        after = self.journey[self.journey["heard_s"] + self.journey["duration_s"] > heard_s]
        return after.iloc[0] if len(after) else None

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
