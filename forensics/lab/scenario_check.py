"""What makes a scenario impossible to play, or its truth ambiguous; messages name the line of the file."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from forensics.errors import AudioError, ScenarioError
from forensics.lab.scenario import (
    CODECS,
    FAULT_KINDS,
    LONGEST_CALL_S,
    SHORTEST_CALL_S,
    Fault,
    Line,
    Parameter,
    Scenario,
)
from forensics.lab.speech import read_speech
from forensics.lab.toml_lines import TomlLines

GUARD_S = 0.25
"""Faults closer than this are refused: NetEq refills after a hole within about a quarter of a second, and may open a
second hole while it does (measured on real calls), so that nobody could say whose hole it was."""

AUDIBLE_PLANES = ("network", "model", "sender", "receiver", "recorder")
"""Planes whose faults change what the recording holds; a fault of the tap or a duplicate does not."""


def check_scenario(scenario: Scenario, *, where: TomlLines | None = None) -> None:
    """Refuse a scenario that cannot be played, or whose truth would be ambiguous.

    Raises
    ------
    ScenarioError
        A value out of range, a time outside the call, two faults that overlap (or come closer than `GUARD_S`) and
        both change what is heard in one direction, or a late first audio where no line of the agent begins.
    """
    where = where or TomlLines("", scenario.name)
    _check_ranges(scenario, where)
    for index, line in enumerate(scenario.lines):
        _check_line(line, scenario, where=where, index=index)
    for index, fault in enumerate(scenario.faults):
        _check_fault(fault, scenario, where=where, index=index)
    for (i, a), (j, b) in combinations(enumerate(scenario.faults), 2):
        if _ambiguous(a, b):
            index, later, other = (j, b, a) if b.at_s >= a.at_s else (i, a, b)
            raise ScenarioError(
                f"{where.at(('fault', index))}: {later.kind} at {later.at_s:g} s comes "
                f"within {GUARD_S:g} s of {other.kind} ({other.at_s:g} to {other.end_s:g} s); nobody could tell whose "
                "hole it is. Move one of them."
            )


def _check_ranges(scenario: Scenario, where: TomlLines) -> None:
    def within(table: str, key: str, value: float, low: float, high: float) -> None:
        if not low <= value <= high:
            place = where.at((table,) if table else (), key)
            raise ScenarioError(f"{place}: {key} = {value:g}; expected {low:g} to {high:g}.")

    within("", "duration_s", scenario.duration_s, SHORTEST_CALL_S, LONGEST_CALL_S)
    within("sender", "bitrate_bps", scenario.sender.bitrate_bps, 6000, 510_000)
    within("sender", "clock_drift_ppm", scenario.sender.clock_drift_ppm, -1000, 1000)
    within("sender", "first_sequence_number", scenario.sender.first_sequence_number, 0, 65_535)
    within("sender", "first_timestamp", scenario.sender.first_timestamp, 0, 2**32 - 1)
    within("network", "one_way_delay_s", scenario.network.one_way_delay_s, 0, 2)
    for table, voice in (("agent", scenario.agent), ("user", scenario.user)):
        within(table, "speed_wpm", voice.speed_wpm, 80, 450)
        within(table, "pitch", voice.pitch, 0, 99)
    _check_choice(where.at(("sender",), "codec"), "codec", scenario.sender.codec, CODECS)
    _check_choice(where.at((), "capture_format"), "capture_format", scenario.capture_format, ("pcap", "pcapng"))
    if scenario.sender.packet_s not in (0.01, 0.02, 0.04, 0.06):
        place = where.at(("sender",), "packet_s")
        raise ScenarioError(f"{place}: packet_s = {scenario.sender.packet_s:g}; expected 0.01, 0.02, 0.04 or 0.06.")


def _check_line(line: Line, scenario: Scenario, *, where: TomlLines, index: int) -> None:
    path = ("line", index)
    if not 0 <= line.at_s < scenario.duration_s:
        place = where.at(path, "at_s")
        raise ScenarioError(f"{place}: at_s = {line.at_s:g} is outside the call of {scenario.duration_s:g} s.")
    if line.wav is not None:
        _check_sound(line.wav, where.at(path, "wav"))
    if line.cut_at_s is None:
        return
    place, begins = where.at(path, "cut_at_s"), [other.at_s for other in scenario.lines_of("user")]
    if line.who == "user":
        raise ScenarioError(f"{place}: cut_at_s is for lines of the agent; make the user's line shorter instead.")
    if not line.at_s < line.cut_at_s < scenario.duration_s:
        raise ScenarioError(
            f"{place}: cut_at_s = {line.cut_at_s:g}; expected a time after the line begins ({line.at_s:g} s) and "
            f"inside the call of {scenario.duration_s:g} s."
        )
    if not any(line.at_s <= at_s < line.cut_at_s for at_s in begins):
        raise ScenarioError(
            f"{place}: nobody interrupts: no line of the user begins between {line.at_s:g} and {line.cut_at_s:g} s, "
            "and an agent that falls silent for no reason could not be told from a fault. Let the user speak."
        )


def _check_sound(path: Path, place: str) -> None:
    """Refuse a sound file that is missing, unreadable or empty, before anything is played."""
    try:
        speech = read_speech(path)
    except AudioError as reason:
        raise ScenarioError(f"{place}: {reason} Its path counts from the folder of the scenario.") from reason
    if not len(speech.samples):
        raise ScenarioError(f"{place}: {path} holds no sound. Give a WAV, FLAC or Ogg file that somebody speaks in.")


def _check_choice(place: str, key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ScenarioError(f"{place}: {key} = {value!r}; expected one of {', '.join(choices)}.")


def _check_fault(fault: Fault, scenario: Scenario, *, where: TomlLines, index: int) -> None:
    path = ("fault", index)
    _check_choice(where.at(path, "kind"), "kind", fault.kind, tuple(FAULT_KINDS))
    if not 0 <= fault.at_s < scenario.duration_s:
        place = where.at(path, "at_s")
        raise ScenarioError(f"{place}: at_s = {fault.at_s:g} is outside the call of {scenario.duration_s:g} s.")
    if fault.rules.has_duration and not 0 < fault.duration_s <= scenario.duration_s - fault.at_s:
        raise ScenarioError(
            f"{where.at(path, 'duration_s')}: duration_s = {fault.duration_s:g}; a {fault.kind} at {fault.at_s:g} s "
            f"needs one above 0 that ends within the call of {scenario.duration_s:g} s."
        )
    for name, rule in fault.rules.parameters.items():
        _check_parameter(fault, name, rule, where.at(path, name))
    if fault.kind == "late_first_audio" and all(
        abs(line.at_s - fault.at_s) > GUARD_S for line in scenario.lines_of("agent")
    ):
        starts = ", ".join(f"{line.at_s:g}" for line in scenario.lines_of("agent")) or "none"
        raise ScenarioError(
            f"{where.at(path, 'at_s')}: no line of the agent begins at {fault.at_s:g} s; they begin at: {starts}."
        )


def _check_parameter(fault: Fault, name: str, rule: Parameter, place: str) -> None:
    value = fault[name]
    if value is None:
        raise ScenarioError(f"{place}: {fault.kind} needs {name!r}; it must be given.")
    if rule.choices:
        _check_choice(place, name, value, rule.choices)
    elif isinstance(value, bool) or not isinstance(value, int | float) or not rule.low <= value <= rule.high:
        raise ScenarioError(f"{place}: {name} = {value!r}; expected a number from {rule.low:g} to {rule.high:g}.")


def _ambiguous(a: Fault, b: Fault) -> bool:
    """Two faults change what is heard in the same direction, and are closer than the guard."""
    if a.rules.cause is None or b.rules.cause is None or not {a.plane, b.plane} <= set(AUDIBLE_PLANES):
        return False
    if not _directions(a) & _directions(b):
        return False
    return a.at_s < b.end_s + GUARD_S and b.at_s < a.end_s + GUARD_S


def _directions(fault: Fault) -> set[str]:
    if fault.plane != "network":
        return {"downlink"}
    return {"downlink", "uplink"} if fault["direction"] == "both" else {fault["direction"]}
