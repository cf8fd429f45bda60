"""What a browser and a model would have logged of the synthetic call, with its stall in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from synthetic_call import ORIGIN_NS, STALL_S, STALLED_AT

from forensics.model import (
    EVENT_COLUMNS,
    SETUP_COLUMNS,
    SLACK_COLUMNS,
    STATISTICS_COLUMNS,
    Diagnosis,
    EventKind,
    Playout,
    Prompt,
)

ANSWER_S = 2.6  # capture second at which the answer's first audio comes
PIECE_S = 0.2
STALL_ON_CAPTURE_S = 0.35 + STALLED_AT * 0.02
LATE_PROMPT_S = (16.3, 16.5)


def with_telemetry(diagnosis: Diagnosis) -> Diagnosis:
    """Return `diagnosis` with statistics, events, slack, set-up, a replay's curve and a damaged prompt."""
    scene = diagnosis.scene
    end_s = scene.recording.duration_s
    times_s = _audio_times(end_s)
    scene = replace(
        scene,
        stats={"inbound-rtp": inbound(end_s, ssrc=scene.downlink.ssrc)},
        events=events(times_s),
        slack=slack(times_s),
        setup=setup(),
        replay=replay(end_s, ssrc=scene.downlink.ssrc),
    )
    return replace(diagnosis, scene=scene, prompts=(Prompt(16.0, 17.1, late_s=0.2, spans=((*LATE_PROMPT_S, "late"),)),))


def _audio_times(end_s: float) -> np.ndarray:
    """When each piece of audio came: twice as fast as it plays, but for the stall."""
    times_s = ANSWER_S + np.arange(round((end_s - ANSWER_S) / PIECE_S * 0.9)) * PIECE_S
    return times_s + np.where(times_s > STALL_ON_CAPTURE_S, STALL_S, 0.0)


def events(times_s: np.ndarray) -> pd.DataFrame:
    told = [
        (1.0, EventKind.SPEECH_STARTED, "", "input_audio_buffer.speech_started"),
        (2.0, EventKind.SPEECH_STOPPED, "", "input_audio_buffer.speech_stopped"),
        (2.02, EventKind.RESPONSE_STARTED, "", "response.created"),
        (2.3, EventKind.USER_TRANSCRIPT, "What is the weather?", "transcription.completed"),
        *((at_s, EventKind.AUDIO_PRODUCED, "", "response.output_audio.delta") for at_s in times_s),
        (15.4, EventKind.METRIC, "ttfb", "metrics"),
        (15.6, EventKind.RESPONSE_DONE, "completed", "response.done"),
        (np.nan, EventKind.OTHER, "", "session.updated"),
    ]
    columns = {
        "line": np.arange(len(told)) + 1,
        "received_at_s": [ORIGIN_NS / 1e9 + at_s for at_s, *_ in told],
        "capture_s": [at_s for at_s, *_ in told],
        "kind": [str(kind) for _, kind, *_ in told],
        "response_id": "r1",
        "item_id": "i1",
        "audio_s": np.where([kind is EventKind.AUDIO_PRODUCED for _, kind, *_ in told], PIECE_S, np.nan),
        "media_s": np.nan,
        "duration_s": np.nan,
        "text": [text for *_, text, _ in told],
        "name": [name for *_, name in told],
    }
    return pd.DataFrame(columns).astype(dict(EVENT_COLUMNS))


def slack(times_s: np.ndarray) -> pd.DataFrame:
    produced_s = np.arange(len(times_s)) * PIECE_S
    elapsed_s = times_s - times_s[0]
    half = len(times_s) // 2
    columns = {
        "response_id": ["r1"] * half + ["r2"] * (len(times_s) - half),
        "line": np.arange(len(times_s)) + 5,
        "capture_s": times_s,
        "produced_s": produced_s + PIECE_S,
        "elapsed_s": elapsed_s,
        "slack_s": produced_s + 0.15 - elapsed_s,
    }
    return pd.DataFrame(columns).astype(dict(SLACK_COLUMNS))


def setup() -> pd.DataFrame:
    rows = [
        ("ice", -0.6, -0.2, 4, "4 checks until a pair was nominated."),
        ("dtls", -0.2, 0.15, 9, "Handshake in 350 ms."),
        ("first_rtp", 0.15, 0.37, 21, "The first packet came 220 ms later."),
    ]
    return pd.DataFrame(rows, columns=[*SETUP_COLUMNS]).astype(dict(SETUP_COLUMNS))


def inbound(end_s: float, *, ssrc: int) -> pd.DataFrame:
    """Counters of a browser once a second: 80 ms deep, 60 ms wanted, 300 ms concealed in the second of the stall."""
    at_s = np.arange(0.5, end_s, 1.0)
    emitted = (at_s - 0.5) * 48_000
    counted = pd.DataFrame(
        {
            "id": "IT01",
            "ssrc": ssrc,
            "capture_s": at_s,
            "jitter_buffer_emitted_count": emitted,
            "jitter_buffer_delay": emitted * 0.08,
            "jitter_buffer_target_delay": emitted * 0.06,
            "concealed_samples": np.where(at_s > STALL_ON_CAPTURE_S, 0.3 * 48_000, 0.0),
        }
    )
    return counted.reindex(columns=[*STATISTICS_COLUMNS["inbound-rtp"], "capture_s"])


def replay(end_s: float, *, ssrc: int) -> Playout:
    tick_s = np.arange(0.4, end_s, 0.01)
    stalled = (tick_s > STALL_ON_CAPTURE_S) & (tick_s < STALL_ON_CAPTURE_S + STALL_S)
    curve = pd.DataFrame({"tick_s": tick_s, "target_delay_s": 0.06, "buffer_s": np.where(stalled, 0.0, 0.08)})
    hole = (STALL_ON_CAPTURE_S + 0.08, STALL_ON_CAPTURE_S + STALL_S + 0.04)
    concealed = pd.DataFrame({"start_s": [hole[0]], "end_s": [hole[1]], "late": [True]})
    return Playout(ssrc, "neteq", pd.DataFrame(), concealed, {}, curve)
