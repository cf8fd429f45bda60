"""A case: the files of one call, found by their names in a folder or given one by one."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from forensics.errors import CaseError
from forensics.model import Case, InputFile

CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".cap")
AUDIO_SUFFIXES = (".flac", ".wav", ".ogg", ".oga", ".opus", ".webm", ".m4a", ".mp4", ".mka", ".mp3", ".aac", ".aiff")
PACKED_SUFFIXES = ("", ".gz", ".zst")  # how a capture or a log may be packed
SETTINGS_NAME = "case.toml"

ENOUGH = ("capture", "recording", "stats", "events")
"""Roles of which one at least a case needs; each of them tells something of a call by itself."""


def _names(stems: Iterable[str], suffixes: Iterable[str], packed: Iterable[str] = ("",)) -> tuple[str, ...]:
    return tuple(f"{stem}{suffix}{pack}" for stem in stems for suffix in suffixes for pack in packed)


FILE_NAMES: Mapping[str, tuple[str, ...]] = {
    "capture": _names(("receiver", "capture"), CAPTURE_SUFFIXES, PACKED_SUFFIXES),
    "sender_capture": _names(("sender",), CAPTURE_SUFFIXES, PACKED_SUFFIXES),
    "recording": _names(("recording",), AUDIO_SUFFIXES),
    "microphone": _names(("mic", "microphone"), AUDIO_SUFFIXES),
    "keys": ("keys.log",),
    "sdp": ("call.sdp", "session.sdp"),
    "stats": _names(("stats",), (".json",), PACKED_SUFFIXES),
    "events": _names(("events",), (".jsonl",), PACKED_SUFFIXES),
    "truth": ("truth.json",),
}
"""The names by which a file of each role is found in a case folder, whatever their case."""


def open_case(
    path: str | Path | None = None,
    *,
    name: str | None = None,
    capture: str | Path | None = None,
    sender_capture: str | Path | None = None,
    recording: str | Path | None = None,
    microphone: str | Path | None = None,
    keys: str | Path | None = None,
    sdp: str | Path | None = None,
    stats: str | Path | None = None,
    events: str | Path | None = None,
    decode_as: Mapping[str, str] | None = None,
) -> Case:
    """Name the files of one call.

    Parameters
    ----------
    path : str or Path, optional
        A folder, whose files are found by the names in `FILE_NAMES` and by its `case.toml`, or a capture file. A file
        with the suffix of a sound is taken for the recording, JSON lines for the event log, JSON for statistics; so are
        JSON lines whose name says that they are statistics.
    name : str, optional
        What the case is called; by default the name of the folder, or of the capture without its suffixes unless that
        is a name that every case has.
    capture, sender_capture, recording, microphone, keys, sdp, stats, events : str or Path, optional
        Files given one by one. Each goes before what the folder holds under that role.
    decode_as : mapping, optional
        How to read traffic that does not tell by itself, as Wireshark writes it: ``{"udp.port==5004": "rtp"}``.

    Returns
    -------
    Case
        The files. None of them has been opened yet.

    Raises
    ------
    CaseError
        A file is not there, two files claim one role, `case.toml` is malformed, or there is nothing to go by: neither a
        capture nor a recording, statistics or an event log.

    Notes
    -----
    In a `case.toml`, ``name`` is the name, ``[files]`` maps roles to paths relative to the folder, ``[decode_as]``
    holds what `decode_as` does. Names are believed here: whether a file is what it is called shows when it is read.
    """
    given = {
        "capture": capture,
        "sender_capture": sender_capture,
        "recording": recording,
        "microphone": microphone,
        "keys": keys,
        "sdp": sdp,
        "stats": stats,
        "events": events,
    }
    files = {role: _existing(_words(role), Path(file)) for role, file in given.items() if file is not None}
    settings: Mapping[str, Any] = {}
    folder = None
    if path is not None:
        path = Path(path)
        if path.is_dir():
            folder = path
            settings = _read_settings(folder)
            files = {**_find_files(folder, _files_of(settings, folder), given=files), **files}
        else:
            files = {_role_of(path): _existing("case folder or capture file", path), **files}
    _check_enough(files, folder)
    return Case(
        name=name or settings.get("name") or _name_of(folder, files),
        folder=folder,
        decode_as={**settings.get("decode_as", {}), **(decode_as or {})},
        **files,
    )


def input_file(
    role: str,
    path: Path,
    *,
    sha256: str | None = None,
    counts: Mapping[str, int] | None = None,
    skipped: Mapping[str, int] | None = None,
    notes: Iterable[str] = (),
) -> InputFile:
    """Describe one file as it was read.

    Parameters
    ----------
    role : str
        What it was used for: a field of `Case`.
    path : Path
        The file.
    sha256 : str, optional
        From `sha256_of`, where it was taken before.
    counts, skipped : mapping of str to int, optional
        How much was in it, and how much of it was left out for which reason.
    notes : iterable of str, optional
        What a reader of the result must know about it.

    Returns
    -------
    InputFile
    """
    return InputFile(
        role,
        path,
        sha256 or sha256_of(path),
        counts=dict(counts or {}),
        skipped=dict(skipped or {}),
        notes=tuple(notes),
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as they are on disk, packed or not, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _role_of(path: Path) -> str:
    """What a single file is, by its suffix."""
    suffixes = [suffix for suffix in map(str.lower, path.suffixes) if suffix not in PACKED_SUFFIXES]
    kind = suffixes[-1] if suffixes else ""
    if kind == ".json" or (kind == ".jsonl" and "stats" in path.name.lower()):
        return "stats"
    return "recording" if kind in AUDIO_SUFFIXES else "events" if kind == ".jsonl" else "capture"


def _existing(what: str, path: Path) -> Path:
    """Return `path` if it is a file; else say that `what` was expected and what stands there instead."""
    if path.is_file():
        return path
    if path.is_dir():
        raise CaseError(f"{path} is a folder; expected is the {what} itself. Give the file.")
    if not path.parent.is_dir():
        raise CaseError(f"There is no {what} {path}: its folder does not exist. Check the path.")
    beside = _list(sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")))
    raise CaseError(f"There is no {what} {path}; its folder holds {beside}. Check the name.")


def _find_files(folder: Path, named: Mapping[str, Path], *, given: Mapping[str, Path]) -> dict[str, Path]:
    """Find the file of each role in `folder`; what is `named` in its settings or `given` is not looked for."""
    present = {entry.name.lower(): entry for entry in sorted(folder.iterdir()) if entry.is_file()}
    files = dict(named)
    for role, names in FILE_NAMES.items():
        if role in given or role in named:
            continue
        found = [present[name] for name in names if name in present]
        if len(found) > 1:
            raise CaseError(
                f"{folder} holds {_list([file.name for file in found])}, and each could be the {_words(role)}. "
                f"Keep one, or say which in {SETTINGS_NAME}: [files] {role} = {found[0].name!r}."
            )
        if found:
            files[role] = found[0]
    return files


def _read_settings(folder: Path) -> Mapping[str, Any]:
    """Return what the folder's `case.toml` says, checked for shape; nothing where there is none."""
    path = folder / SETTINGS_NAME
    if not path.is_file():
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CaseError(f"{path} is not TOML: {error}. Mend it, or remove it to go by file names.") from error
    shape = {"name": str, "files": dict, "decode_as": dict}
    wrong = [key for key, value in settings.items() if not isinstance(value, shape.get(key, ()))]
    if wrong:
        raise CaseError(
            f"{path} has {_list(wrong)}; expected are `name` (a text) and the tables `files` and `decode_as` only."
        )
    return settings


