"""Event logs of models and voice frameworks: what they did and when, as one table whatever their format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from forensics.errors import TelemetryError
from forensics.model import EVENT_COLUMNS, EventKind, empty_table
from forensics.telemetry.event_lines import Line, read_lines
from forensics.telemetry.event_row import EventRow, LogFormat, own_time_s
from forensics.telemetry.gemini_live import GeminiLive
from forensics.telemetry.livekit import LiveKit
from forensics.telemetry.neutral import Neutral
from forensics.telemetry.openai_realtime import OpenAiRealtime
from forensics.telemetry.pipecat import Pipecat

FORMATS: tuple[type[LogFormat], ...] = (OpenAiRealtime, GeminiLive, Pipecat, LiveKit, Neutral)
"""The readers; an event is read by the first that recognises it, so a log may hold events of several."""

WALL_SINCE_S = 1e9
"""Times before September 2001 are no wall clock: they count from the start of a process or of a machine."""

STEPPED_BACK_S = 0.01
"""Events logged by several threads may stand out of order by less."""

NAMED = 5
"""So many unknown events are named in the note that counts them."""


@dataclass(frozen=True, slots=True, eq=False)
class EventLog:
    """A log as it was read.

    `events` bears EVENT_COLUMNS in the order of time, with `capture_s` NaN until the log is placed; `skipped` counts
    what is not in the table, by reason.
    """

    events: pd.DataFrame
    format: str
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_events(path: Path) -> EventLog:
    """Read an event log.

    Parameters
    ----------
    path : Path
        JSON lines, plain, gzip or Zstandard, of OpenAI Realtime, Gemini Live, Pipecat, LiveKit Agents or the neutral
        form; each line ``{"received_at": seconds since 1970, "event": {…}}``, or an event with a time field of its own
        (see `forensics.telemetry.event_row.TIME_FIELDS`). One JSON list of events and a LiveKit session report are
        read as well.

    Returns
    -------
    EventLog

    Raises
    ------
    TelemetryError
        The file is no event log of a format that is known, or none of its events says when it came.

    Notes
    -----
    OpenAI's server events bear no time: unless the client noted when each came, nothing can be told. Audio is measured,
    not kept: by `audio_ms`, else by the octets that the base64 holds.
    """
    file = read_lines(path)
    readers = [kind() for kind in FORMATS]
    tally, unknown, formats = Counter(file.skipped), Counter[str](), Counter[str]()
    found: list[tuple[int, EventRow]] = []
    for line in file.lines:
        try:
            reader = next((reader for reader in readers if reader.recognises(line.event)), None)
            rows = reader.rows(line.event) if reader is not None else None
            timed = None if rows is None else [(line.number, _timed(row, line)) for row in rows]
        except (AttributeError, KeyError, TypeError, ValueError):  # a field of another kind than its vendor writes
            tally["damaged event"] += 1
            continue
        if timed is None or reader is None:
            unknown[_name(line)] += 1
            continue
        formats[reader.name] += 1
        found += timed
    if not formats:
        raise TelemetryError(_no_format(path.name, unknown))
    dated = [(number, row) for number, row in found if np.isfinite(row.at_s)]
    tally += Counter({"unknown event": unknown.total(), "without a time": len(found) - len(dated)})
    if not dated:
        raise TelemetryError(
            f"{path.name}: none of {len(found)} {formats.most_common(1)[0][0]} events says when it came. "
            'Log {"received_at": seconds since 1970, "event": …} a line; the server\'s events bear no time.'
        )
    events, stepped = _table(dated)
    notes = [*file.notes, *_note_unknown(unknown), *_note_damage(events), *stepped]
    return EventLog(events, " + ".join(name for name, _ in formats.most_common()), dict(tally), tuple(notes))


def has_wall_time(events: pd.DataFrame) -> bool:
    """Whether the times of a log are wall time, or count from the start of a process."""
    return bool(events["received_at_s"].median() > WALL_SINCE_S)


def _timed(row: EventRow, line: Line) -> EventRow:
    """The row with the time of its receipt, else the one that it bears itself, else the one of the whole event."""
    for at_s in (line.received_at_s, row.at_s):
        if np.isfinite(at_s):
            return replace(row, at_s=at_s)
    return replace(row, at_s=own_time_s(line.event))


def _table(timed: Iterable[tuple[int, EventRow]]) -> tuple[pd.DataFrame, Iterator[str]]:
    """EVENT_COLUMNS in the order of time, and a note where the order of the lines is another."""
    rows = [(number, row.at_s, np.nan, str(row.kind), *astuple(row)[3:], row.name) for number, row in timed]
    table = empty_table(EVENT_COLUMNS) if not rows else pd.DataFrame(rows, columns=list(EVENT_COLUMNS))
    table = table.astype(dict(EVENT_COLUMNS))
    back_s = float(-table["received_at_s"].diff().min()) if len(table) > 1 else 0.0
    notes = [f"the log's clock steps back by {back_s:.3f} s"] if back_s > STEPPED_BACK_S else []
    return table.sort_values("received_at_s", kind="stable", ignore_index=True), iter(notes)


def _name(line: Line) -> str:
    """What an event calls itself."""
    return str(line.event.get("type") or line.event.get("event") or "without a type")[:60]


def _note_unknown(unknown: Counter[str]) -> list[str]:
    """Say which events were not known."""
    if not unknown:
        return []
    named = ", ".join(f"{name} ({count})" for name, count in unknown.most_common(NAMED))
    more = f" and {len(unknown) - NAMED} other names" if len(unknown) > NAMED else ""
    return [f"unknown events: {named}{more}"]


def _note_damage(events: pd.DataFrame) -> list[str]:
    """Say how much audio has no length."""
    produced = events[events["kind"] == EventKind.AUDIO_PRODUCED]
    lost = int(produced["audio_s"].isna().sum())
    return [f"{lost} of {len(produced)} events of audio hold neither base64 nor audio_ms"] if lost else []


def _no_format(name: str, unknown: Counter[str]) -> str:
    seen = ", ".join(list(unknown)[:NAMED])
    known = ", ".join(kind.name for kind in FORMATS)
    return (
        f"{name} holds {unknown.total()} events ({seen}), none of a known format. Expected are events of {known}; "
        "docs/event-logs.md says how to write your own."
    )
