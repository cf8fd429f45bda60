"""OpenAI Realtime: server events over WebSocket, WebRTC's data channel or the sideband of a SIP call.

Names as in OpenAI's API reference and the types of its Python library, the beta's (`response.audio.delta`) beside
those of the general release (`response.output_audio.delta`). Over WebRTC and SIP the audio goes by RTP and no deltas
come; `output_audio_buffer.started` and `.stopped` come there alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isnan
from typing import Any

from forensics.model import EventKind
from forensics.telemetry.event_row import EventRow, audio_seconds, milliseconds_s

PREFIXES = (
    "session.",
    "transcription_session.",
    "conversation.",
    "input_audio_buffer.",
    "output_audio_buffer.",
    "response.",
    "rate_limits.",
    "mcp_list_tools.",
)

OCTETS_PER_S = {
    "pcm16": 48_000.0,
    "audio/pcm": 48_000.0,
    "g711_ulaw": 8_000.0,
    "audio/pcmu": 8_000.0,
    "g711_alaw": 8_000.0,
    "audio/pcma": 8_000.0,
}
"""Octets in a second of each output format: 16 bit at 24 kHz, or G.711 at 8 kHz; the beta's names and today's."""

DEFAULT_OCTETS_PER_S = OCTETS_PER_S["pcm16"]

OTHER = frozenset({
    "conversation.created", "conversation.item.added", "conversation.item.created", "conversation.item.delete",
    "conversation.item.create", "conversation.item.deleted", "conversation.item.done", "conversation.item.retrieve",
    "conversation.item.retrieved", "conversation.item.truncate",
    "conversation.item.input_audio_transcription.delta", "conversation.item.input_audio_transcription.failed",
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.append", "input_audio_buffer.clear", "input_audio_buffer.cleared", "input_audio_buffer.commit",
    "input_audio_buffer.committed", "input_audio_buffer.dtmf_event_received", "input_audio_buffer.timeout_triggered",
    "output_audio_buffer.clear", "rate_limits.updated",
    "mcp_list_tools.in_progress", "mcp_list_tools.completed", "mcp_list_tools.failed",
    "response.create", "response.cancel", "response.content_part.added", "response.content_part.done",
    "response.output_item.added", "response.output_item.done", "response.audio.done", "response.output_audio.done",
    "response.audio_transcript.delta", "response.output_audio_transcript.delta", "response.text.delta",
    "response.output_text.delta", "response.text.done", "response.output_text.done",
    "response.function_call_arguments.delta", "response.function_call_arguments.done",
    "response.mcp_call_arguments.delta", "response.mcp_call_arguments.done", "response.mcp_call.in_progress",
    "response.mcp_call.completed", "response.mcp_call.failed",
    "session.created", "session.updated", "session.update", "transcription_session.created",
    "transcription_session.updated", "transcription_session.update", "error",
})  # fmt: skip
"""Events, of the server and of the client, that say nothing of when sound was heard or made."""


class OpenAiRealtime:
    """Reader of OpenAI Realtime events; it remembers the output format that the session was given."""

    name = "OpenAI Realtime"

    def __init__(self) -> None:
        self._octets_per_s = DEFAULT_OCTETS_PER_S
        self._readers: dict[str, Callable[[Mapping[str, Any]], EventRow]] = {
            "input_audio_buffer.speech_started": self._speech(EventKind.SPEECH_STARTED, "audio_start_ms"),
            "input_audio_buffer.speech_stopped": self._speech(EventKind.SPEECH_STOPPED, "audio_end_ms"),
            "response.created": self._response(EventKind.RESPONSE_STARTED),
            "response.done": self._response(EventKind.RESPONSE_DONE),
            "response.audio.delta": self._delta,
            "response.output_audio.delta": self._delta,
            "response.audio_transcript.done": self._transcript(EventKind.AGENT_TRANSCRIPT),
            "response.output_audio_transcript.done": self._transcript(EventKind.AGENT_TRANSCRIPT),
            "conversation.item.input_audio_transcription.completed": self._transcript(EventKind.USER_TRANSCRIPT),
            "conversation.item.truncated": self._truncated,
            "output_audio_buffer.started": self._named(EventKind.PLAYBACK_STARTED),
            "output_audio_buffer.stopped": self._named(EventKind.PLAYBACK_STOPPED),
            "output_audio_buffer.cleared": self._named(EventKind.PLAYBACK_CLEARED),
        }

    def recognises(self, event: Mapping[str, Any]) -> bool:
        """Whether `type` is one of OpenAI's families of events."""
        name = event.get("type")
        return isinstance(name, str) and (name.startswith(PREFIXES) or (name == "error" and "error" in event))

    def rows(self, event: Mapping[str, Any]) -> Iterator[EventRow] | None:
        """One row an event."""
        name = event["type"]
        if "session" in event:
            self._note_format(event["session"])
        if name in OTHER:
            return iter((self._named(EventKind.OTHER)(event),))
        return iter((self._readers[name](event),)) if name in self._readers else None

    def _note_format(self, session: Any) -> None:
        """Take the output format from where the beta has it, or from where it is today."""
        if not isinstance(session, Mapping):
            return
        output = session.get("audio", {}).get("output", {}) if isinstance(session.get("audio"), Mapping) else {}
        wanted = output.get("format") if isinstance(output, Mapping) else None
        wanted = wanted or session.get("output_audio_format")
        named = wanted.get("type") if isinstance(wanted, Mapping) else wanted
        self._octets_per_s = OCTETS_PER_S.get(str(named), self._octets_per_s)

    def _delta(self, event: Mapping[str, Any]) -> EventRow:
        audio_s = milliseconds_s(event, "audio_ms")
        if isnan(audio_s):
            audio_s = audio_seconds(event.get("delta"), octets_per_s=self._octets_per_s)
        return self._row(EventKind.AUDIO_PRODUCED, event, audio_s=audio_s)

    def _truncated(self, event: Mapping[str, Any]) -> EventRow:
        return self._row(EventKind.TRUNCATED, event, audio_s=milliseconds_s(event, "audio_end_ms"))

    def _speech(self, kind: EventKind, field: str) -> Callable[[Mapping[str, Any]], EventRow]:
        return lambda event: self._row(kind, event, media_s=milliseconds_s(event, field))

    def _response(self, kind: EventKind) -> Callable[[Mapping[str, Any]], EventRow]:
        def read(event: Mapping[str, Any]) -> EventRow:
            response = event.get("response")
            response = response if isinstance(response, Mapping) else {}
            return self._row(kind, {**event, "response_id": response.get("id", "")}, text=response.get("status", ""))

        return read

    def _transcript(self, kind: EventKind) -> Callable[[Mapping[str, Any]], EventRow]:
        return lambda event: self._row(kind, event, text=event.get("transcript", ""))

    def _named(self, kind: EventKind) -> Callable[[Mapping[str, Any]], EventRow]:
        return lambda event: self._row(kind, event)

    def _row(self, kind: EventKind, event: Mapping[str, Any], *, text: Any = "", **measured: float) -> EventRow:
        return EventRow(
            kind,
            event["type"],
            response_id=str(event.get("response_id") or ""),
            item_id=str(event.get("item_id") or ""),
            text=str(text or ""),
            **measured,
        )
