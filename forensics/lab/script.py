"""The script: the agent's lines laid out on a silent ground, one after the other, each where it may begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.errors import ScenarioError
from forensics.lab.scenario import Line, Scenario
from forensics.lab.speech import SPEECH_RATE_HZ, Speech, speak_line

LINE_GAP_S = 0.15
"""A line that cannot begin on time, because the one before it ran late, begins this long after it."""


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line of the script as it is played: where it stands in the script, and where in it the agent was cut off."""

    line: Line
    speech: Speech
    start_s: float
    cut_s: float | None = None

    @property
    def whole_end_s(self) -> float:
        """Where it would end in the script if nobody interrupted."""
        return self.start_s + self.speech.duration_s

    @property
    def end_s(self) -> float:
        """Where it ends in the script."""
        return self.whole_end_s if self.cut_s is None else self.cut_s


def place_lines(scenario: Scenario) -> tuple[SpokenLine, ...]:
    """Say where in the script each line of the agent stands.

    Raises
    ------
    ScenarioError
        The agent still speaks when the call ends, or is cut off when it does not speak.
    """
    spoken: list[SpokenLine] = []
    late = [fault for fault in scenario.faults if fault.kind == "late_first_audio"]
    for line in scenario.lines_of("agent"):
        own = [fault for fault in late if abs(fault.at_s - line.at_s) <= 0.25]
        earliest_s = _silent_from(spoken[-1]) + LINE_GAP_S if spoken else 0.0
        start_s = max(line.at_s + sum(fault.duration_s for fault in own), earliest_s)
        spoken.append(SpokenLine(line, speak_line(line, scenario), start_s))
    for placed in spoken:
        _check_spoken(placed, scenario)
    return tuple(spoken)


def _silent_from(line: SpokenLine) -> float:
    return min(line.end_s, line.line.cut_at_s or line.end_s)


def _check_spoken(line: SpokenLine, scenario: Scenario) -> None:
    where = f"Scenario {scenario.name}" + (f", line {line.line.line}" if line.line.line else "")
    if _silent_from(line) > scenario.duration_s:
        raise ScenarioError(
            f"{where}: the agent speaks until {line.end_s:.1f} s, the call ends at {scenario.duration_s:g} s. "
            "Make duration_s longer or the lines shorter."
        )
    cut_at_s = line.line.cut_at_s
    if cut_at_s is not None and not line.start_s < cut_at_s < line.end_s:
        raise ScenarioError(
            f"{where}: cut_at_s = {cut_at_s:g}, but the agent speaks from {line.start_s:.2f} to {line.end_s:.2f} s. "
            "Cut it off while it speaks."
        )


def lay_out(spoken: tuple[SpokenLine, ...], duration_s: float) -> np.ndarray:
    """Return the whole script, (n,) float32 at 48 kHz."""
    script = np.zeros(round(duration_s * SPEECH_RATE_HZ), np.float32)
    for line, stop_s in zip(spoken, stops_of(spoken, duration_s), strict=True):
        first, stop = round(line.start_s * SPEECH_RATE_HZ), round(stop_s * SPEECH_RATE_HZ)
        piece = line.speech.samples[: stop - first]
        script[first : first + len(piece)] = piece
    return script


def stops_of(spoken: tuple[SpokenLine, ...], duration_s: float) -> list[float]:
    """Return where in the script each line has ended at the latest: one that is cut off makes room for the next."""
    return [*(line.start_s for line in spoken[1:]), duration_s] if spoken else []
