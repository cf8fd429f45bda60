"""The dump of chrome://webrtc-internals: per peer connection, statistics object and member a series of values.

A series is called "<id>-<member>" and holds "values" (a list, mostly as a JSON text), "startTime" and "endTime". What
the page computed for its graphs is called "<id>-[…]" and passed over. Since version 117 a member "timestamp" dates each
value; before, the values are spread between start and end. Before version 98 objects could have Chrome's own names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from forensics.telemetry.reading import Reader, Reading, epoch_s, load_json, make_readings


def read_internals(dump: Mapping[str, Any], reader: Reader) -> Iterator[Reading]:
    """Yield the readings of a dump, connection by connection."""
    for connection, content in dump["PeerConnections"].items():
        if not isinstance(content, Mapping) or not isinstance(content.get("stats", {}), Mapping):
            reader.skipped["peer connections without statistics"] += 1
            continue
        for (kind, identity), series in _objects(content.get("stats", {}), reader).items():
            yield from _unfold(series, kind=kind, identity=identity, connection=str(connection))


def _objects(stats: Mapping[str, Any], reader: Reader) -> dict[tuple[str, str], dict[str, _Series]]:
    """Series of each statistics object, by its type and id, then by member."""
    found: dict[tuple[str, str], dict[str, _Series]] = {}
    for name, entry in stats.items():
        identity, _, member = name.rpartition("-")
        if "-[" in name or not member:
            continue
        try:
            series = _Series(entry)
        except (KeyError, TypeError, ValueError):
            reader.skipped["series that cannot be read"] += 1
            continue
        found.setdefault((entry.get("statsType", ""), identity), {})[member] = series
    return found


class _Series:
    """The values of one member and the moments between which they were taken."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        values, start_s, end_s = load_json(entry["values"]), epoch_s(entry["startTime"]), epoch_s(entry["endTime"])
        if not isinstance(values, list) or start_s is None or end_s is None:
            raise ValueError("no list of values between two times")
        self.values, self.start_s, self.end_s = values, start_s, end_s

    def spread_s(self) -> np.ndarray:
        """Return when each value was taken if they were taken evenly."""
        return np.linspace(self.start_s, self.end_s, len(self.values))


def _unfold(series: dict[str, _Series], *, kind: str, identity: str, connection: str) -> Iterator[Reading]:
    """Rows out of the parallel series of one statistics object."""
    stamps = series.pop("timestamp", None)
    longest = max(series.values(), key=lambda one: len(one.values), default=None)
    clock = stamps if stamps is not None else longest
    if clock is None:
        return
    dated = [epoch_s(value) for value in clock.values] if stamps is not None else [None]
    times_s = np.array(dated, float) if None not in dated else clock.spread_s()
    rows: list[dict[str, Any]] = [{} for _ in times_s]
    for member, one in series.items():
        first = _first_row(one, clock)
        for row, value in zip(rows[first:], one.values[max(0, -first) :], strict=False):
            row[member] = value
    for time_s, row in zip(times_s, rows, strict=True):
        yield from make_readings(kind, row, time_s=float(time_s), connection=connection, identity=identity)


def _first_row(series: _Series, clock: _Series) -> int:
    """Return the row of the clock at which a series begins: a member may come later than its object, or end before."""
    missing = len(clock.values) - len(series.values)
    tick_s = (clock.end_s - clock.start_s) / max(1, len(clock.values) - 1)
    if missing <= 0 or series.start_s - clock.start_s < tick_s / 2:
        return 0
    if clock.end_s - series.end_s < tick_s / 2:
        return missing
    return int(np.clip(round((series.start_s - clock.start_s) / tick_s), 0, missing))


def is_internals(document: Any) -> bool:
    """Say whether a document is such a dump."""
    return isinstance(document, Mapping) and isinstance(document.get("PeerConnections"), Mapping)
