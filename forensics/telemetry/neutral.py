"""The workbench's own form of an event log, for a stack that no other reader knows; docs/event-logs.md describes it.

An event's `type` is an `EventKind` value, and its fields are those of EVENT_COLUMNS with milliseconds in place of
seconds: `response_id`, `item_id`, `audio_ms`, `media_ms`, `duration_ms`, `text`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forensics.model import EventKind
from forensics.telemetry.event_row import EventRow, milliseconds_s

KINDS = {str(kind): kind for kind in EventKind}


class Neutral:
    """Reader of the neutral form."""

    name = "neutral"

    def recognises(self, event: Mapping[str, Any]) -> bool:
        """Whether `type` is the name of a kind of event."""
        return event.get("type") in KINDS

    def rows(self, event: Mapping[str, Any]) -> Iterator[EventRow]:
        """One row an event."""
        yield EventRow(
            KINDS[event["type"]],
            str(event.get("name") or event["type"]),
            response_id=str(event.get("response_id") or ""),
            item_id=str(event.get("item_id") or ""),
            audio_s=milliseconds_s(event, "audio_ms"),
            media_s=milliseconds_s(event, "media_ms"),
            duration_s=milliseconds_s(event, "duration_ms"),
            text=str(event.get("text") or ""),
        )