def _files_of(settings: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Return the files that the settings name, each checked to be there."""
    named = settings.get("files", {})
    unknown = sorted(set(named) - set(FILE_NAMES))
    if unknown:
        raise CaseError(
            f"{folder / SETTINGS_NAME} names files for {_list(unknown)}, which is no role. "
            f"The roles are {_list(FILE_NAMES)}."
        )
    return {role: _existing(_words(role), folder / str(file)) for role, file in named.items()}


def _check_enough(files: Mapping[str, Path], folder: Path | None) -> None:
    if not files.keys().isdisjoint(ENOUGH):
        return
    if folder is None:
        raise CaseError(
            "A case needs a capture or a recording, statistics or an event log. Give a folder or a capture."
        )
    held = _list(sorted(entry.name for entry in folder.iterdir()))
    raise CaseError(
        f"{folder} holds {held}: neither a capture (receiver.pcap, capture.pcapng, …) nor a recording "
        "(recording.flac, …), nor statistics (stats.json) or an event log (events.jsonl). Rename the files so, name "
        f"them in {SETTINGS_NAME}, or give them one by one."
    )


def _name_of(folder: Path | None, files: Mapping[str, Path]) -> str:
    if folder is not None:
        return folder.resolve().name
    file = next(files[role] for role in ENOUGH if role in files)
    stem = file.name.split(".")[0] or file.name
    return file.resolve().parent.name if stem in {"receiver", "capture", "recording"} else stem


def _words(role: str) -> str:
    return role.replace("_", " ")


def _list(names: Iterable[str], longest: int = 12) -> str:
    """Write names as a person would, the first dozen of them."""
    names = list(names)
    if not names:
        return "nothing"
    more = f" and {len(names) - longest} more" if len(names) > longest else ""
    return ", ".join(names[:longest]) + more
