"""Event logs of every format, as their vendors write them: whole, of an older date, and broken."""

import base64
import gzip
import json
import math
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.errors import TelemetryError
from forensics.model import EVENT_COLUMNS, EventKind
from forensics.telemetry import read_events

T0 = 1_795_369_170.0  # 2026-11-22


def silence(seconds, *, octets_per_s):
    return base64.b64encode(bytes(round(seconds * octets_per_s))).decode()


def wrapped(*timed):
    """Lines of {"received_at", "event"}, each event so many seconds after `T0`."""
    return [{"received_at": T0 + at_s, "event": event} for at_s, event in timed]


@pytest.fixture
def write(tmp_path):
    def file(lines, name="events.jsonl"):
        text = lines if isinstance(lines, str) else "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return file


@pytest.fixture
def read(write):
    return lambda lines: read_events(write(lines))


def kinds(log):
    return [str(kind) for kind in log.events["kind"]]


# --- OpenAI Realtime --------------------------------------------------------------------------------------------------

OPENAI_WEBSOCKET = wrapped(
    (0.00, {"type": "session.created", "event_id": "event_1", "session": {
        "type": "realtime", "model": "gpt-realtime",
        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}},
                  "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}}}}),
    (1.00, {"type": "input_audio_buffer.speech_started", "event_id": "event_2", "audio_start_ms": 640,
            "item_id": "item_u1"}),
    (2.60, {"type": "input_audio_buffer.speech_stopped", "event_id": "event_3", "audio_end_ms": 1920,
            "item_id": "item_u1"}),
    (2.70, {"type": "conversation.item.input_audio_transcription.completed", "event_id": "event_4",
            "item_id": "item_u1", "content_index": 0, "transcript": "When does it leave?"}),
    (2.75, {"type": "response.created", "event_id": "event_5",
            "response": {"object": "realtime.response", "id": "resp_1", "status": "in_progress"}}),
    (3.10, {"type": "response.output_audio.delta", "event_id": "event_6", "response_id": "resp_1",
            "item_id": "item_a1", "output_index": 0, "content_index": 0,
            "delta": silence(0.25, octets_per_s=48_000)}),
    (3.20, {"type": "response.output_audio.delta", "event_id": "event_7", "response_id": "resp_1",
            "item_id": "item_a1", "output_index": 0, "content_index": 0, "audio_ms": 400}),
    (3.21, {"type": "response.output_audio_transcript.done", "event_id": "event_8", "response_id": "resp_1",
            "item_id": "item_a1", "output_index": 0, "content_index": 0, "transcript": "At nine."}),
    (3.30, {"type": "response.done", "event_id": "event_9",
            "response": {"object": "realtime.response", "id": "resp_1", "status": "completed"}}),
    (3.90, {"type": "conversation.item.truncated", "event_id": "event_10", "item_id": "item_a1",
            "content_index": 0, "audio_end_ms": 480}),
)  # fmt: skip


def test_openai_over_a_websocket(read):
    log = read(OPENAI_WEBSOCKET)
    events = log.events
    assert {name: str(dtype) for name, dtype in events.dtypes.items()} == dict(EVENT_COLUMNS)
    assert log.format == "OpenAI Realtime"
    assert log.skipped == {}
    assert kinds(log) == [
        "other", "speech_started", "speech_stopped", "user_transcript", "response_started", "audio_produced",
        "audio_produced", "agent_transcript", "response_done", "truncated",
    ]  # fmt: skip
    produced = events[events["kind"] == EventKind.AUDIO_PRODUCED]
    assert produced["audio_s"].tolist() == pytest.approx([0.25, 0.4])
    assert produced["response_id"].tolist() == ["resp_1", "resp_1"]
    assert events["media_s"].iloc[1:3].tolist() == pytest.approx([0.64, 1.92])
    assert events["audio_s"].iat[-1] == pytest.approx(0.48)
    assert events["received_at_s"].iat[0] == T0
    assert events["capture_s"].isna().all()
    assert events["text"].tolist()[3:5] == ["When does it leave?", "in_progress"]


def test_openai_over_webrtc_tells_of_playback_and_holds_no_audio(read):
    log = read(wrapped(
        (0.0, {"type": "response.created", "event_id": "e1", "response": {"id": "resp_1", "status": "in_progress"}}),
        (0.4, {"type": "output_audio_buffer.started", "event_id": "e2", "response_id": "resp_1"}),
        (2.0, {"type": "response.done", "event_id": "e3", "response": {"id": "resp_1", "status": "cancelled"}}),
        (2.1, {"type": "output_audio_buffer.cleared", "event_id": "e4", "response_id": "resp_1"}),
        (9.0, {"type": "output_audio_buffer.stopped", "event_id": "e5", "response_id": "resp_2"}),
    ))  # fmt: skip
    assert kinds(log) == [
        "response_started", "playback_started", "response_done", "playback_cleared", "playback_stopped"
    ]  # fmt: skip
    assert log.events["text"].iat[2] == "cancelled"


@pytest.mark.parametrize(
    ("session", "octets_per_s"),
    [
        ({"output_audio_format": "pcm16"}, 48_000),  # the beta
        ({"output_audio_format": "g711_ulaw"}, 8_000),
        ({"output_audio_format": "g711_alaw"}, 8_000),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, 8_000),  # today; SIP sideband
        ({"audio": {"output": {"format": {"type": "audio/pcma"}}}}, 8_000),
        ({}, 48_000),
    ],
)
def test_openai_audio_is_as_long_as_the_session_s_format_says(read, session, octets_per_s):
    delta = silence(0.2, octets_per_s=octets_per_s)
    log = read(wrapped(
        (0.0, {"type": "session.updated", "event_id": "e0", "session": session}),
        (0.1, {"type": "response.audio.delta", "event_id": "e1", "response_id": "resp_1", "item_id": "i",
               "output_index": 0, "content_index": 0, "delta": delta}),
    ))  # fmt: skip
    assert log.events["audio_s"].iat[1] == pytest.approx(0.2)
    assert log.events["name"].iat[1] == "response.audio.delta"


