"""What the readers of event logs have in common: a row of EVENT_COLUMNS in the making, times and durations."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from forensics.model import EventKind

NONE = float("nan")

TIME_FIELDS = ("received_at", "timestamp", "created_at", "time", "ts", "t", "at")
"""Where an event may bear its own time, the first that is there."""

EPOCH_UNITS = ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (float("inf"), 1e-9))
"""A time below the first number is in seconds, then in milli-, micro- and nanoseconds: 1e11 s is the year 5138, 1e11 ms
is 1973, and so on."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of EVENT_COLUMNS but for its line. `at_s` is the time that the event itself bears; NaN where none."""

    kind: EventKind
    name: str
    at_s: float = NONE
    response_id: str = ""
    item_id: str = ""
    audio_s: float = NONE
    media_s: float = NONE
    duration_s: float = NONE
    text: str = ""


class LogFormat(Protocol):
    """A reader of one vendor's events; it may remember what earlier events said."""

    name: str

    def recognises(self, event: Mapping[str, Any]) -> bool:
        """Whether the event is of this format."""

    def rows(self, event: Mapping[str, Any]) -> Iterable[EventRow] | None:
        """Rows of an event that was recognised; None where this reader does not know it."""


def read_time_s(value: Any) -> float:
    """Seconds since 1970, or on a clock of the log's own, of a number in s, ms, µs or ns, or of an ISO 8601 text.

    NaN where `value` is neither. A text without a zone is taken for UTC.
    """
    if isinstance(value, bool) or value is None:
        return NONE
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _number_s(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return _number_s(value)


def _number_s(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return NONE
    return number * next(unit for limit, unit in EPOCH_UNITS if abs(number) < limit or limit == float("inf"))


def own_time_s(event: Mapping[str, Any]) -> float:
    """Time that an event bears itself, in the first of `TIME_FIELDS`; NaN where it bears none."""
    return next((read_time_s(event[name]) for name in TIME_FIELDS if name in event), NONE)


def milliseconds_s(event: Mapping[str, Any], *names: str) -> float:
    """Seconds of the first of some fields that hold milliseconds; NaN where none is there."""
    value = next((event[name] for name in names if event.get(name) is not None), None)
    try:
        return float(value) / 1000 if value is not None else NONE
    except (TypeError, ValueError):
        return NONE


def audio_seconds(encoded: Any, *, octets_per_s: float) -> float:
    """Length of audio in base64, in seconds; NaN where it is no base64."""
    if not isinstance(encoded, str):
        return NONE
    try:
        return len(base64.b64decode(encoded, validate=True)) / octets_per_s
    except (binascii.Error, ValueError):
        return NONE
