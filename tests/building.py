"""Calls made to order, for the tests of the rooms between packets and verdict: a voice, its packets, what was heard.

Everything is small and seeded; a test names the fault, builds it in with these, and then looks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from forensics.causes.site import Site, find_site
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.candidate import candidate
from forensics.model import (
    EVENT_COLUMNS,
    JOURNEY_COLUMNS,
    LOSS_COLUMNS,
    REPORT_COLUMNS,
    RTP_COLUMNS,
    AudioTrack,
    Case,
    ClockMap,
    Codec,
    EventKind,
    Glitch,
    RtpStream,
    Scene,
    empty_table,
)
from forensics.telemetry.slack import estimate_slack

FRAME_S = 0.02
RATE_HZ = 48_000
SSRC = 0xDEADBEEF
AGENT, LISTENER = "192.0.2.10:40000", "198.51.100.7:51000"
CODECS = {"opus": ("libopus", 48_000, 48_000), "pcmu": ("pcm_mulaw", 8_000, 8_000), "g722": ("g722", 16_000, 8_000)}
"""RTP encoding name → FFmpeg codec, sample rate, RTP clock rate."""


@cache
def voice(seconds: float, *, seed: int = 1, rate_hz: int = RATE_HZ, pauses: bool = True) -> np.ndarray:
    """Return a voice of its own per seed: every syllable has another length, pitch and vowel; (n,) float32."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 1e-4, round(seconds * rate_hz))
    at_s, count = 0.05, 0
    while at_s < seconds:
        length_s = rng.uniform(0.12, 0.3)
        syllable = _syllable(length_s, rng, rate_hz)
        first = round(at_s * rate_hz)
        room = sound[first : first + len(syllable)]
        room += syllable[: len(room)]
        count += 1
        at_s += length_s + (rng.uniform(0.5, 0.8) if pauses and count % 9 == 0 else rng.uniform(0.0, 0.06))
    return sound.astype(np.float32)


