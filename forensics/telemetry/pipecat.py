"""Pipecat: RTVI messages as its clients get them, frames as its observers see them, its own log lines as JSON.

Three shapes, all of them what Pipecat has at hand: the messages of the RTVI standard (`bot-started-speaking`,
`metrics`, …), frames that an observer wrote down (`{"frame": "BotStartedSpeakingFrame#3", "timestamp": ns}`), and the
records of its loguru logger with `serialize=True`, in which `MetricsLogObserver`, `DebugLogObserver` and the transports
speak. Frames and records bear the pipeline's clock or loguru's wall time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from forensics.model import EventKind
from forensics.telemetry.event_row import NONE, EventRow, audio_seconds, milliseconds_s, own_time_s

MESSAGES = {
    "user-started-speaking": EventKind.SPEECH_STARTED,
    "user-stopped-speaking": EventKind.SPEECH_STOPPED,
    "bot-llm-started": EventKind.RESPONSE_STARTED,
    "bot-tts-stopped": EventKind.RESPONSE_DONE,
    "bot-started-speaking": EventKind.PLAYBACK_STARTED,
    "bot-stopped-speaking": EventKind.PLAYBACK_STOPPED,
    "bot-interruption": EventKind.PLAYBACK_CLEARED,
    "user-transcription": EventKind.USER_TRANSCRIPT,
    "bot-transcription": EventKind.AGENT_TRANSCRIPT,
}
"""Messages of the RTVI standard; every other one is kept as it is."""

FRAMES = {
    "UserStartedSpeakingFrame": EventKind.SPEECH_STARTED,
    "VADUserStartedSpeakingFrame": EventKind.SPEECH_STARTED,
    "UserStoppedSpeakingFrame": EventKind.SPEECH_STOPPED,
    "VADUserStoppedSpeakingFrame": EventKind.SPEECH_STOPPED,
    "LLMFullResponseStartFrame": EventKind.RESPONSE_STARTED,
    "TTSAudioRawFrame": EventKind.AUDIO_PRODUCED,
    "TTSStoppedFrame": EventKind.RESPONSE_DONE,
    "BotStartedSpeakingFrame": EventKind.PLAYBACK_STARTED,
    "BotStoppedSpeakingFrame": EventKind.PLAYBACK_STOPPED,
    "InterruptionFrame": EventKind.PLAYBACK_CLEARED,
    "StartInterruptionFrame": EventKind.PLAYBACK_CLEARED,
    "BotInterruptionFrame": EventKind.PLAYBACK_CLEARED,
    "TranscriptionFrame": EventKind.USER_TRANSCRIPT,
    "TTSTextFrame": EventKind.AGENT_TRANSCRIPT,
}

RECORDS = (
    (re.compile(r"\[?(?P<who>\w+#\d+)\]? TTFB(?: \([^)]*\))?: (?P<s>[\d.]+)"), "ttfb"),
    (re.compile(r"\[?(?P<who>\w+#\d+)\]? processing time(?: \([^)]*\))?: (?P<s>[\d.]+)", re.IGNORECASE), "duration"),
    (re.compile(r"\[?(?P<who>\w+#\d+)\]? text aggregation time: (?P<s>[\d.]+)"), "text_aggregation"),
)
"""Log lines of metrics: who, how long, and what it is called here."""

SPOKEN = {
    "Bot started speaking": EventKind.PLAYBACK_STARTED,
    "Bot stopped speaking": EventKind.PLAYBACK_STOPPED,
    "User started speaking": EventKind.SPEECH_STARTED,
    "User stopped speaking": EventKind.SPEECH_STOPPED,
}
"""Log lines of the transports."""

_STAGE = re.compile(r"LLM|STT|TTS")  # in capitals: ElevenLabsTTSService is no STT, DeepgramSTTService no TTS
_PUSHED = re.compile(r"(?:→|←) [^:]+: (?P<frame>\w+Frame)\b")
_DATA_NAMES = {
    "TTFBMetricsData": "ttfb",
    "TTFAMetricsData": "ttfa",
    "ProcessingMetricsData": "duration",
    "TextAggregationMetricsData": "text_aggregation",
}
_MESSAGE_METRICS = {"ttfb": "ttfb", "ttfa": "ttfa", "processing": "duration", "text_aggregation": "text_aggregation"}


class Pipecat:
    """Reader of Pipecat's messages, frames and log records; it counts the answers, for none bears an id."""

    name = "Pipecat"

    def __init__(self) -> None:
        self._answers = 0
        self._open = False
        self._seen: set[str] = set()

    def recognises(self, event: Mapping[str, Any]) -> bool:
        """Whether it is an RTVI message, a frame or a record of loguru."""
        rtvi = event.get("label") in ("rtvi-ai", "rtvi", "realtime-ai")
        record = isinstance(event.get("record"), Mapping) and "message" in event["record"]
        return rtvi or record or "Frame" in _frame_name(event)

    def rows(self, event: Mapping[str, Any]) -> Iterator[EventRow] | None:
        """Rows of one event; a frame that was seen before, at an earlier hop of the pipeline, gives none."""
        if "label" in event:
            return self._message(event)
        if "record" in event:
            return self._record(event["record"])
        return self._frame(event)

    def _message(self, event: Mapping[str, Any]) -> Iterator[EventRow]:
        name, data = str(event.get("type")), event.get("data")
        data = data if isinstance(data, Mapping) else {}
        if name == "metrics":
            yield from (
                _metric(str(held.get("processor")), _MESSAGE_METRICS[field], held.get("value"), name=name)
                for field in _MESSAGE_METRICS
                for held in data.get(field) or []
            )
            return
        kind = MESSAGES.get(name, EventKind.OTHER)
        if name == "user-transcription" and not data.get("final", True):
            kind = EventKind.OTHER
        yield self._row(kind, name, text=str(data.get("text") or ""))

    def _frame(self, event: Mapping[str, Any]) -> Iterator[EventRow] | None:
        name = _frame_name(event)
        held = {**event, **event["frame"]} if isinstance(event.get("frame"), Mapping) else event
        if "#" in name and name in self._seen:
            return iter(())
        self._seen.add(name)
        kind, at_s = name.split("#")[0], _pipeline_s(event)
        if kind == "MetricsFrame":
            return _frame_metrics(held.get("data") or [], at_s=at_s)
        row = self._row(
            FRAMES.get(kind, EventKind.OTHER), kind, at_s=at_s, text=str(held.get("text") or ""), audio_s=_audio_s(held)
        )
        return iter((row,))

    def _record(self, record: Mapping[str, Any]) -> Iterator[EventRow]:
        said = str(record.get("message"))
        stamp = record.get("time")
        at_s = own_time_s(stamp) if isinstance(stamp, Mapping) else NONE
        for pattern, meaning in RECORDS:
            if found := pattern.search(said):
                yield _metric(found["who"], meaning, found["s"].rstrip("."), name="log record", at_s=at_s)
                return
        pushed = _PUSHED.search(said)
        kind = FRAMES.get(pushed["frame"]) if pushed else SPOKEN.get(said.strip())
        if kind is not None:
            yield self._row(kind, pushed["frame"] if pushed else said.strip(), at_s=at_s)

    def _row(
        self, kind: EventKind, name: str, *, at_s: float = NONE, text: str = "", audio_s: float = NONE
    ) -> EventRow:
        """A row with the answer that it belongs to: one begins with the language model, or with the first audio."""
        if kind is EventKind.RESPONSE_STARTED or (kind in _OF_ANSWERS and not self._open):
            self._answers, self._open = self._answers + 1, True
        answer = f"answer_{self._answers}" if self._open and kind not in _OF_USERS else ""
        if kind in (EventKind.PLAYBACK_STOPPED, EventKind.PLAYBACK_CLEARED):
            self._open = False
        return EventRow(kind, name, at_s, response_id=answer, text=text, audio_s=audio_s)


