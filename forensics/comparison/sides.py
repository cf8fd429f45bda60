"""The calls of one side, from whatever was given: paths, cases, diagnoses, findings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from forensics.calls import call_bar, find_calls, run_each
from forensics.case import open_case
from forensics.comparison.nouns import Side
from forensics.diagnosis import diagnose
from forensics.errors import CaseError
from forensics.findings import SCHEMA, findings
from forensics.model import Case, Diagnosis

Calls = (
    str | Path | Case | Diagnosis | Mapping[str, Any] | Iterable["str | Path | Case | Diagnosis | Mapping[str, Any]"]
)


def gather_side(name: str, calls: Calls, *, jobs: int | None, progress: bool = False) -> Side:
    """Gather the findings of every call on one side, diagnosing those that are not diagnosed yet.

    Raises
    ------
    CaseError
        None of its calls could be read.
    """
    documents: list[Mapping[str, Any]] = []
    paths: list[Path] = []
    for call in [calls] if isinstance(calls, str | Path | Case | Diagnosis | Mapping) else calls:
        if isinstance(call, str | Path):
            found, more = _read(Path(call))
            documents += found
            paths += more
        else:
            documents.append(_document(call))
    done = call_bar(run_each(_findings_of, paths, jobs=jobs), total=len(paths), wanted=progress and bool(paths))
    worked = sorted(done, key=lambda one: one.path)
    documents += [done.value for done in worked if done.value is not None]
    left_out = tuple((done.path.name, done.error) for done in worked if done.error)
    if not documents:
        reasons = "; ".join(f"{call}: {reason}" for call, reason in left_out) or "it is empty"
        raise CaseError(f"There is no call {name} the change that could be read: {reasons}")
    return Side(name, tuple(documents), left_out)


def _document(call: Case | Diagnosis | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(call, Mapping):
        return _checked(call, "a document that was given")
    return findings(call if isinstance(call, Diagnosis) else diagnose(call))


def _read(path: Path) -> tuple[list[Mapping[str, Any]], list[Path]]:
    """Return the findings that `path` holds, and the calls that are still to be diagnosed."""
    if path.suffix == ".json" and path.is_file():
        return [_read_document(path)], []
    if not path.is_dir():
        return [], [path]
    made = sorted(path.glob("*.findings.json")) or sorted(path.glob("calls/*.findings.json"))
    return ([_read_document(file) for file in made], []) if made else ([], find_calls(path))


def _read_document(path: Path) -> Mapping[str, Any]:
    try:
        return _checked(json.loads(path.read_text(encoding="utf-8")), path.name)
    except ValueError as error:
        raise CaseError(
            f"{path.name} is not JSON: {error}. Make it with: forensics diagnose CASE --json FILE"
        ) from None


def _checked(document: Any, name: str) -> Mapping[str, Any]:
    schema = document.get("schema") if isinstance(document, Mapping) else None
    if schema != SCHEMA or "duration_s" not in document:
        raise CaseError(
            f"{name} has the schema {schema!r}; expected {SCHEMA} with a duration_s. "
            "Make it again with: forensics diagnose CASE --json FILE"
        )
    return document


def _findings_of(path: Path) -> Mapping[str, Any]:
    return findings(diagnose(open_case(path)))
