"""The browser's part as ES modules of one file each, and the style sheets: what widgets and report carry."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from forensics.views.palette import cause_style

HERE = Path(__file__).parent

_PARTS = (
    "axis", "dom", "theme", "source", "lane", "packets", "sound", "verdicts", "turns", "events", "lines", "stretches",
    "minimap", "ruler", "overlay", "heads", "painting", "player", "panel", "listening", "gestures",
)  # fmt: skip
TIMELINE = (*(f"canvas/{part}.js" for part in _PARTS), "timeline.js", "widget.js")
"""The renderer's files; each imports only from those before it."""

DROP_AREA = ("canvas/dom.js", "drop_area.js")
WHAT_IF = ("canvas/dom.js", "what_if.js")
GLITCH_LIST = ("canvas/axis.js", "canvas/dom.js", "glitch_list.js")

_IMPORT = re.compile(r"^import [^;]+;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


@cache
def timeline_source() -> str:
    """Return the renderer as a module without imports, which exports anywidget's `render` by default."""
    return _joined(TIMELINE)


@cache
def glitch_list_source() -> str:
    """Return the list of glitches as a module without imports, for anywidget."""
    return _joined(GLITCH_LIST)


@cache
def drop_area_source() -> str:
    """Return the drop area as a module without imports, for anywidget."""
    return _joined(DROP_AREA)


@cache
def what_if_source() -> str:
    """Return the controls of the replay as a module without imports, for anywidget."""
    return _joined(WHAT_IF)


@cache
def timeline_style() -> str:
    """Return the renderer's style sheet."""
    return (HERE / "timeline.css").read_text(encoding="utf-8")


@cache
def evidence_style() -> str:
    """Return the style sheet of verdicts and evidence, with the colours of the causes."""
    return f"{(HERE / 'evidence.css').read_text(encoding='utf-8')}\n{cause_style()}"


def _joined(names: tuple[str, ...]) -> str:
    """Join modules into one: what they import from each other is then at hand, and only the default export stays."""
    sources = ((HERE / name).read_text(encoding="utf-8") for name in names)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", source)) for source in sources)
