"""How a command ends: its exit status, and where what it wrote goes."""

from __future__ import annotations

from pathlib import Path

NO_GLITCH, GLITCHES_FOUND, UNREADABLE = 0, 1, 2
"""Of `diagnose`; for `survey` over all calls, for `compare` 1 says that something got worse."""

DEFECT = 70  # EX_SOFTWARE of sysexits.h: a traceback must not pass for "glitches found"

STDOUT = Path("-")


def write_text(text: str, path: Path) -> None:
    """Write `text` to `path`, whose folders are made; `-` is stdout."""
    if path == STDOUT:
        print(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
