"""The model's event log: what a voice AI reports of its own work, in the names of the OpenAI Realtime API.

Server events of that API carry no wall clock, so a client notes when each came; so does this log. `audio_ms` is an
addition: how much audio a delta holds, which spares the reader the base64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forensics.lab.plan import SendPlan, SpokenLine
from forensics.lab.scenario import Scenario
from forensics.lab.speech import speak_line

DELTA_S = 0.2
"""Audio in one delta; hosted voices send between 100 and 400 ms at a time."""

GENERATION_FACTOR = 0.5
"""A healthy model needs this much time per second of audio: twice real time."""

ENDPOINTING_S = 0.3
"""Silence after which the model takes the user's turn for ended."""

FIRST_AUDIO_S = 0.35
"""From the response's beginning to its first audio, in a healthy model."""

LEAD_S = 0.06
"""How long before its first packet is due the first delta is there: a loop needs some time to take it up."""


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One event, due on the clock of the call."""

    at_s: float
    event: dict[str, Any]


def model_events(scenario: Scenario, plan: SendPlan) -> tuple[ModelEvent, ...]:
    """Return the events of a call in the order of time.

    Notes
    -----
    A delta comes when the model has made it, at twice real time from `LEAD_S` before the line is due; where the plan
    says that the model stalled, the audio behind the stall comes when the stall ends. A sender that holds audio back or
    throws it away leaves no trace here: the model was in time.
    """
    events = [*_user_events(scenario)]
    for number, line in enumerate(plan.spoken):
        events += _response_events(plan, line, number)
    return tuple(sorted((event for event in events if event.at_s <= scenario.duration_s), key=lambda event: event.at_s))


def _user_events(scenario: Scenario) -> Iterator[ModelEvent]:
    path_s = scenario.network.one_way_delay_s
    for number, line in enumerate(scenario.lines_of("user")):
        end_s = line.at_s + speak_line(line, scenario).duration_s
        item = f"item_user_{number}"
        for name, key, heard_s, wait_s in (
            ("speech_started", "audio_start_ms", line.at_s, 0.1),
            ("speech_stopped", "audio_end_ms", end_s, ENDPOINTING_S),
        ):
            event = {"type": f"input_audio_buffer.{name}", key: round(heard_s * 1000), "item_id": item}
            yield ModelEvent(heard_s + path_s + wait_s, event)


def _response_events(plan: SendPlan, line: SpokenLine, number: int) -> Iterator[ModelEvent]:
    response, item = f"resp_{number}", f"item_agent_{number}"
    named = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    deltas = list(_deltas(plan, line))
    first_s, last_s = deltas[0][0], deltas[-1][0]
    created_s = min(line.line.at_s, first_s) - FIRST_AUDIO_S
    yield ModelEvent(created_s, {"type": "response.created", "response": {"id": response, "status": "in_progress"}})
    yield ModelEvent(created_s + 0.01, {"type": "response.content_part.added", **named, "part": {"type": "audio"}})
    for at_s, audio_s in deltas:
        yield ModelEvent(at_s, {"type": "response.output_audio.delta", **named, "audio_ms": round(audio_s * 1000, 3)})
    yield ModelEvent(last_s + 0.002, {"type": "response.output_audio.done", **named})
    transcript = {"type": "response.output_audio_transcript.done", **named, "transcript": line.line.text}
    yield ModelEvent(last_s + 0.003, transcript)
    yield ModelEvent(last_s + 0.005, {"type": "response.done", "response": {"id": response, "status": "completed"}})
    played = [packet for packet in plan.packets if packet.script_s is not None and _within(packet.script_s, line)]
    if played:
        yield ModelEvent(played[0].due_s, {"type": "output_audio_buffer.started", "response_id": response})
        yield ModelEvent(played[-1].due_s + 0.02, {"type": "output_audio_buffer.stopped", "response_id": response})


def _within(script_s: float, line: SpokenLine) -> bool:
    return line.start_s <= script_s < line.end_s


def _deltas(plan: SendPlan, line: SpokenLine) -> Iterator[tuple[float, float]]:
    """Yield (when it is there, seconds of audio) for each delta of a line; a stall splits the delta it falls into."""
    blocks = [(script_s, until_s) for script_s, until_s in _stalls(plan) if line.start_s <= script_s < line.end_s]
    at_s, position_s = _tick_of(plan, line.start_s) - LEAD_S, line.start_s
    while position_s < line.end_s - 1e-6:
        if blocks and position_s >= blocks[0][0] - 1e-6:
            at_s = max(at_s, blocks.pop(0)[1] - LEAD_S)
        stop_s = min(position_s + DELTA_S, line.end_s, blocks[0][0] if blocks else line.end_s)
        yield at_s, stop_s - position_s
        at_s += (stop_s - position_s) * GENERATION_FACTOR
        position_s = stop_s


def _stalls(plan: SendPlan) -> list[tuple[float, float]]:
    """Return (place in the script, when the audio behind it is there) for every stall of the model."""
    found = []
    for departure in plan.departures:
        after = plan.packets[departure.after]
        if departure.part in ("stall", "fill") and after.script_s is not None:
            found.append((after.script_s, after.tick_s))
    return sorted(found)


def _tick_of(plan: SendPlan, script_s: float) -> float:
    """Return when the packet with a place of the script is made."""
    return next((p.tick_s for p in plan.packets if p.script_s is not None and p.script_s >= script_s - 1e-6), script_s)
