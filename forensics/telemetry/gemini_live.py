"""Gemini Live: messages of `BidiGenerateContent`, in the names of the wire or of Google's Python library.

A message bears no id of the answer it belongs to, so answers are counted: one begins with the first content behind the
end of the one before. Audio is 16 bit, at the rate that its MIME type names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from forensics.model import EventKind
from forensics.telemetry.event_row import EventRow, audio_seconds, milliseconds_s

OTHER = (
    "setupComplete", "setup", "clientContent", "realtimeInput", "toolCall", "toolResponse", "toolCallCancellation",
    "goAway", "sessionResumptionUpdate", "usageMetadata",
)  # fmt: skip
"""Messages, of the server and of the client, that say nothing of when sound was heard or made."""

ACTIVITY = {
    "ACTIVITY_START": EventKind.SPEECH_STARTED,
    "ACTIVITY_END": EventKind.SPEECH_STOPPED,
    "VAD_SIGNAL_TYPE_SOS": EventKind.SPEECH_STARTED,
    "VAD_SIGNAL_TYPE_EOS": EventKind.SPEECH_STOPPED,
}
"""What `voiceActivity` and, before it, `voiceActivityDetectionSignal` say of the user."""

DEFAULT_RATE_HZ = 24_000
"""What Gemini sends; the MIME type says it as well."""

_RATE = re.compile(r"rate=(\d+)")


class GeminiLive:
    """Reader of Gemini Live messages; it counts the answers."""

    name = "Gemini Live"

    def __init__(self) -> None:
        self._answers = 0
        self._open = self._generated = False

    def recognises(self, event: Mapping[str, Any]) -> bool:
        """Whether the message has one of the fields of a Live message at its head."""
        names = {_camel(name) for name in event}
        return not names.isdisjoint(
            {"serverContent", "setupComplete", "voiceActivity", "voiceActivityDetectionSignal", *OTHER}
        )

    def rows(self, event: Mapping[str, Any]) -> Iterator[EventRow] | None:
        """Rows of a message; one may hold audio, a transcript and the end of a turn at once."""
        message = {_camel(name): value for name, value in event.items()}
        rows = [*self._activity(message), *self._content(message.get("serverContent"))]
        named = next((name for name in OTHER if message.get(name) is not None), "")
        if not rows and not named and message.get("serverContent") is None:
            return None
        return iter(rows or [EventRow(EventKind.OTHER, named or "serverContent")])

    def _activity(self, message: Mapping[str, Any]) -> Iterator[EventRow]:
        for name in ("voiceActivity", "voiceActivityDetectionSignal"):
            signal = message.get(name)
            said = signal.values() if isinstance(signal, Mapping) else ()
            yield from (EventRow(ACTIVITY[str(value)], name) for value in said if str(value) in ACTIVITY)

    def _content(self, content: Any) -> Iterator[EventRow]:
        if not _is_map(content):
            return
        content = {_camel(name): value for name, value in content.items() if value is not None}
        heard, said = content.get("inputTranscription"), content.get("outputTranscription")
        if _is_map(heard) and heard.get("text"):
            yield EventRow(EventKind.USER_TRANSCRIPT, "inputTranscription", text=str(heard["text"]))
        turn = content.get("modelTurn")
        if _is_map(turn):
            yield from self._parts(turn.get("parts") or [])
        if _is_map(said) and said.get("text"):
            yield from self._begin()
            yield self._row(EventKind.AGENT_TRANSCRIPT, "outputTranscription", text=str(said["text"]))
        yield from self._ends(content)

    def _parts(self, parts: Any) -> Iterator[EventRow]:
        for part in parts:
            inline = next((part[name] for name in ("inlineData", "inline_data") if _is_map(part.get(name))), None)
            yield from self._begin()
            if inline is not None:
                yield self._row(EventKind.AUDIO_PRODUCED, "modelTurn", audio_s=_audio_s(inline))
            elif part.get("text"):
                yield self._row(EventKind.OTHER, "modelTurn", text=str(part["text"]))

    def _ends(self, content: Mapping[str, Any]) -> Iterator[EventRow]:
        if content.get("interrupted"):
            yield self._row(EventKind.PLAYBACK_CLEARED, "interrupted")
        if content.get("generationComplete"):
            yield self._row(EventKind.RESPONSE_DONE, "generationComplete", text="completed")
            self._generated = True
        if content.get("turnComplete"):
            kind = EventKind.OTHER if self._generated else EventKind.RESPONSE_DONE
            yield self._row(kind, "turnComplete", text="" if self._generated else "interrupted")
            self._open = self._generated = False

    def _begin(self) -> Iterator[EventRow]:
        """The start of an answer, where none is open."""
        if not self._open:
            self._answers, self._open = self._answers + 1, True
            yield self._row(EventKind.RESPONSE_STARTED, "modelTurn")

    def _row(self, kind: EventKind, name: str, *, text: str = "", audio_s: float = float("nan")) -> EventRow:
        answer = f"turn_{self._answers}" if self._answers else ""
        return EventRow(kind, name, response_id=answer, text=text, audio_s=audio_s)


def _audio_s(inline: Mapping[str, Any]) -> float:
    """Seconds of audio in one part."""
    given_s = milliseconds_s(inline, "audio_ms")
    if isfinite(given_s):
        return given_s
    rate = _RATE.search(str(inline.get("mimeType") or inline.get("mime_type") or ""))
    return audio_seconds(inline.get("data"), octets_per_s=2.0 * (int(rate.group(1)) if rate else DEFAULT_RATE_HZ))


def _camel(name: str) -> str:
    """Turn server_content into serverContent."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
