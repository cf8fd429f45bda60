"""Tests that need something which is not installed are skipped, by name and with what to install."""

import ctypes.util
import shutil
import sys

import pytest

NEEDED_BY_NOTEBOOKS = ("tshark", "speech")


def missing_packages():
    """Marker → the Debian package that its tests need and that is not here."""
    if not shutil.which("tshark"):
        yield "tshark", "tshark"
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        yield "browser", "chromium"
    if sys.platform == "linux" and not ctypes.util.find_library("atomic"):
        yield "browser", "libatomic1"  # playwright's driver is linked against it, and a bare Debian lacks it
    if not shutil.which("espeak-ng"):
        yield "speech", "espeak-ng"


def pytest_collection_modifyitems(items):
    missing = dict(missing_packages())
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")
            for marker in NEEDED_BY_NOTEBOOKS:
                item.add_marker(marker)
        for marker, package in missing.items():
            if item.get_closest_marker(marker):
                reason = f"needs {package}, which is not installed: apt-get install {package}"
                item.add_marker(pytest.mark.skip(reason=reason))