_OF_ANSWERS = (EventKind.AUDIO_PRODUCED, EventKind.PLAYBACK_STARTED)
_OF_USERS = (EventKind.SPEECH_STARTED, EventKind.SPEECH_STOPPED, EventKind.USER_TRANSCRIPT)


def _frame_name(event: Mapping[str, Any]) -> str:
    """`BotStartedSpeakingFrame`, or `BotStartedSpeakingFrame#3`; empty where it is no frame."""
    frame = event.get("frame")
    name = frame.get("name") or frame.get("type") if isinstance(frame, Mapping) else frame
    return str(name) if isinstance(name, str) else ""


def _pipeline_s(event: Mapping[str, Any]) -> float:
    """Time of a frame: an observer's `timestamp` counts nanoseconds of the pipeline's own clock."""
    stamp = event.get("timestamp")
    return stamp * 1e-9 if isinstance(stamp, int) and not isinstance(stamp, bool) else own_time_s(event)


def _audio_s(frame: Mapping[str, Any]) -> float:
    """Seconds of 16-bit audio in a frame: by milliseconds, by its sample frames, or by its octets."""
    given_s = milliseconds_s(frame, "audio_ms")
    rate_hz = float(frame.get("sample_rate") or NONE)
    if isfinite(given_s):
        return given_s
    if frame.get("num_frames") is not None:
        return float(frame["num_frames"]) / rate_hz
    return audio_seconds(frame.get("audio"), octets_per_s=2 * rate_hz * float(frame.get("num_channels") or 1))


def _frame_metrics(data: Any, *, at_s: float) -> Iterator[EventRow]:
    """Durations of a MetricsFrame; token and character counts are none."""
    for held in data:
        kind = str(held.get("type") or held.get("class") or "")
        if kind in _DATA_NAMES:
            yield _metric(str(held.get("processor")), _DATA_NAMES[kind], held.get("value"), name=kind, at_s=at_s)


def _metric(who: str, meaning: str, value: Any, *, name: str, at_s: float = NONE) -> EventRow:
    """A duration, named by the stage that its service's name tells."""
    named = _STAGE.search(who)
    stage = named[0].lower() if named else ""
    called = "llm_ttft" if (stage, meaning) == ("llm", "ttfb") else f"{stage}_{meaning}".lstrip("_")
    try:
        duration_s = float(value)
    except (TypeError, ValueError):
        duration_s = NONE
    return EventRow(EventKind.METRIC, f"{name} {who}", at_s, duration_s=duration_s, text=called)
