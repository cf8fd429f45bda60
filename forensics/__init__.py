"""Latency forensics for voice AI and WebRTC calls.

>>> import forensics as fx
>>> case = fx.open_case("sample_captures/mixed_call")
>>> diagnosis = fx.diagnose(case)
>>> diagnosis.glitches
>>> fx.workbench(diagnosis)
>>> fx.write_report(diagnosis, "report.html")

In a notebook, `%load_ext forensics` brings `%diagnose CASE`.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from forensics.front_door import offer

__version__ = "0.1.0"

_HOME = {
    "Case": "forensics.model",
    "Diagnosis": "forensics.model",
    "ForensicsError": "forensics.errors",
    "open_case": "forensics.case",
    "read_capture": "forensics.capture",
    "dissect": "forensics.capture.dissect",
    "find_streams": "forensics.streams",
    "diagnose": "forensics.diagnosis",
    "workbench": "forensics.views",
    "timeline": "forensics.views",
    "drop_area": "forensics.views",
    "write_report": "forensics.report",
    "compare": "forensics.comparison",
    "write_comparison": "forensics.report",
    "survey_calls": "forensics.survey",
    "write_exports": "forensics.exports",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604  the keys are strings

__getattr__, __dir__ = offer(__name__, _HOME)


def load_ipython_extension(shell: Any) -> None:
    """Give `%load_ext forensics` its magic: `%diagnose CASE`."""
    import_module("forensics.views.magic").register_magics(shell)
