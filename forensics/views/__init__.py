"""What people look at: the timeline and the workbench in JupyterLab, and still figures. Loaded when first used."""

from __future__ import annotations

from forensics.front_door import offer

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

__getattr__, __dir__ = offer(__name__, _HOME)
