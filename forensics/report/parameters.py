"""Every threshold that a diagnosis went by, as the modules that judge have them: enough to repeat it."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from numbers import Real
from types import ModuleType
from typing import Any

ROOMS = ("streams", "audio", "telemetry", "clocks", "playout", "turns", "glitches", "causes")
"""The rooms whose constants can change a finding."""


@cache
def parameters() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return (module, ((name, value), …)) for every module that defines a named number or tuple of numbers."""
    modules = [module for room in ROOMS for module in _modules(import_module(f"forensics.{room}"))]
    found = [(module.__name__.removeprefix("forensics."), tuple(_own(module))) for module in modules]
    return tuple((name, own) for name, own in found if own)


def _own(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Give what a module defines itself, not what it borrows from another."""
    for node in ast.parse(inspect.getsource(module)).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for name in (target.id for target in targets if isinstance(target, ast.Name)):
            value = getattr(module, name, None)
            if name.isupper() and not name.startswith("_") and _is_parameter(value):
                yield name, _written(value)


def _modules(package: ModuleType) -> list[ModuleType]:
    names = [one.name for one in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}.")]
    return [package, *(import_module(name) for name in sorted(names))]


def _is_parameter(value: Any) -> bool:
    return all(_is_number(one) for one in (value if isinstance(value, tuple) and value else (value,)))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _written(value: Any) -> str:
    return ", ".join(f"{one:.12g}" for one in value) if isinstance(value, tuple) else f"{value:.12g}"