def test_audio_without_a_length_is_kept_and_said(read):
    delta = {"type": "response.audio.delta", "response_id": "r"}
    log = read(wrapped((0.0, {**delta, "delta": "~~ no base64 ~~"}), (0.1, {**delta, "audio_ms": 20})))
    assert math.isnan(log.events["audio_s"].iat[0])
    assert "1 of 2 events of audio hold neither base64 nor audio_ms" in log.notes


# --- Gemini Live ------------------------------------------------------------------------------------------------------

AUDIO_PART = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": silence(0.04, octets_per_s=48_000)}}
GEMINI = wrapped(
    (0.0, {"setupComplete": {}}),
    (1.0, {"serverContent": {"inputTranscription": {"text": "Hello"}}}),
    (1.5, {"serverContent": {"modelTurn": {"role": "model", "parts": [AUDIO_PART]}}}),
    (1.6, {"serverContent": {"modelTurn": {"parts": [AUDIO_PART, AUDIO_PART]},
                             "outputTranscription": {"text": "Hi there."}}}),
    (1.7, {"serverContent": {"generationComplete": True}}),
    (2.0, {"serverContent": {"turnComplete": True}, "usageMetadata": {"totalTokenCount": 9}}),
    (5.0, {"serverContent": {"modelTurn": {"parts": [AUDIO_PART]}}}),
    (5.2, {"serverContent": {"interrupted": True}}),
    (5.3, {"serverContent": {"turnComplete": True}}),
)  # fmt: skip


def test_gemini_answers_are_counted_and_its_audio_measured(read):
    log = read(GEMINI)
    assert log.format == "Gemini Live"
    assert kinds(log) == [
        "other", "user_transcript", "response_started", "audio_produced", "audio_produced", "audio_produced",
        "agent_transcript", "response_done", "other", "response_started", "audio_produced", "playback_cleared",
        "response_done",
    ]  # fmt: skip
    produced = log.events[log.events["kind"] == EventKind.AUDIO_PRODUCED]
    assert produced["audio_s"].tolist() == pytest.approx([0.04] * 4)
    assert produced["response_id"].tolist() == ["turn_1"] * 3 + ["turn_2"]
    assert log.events["text"].iat[-1] == "interrupted"


