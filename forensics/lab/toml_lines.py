"""Where a key stands in a TOML file, for error messages: `tomllib` reads values and keeps no line numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")


class TomlLines:
    """Line numbers of the tables and keys of one TOML text.

    A table is addressed by its path: `()` the top, `("sender",)` a table, `("fault", 2)` the third of an array.

    Notes
    -----
    Reads the layout that scenarios have: one key a line, headers of one word. A key inside an inline table or a
    multi-line string is not told apart; the line of its table is then given, which is where to look anyway.
    """

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self._tables: dict[tuple[Any, ...], int] = {}
        self._keys: dict[tuple[Any, ...], int] = {}
        for path, key, number in _entries(text):
            found, place = (self._keys, (*path, key)) if key else (self._tables, path)
            found.setdefault(place, number)

    def number(self, path: tuple[Any, ...], key: str = "") -> int | None:
        """Return the line of `key` in the table, of the table where the key is not written, or None."""
        as_table = self._tables.get(path, self._tables.get((*path, key), self._tables.get((*path, key, 0))))
        return self._keys.get((*path, key), as_table)

    def at(self, path: tuple[Any, ...], key: str = "") -> str:
        """Return "file:line" for a message, or the file alone where the line is not known."""
        number = self.number(path, key)
        return self.source if number is None else f"{self.source}:{number}"


def _entries(text: str) -> Iterator[tuple[tuple[Any, ...], str, int]]:
    """Yield (path of the table, key or "" for its header, line number)."""
    seen: Counter[str] = Counter()
    path: tuple[Any, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            name = header[2]
            path = (name, seen[name]) if header[1] == "[[" else (name,)
            seen[name] += 1
            yield path, "", number
        elif key := _KEY.match(line):
            yield path, key[1], number
