"""Tests that need a program which is not installed are skipped, by name and with what to install."""

import shutil

import pytest

PROGRAMS = {
    "tshark": (("tshark",), "tshark"),
    "browser": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "speech": (("espeak-ng",), "espeak-ng"),
}
"""Marker → the commands that serve it, the Debian package that brings one."""

NEEDED_BY_NOTEBOOKS = ("tshark",)


def pytest_collection_modifyitems(items):
    missing = {
        marker: pytest.mark.skip(reason=f"needs {package}, which is not installed: apt-get install {package}")
        for marker, (commands, package) in PROGRAMS.items()
        if not any(map(shutil.which, commands))
    }
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")
            for marker in NEEDED_BY_NOTEBOOKS:
                item.add_marker(marker)
        for marker, skip in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(skip)