def test_gemini_in_the_names_of_the_python_library_and_at_another_rate(read):
    part = {"inline_data": {"mime_type": "audio/pcm;rate=16000", "data": silence(0.1, octets_per_s=32_000)}}
    log = read(wrapped(
        (0.0, {"voice_activity": {"voice_activity_type": "ACTIVITY_START"}}),
        (0.5, {"voice_activity_detection_signal": {"vad_signal_type": "VAD_SIGNAL_TYPE_EOS"}}),
        (1.0, {"server_content": {"model_turn": {"parts": [part]}, "turn_complete": None}}),
        (1.1, {"server_content": {"model_turn": {"parts": [{"inline_data": {"audio_ms": 60}}]}}}),
        (1.2, {"go_away": {"time_left": "10s"}}),
    ))  # fmt: skip
    assert kinds(log) == [
        "speech_started", "speech_stopped", "response_started", "audio_produced", "audio_produced", "other"
    ]  # fmt: skip
    assert log.events["audio_s"].iloc[3:5].tolist() == pytest.approx([0.1, 0.06])


# --- Pipecat ----------------------------------------------------------------------------------------------------------


def rtvi(name, **data):
    return {"label": "rtvi-ai", "type": name, **({"data": data} if data else {})}


def test_pipecat_messages_of_the_rtvi_standard(read):
    log = read(wrapped(
        (0.0, rtvi("user-started-speaking")),
        (1.0, rtvi("user-stopped-speaking")),
        (1.1, rtvi("user-transcription", text="Hel", user_id="u", timestamp="2026-11-22T10:00:00Z", final=False)),
        (1.2, rtvi("user-transcription", text="Hello", user_id="u", timestamp="2026-11-22T10:00:00Z", final=True)),
        (1.3, rtvi("bot-llm-started")),
        (1.9, rtvi("metrics", ttfb=[{"processor": "OpenAILLMService#0", "model": "gpt-4o", "value": 0.5},
                                    {"processor": "CartesiaTTSService#0", "value": 0.17}],
                   processing=[{"processor": "CartesiaTTSService#0", "value": 0.0005}],
                   characters=[{"processor": "CartesiaTTSService#0", "value": 12}])),
        (2.0, rtvi("bot-started-speaking")),
        (2.5, rtvi("bot-transcription", text="Hi.")),
        (4.0, rtvi("bot-stopped-speaking")),
        (4.1, rtvi("server-message", anything=1)),
    ))  # fmt: skip
    assert log.format == "Pipecat"
    assert kinds(log) == [
        "speech_started", "speech_stopped", "other", "user_transcript", "response_started", "metric", "metric",
        "metric", "playback_started", "agent_transcript", "playback_stopped", "other",
    ]  # fmt: skip
    metrics = log.events[log.events["kind"] == EventKind.METRIC]
    assert dict(zip(metrics["text"], metrics["duration_s"], strict=True)) == {
        "llm_ttft": 0.5, "tts_ttfb": 0.17, "tts_duration": 0.0005
    }  # fmt: skip
    assert log.events["response_id"].iat[8] == "answer_1"
    assert log.events["response_id"].iat[0] == ""


def pushed(name, at_s, **held):
    """A frame as an observer writes it down; its clock is the pipeline's, in nanoseconds."""
    return {"frame": name, "timestamp": round(at_s * 1e9), "source": "TTS", "destination": "Output", **held}


def test_pipecat_frames_are_counted_once_however_many_processors_pass_them_on(read):
    audio = {"sample_rate": 24_000, "num_channels": 1, "num_frames": 4_800}
    log = read([
        pushed("VADUserStoppedSpeakingFrame#1", 3.0),
        pushed("LLMFullResponseStartFrame#1", 3.4),
        pushed("TTSAudioRawFrame#1", 3.8, **audio),
        pushed("TTSAudioRawFrame#1", 3.8, **audio),
        pushed("TTSAudioRawFrame#2", 3.9, sample_rate=16_000, num_channels=1,
               audio=silence(0.1, octets_per_s=32_000)),
        pushed("MetricsFrame#1", 3.9, data=[{"type": "TTFBMetricsData", "processor": "DeepgramSTTService#0",
                                             "value": 0.09},
                                            {"type": "TTSUsageMetricsData", "processor": "x", "value": 4}]),
        pushed("BotStartedSpeakingFrame#1", 4.0),
        pushed("TTSStoppedFrame#1", 4.1),
        pushed("InterruptionFrame#1", 4.2),
        pushed("HeartbeatFrame#1", 4.3),
    ])  # fmt: skip
    assert kinds(log) == [
        "speech_stopped", "response_started", "audio_produced", "audio_produced", "metric", "playback_started",
        "response_done", "playback_cleared", "other",
    ]  # fmt: skip
    assert log.events["audio_s"].iloc[2:4].tolist() == pytest.approx([0.2, 0.1])
    assert log.events["received_at_s"].iat[0] == pytest.approx(3.0)
    assert log.events["text"].iat[4] == "stt_ttfb"


