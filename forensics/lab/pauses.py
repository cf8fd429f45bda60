"""When the model has nothing to send."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.lab.scenario import Fault, Scenario


@dataclass(slots=True)
class Pause:
    """A stretch of ticks in which the script stands still."""

    fault: Fault
    start_s: float
    end_s: float
    timestamps: str


def pauses_of(scenario: Scenario) -> list[Pause]:
    """Return when the model has nothing to send; slow generation is one pause after every chunk."""
    pauses = []
    for fault in scenario.faults_of("model"):
        if fault.kind == "stall":
            pauses.append(Pause(fault, fault.at_s, fault.end_s, fault["timestamps"]))
        elif fault.kind == "slow_generation":
            chunk_s, missing_s = fault["chunk_s"], fault["chunk_s"] * (fault["real_time_factor"] - 1)
            at_s = fault.at_s + chunk_s
            while at_s + missing_s <= fault.end_s + 1e-9:
                pauses.append(Pause(fault, at_s, at_s + missing_s, fault["timestamps"]))
                at_s += missing_s + chunk_s
    return pauses
