"""What people look at: the timeline and the workbench in JupyterLab, and still figures. Loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "timeline": "forensics.views.widget",
    "workbench": "forensics.views.bench",
    "drop_area": "forensics.views.dropping",
    "make_view": "forensics.views.view",
    "plot_call": "forensics.views.figures",
    "plot_glitch": "forensics.views.figures",
    "plot_relative_delay": "forensics.views.figures",
    "plot_playout_curve": "forensics.views.playout_figures",
    "plot_buffer_target": "forensics.views.playout_figures",
    "plot_what_if_curve": "forensics.views.playout_figures",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name from its home at first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'forensics.views' has no attribute {name!r}; it offers: {', '.join(_HOME)}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