def loguru(message, at_s):
    return {"text": message, "record": {"message": message, "time": {"repr": "…", "timestamp": T0 + at_s}}}


def test_pipecat_s_own_log_lines(read):
    log = read([
        loguru("AnthropicLLMService#0 TTFB: 0.8378312587738037", 0.0),
        loguru("📊 [CartesiaTTSService#0] TTFB (sonic): 0.17s at 12.345s", 0.1),
        loguru("📊 [CartesiaTTSService#0] PROCESSING TIME: 0.25s at 12.345s", 0.2),
        loguru("CartesiaTTSService#0 text aggregation time: 0.2134", 0.3),
        loguru("SmallWebRTCOutput#0 → CartesiaTTSService#0: BotStartedSpeakingFrame id: 12 at 1.23s", 0.4),
        loguru("Bot stopped speaking", 0.5),
        loguru("Loading Silero VAD model...", 0.6),
    ])  # fmt: skip
    assert log.events["text"].tolist()[:4] == ["llm_ttft", "tts_ttfb", "tts_duration", "tts_text_aggregation"]
    assert log.events["duration_s"].tolist()[:4] == pytest.approx([0.8378312587738037, 0.17, 0.25, 0.2134])
    assert kinds(log)[4:] == ["playback_started", "playback_stopped"]
    assert log.events["received_at_s"].iat[5] == pytest.approx(T0 + 0.5)


# --- LiveKit ----------------------------------------------------------------------------------------------------------


def collected(at_s, **metrics):
    return {"type": "metrics_collected", "created_at": T0 + at_s, "metrics": {"timestamp": T0 + at_s, **metrics}}


LIVEKIT = [
    {"type": "user_state_changed", "old_state": "listening", "new_state": "speaking", "created_at": T0},
    {"type": "user_state_changed", "old_state": "speaking", "new_state": "listening", "created_at": T0 + 1},
    collected(1.5, type="eou_metrics", end_of_utterance_delay=0.55, transcription_delay=0.2,
              on_user_turn_completed_delay=0.01, speech_id="speech_1"),
    {"type": "agent_state_changed", "old_state": "listening", "new_state": "thinking", "created_at": T0 + 1.5},
    {"type": "user_input_transcribed", "transcript": "Hello?", "is_final": True, "created_at": T0 + 1.6},
    collected(2.0, type="llm_metrics", label="llm", request_id="r", duration=0.9, ttft=0.4, cancelled=False,
              completion_tokens=9, prompt_tokens=7, total_tokens=16, tokens_per_second=10.0, speech_id="speech_1"),
    {"type": "agent_state_changed", "old_state": "thinking", "new_state": "speaking", "created_at": T0 + 2.3},
    {"type": "tts_metrics", "label": "tts", "request_id": "r", "timestamp": T0 + 2.4, "ttfb": 0.3, "duration": 1.2,
     "audio_duration": 2.5, "cancelled": False, "characters_count": 30, "streamed": True, "speech_id": "speech_1"},
    {"type": "conversation_item_added", "created_at": T0 + 5,
     "item": {"id": "item_1", "type": "message", "role": "assistant", "content": ["Hello to you."],
              "interrupted": False, "metrics": {"llm_node_ttft": 0.41, "e2e_latency": 1.4,
                                                "started_speaking_at": T0 + 2.3}, "created_at": T0 + 2.0}},
    {"type": "agent_state_changed", "old_state": "speaking", "new_state": "listening", "created_at": T0 + 5},
    {"type": "close", "reason": "user_initiated", "created_at": T0 + 9},
]  # fmt: skip


def durations(log):
    metrics = log.events[log.events["kind"] == EventKind.METRIC]
    return dict(zip(metrics["text"], metrics["duration_s"], strict=True))


def test_livekit_metrics_and_states(read):
    log = read(LIVEKIT)
    assert log.format == "LiveKit Agents"
    assert [kind for kind in kinds(log) if kind != "metric"] == [
        "speech_started", "speech_stopped", "other", "user_transcript", "playback_started", "agent_transcript",
        "playback_stopped", "other",
    ]  # fmt: skip
    assert durations(log) == {
        "end_of_utterance_delay": 0.55, "transcription_delay": 0.2, "on_user_turn_completed_delay": 0.01,
        "llm_ttft": 0.41, "llm_duration": 0.9, "tts_ttfb": 0.3, "tts_duration": 1.2, "tts_audio_duration": 2.5,
        "e2e_latency": 1.4,
    }  # fmt: skip
    assert set(log.events.loc[log.events["text"] == "tts_ttfb", "response_id"]) == {"speech_1"}


