"""How a command ends: its exit status, and where what it wrote goes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forensics.commands.gates import Outcome

NO_GLITCH, GLITCHES_FOUND, UNREADABLE = 0, 1, 2
"""Of `diagnose`; for `survey` over all calls, for `compare` 1 says that something got worse."""

DEFECT = 70  # EX_SOFTWARE of sysexits.h: a traceback must not pass for "glitches found"
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

STDOUT = Path("-")


def exit_status(document: Mapping[str, Any], outcomes: Iterable[Outcome] = ()) -> int:
    """Return the status of one call: whether a gate fails, and where there is no gate whether a glitch was heard."""
    checked = list(outcomes)
    found = any(outcome.fails for outcome in checked) if checked else any(document["summary"].values())
    return GLITCHES_FOUND if found else NO_GLITCH


def as_json(document: Mapping[str, Any]) -> str:
    """Return `document` as indented JSON without NaN."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def write_text(text: str, path: Path) -> None:
    """Write `text` to `path`, whose folders are made; `-` is stdout."""
    if path == STDOUT:
        print(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