def _syllable(length_s: float, rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    t = np.arange(round(length_s * rate_hz)) / rate_hz
    pitch_hz = rng.uniform(95, 190) * (1 + rng.uniform(-0.2, 0.2) * t / length_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    formants_hz = rng.uniform((300, 900, 2200), (800, 2000, 3200))
    mean_hz = float(pitch_hz.mean())
    sound = sum(
        sum(1 / (1 + ((n * mean_hz - hz) / 130) ** 2) for hz in formants_hz) * np.sin(n * phase + rng.uniform(0, 6))
        for n in range(1, min(22, int(0.45 * rate_hz / mean_hz)))
    )
    return 0.35 * sound / np.abs(sound).max() * np.sin(np.pi * t / length_s) ** 0.4


@cache
def encoded(codec: str, seconds: float, *, seed: int = 1) -> tuple[bytes, ...]:
    """Return `voice` in packets of 20 ms."""
    rate_hz = CODECS[codec][1]
    return encode(voice(seconds, seed=seed, rate_hz=rate_hz), codec)


def encode(sound: np.ndarray, codec: str) -> tuple[bytes, ...]:
    """Return a sound, at the rate of the codec, in packets of 20 ms."""
    import av

    name, rate_hz, _ = CODECS[codec]
    context = av.CodecContext.create(name, "w")
    context.sample_rate, context.layout, context.format = rate_hz, "mono", "s16"
    context.options = {"frame_duration": "20"} if codec == "opus" else {}
    size = round(FRAME_S * rate_hz)
    payloads = []
    for first in range(0, len(sound) - size + 1, size):
        samples = (np.clip(sound[first : first + size], -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        payloads += [bytes(packet) for packet in context.encode(frame)]
    return tuple(payloads)


def make_stream(
    payloads: Sequence[bytes],
    *,
    codec: str = "opus",
    arrival_s: np.ndarray | None = None,
    sequence: np.ndarray | None = None,
    timestamp: np.ndarray | None = None,
    lost: Sequence[int] = (),
    ssrc: int = SSRC,
    route: tuple[str, str] = (AGENT, LISTENER),
    reports: pd.DataFrame | None = None,
    readable: bool = True,
    level_dbov: np.ndarray | None = None,
) -> RtpStream:
    """Return the stream of these payloads, one each 20 ms; packets at the positions `lost` never came.

    `sequence` and `timestamp` are extended values in the order of sending; 100, 101, … and 20 ms apart where not given.
    """
    count, clock_hz = len(payloads), CODECS[codec][2]
    sequence = 100 + np.arange(count) if sequence is None else np.asarray(sequence)
    timestamp = 5000 + np.arange(count) * round(FRAME_S * clock_hz) if timestamp is None else np.asarray(timestamp)
    arrival_s = np.arange(count) * FRAME_S if arrival_s is None else np.asarray(arrival_s, dtype=float)
    sizes = np.array([len(payload) for payload in payloads], dtype=np.int64)
    kept = np.setdiff1d(np.arange(count), lost)
    rows = kept[np.argsort(arrival_s[kept], kind="stable")]
    table = {name: np.zeros(len(rows)) for name in RTP_COLUMNS} | {
        "frame": np.arange(len(rows)) + 1,
        "arrival_s": arrival_s[rows],
        "ssrc": np.full(len(rows), ssrc),
        "payload_type": np.full(len(rows), 111),
        "sequence_number": sequence[rows] & 0xFFFF,
        "timestamp": timestamp[rows] & 0xFFFF_FFFF,
        "ext_sequence_number": sequence[rows],
        "ext_timestamp": timestamp[rows],
        "payload_bytes": sizes[rows],
        "payload_offset": (np.cumsum(sizes) - sizes)[rows] if readable else np.full(len(rows), -1),
        "audio_level_dbov": np.full(len(rows), np.nan) if level_dbov is None else np.asarray(level_dbov)[rows],
        "abs_send_time_s": np.full(len(rows), np.nan),
        "transport_sequence_number": np.full(len(rows), -1),
    }
    return RtpStream(
        ssrc=ssrc,
        source=route[0],
        destination=route[1],
        flow=0,
        codec=Codec(codec, clock_hz),
        packets=pd.DataFrame(table).astype(dict(RTP_COLUMNS)),
        losses=empty_table(LOSS_COLUMNS),
        reports=empty_table(REPORT_COLUMNS) if reports is None else reports,
        octets=np.frombuffer(b"".join(payloads), np.uint8) if readable else np.zeros(0, np.uint8),
        encrypted=not readable,
        readable=readable,
    )


def silent_stream(arrival_s: np.ndarray, **changes: object) -> RtpStream:
    """Return a stream whose packets matter by their times alone."""
    return make_stream([b"\0" * 80] * len(arrival_s), arrival_s=arrival_s, **changes)  # type: ignore[arg-type]


def sender_reports(
    rows: Sequence[tuple[float, float, float, int]], *, clock_hz: int = RATE_HZ, first: int = 5000
) -> pd.DataFrame:
    """Return sender reports out of (arrival_s, wall_s, media_s, packet_count); media zero has the timestamp `first`."""
    return _reports(
        {
            "arrival_s": arrival_s,
            "packet_type": "SR",
            "sender_ssrc": SSRC,
            "ntp_ns": 1_700_000_000_000_000_000 + round(wall_s * 1e9),
            "rtp_timestamp": (first + round(media_s * clock_hz)) % 2**32,
            "packet_count": count,
        }
        for arrival_s, wall_s, media_s, count in rows
    )


def receiver_reports(rows: Sequence[tuple[float, int, int]]) -> pd.DataFrame:
    """Return report blocks about a stream out of (arrival_s, cumulative packets lost, highest sequence number)."""
    return _reports(
        {
            "arrival_s": arrival_s,
            "packet_type": "RR",
            "reported_ssrc": SSRC,
            "packets_lost": lost,
            "highest_sequence_number": highest,
        }
        for arrival_s, lost, highest in rows
    )


def _reports(rows) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    zeros = {"frame", "arrival_s", "flow", "sender_ssrc", "ntp_ns", "packets_lost"}
    blank = {
        name: 0 if name in zeros else np.nan if dtype == "float64" else -1 for name, dtype in REPORT_COLUMNS.items()
    }
    filled = [blank | {"frame": 9000 + at} | row for at, row in enumerate(rows)]
    return pd.DataFrame(filled, columns=list(REPORT_COLUMNS)).astype(dict(REPORT_COLUMNS))


def played(sound: np.ndarray, heard_s: np.ndarray, *, seconds: float, rate_hz: int = RATE_HZ) -> AudioTrack:
    """Return a recording in which the 20 ms pieces of `sound` are heard at `heard_s` (NaN: never), on a faint floor."""
    out = np.random.default_rng(9).normal(0, 1e-4, round(seconds * rate_hz)).astype(np.float32)
    size = round(FRAME_S * rate_hz)
    for piece, at_s in enumerate(heard_s):
        samples = sound[piece * size : (piece + 1) * size]
        at = round(at_s * rate_hz) if np.isfinite(at_s) else -1
        if 0 <= at <= len(out) - len(samples):
            out[at : at + len(samples)] = samples
    return track(out, rate_hz=rate_hz, name="recording")


def track(samples: np.ndarray, *, rate_hz: int = RATE_HZ, name: str = "track") -> AudioTrack:
    """Return samples as a track that is known from end to end."""
    samples = np.asarray(samples, np.float32)
    return AudioTrack(name, samples, rate_hz, ((0.0, len(samples) / rate_hz),))


def make_journey(count: int = 200, **columns: object) -> pd.DataFrame:
    """Return a faultless journey: 20 ms packets of loud speech, each 5 ms on its way, heard 60 ms after it came.

    `columns` replace whole columns. `lateness_s` moves the arrivals, and the lateness, of a faultless call.
    """
    media_s = np.asarray(columns.get("media_s", np.arange(count) * FRAME_S), dtype=float)
    late_s = np.broadcast_to(np.asarray(columns.get("lateness_s", 0.0), dtype=float), count)
    table = {
        "row": np.arange(count),
        "frame": 2 * np.arange(count) + 11,
        "ext_sequence_number": 100 + np.arange(count),
        "media_s": media_s,
        "duration_s": np.full(count, FRAME_S),
        "departure_s": np.full(count, np.nan),
        "arrival_s": media_s + 0.005 + late_s,
        "heard_s": media_s + 0.065,
        "located": np.ones(count, bool),
        "discarded": np.zeros(count, bool),
        "level_dbfs": np.full(count, -20.0),
        "tail_dbfs": np.full(count, -20.0),
        "speech": np.ones(count, bool),
        "marker": np.zeros(count, bool),
    } | columns | {"lateness_s": late_s - late_s.min()}  # fmt: skip
    return pd.DataFrame(table)[list(JOURNEY_COLUMNS)].astype(dict(JOURNEY_COLUMNS))


def without(journey: pd.DataFrame, lost: Sequence[int]) -> pd.DataFrame:
    """Return a journey whose packets at the positions `lost` never came."""
    return journey.drop(index=list(lost)).reset_index(drop=True)


def make_scene(**known: object) -> Scene:
    """Return a scene in which only `known` is known; with a journey it has a downlink to go with it."""
    if known.get("journey") is not None and "downlink" not in known:
        known["downlink"] = silent_stream(np.asarray(known["journey"]["arrival_s"]))  # type: ignore[index]
    tables = ("heard", "replay", "journey", "events")
    files = ("capture", "sender_capture", "downlink", "uplink", "recording", "microphone", "sent")
    blank = dict.fromkeys((*files, *tables))
    empty = {"inputs": (), "streams": (), "sender_streams": (), "turns": (), "clocks": {}, "stats": {}}
    return Scene(case=Case("built"), **(blank | empty | known))  # type: ignore[arg-type]


def make_glitch(kind: str = "hole", start_s: float = 1.0, end_s: float = 1.1, **changes: object) -> Glitch:
    """Return a glitch whose capture times are its own."""
    fields = {"capture_start_s": start_s, "capture_end_s": end_s, "direction": "downlink", "ssrc": SSRC} | changes
    return Glitch(kind, start_s, end_s, **fields)  # type: ignore[arg-type]


def make_site(journey: pd.DataFrame, at: int, *, kind: str = "late", **known: object) -> Site:
    """Return the site of the glitch in front of the packet at journey position `at`; `known` goes to the scene.

    `measured` adds measurements to those of the boundary.
    """
    measured = known.pop("measured", {})
    scene = make_scene(journey=journey, **known)
    glitch = candidate(scene, measure_boundaries(journey), at, kind=kind, found_by="test")
    site = find_site(replace(glitch, measurements={**glitch.measurements, **measured}), scene)  # type: ignore[dict-item]
    assert site is not None
    return site


def make_events(*answers: Sequence[tuple[float, float]], playback: bool = False) -> pd.DataFrame:
    """Return an event log, placed on the axis, of answers "a1", "a2", … out of (at_s, audio_s) per piece.

    Each was begun 0.3 s before its first piece and done with its last; with `playback` it was played from its first.
    """
    rows = []
    for number, pieces in enumerate(answers, start=1):
        answer, first_s, last_s = f"a{number}", pieces[0][0], pieces[-1][0]
        rows.append((first_s - 0.3, EventKind.RESPONSE_STARTED, answer, np.nan, "in_progress"))
        rows += [(first_s, EventKind.PLAYBACK_STARTED, answer, np.nan, "")] if playback else []
        rows += [(at_s, EventKind.AUDIO_PRODUCED, answer, audio_s, "") for at_s, audio_s in pieces]
        rows.append((last_s, EventKind.RESPONSE_DONE, answer, np.nan, "completed"))
    table = pd.DataFrame(rows, columns=["capture_s", "kind", "response_id", "audio_s", "text"])
    blank = {"line": np.arange(len(rows)) + 1, "item_id": "", "media_s": np.nan, "duration_s": np.nan, "name": ""}
    table = table.assign(received_at_s=table["capture_s"], kind=table["kind"].astype(str), **blank)
    return table[list(EVENT_COLUMNS)].astype(dict(EVENT_COLUMNS)).sort_values("capture_s", ignore_index=True)


def logged(*answers: Sequence[tuple[float, float]], error_s: float = 0.02, **more: bool) -> dict[str, object]:
    """Return what `make_scene` is to know of an event log: events, slack and the log's clock."""
    events = make_events(*answers, **more)
    clocks = {"events": ClockMap("events", 0.0, error_s, "wall-clock")}
    return {"events": events, "slack": estimate_slack(events), "clocks": clocks}