def test_livekit_session_report(write):
    report = {
        "job_id": "J", "room_id": "R", "room": "r", "timestamp": T0 + 60,
        "events": [event for event in LIVEKIT if event["type"].endswith("changed")],
        "chat_history": {"items": [
            {"id": "i0", "type": "message", "role": "user", "content": ["Hello?"], "created_at": T0 + 1.6},
            {"id": "i1", "type": "message", "role": "assistant", "content": ["Hello to you."], "created_at": T0 + 2,
             "metrics": {"tts_node_ttfb": 0.31}},
            {"id": "i2", "type": "function_call", "name": "f", "created_at": T0 + 3},
        ]},
    }  # fmt: skip
    log = read_events(write(json.dumps(report, indent=1)))
    assert log.format == "LiveKit Agents"
    assert log.events.loc[log.events["kind"] == EventKind.AGENT_TRANSCRIPT, "text"].tolist() == ["Hello to you."]
    assert durations(log) == {"tts_ttfb": 0.31}
    assert kinds(log).count("playback_started") == 1


def test_livekit_of_before_states_and_of_node(read):
    log = read([
        {"type": "user_started_speaking", "timestamp": T0},
        {"type": "agent_started_speaking", "timestamp": T0 + 1},
        {"type": "agent_stopped_speaking", "timestamp": T0 + 2},
        {"type": "eou_metrics", "timestamp": (T0 + 3) * 1000, "endOfUtteranceDelayMs": 550, "speechId": "s"},
        {"type": "realtime_model_metrics", "timestamp": T0 + 4, "duration": 1.0, "ttft": -1},
    ])  # fmt: skip
    assert kinds(log) == ["speech_started", "playback_started", "playback_stopped", "metric", "metric"]
    assert log.events["received_at_s"].iat[3] == pytest.approx(T0 + 3)
    assert durations(log) == {"end_of_utterance_delay": 0.55, "llm_duration": 1.0}


# --- the neutral form, lines and clocks -------------------------------------------------------------------------------

NEUTRAL = [
    {"time": T0, "type": "speech_stopped", "media_ms": 1500},
    {"time": T0 + 0.3, "type": "response_started", "response_id": "a1"},
    {"time": T0 + 0.6, "type": "audio_produced", "response_id": "a1", "audio_ms": 120},
    {"time": T0 + 0.7, "type": "response_done", "response_id": "a1"},
]


def test_the_neutral_form(read):
    log = read(NEUTRAL)
    assert log.format == "neutral"
    assert kinds(log) == ["speech_stopped", "response_started", "audio_produced", "response_done"]
    assert log.events["audio_s"].iat[2] == pytest.approx(0.12)
    assert log.events["media_s"].iat[0] == pytest.approx(1.5)
    assert log.events["line"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        (T0, T0),
        (T0 * 1e3, T0),
        (T0 * 1e6, T0),
        (int(T0) * 10**9, T0),
        ("2026-11-22T17:39:30Z", T0),
        ("2026-11-22T18:39:30+01:00", T0),
        ("2026-11-22T17:39:30", T0),
        (str(T0), T0),
        (12.5, 12.5),
    ],
)
def test_times_in_every_unit(read, stamp, seconds):
    log = read([{"received_at": stamp, "event": {"type": "response_started"}}])
    assert log.events["received_at_s"].iat[0] == pytest.approx(seconds, abs=1e-3)


def test_the_time_of_receipt_goes_before_the_event_s_own(read):
    log = read([{"received_at": T0, "event": {"type": "eou_metrics", "timestamp": 5.0, "end_of_utterance_delay": 1}}])
    assert log.events["received_at_s"].iat[0] == T0


@pytest.mark.parametrize("pack", [gzip.compress, pytest.param(None, id="zstandard")])
def test_packed_logs(tmp_path, pack):
    import zstandard

    raw = "".join(json.dumps(line) + "\n" for line in OPENAI_WEBSOCKET).encode()
    (tmp_path / "events").write_bytes((pack or zstandard.ZstdCompressor().compress)(raw))
    assert len(read_events(tmp_path / "events").events) == 10


