"""LiveKit Agents: session events, the metrics of its plugins, and session reports.

Field names as in `livekit.agents.metrics` and `livekit.agents.voice.events` for Python (seconds) and for Node
(milliseconds, in camel case). Its metrics end at the first audio of an answer: how the model fared inside it they
cannot tell, but a `TTSMetrics` holds how long synthesis took and how much audio came of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from forensics.model import EventKind
from forensics.telemetry.event_row import NONE, EventRow, own_time_s, read_time_s

METRICS: Mapping[str, Mapping[str, str]] = {
    "eou_metrics": {
        "end_of_utterance_delay": "end_of_utterance_delay",
        "transcription_delay": "transcription_delay",
        "on_user_turn_completed_delay": "on_user_turn_completed_delay",
    },
    "llm_metrics": {"ttft": "llm_ttft", "duration": "llm_duration"},
    "realtime_model_metrics": {"ttft": "llm_ttft", "duration": "llm_duration"},
    "tts_metrics": {"ttfb": "tts_ttfb", "duration": "tts_duration", "audio_duration": "tts_audio_duration"},
    "stt_metrics": {"duration": "stt_duration", "audio_duration": "stt_audio_duration"},
    "vad_metrics": {"inference_duration_total": "vad_duration"},
    "item": {
        "transcription_delay": "transcription_delay",
        "end_of_turn_delay": "end_of_utterance_delay",
        "on_user_turn_completed_delay": "on_user_turn_completed_delay",
        "llm_node_ttft": "llm_ttft",
        "tts_node_ttfb": "tts_ttfb",
        "e2e_latency": "e2e_latency",
    },
}
"""Type of metrics → field → the name that it gets here, whatever the framework."""

SPEAKING: Mapping[tuple[str, str], EventKind] = {
    ("user_state_changed", "speaking"): EventKind.SPEECH_STARTED,
    ("user_state_changed", ""): EventKind.SPEECH_STOPPED,
    ("agent_state_changed", "speaking"): EventKind.PLAYBACK_STARTED,
    ("agent_state_changed", ""): EventKind.PLAYBACK_STOPPED,
}
"""Who began, or (with "") ceased, to speak."""

PLAIN = {
    "user_started_speaking": EventKind.SPEECH_STARTED,
    "user_stopped_speaking": EventKind.SPEECH_STOPPED,
    "agent_started_speaking": EventKind.PLAYBACK_STARTED,
    "agent_stopped_speaking": EventKind.PLAYBACK_STOPPED,
    "speech_created": EventKind.RESPONSE_STARTED,
}
"""Events whose name says it all; those of speaking are from before states were reported."""

OTHER = frozenset({
    "function_tools_executed", "agent_false_interruption", "overlapping_speech", "session_usage_updated",
    "tool_execution_updated", "close", "session_close", "agent_error", "debug_message", "eot_prediction",
})  # fmt: skip

TYPES = {*METRICS, *PLAIN, *OTHER, "metrics_collected", "user_state_changed", "agent_state_changed",
         "user_input_transcribed", "conversation_item_added"} - {"item"}  # fmt: skip


class LiveKit:
    """Reader of LiveKit Agents events."""

    name = "LiveKit Agents"

    def recognises(self, event: Mapping[str, Any]) -> bool:
        """Whether `type` is one of LiveKit's events or metrics."""
        return event.get("type") in TYPES

    def rows(self, event: Mapping[str, Any]) -> Iterator[EventRow]:
        """Rows of an event; metrics give one each."""
        name = event["type"]
        at_s = own_time_s(event)
        if name in METRICS:
            return _metrics(event, METRICS[name], name=name, at_s=at_s)
        if name == "metrics_collected":
            held = event.get("metrics")
            held = held if isinstance(held, Mapping) else {}
            kind = str(held.get("type"))
            return _metrics(held, METRICS.get(kind, {}), name=kind, at_s=own_time_s(held) if held else at_s)
        if name == "conversation_item_added":
            return _item(event.get("item") or event.get("message"), at_s=at_s)
        return (replace(row, at_s=at_s) for row in _plain(event, name))


def _plain(event: Mapping[str, Any], name: str) -> Iterator[EventRow]:
    """States, transcripts and whatever its name explains."""
    if name in PLAIN:
        yield EventRow(PLAIN[name], name, response_id=str(event.get("speech_id") or ""))
    elif name == "user_input_transcribed":
        kind = EventKind.USER_TRANSCRIPT if event.get("is_final") else EventKind.OTHER
        yield EventRow(kind, name, item_id=str(event.get("item_id") or ""), text=str(event.get("transcript") or ""))
    elif name.endswith("_state_changed"):
        new, old = str(event.get("new_state") or event.get("state")), event.get("old_state")
        began, ceased = SPEAKING.get((name, new)), SPEAKING[name, ""]
        kind = began or (ceased if old == "speaking" else EventKind.OTHER)
        yield EventRow(kind, name, text=new)
    else:
        yield EventRow(EventKind.OTHER, name)


def _metrics(held: Mapping[str, Any], fields: Mapping[str, str], *, name: str, at_s: float) -> Iterator[EventRow]:
    """One row per duration that the metrics hold."""
    speech = str(held.get("speech_id") or held.get("speechId") or "")
    for field, meaning in fields.items():
        duration_s = _seconds(held, field)
        if duration_s >= 0:  # NaN where it is not there; -1 stands for "there was none"
            yield EventRow(EventKind.METRIC, name, at_s, response_id=speech, duration_s=duration_s, text=meaning)


def _seconds(held: Mapping[str, Any], field: str) -> float:
    """A duration in seconds, or in milliseconds as Node has it."""
    if held.get(field) is not None:
        return float(held[field])
    head, *rest = field.split("_")
    value = held.get(head + "".join(map(str.capitalize, rest)) + "Ms")
    return float(value) / 1000 if value is not None else NONE


def _item(item: Any, *, at_s: float) -> Iterator[EventRow]:
    """A message of the chat: what the agent said, or its words of the user, and the metrics that hang on it."""
    if not isinstance(item, Mapping):
        return
    agent = item.get("role") == "assistant"
    content = item.get("content")
    text = " ".join(part for part in (content if isinstance(content, list) else [content]) if isinstance(part, str))
    at_s = at_s if isfinite(at_s) else read_time_s(item.get("created_at"))
    kind = EventKind.AGENT_TRANSCRIPT if agent else EventKind.OTHER
    yield EventRow(kind, "conversation_item_added", at_s, item_id=str(item.get("id") or ""), text=text)
    held = item.get("metrics")
    if isinstance(held, Mapping):
        yield from _metrics(held, METRICS["item"], name="conversation_item_added", at_s=at_s)
