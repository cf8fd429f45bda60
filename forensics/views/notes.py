"""What people say to a verdict: confirmed, overruled or commented, kept as JSON beside the case."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from forensics.errors import CaseError
from forensics.model import Case, Verdict

SCHEMA = "forensics.notes/1"
DECISIONS = ("confirm", "overrule", "comment")
SAME_GLITCH_S = 0.25
"""A later diagnosis may number its glitches anew and move their edges; a note follows the place in the call."""


@dataclass(frozen=True, slots=True)
class Note:
    """One person's word on one glitch; `written` is ISO 8601 in UTC."""

    glitch: str
    start_s: float
    decision: str
    text: str
    author: str
    written: str


def make_note(verdict: Verdict, *, decision: str, text: str, author: str) -> Note:
    """Return a note on `verdict` as of now."""
    written = datetime.now(UTC).isoformat(timespec="seconds")
    return Note(verdict.id, verdict.glitch.start_s, decision, text.strip(), author.strip() or "anonymous", written)


def notes_path(case: Case) -> Path:
    """Return where the notes of `case` are kept: in its folder, else beside its capture or recording.

    Raises
    ------
    CaseError
        Where the case has neither folder nor file.
    """
    if case.folder is not None:
        return case.folder / "notes.json"
    for file in (case.capture, case.recording):
        if file is not None:
            return file.with_name(f"{file.stem}.notes.json")
    raise CaseError(f"The case {case.name} has no folder and no file, so its notes have no place. Give it a folder.")


def read_notes(case: Case) -> tuple[Note, ...]:
    """Return the notes of `case`, oldest first; none where there is no file of notes.

    Raises
    ------
    CaseError
        Where the file of notes is not one of ours.
    """
    try:
        path = notes_path(case)
        text = path.read_text(encoding="utf-8")
    except (CaseError, FileNotFoundError):
        return ()
    try:
        document = json.loads(text)
        notes = [Note(**entry) for entry in document["notes"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CaseError(
            f"{path.name} is no file of notes ({SCHEMA}): {error}. Mend it, or move it away to begin anew."
        ) from error
    return tuple(sorted(notes, key=lambda note: note.written))


def write_notes(case: Case, notes: tuple[Note, ...]) -> Path:
    """Write `notes` beside `case` in place of those that were there."""
    path = notes_path(case)
    document = {"schema": SCHEMA, "notes": [asdict(note) for note in notes]}
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return unfinished.replace(path)


def notes_on(verdict: Verdict, notes: tuple[Note, ...]) -> list[Note]:
    """Return the notes that belong to `verdict`: those at its place in the call."""
    return [note for note in notes if abs(note.start_s - verdict.glitch.start_s) <= SAME_GLITCH_S]