def test_a_packed_log_that_breaks_off_is_read_up_to_there(tmp_path):
    raw = "".join(json.dumps(line) + "\n" for line in OPENAI_WEBSOCKET * 20).encode()
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(raw)[:-200])
    log = read_events(path)
    assert 10 < len(log.events) < 200
    assert any("breaks off" in note for note in log.notes)


def test_a_last_line_that_is_cut_is_counted_and_said(read):
    text = "".join(json.dumps(line) + "\n" for line in OPENAI_WEBSOCKET)[:-40]
    log = read(text)
    assert len(log.events) == 9
    assert log.skipped == {"cut off": 1}
    assert "the log breaks off in line 10; read up to there" in log.notes


def test_what_is_no_event_is_counted_by_reason(read):
    lines = [json.dumps(line) for line in NEUTRAL]
    lines[1:1] = ["INFO: connected", "[1, 2]", json.dumps({"time": T0, "type": "barista.called"}), ""]
    lines += [json.dumps({"type": "response_done"})]
    log = read("\n".join(lines) + "\n")
    assert log.skipped == {"not JSON": 1, "not an object": 1, "unknown event": 1, "without a time": 1}
    assert "unknown events: barista.called (1)" in log.notes
    assert len(log.events) == 4


def test_unknown_events_of_a_known_vendor_are_counted(read):
    log = read(wrapped((0.0, {"type": "response.hologram.delta"}), (1.0, {"type": "response.created"})))
    assert log.skipped == {"unknown event": 1}


def test_a_log_may_hold_two_formats(read):
    log = read([*OPENAI_WEBSOCKET, *LIVEKIT[:2]])
    assert log.format == "OpenAI Realtime + LiveKit Agents"


def test_events_stand_in_the_order_of_time_and_a_clock_that_steps_back_is_said(read):
    log = read([NEUTRAL[1], NEUTRAL[0], *NEUTRAL[2:]])
    assert kinds(log)[0] == "speech_stopped"
    assert "the log's clock steps back by 0.300 s" in log.notes


def test_other_files_are_refused_with_what_was_found(read, tmp_path):
    with pytest.raises(TelemetryError, match=r"holds 1 events \(barista.called\), none of a known format"):
        read([{"type": "barista.called", "time": T0}])
    with pytest.raises(TelemetryError, match="no JSON object on any of its 2 lines"):
        read("hello\nworld\n")
    with pytest.raises(TelemetryError, match="none of 1 OpenAI Realtime events says when it came"):
        read([{"type": "response.created", "event_id": "e", "response": {"id": "r"}}])
    with pytest.raises(TelemetryError, match="no JSON object on any of its 0 lines"):
        read("")
    (tmp_path / "sound").write_bytes(b"RIFF\xff\xfe\x00\x80WAVE" * 9)
    with pytest.raises(TelemetryError, match="no UTF-8 text"):
        read_events(tmp_path / "sound")
    with pytest.raises(TelemetryError, match="cannot be read"):
        read_events(tmp_path / "nowhere")


FIELDS = st.sampled_from([
    "type", "event", "received_at", "timestamp", "delta", "audio_ms", "response", "session", "audio", "output",
    "format", "serverContent", "modelTurn", "parts", "inlineData", "data", "label", "frame", "name", "sample_rate",
    "num_frames", "record", "message", "time", "metrics", "item", "content", "ttft", "chat_history", "events",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.integers(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)
TYPES = st.sampled_from([
    "response.output_audio.delta", "response.created", "session.updated", "metrics_collected", "tts_metrics",
    "conversation_item_added", "user_state_changed", "audio_produced", "metrics", "speech_stopped",
])  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(FIELDS, VALUES | TYPES, max_size=6), min_size=1, max_size=5))
def test_whatever_stands_in_a_log_it_is_read_or_refused(lines):
    with NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))
        file.flush()
        try:
            log = read_events(Path(file.name))
        except TelemetryError:
            return
    assert list(log.events) == list(EVENT_COLUMNS)
    assert all(count > 0 for count in log.skipped.values())


def test_a_field_of_another_kind_than_its_vendor_writes_is_counted(read):
    log = read([*NEUTRAL, {"time": T0, "type": "tts_metrics", "ttfb": "soon"}, {"time": T0, "type": ["a"]}])
    assert log.skipped == {"damaged event": 2}
