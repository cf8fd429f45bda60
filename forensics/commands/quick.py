"""`forensics streams` without the start of typer, which would double the time that an hour of packets takes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_OPTIONS = ("--json", "--keys", "--sdp")


def listed_streams(arguments: Sequence[str]) -> bool:
    """List the streams of a call where that is all that is asked for, in the plainest way.

    Parameters
    ----------
    arguments : sequence of str
        Those of the command line.

    Returns
    -------
    bool
        False where nothing was done: another command, a request for help, an option that is not known here, or
        anything odd. The full command line then understands or refuses it.
    """
    if not arguments or arguments[0] != "streams":
        return False
    read = _read(arguments[1:])
    if read is None:
        return False
    from forensics.commands.listing import list_streams

    path, options = read
    list_streams(
        path,
        json_path=options.get("--json"),
        keys=options.get("--keys"),
        sdp=options.get("--sdp"),
        progress=sys.stderr.isatty(),
    )
    return True


def _read(words: Sequence[str]) -> tuple[Path, dict[str, Path]] | None:
    """Return the call and the options of `words`; None where there is anything else among them."""
    rest, options, paths = list(words), dict[str, Path](), []
    while rest:
        word = rest.pop(0)
        if word in _OPTIONS and rest and word not in options and (rest[0] == "-" or not rest[0].startswith("-")):
            options[word] = Path(rest.pop(0))
        elif word.startswith("-"):
            return None
        else:
            paths.append(Path(word))
    return (paths[0], options) if len(paths) == 1 else None
