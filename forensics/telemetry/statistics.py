"""Browser statistics: chrome://webrtc-internals dumps and getStats series, as one table per W3C statistics type."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forensics.errors import TelemetryError

KEPT_TYPES = (
    "inbound-rtp",
    "outbound-rtp",
    "remote-inbound-rtp",
    "remote-outbound-rtp",
    "media-playout",
    "candidate-pair",
    "codec",
)
"""Statistics types of the W3C's webrtc-stats that say something of a call's sound."""


def read_stats(path: Path) -> dict[str, pd.DataFrame]:
    """Read a statistics file into one table per type.

    Parameters
    ----------
    path : Path
        A chrome://webrtc-internals dump (JSON, plain or .gz), or a `getStats` series as JSON lines: one object per
        sample with "reports" (a list of statistics) or the statistics themselves as a list.

    Returns
    -------
    dict of str to DataFrame
        One table per type in `KEPT_TYPES` that is there, one row per sample: `time_s` (seconds since 1970, float64),
        `id`, and every member under its W3C name in snake_case. Members that a sample lacks are NaN. A series that
        breaks off within its last line is read up to there; `attrs["notes"]` of each table then says so.

    Raises
    ------
    TelemetryError
        No JSON, or no statistics in it.
    """
    text = _text(path)
    try:
        documents, notes = _documents(text, path.name)
        samples = [sample for document in documents for sample in _samples(document)]
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as fault:
        raise TelemetryError(
            f"{path.name} is no statistics file: {fault}. Expected a webrtc-internals dump or getStats as JSON lines."
        ) from fault
    tables = {kind: _table(row for row in samples if row["type"] == kind) for kind in KEPT_TYPES}
    tables = {kind: table for kind, table in tables.items() if len(table)}
    for table in tables.values():
        table.attrs["notes"] = notes
    if not tables:
        raise TelemetryError(f"{path.name} holds no statistics of a call. Save the dump while the call is open.")
    return tables


def _text(path: Path) -> str:
    """Contents of a plain or gzipped text file."""
    raw = path.read_bytes()
    try:
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as fault:
        raise TelemetryError(f"{path.name} is neither text nor gzipped text ({fault}). Expected JSON.") from fault


def _documents(text: str, name: str) -> tuple[list[Any], tuple[str, ...]]:
    """JSON documents of a file, one in all or one a line, and a note where the last line is cut."""
    try:
        return [json.loads(text)], ()
    except json.JSONDecodeError:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    documents: list[Any] = []
    for number, line in lines:
        try:
            documents.append(json.loads(line))
        except json.JSONDecodeError:
            if not documents or number != lines[-1][0]:
                raise
            return documents, (f"{name} breaks off in line {number}; read up to there",)
    return documents, ()


def _samples(document: Any) -> Iterator[dict[str, Any]]:
    """Statistics of one document: a whole dump, or one sample of a getStats series."""
    if isinstance(document, Mapping) and "PeerConnections" in document:
        yield from _samples_of_dump(document)
        return
    reports = document.get("reports", document.get("stats", [])) if isinstance(document, Mapping) else document
    for report in reports.values() if isinstance(reports, Mapping) else reports:
        yield {
            "type": report["type"],
            "id": report["id"],
            "time_s": float(report["timestamp"]) / 1000,
            **_members(report),
        }


def _samples_of_dump(dump: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Statistics of a webrtc-internals dump: per connection, id and member a series of values over a span of time."""
    for connection, content in dump["PeerConnections"].items():
        series: dict[tuple[str, str], dict[str, Any]] = {}
        for name, entry in content.get("stats", {}).items():
            identity, _, member = name.rpartition("-")
            if not member.startswith("["):
                series.setdefault((entry.get("statsType", ""), identity), {})[member] = entry
        for (kind, identity), members in series.items():
            yield from _unfold(kind, f"{connection}/{identity}", members)


def _unfold(kind: str, identity: str, members: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows out of the parallel series of one statistics object."""
    values = {
        member: json.loads(entry["values"]) if isinstance(entry["values"], str) else entry["values"]
        for member, entry in members.items()
    }
    length = max(map(len, values.values()), default=0)
    first = next(iter(members.values()))
    start_s, end_s = (_epoch_s(first[key]) for key in ("startTime", "endTime"))
    stamps = values.pop("timestamp", None)
    times_s = (
        [_epoch_s(stamp) for stamp in stamps]
        if stamps and len(stamps) == length
        else np.linspace(start_s, end_s, length)
    )
    for i in range(length):
        row = {
            member: series[i + len(series) - length]
            for member, series in values.items()
            if i + len(series) - length >= 0
        }
        yield {"type": kind, "id": identity, "time_s": float(times_s[i]), **_members(row)}


def _epoch_s(stamp: Any) -> float:
    """Seconds since 1970 of an ISO time or of milliseconds."""
    return datetime.fromisoformat(stamp).timestamp() if isinstance(stamp, str) else float(stamp) / 1000


def _members(report: Mapping[str, Any]) -> dict[str, Any]:
    """Members in snake_case; nested ones are left out."""
    return {
        _snake(name): value
        for name, value in report.items()
        if name not in ("type", "id", "timestamp") and not isinstance(value, dict | list)
    }


def _snake(name: str) -> str:
    """Turn packetsLost into packets_lost."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """One row per sample, in the order of time."""
    table = pd.DataFrame(list(rows))
    return table.drop(columns="type").sort_values("time_s", ignore_index=True) if len(table) else table
