"""What is installed here and what is missing: the answer of `forensics doctor`."""

from __future__ import annotations

import ctypes.util
import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

OLDEST_PYTHON = (3, 11)

DISTRIBUTION = "voice-forensics"

MADE_BY = {"lab": ", or make samples", "test": ", or make test", "dev": ", or make lint"}
"""The make target that installs each extra."""

PROGRAMS = {
    "tshark": (("tshark",), "the packets of a glitch in full (dissect)", "tshark"),
    "Chromium": (("chromium", "chromium-browser", "google-chrome"), "recording real calls in the lab", "chromium"),
    "espeak-ng": (("espeak-ng",), "speaking the lab's texts", "espeak-ng"),
}
"""Program → the commands it goes by, what needs it, the Debian package that brings it."""

LIBRARIES = {"libatomic": ("atomic", "driving Chromium (playwright's own driver is linked against it)", "libatomic1")}
"""Library of Linux → the name the linker knows it by, what needs it, the Debian package that brings it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked for: `found` says its version, or is empty; `needed` says whether a diagnosis stops without."""

    name: str
    found: str
    needed: bool
    advice: str


def check_installation() -> list[Check]:
    """Look for Python, every package that pyproject.toml asks for, and the programs.

    Returns
    -------
    list of Check
        In the order: Python, needed packages, optional packages, programs, libraries.

    Notes
    -----
    Versions of packages are read from their metadata; nothing is imported, so a package that is broken inside passes.
    """
    return [_check_python(), *_check_packages(), *_check_programs(), *_check_libraries()]


def healthy(checks: Iterable[Check]) -> bool:
    """Return whether everything that a diagnosis needs is there."""
    return all(check.found for check in checks if check.needed)


def _check_python() -> Check:
    version = platform.python_version()
    recent = sys.version_info >= OLDEST_PYTHON
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Check(f"Python {version}", version if recent else "", True, f"Python {oldest} or newer is needed")


def _check_packages() -> Iterator[Check]:
    needed, optional = [], []
    for requirement in importlib.metadata.requires(DISTRIBUTION) or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        if name == DISTRIBUTION:
            continue
        if extra:
            optional.append((name, f"pip install '{DISTRIBUTION}[{extra[1]}]'{MADE_BY.get(extra[1], '')}"))
        else:
            needed.append((name, "make setup"))
    for name, advice in needed:
        yield Check(name, _version(name), True, advice)
    for name, advice in optional:
        yield Check(name, _version(name), False, advice)


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _check_programs() -> Iterator[Check]:
    for name, (commands, purpose, package) in PROGRAMS.items():
        path = next(filter(None, map(shutil.which, commands)), None)
        found = _program_version(path) if path else ""
        yield Check(name, found, False, f"apt-get install {package}: only for {purpose}")


def _check_libraries() -> Iterator[Check]:
    if sys.platform != "linux":
        return
    for name, (known_as, purpose, package) in LIBRARIES.items():
        found = ctypes.util.find_library(known_as) or ""
        yield Check(name, found, False, f"apt-get install {package}: only for {purpose}")


def _program_version(path: str) -> str:
    """Return the version that a program says of itself; "found" where it says none."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "found"
    number = re.search(r"\d+(\.\d+)+", said)
    return number[0] if number else "found"
