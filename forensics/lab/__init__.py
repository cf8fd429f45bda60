"""The call lab: labelled calls, recorded for real and simulated, from one scenario file.

`scenario` says what is said and what goes wrong; `speech` turns the text into samples; `plan` is what the voice AI
sends and when; `path` is what the network does to it. The recorder (`record`) runs the plan through a real browser,
the simulator through a modelled one; both write the same files and the same truth.
"""

from __future__ import annotations

from forensics.front_door import offer

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

__getattr__, __dir__ = offer(__name__, _HOME)
