"""What a file that somebody drops is likely to be, by its name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from forensics.case import AUDIO_SUFFIXES, CAPTURE_SUFFIXES, FILE_NAMES

ROLES: dict[str, str] = {
    "capture": "capture, listener's side",
    "sender_capture": "capture, voice AI's side",
    "recording": "recording of what was heard",
    "microphone": "what the user said",
    "keys": "DTLS keys",
    "stats": "browser's statistics",
    "events": "model's event log",
}
"""Every role that a dropped file can have, in the words that people read."""

BY_SUFFIX: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CAPTURE_SUFFIXES, ("capture", "sender_capture")),
    **dict.fromkeys(AUDIO_SUFFIXES, ("recording", "microphone")),
    ".json": ("stats",),
    ".jsonl": ("events",),
    ".log": ("keys",),
    ".keys": ("keys",),
    ".txt": ("keys",),
}
"""What a suffix stands for, the likeliest role first."""


def guess_role(name: str, taken: Collection[str] = ()) -> str:
    """Return the role of the file called `name`, one that is not `taken`; empty where its name says nothing.

    Examples
    --------
    >>> guess_role("receiver.pcapng"), guess_role("monday.flac"), guess_role("notes.docx")
    ('capture', 'recording', '')
    """
    lower = name.lower()
    by_name = [role for role, names in FILE_NAMES.items() if lower in names and role in ROLES]
    suffixes = [suffix for suffix in Path(lower).suffixes if suffix not in (".gz", ".zst")]
    by_suffix = BY_SUFFIX.get(suffixes[-1], ()) if suffixes else ()
    return next((role for role in (*by_name, *by_suffix) if role not in taken), "")
