"""The lines of an event log as JSON objects, each with its number and the time at which it was received."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.errors import TelemetryError
from forensics.telemetry.event_row import NONE, read_time_s

GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a log; `received_at_s` is NaN where the log does not say when it came."""

    number: int
    event: Mapping[str, Any]
    received_at_s: float = NONE


@dataclass
class LogFile:
    """A log as lines; `skipped` counts what was no event, by reason, `notes` says where the file breaks off."""

    lines: list[Line] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def read_lines(path: Path) -> LogFile:
    """Read a log: JSON lines, or one JSON document that lists its events; plain, gzip or Zstandard.

    Parameters
    ----------
    path : Path

    Returns
    -------
    LogFile

    Raises
    ------
    TelemetryError
        The file is no text, or holds not one JSON object.
    """
    text, notes = _text(path)
    log = LogFile(notes=notes)
    document = _whole(text)
    if document is not None:
        log.lines = [line for number, event in enumerate(_listed(document), 1) for line in _unwrapped(number, event)]
    else:
        _split(text, log)
    if not log.lines:
        raise TelemetryError(
            f"{path.name} holds no JSON object on any of its {sum(log.skipped.values())} lines. "
            "Expected is an event log as JSON lines; see docs/event-logs.md."
        )
    return log


def _text(path: Path) -> tuple[str, list[str]]:
    """Contents of a file, unpacked as far as it goes, and a note where it breaks off."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise TelemetryError(f"{path} cannot be read: {fault.strerror}. Check the path.") from fault
    notes: list[str] = []
    if raw.startswith((GZIP, ZSTANDARD)):
        raw, whole = _unpacked(raw)
        notes += [] if whole else [f"{path.name} is a packed file that breaks off; read up to there"]
    try:
        return raw.decode("utf-8-sig"), notes
    except UnicodeDecodeError as fault:
        if fault.end == len(raw):  # a character cut in two
            return raw[: fault.start].decode("utf-8-sig"), notes
        raise TelemetryError(f"{path.name} is no UTF-8 text ({fault.reason}). Expected is JSON lines.") from fault


def _unpacked(raw: bytes) -> tuple[bytes, bool]:
    """Octets of a packed file, and whether it was whole."""
    if raw.startswith(ZSTANDARD):
        import zstandard

        unpacker: Any = zstandard.ZstdDecompressor().decompressobj()
        return unpacker.decompress(raw), bool(unpacker.eof)
    try:
        return gzip.decompress(raw), True
    except (EOFError, OSError, zlib.error):
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        return unpacker.decompress(raw), False


def _whole(text: str) -> Any:
    """The one JSON document that a file is; None where it is lines, or one line."""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    return document if isinstance(document, list | dict) else None


def _listed(document: Any) -> list[Any]:
    """Events of one document: a list of them, a report with `events`, or a single event."""
    if isinstance(document, list):
        return document
    listed = document.get("events")
    return [*listed, *_history(document)] if isinstance(listed, list) else [document]


def _history(report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Messages of a LiveKit session report's chat history, as the events that it leaves out."""
    if any(isinstance(e, Mapping) and e.get("type") == "conversation_item_added" for e in report["events"]):
        return
    history = report.get("chat_history")
    items = history.get("items") if isinstance(history, Mapping) else None
    for item in items if isinstance(items, list) else []:
        if isinstance(item, Mapping) and item.get("type") == "message":
            yield {"type": "conversation_item_added", "item": item, "created_at": item.get("created_at")}


def _split(text: str, log: LogFile) -> None:
    """Read one JSON object a line; the last line may be cut."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    for number, line in lines:
        try:
            found = _unwrapped(number, json.loads(line))
        except (json.JSONDecodeError, RecursionError):
            if number == lines[-1][0] and log.lines:
                log.notes.append(f"the log breaks off in line {number}; read up to there")
                log.skipped["cut off"] += 1
            else:
                log.skipped["not JSON"] += 1
            continue
        log.lines += found
        log.skipped["not an object"] += not found
    log.skipped = +log.skipped


def _unwrapped(number: int, document: Any) -> list[Line]:
    """The event in `{"received_at", "event"}`, or a bare event; nothing where it is no object."""
    if not isinstance(document, Mapping):
        return []
    event = document.get("event")
    if isinstance(event, Mapping):
        return [Line(number, event, read_time_s(document.get("received_at")))]
    return [Line(number, document)]
