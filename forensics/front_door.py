"""What a room offers, loaded from its home when it is first used (PEP 562): importing the room costs nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def offer(room: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make a package's `__getattr__` and `__dir__`.

    Parameters
    ----------
    room : str
        The package's `__name__`.
    homes : mapping of str to str
        Public name → module that defines it.

    Returns
    -------
    callable, callable
        The first raises AttributeError for a name that is not offered, and says which are.

    Examples
    --------
    >>> __getattr__, __dir__ = offer(__name__, _HOME)
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}; it offers: {', '.join(homes)}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[room], name, value)
        return value

    return load, lambda: sorted(homes)
