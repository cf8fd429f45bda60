"""The call lab: labelled calls, recorded for real and simulated, from one scenario file.

`scenario` says what is said and what goes wrong; `speech` turns the text into samples; `plan` is what the voice AI
sends and when; `path` is what the network does to it. The recorder (`record`) runs the plan through a real browser,
the simulator through a modelled one; both write the same files and the same truth.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Fault": "forensics.lab.scenario",
    "Line": "forensics.lab.scenario",
    "Receiver": "forensics.lab.simulate_playout",
    "Scenario": "forensics.lab.scenario",
    "describe_truth": "forensics.lab.truth",
    "plot_simulated_call": "forensics.lab.picture",
    "read_scenario": "forensics.lab.scenario_file",
    "record_call": "forensics.lab.record",
    "simulate_call": "forensics.lab.simulate",
}

__all__ = [
    "Fault",
    "Line",
    "Receiver",
    "Scenario",
    "describe_truth",
    "plot_simulated_call",
    "read_scenario",
    "record_call",
    "simulate_call",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home at first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'forensics.lab' has no attribute {name!r}; it offers: {', '.join(__all__)}")
    return getattr(import_module(_HOME[name]), name)
