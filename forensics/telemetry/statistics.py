"""Browser statistics, whatever program wrote them, as one table per W3C statistics type."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forensics.errors import TelemetryError
from forensics.model import STATISTICS_COLUMNS
from forensics.telemetry.about_webrtc import is_firefox, read_firefox
from forensics.telemetry.reading import Reader, Reading
from forensics.telemetry.rtcstats import MAGIC, is_collected, is_event, read_collected, read_events
from forensics.telemetry.webrtc_internals import is_internals, read_internals

EXPECTED = (
    "Expected a webrtc-internals dump or getStats as JSON lines, a report copied from Firefox's about:webrtc, "
    "or a dump of rtcstats."
)

TRACK = "track"
"""A type that Chrome had until version 106; it held what inbound-rtp holds now."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Browser statistics as they were read: a table per type, and what of the file was not."""

    tables: Mapping[str, pd.DataFrame]  # STATISTICS_COLUMNS
    layout: str  # "webrtc-internals" | "getStats" | "about:webrtc" | "rtcstats"
    skipped: Mapping[str, int] = field(default_factory=dict)  # what could not be read, by reason
    other: int = 0  # readings of types that say nothing of a call's sound
    notes: tuple[str, ...] = ()


def read_stats(path: Path) -> Statistics:
    """Read a statistics file into one table per type.

    Parameters
    ----------
    path : Path
        Plain, .gz or .zst: a dump of chrome://webrtc-internals (today's layout or an older one), a `getStats` series as
        JSON lines (one sample a line: a list of statistics, a map by id, or an object with "reports" or "stats"), a
        report or history copied from Firefox's about:webrtc, or a dump of rtcstats.

    Returns
    -------
    Statistics
        Its tables keep `STATISTICS_COLUMNS`, in the order of time. A file that is cut is read up to the cut, and what
        could not be read within it is counted.

    Raises
    ------
    TelemetryError
        No JSON, or no statistics in it.
    """
    reader = Reader()
    text = _text(path, reader)
    if text.lstrip()[:1] == "<":
        raise TelemetryError(
            f"{path.name} is a page, with numbers rounded for people. In Firefox's about:webrtc use the button "
            '"Copy report" instead of "Save page", and keep what it copies as a file.'
        )
    layout, readings = _readings(text, reader, name=path.name)
    rows = list(readings)
    kept = {kind: _table(kind, rows, reader) for kind in STATISTICS_COLUMNS}
    tables = {kind: table for kind, table in kept.items() if len(table)}
    if not tables:
        raise TelemetryError(
            f"{path.name} holds no statistics of a call{_of(reader.skipped)}. Save the dump while the call is open. "
            + EXPECTED
        )
    known = {*STATISTICS_COLUMNS, TRACK}
    other = sum(reading.type not in known for reading in rows)
    return Statistics(tables, layout, dict(reader.skipped), other, tuple(reader.notes))


GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""What packed files begin with (RFC 1952, RFC 8878)."""


def _text(path: Path, reader: Reader) -> str:
    """Contents of a plain or packed text file; a packed one that is cut is read up to the cut."""
    raw = path.read_bytes()
    try:
        if raw.startswith((GZIP, ZSTANDARD)):
            unpacker = _unpacker(raw)
            raw = unpacker.decompress(raw)
            if not unpacker.eof:
                reader.notes.append(f"{path.name} breaks off while it is unpacked; read up to there")
        return raw.decode("utf-8-sig", errors="ignore" if reader.notes else "strict")
    except (ValueError, zlib.error) as fault:
        raise TelemetryError(f"{path.name} is neither text nor packed text ({fault}). Expected JSON.") from fault


def _unpacker(raw: bytes) -> Any:
    if raw.startswith(GZIP):
        return zlib.decompressobj(wbits=31)  # 31: with gzip's header and check sum
    import zstandard

    return _Zstandard(zstandard)


class _Zstandard:
    """Zstandard's unpacker, with an error class of the standard library."""

    def __init__(self, library: Any) -> None:
        self._library, self._unpacker = library, library.ZstdDecompressor().decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._unpacker.eof)

    def decompress(self, raw: bytes) -> bytes:
        try:
            return bytes(self._unpacker.decompress(raw))
        except self._library.ZstdError as fault:
            raise ValueError(str(fault)) from fault


def _readings(text: str, reader: Reader, *, name: str) -> tuple[str, Iterator[Reading]]:
    """Name the layout of a file, and its readings."""
    stepped = text.startswith(MAGIC)
    documents = _documents(text.removeprefix(MAGIC), reader, name=name)
    first = next((document for document in documents if document), None)
    if is_internals(first):
        return "webrtc-internals", (reading for one in documents for reading in read_internals(one, reader))
    if isinstance(first, Mapping) and is_collected(first):
        return "rtcstats", read_collected(first, reader)
    if stepped or any(map(is_event, documents[:3])):
        return "rtcstats", read_events(documents, reader, stepped=stepped)
    if is_firefox(first):
        return "about:webrtc", (reading for one in documents for reading in read_firefox(one, reader))
    return "getStats", (reading for one in documents for reading in _read_sample(one, reader))


