"""What a survey leaves of one call: its report, its findings, and last of all the record that says it is done.

The record names the files that went in by size and time, so that an interrupted survey goes on where it was, and a call
whose files have changed since is done again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from forensics.model import Case

SCHEMA = "forensics.survey-record/1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of one surveyed call are."""

    name: str  # the call, as it is found from the surveyed folder
    report: Path
    findings: Path
    record: Path


@dataclass(frozen=True, slots=True)
class Record:
    """One call that is done: from which files, with which choices, in how many seconds."""

    schema: str
    call: str
    version: str
    files: dict[str, list[Any]]
    choices: dict[str, str]
    seconds: float


def place_of(path: Path, *, folder: Path, out: Path) -> Place:
    """Return where the files of the call at `path` go; two calls never share a place."""
    name = path.relative_to(folder).as_posix() if path != folder else path.resolve().name
    stem = re.sub(r"[^\w.-]+", "-", name).strip(".-") or "call"
    if stem != name:
        stem = f"{stem}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"
    calls = out / "calls"
    return Place(name, calls / f"{stem}.html", calls / f"{stem}.findings.json", calls / f"{stem}.record.json")


def make_record(place: Place, case: Case, *, choices: dict[str, str], seconds: float = 0.0) -> Record:
    """Return the record of `case` as it is now."""
    from forensics import __version__

    return Record(SCHEMA, place.name, __version__, _files(case), choices, seconds)


def is_done(place: Place, record: Record) -> bool:
    """Whether the call was done before, from the same files, by the same version, with the same choices."""
    try:
        known = json.loads(place.record.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    wanted = asdict(record)
    same = all(known.get(name) == value for name, value in wanted.items() if name != "seconds")
    return same and place.report.is_file() and place.findings.is_file()


def write_whole(text: str, path: Path) -> Path:
    """Write `text` so that `path` is either as it was or whole, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    return unfinished.replace(path)


def _files(case: Case) -> dict[str, list[Any]]:
    """Return name, size and time of change of each file of `case`, by role."""
    paths = {field.name: getattr(case, field.name) for field in fields(case) if field.name != "folder"}
    found = {role: path.stat() for role, path in paths.items() if isinstance(path, Path)}
    return {role: [paths[role].name, stat.st_size, stat.st_mtime_ns] for role, stat in sorted(found.items())}
