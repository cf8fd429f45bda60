"""The model's event log: what a voice AI reports of its own work, in the names of the OpenAI Realtime API.

Server events of that API carry no wall clock, so a client notes when each came; so does this log. `audio_ms` is an
addition: how much audio a delta holds, which spares the reader the base64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forensics.lab.microphone import span_of
from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Scenario
from forensics.lab.script import SpokenLine

DELTA_S = 0.2
"""Audio in one delta; hosted voices send between 100 and 400 ms at a time."""

GENERATION_FACTOR = 0.5
"""A healthy model needs this much time per second of audio: twice real time."""

ENDPOINTING_S = 0.3
"""Silence after which the model takes the user's turn for ended."""

FIRST_AUDIO_S = 0.35
"""From the response's beginning to its first audio, in a healthy model."""

CANCELLING_S = 0.005
"""From the end of what was being sent to the last event about it, when the user interrupts."""

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
    throws it away leaves no trace here: the model was in time. Where the user interrupts, generation stops, the output
    buffer is cleared and the item truncated to what was sent of it.
    """
    events = [*_user_events(scenario)]
    for number, line in enumerate(plan.spoken):
        events += _response_events(plan, line, number)
    return tuple(sorted((event for event in events if event.at_s <= scenario.duration_s), key=lambda event: event.at_s))


def _user_events(scenario: Scenario) -> Iterator[ModelEvent]:
    path_s = scenario.network.one_way_delay_s
    for number, line in enumerate(scenario.lines_of("user")):
        _, end_s = span_of(line, scenario)
        item = f"item_user_{number}"
        for name, key, heard_s, wait_s in (
            ("speech_started", "audio_start_ms", line.at_s, 0.1),
            ("speech_stopped", "audio_end_ms", end_s, ENDPOINTING_S),
        ):
            event = {"type": f"input_audio_buffer.{name}", key: round(heard_s * 1000), "item_id": item}
            yield ModelEvent(heard_s + path_s + wait_s, event)


def _response_events(plan: SendPlan, line: SpokenLine, number: int) -> Iterator[ModelEvent]:
    named = {"response_id": f"resp_{number}", "item_id": f"item_agent_{number}", "output_index": 0, "content_index": 0}
    deltas = list(_deltas(plan, line))
    whole = line.cut_s is None or deltas[-1][0] < _cut_at_s(line)
    made = deltas if whole else [delta for delta in deltas if delta[0] < _cut_at_s(line)]
    created_s = min(line.line.at_s, deltas[0][0]) - FIRST_AUDIO_S
    started = {"id": named["response_id"], "status": "in_progress"}
    yield ModelEvent(created_s, {"type": "response.created", "response": started})
    yield ModelEvent(created_s + 0.01, {"type": "response.content_part.added", **named, "part": {"type": "audio"}})
    for at_s, audio_s in made:
        yield ModelEvent(at_s, {"type": "response.output_audio.delta", **named, "audio_ms": round(audio_s * 1000, 3)})
    yield from _ending(line, named, made_s=sum(audio_s for _, audio_s in made), at_s=made[-1][0] if whole else None)
    yield from _playing(plan, line, named)


def _cut_at_s(line: SpokenLine) -> float:
    return float("inf") if line.line.cut_at_s is None else line.line.cut_at_s


def _ending(line: SpokenLine, named: dict[str, Any], *, made_s: float, at_s: float | None) -> Iterator[ModelEvent]:
    """Tell that a response is made, or (without `at_s`) that the user's speech cancelled it halfway."""
    done: dict[str, Any] = {"id": named["response_id"], "status": "completed"}
    said = line.line.text
    if at_s is None:
        at_s = _cut_at_s(line)
        said = _text_until(line, made_s)
        done |= {"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}}
    yield ModelEvent(at_s + 0.002, {"type": "response.output_audio.done", **named})
    yield ModelEvent(at_s + 0.003, {"type": "response.output_audio_transcript.done", **named, "transcript": said})
    yield ModelEvent(at_s + 0.005, {"type": "response.done", "response": done})


def _text_until(line: SpokenLine, made_s: float) -> str:
    text, stop = line.line.text, 0
    for word in line.speech.words:
        if word.start_s < made_s:
            stop = text.find(word.text, stop) + len(word.text)
    return text[:stop]


def _playing(plan: SendPlan, line: SpokenLine, named: dict[str, Any]) -> Iterator[ModelEvent]:
    """Tell when the server's output buffer begins and ends to play, or was cleared, and how much of it was heard."""
    response = {"response_id": named["response_id"]}
    played = [packet for packet in plan.packets if packet.script_s is not None and _within(packet.script_s, line)]
    if not played:
        return
    yield ModelEvent(played[0].due_s, {"type": "output_audio_buffer.started", **response})
    if line.cut_s is None:
        yield ModelEvent(played[-1].due_s + 0.02, {"type": "output_audio_buffer.stopped", **response})
        return
    cut_s, heard_ms = _cut_at_s(line) + CANCELLING_S, round((line.cut_s - line.start_s) * 1000)
    yield ModelEvent(cut_s + 0.001, {"type": "output_audio_buffer.cleared", **response})
    place = {"item_id": named["item_id"], "content_index": 0, "audio_end_ms": heard_ms}
    yield ModelEvent(cut_s + 0.002, {"type": "conversation.item.truncated", **place})


def _within(script_s: float, line: SpokenLine) -> bool:
    return line.start_s <= script_s < line.end_s


def _deltas(plan: SendPlan, line: SpokenLine) -> Iterator[tuple[float, float]]:
    """Yield (when it is there, seconds of audio) for each delta of a line; a stall splits the delta it falls into."""
    blocks = [(script_s, until_s) for script_s, until_s in _stalls(plan) if line.start_s <= script_s < line.end_s]
    at_s, position_s = _tick_of(plan, line.start_s) - LEAD_S, line.start_s
    while position_s < line.whole_end_s - 1e-6:
        if blocks and position_s >= blocks[0][0] - 1e-6:
            at_s = max(at_s, blocks.pop(0)[1] - LEAD_S)
        stop_s = min(position_s + DELTA_S, blocks[0][0] if blocks else line.whole_end_s, line.whole_end_s)
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
