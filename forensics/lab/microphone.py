"""The user's side of the sound: what is said into the microphone, and where in its recording each line really was."""

from __future__ import annotations

import numpy as np

from forensics.errors import ScenarioError
from forensics.lab.account import Account
from forensics.lab.locate import levels_dbfs
from forensics.lab.scenario import Line, Scenario
from forensics.lab.speech import SPEECH_RATE_HZ, speak_line

MICROPHONE_RATE_HZ = 16_000
"""Rate of mic.flac."""

MICROPHONE_LEAD_S = 1.0
"""The microphone begins this long before the call's zero: time for a recorder to learn that it began."""

TAIL_S = 1.2
"""Listened to after the last packet: the longest that a jitter buffer may still hold is played out."""

LOUD_DBFS = -45.0
LOUD_WINDOW_S = 0.01
LATE_S = 0.5
"""How much later than planned a line may have reached the microphone."""


def speak_user(scenario: Scenario) -> np.ndarray:
    """Return what the user says, (n,) float32 at 48 kHz from the call's zero until `TAIL_S` after its end.

    Raises
    ------
    ScenarioError
        The user still speaks when the call ends.
    """
    samples = np.zeros(round((scenario.duration_s + TAIL_S) * SPEECH_RATE_HZ), np.float32)
    for line in scenario.lines_of("user"):
        start_s, end_s = span_of(line, scenario)
        if end_s > scenario.duration_s:
            where = f"Scenario {scenario.name}" + (f", line {line.line}" if line.line else "")
            raise ScenarioError(
                f"{where}: the user speaks until {end_s:.1f} s, the call ends at {scenario.duration_s:g} s. "
                "Make duration_s longer or the line shorter."
            )
        speech, first = speak_line(line, scenario).samples, round(start_s * SPEECH_RATE_HZ)
        samples[first : first + len(speech)] += speech
    return samples


def with_lead(spoken: np.ndarray) -> np.ndarray:
    """Put the silence before the call's zero in front of what the user says."""
    return np.concatenate([np.zeros(round(MICROPHONE_LEAD_S * SPEECH_RATE_HZ), np.float32), spoken])


def span_of(line: Line, scenario: Scenario) -> tuple[float, float]:
    """Return when a line of the user begins and ends, in seconds of the call."""
    return line.at_s, line.at_s + speak_line(line, scenario).duration_s


def loud_span(account: Account, line: Line) -> tuple[float, float]:
    """Return the first and the last loud 10 ms of a line of the user, in recording time."""
    window = round(LOUD_WINDOW_S * MICROPHONE_RATE_HZ)
    start_s, end_s = span_of(line, account.scenario)
    first = max(0, round(float(account.recording_time(account.zero_s + start_s)) * MICROPHONE_RATE_HZ))
    piece = account.microphone[first : first + round((end_s - start_s + LATE_S) * MICROPHONE_RATE_HZ)]
    blocks = piece[: len(piece) // window * window].reshape(-1, window)
    loud = np.flatnonzero(levels_dbfs(blocks) > LOUD_DBFS) if len(blocks) else np.zeros(0, int)
    edges = (int(loud[0]) * window, (int(loud[-1]) + 1) * window) if len(loud) else (0, len(piece))
    return (first + edges[0]) / MICROPHONE_RATE_HZ, (first + edges[1]) / MICROPHONE_RATE_HZ