def _documents(text: str, reader: Reader, *, name: str) -> list[Any]:
    """JSON documents of a file, one in all or one a line; lines that are none are counted."""
    try:
        return [json.loads(text)]
    except (json.JSONDecodeError, RecursionError) as fault:
        whole = fault
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    documents, broken = [], []
    for number, line in lines:
        try:
            documents.append(json.loads(line))
        except (json.JSONDecodeError, RecursionError):
            broken.append(number)
    if not documents or len(documents) < len(broken):
        documents, broken = _until_cut(text), []
        if not documents and lines:
            raise TelemetryError(f"{name} is no statistics file: {whole}. {EXPECTED}") from whole
        reader.notes.append(f"{name} breaks off; read up to there")
    elif broken and broken[-1] == lines[-1][0]:
        reader.notes.append(f"{name} breaks off in line {broken.pop()}; read up to there")
    if broken:
        reader.skipped["lines that are no JSON"] += len(broken)
    return documents


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|$)|[][{},]', re.DOTALL)


def _until_cut(text: str) -> list[Any]:
    """Return the one document that a text breaks off in, closed behind its last whole part, if there is one."""
    opened: list[str] = []
    end, closing = 0, ""
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in "{[":
            opened.append("}" if token == "{" else "]")
        elif token in "}]" and opened:
            opened.pop()
        elif token == ",":
            end, closing = found.start(), "".join(reversed(opened))
    try:
        return [json.loads(text[:end] + closing)] if closing else []
    except (json.JSONDecodeError, RecursionError):
        return []


def _read_sample(document: Any, reader: Reader) -> Iterator[Reading]:
    """Yield the statistics of one `getStats` call; a list of calls is taken call by call."""
    if isinstance(document, list) and all(map(_is_sample, document)):
        for one in document:
            yield from _read_sample(one, reader)
        return
    content = document
    if isinstance(document, Mapping) and not _is_object(document):
        content = document.get("reports", document.get("stats", document))
    if isinstance(content, Mapping):
        objects: Iterable[tuple[str, Any]] = content.items()
    elif isinstance(content, list):
        objects = [(entry.get("id", "") if isinstance(entry, Mapping) else "", entry) for entry in content]
    else:
        reader.skipped["samples of no known layout"] += 1
        return
    yield from reader.readings(objects)


def _is_sample(entry: Any) -> bool:
    return isinstance(entry, list) or (isinstance(entry, Mapping) and "id" not in entry and not _is_object(entry))


def _is_object(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("type"), str)


def _table(kind: str, readings: Iterable[Reading], reader: Reader) -> pd.DataFrame:
    """One row per reading of a type, in the order of time."""
    table = _frame(reading for reading in readings if reading.type == kind)
    if kind == "inbound-rtp" and "track_id" in table:
        table = _with_track(table, _frame(reading for reading in readings if reading.type == TRACK))
    for column, dtype in STATISTICS_COLUMNS[kind].items():
        table[column] = _as(dtype, table.get(column), len(table), reader)
    rest = [column for column in table if column not in STATISTICS_COLUMNS[kind]]
    return table[[*STATISTICS_COLUMNS[kind], *rest]].sort_values("time_s", ignore_index=True, kind="stable")


def _frame(readings: Iterable[Reading]) -> pd.DataFrame:
    own = ("time_s", "connection", "id")
    return pd.DataFrame(
        [{"time_s": r.time_s, "connection": r.connection, "id": r.id, **_but(r.members, own)} for r in readings]
    )


def _but(members: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


def _with_track(table: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """Fill what inbound-rtp lacks from the track that it names."""
    if len(tracks) == 0:
        return table
    keys = ["time_s", "connection", "track_id"]
    told = tracks.rename(columns={"id": "track_id"}).drop_duplicates(keys)
    told = told[[*keys, *(column for column in told if column not in table)]]
    return table.merge(told, on=keys, how="left")


def _as(dtype: str, values: pd.Series | None, length: int, reader: Reader) -> Any:
    """Bring a column to its contract; what is no number where one is due is counted."""
    if values is None:
        missing = {"float64": np.nan, "int64": -1, "bool": False}.get(dtype, "")
        return pd.Series([missing] * length, dtype=dtype)
    if dtype == "str":
        return values.where(values.notna(), "").astype(str).astype(dtype)
    if dtype == "bool":
        return values.map(lambda value: value is True or value == "true").astype(bool)
    numbers = pd.to_numeric(values, errors="coerce")
    if wrong := int((numbers.isna() & values.notna()).sum()):
        reader.skipped["values that are no numbers"] += wrong
    return numbers.fillna(-1).astype("int64") if dtype == "int64" else numbers.astype("float64")


def _of(skipped: Mapping[str, int]) -> str:
    """What was skipped, in brackets."""
    told = ", ".join(f"{count} {reason}" for reason, count in skipped.items() if count)
    return f" ({told})" if told else ""
