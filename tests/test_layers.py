"""Imports go one way: a stage may import the stages before it, never one after."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "forensics"

ORDER = (
    "front_door",
    "errors",
    "pcm",
    "model",
    "case",
    "calls",
    "capture",
    "streams",
    "audio",
    "telemetry",
    "clocks",
    "playout",
    "turns",
    "glitches",
    "causes",
    "conclusion",
    "diagnosis",
    "findings",
    "measures",
    "comparison",
    "views",
    "report",
    "exports",
    "survey",
    "commands",
    "__main__",
)
"""The rooms as `ls` tells them; each may import those that stand before it, and itself."""

BESIDE = {"lab": {*ORDER} - {"views", "report", "exports", "survey", "commands", "__main__"}}
"""The room that stands aside: it may import these, and only the command line may import it."""

FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The room of a file: its folder or its own name; "" for the package's front door."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported_rooms(path, source=None):
    """Rooms that a file imports anywhere, inside functions and for type checking too."""
    here = ("forensics", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(source or path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("forensics."))
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            if module == "forensics":
                yield from (alias.name for alias in node.names if alias.name in {*ORDER, *BESIDE})
            elif module.startswith("forensics."):
                yield module.split(".")[1]


def allowed(name):
    if name in BESIDE:
        return BESIDE[name] | {name}
    before = {*ORDER[: ORDER.index(name) + 1]}
    return before | {*BESIDE} if name in ("commands", "__main__") else before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    if room(path) == "":
        assert [*imported_rooms(path)] == ["front_door"], "the front door loads its rooms by name, when they are used"
        return
    wrong = sorted({*imported_rooms(path)} - allowed(room(path)))
    assert wrong == [], f"{room(path)} comes before {', '.join(wrong)} in the flow"


def test_every_room_has_its_place():
    assert {room(path) for path in FILES} - {""} <= {*ORDER, *BESIDE}


@pytest.mark.parametrize(
    "source",
    [
        "import forensics.report",
        "from forensics.report import write_report",
        "from forensics import report",
        "from ..report import page",
        "def f():\n    from forensics.report.page import x",
    ],
)
def test_an_import_against_the_flow_is_seen(source):
    assert [*imported_rooms(PACKAGE / "streams" / "fates.py", source)] == ["report"]
    assert "report" not in allowed("streams")


def test_only_the_dissector_knows_pyshark():
    knowing = [path.name for path in FILES if "import pyshark" in path.read_text(encoding="utf-8")]
    assert knowing in ([], ["dissect.py"])
