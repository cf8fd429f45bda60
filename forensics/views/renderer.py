"""The renderer's source as one ES module: the files of `canvas/` and `timeline.js`, in the order of their needs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent

PARTS = ("axis", "dom", "theme", "source", "lane", "packets", "sound", "findings", "player", "panel", "gestures")
"""Files of `canvas/`; each imports only from those before it."""

_IMPORT = re.compile(r"^import [^;]+;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


@cache
def timeline_source() -> str:
    """Return the renderer as a module without imports, which exports anywidget's `render` by default."""
    parts = [HERE / "canvas" / f"{name}.js" for name in PARTS] + [HERE / "timeline.js"]
    return "\n".join(_inlined(part.read_text(encoding="utf-8")) for part in parts)


@cache
def timeline_style() -> str:
    """Return the renderer's style sheet."""
    return (HERE / "timeline.css").read_text(encoding="utf-8")


def _inlined(source: str) -> str:
    return _EXPORT.sub("", _IMPORT.sub("", source))
