"""A call with known faults as a finished `Diagnosis`, for the rooms that only show: no capture is parsed for it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from forensics.model import (
    LOSS_COLUMNS,
    REPORT_COLUMNS,
    RTP_COLUMNS,
    AudioTrack,
    Case,
    Cause,
    ClockMap,
    Codec,
    Diagnosis,
    Evidence,
    Glitch,
    InputFile,
    Playout,
    RtpStream,
    Scene,
    Step,
    Turn,
    Verdict,
    empty_table,
)

RATE_HZ = 48_000
FRAME_S = 0.020
NETWORK_S = 0.020
BUFFER_S = 0.060
OFFSET_S = 0.418  # recording zero, on the capture's clock
ORIGIN_NS = 1_795_356_000_000_000_000
LOST = range(350, 361)  # 11 packets: 220 ms from media second 7.00
STALLED_AT, STALL_S = 600, 0.4  # the sender pauses at media second 12.00, timestamps contiguous
SPIKE = range(850, 862)  # held on the path, then released at once


@cache
def speech(seconds: float, *, seed: int) -> np.ndarray:
    """Return a voice-like sound: harmonics under formants that come in syllables; float32 at RATE_HZ."""
    rng = np.random.default_rng(seed)
    coarse = np.arange(round(seconds * RATE_HZ / 3)) * 3 / RATE_HZ
    sound = np.interp(np.arange(round(seconds * RATE_HZ)) / RATE_HZ, coarse, _voice(coarse)) * 0.6
    t = np.arange(len(sound)) / RATE_HZ
    hiss = rng.normal(0, 0.02, len(t)) * np.clip(np.sin(2 * np.pi * 1.3 * t + 2) - 0.5, 0, 1)
    return (sound + hiss + rng.normal(0, 2e-4, len(t))).astype(np.float32)


def _voice(t: np.ndarray) -> np.ndarray:
    """Harmonics of a wandering pitch under two formants, as syllables; between -1 and 1."""
    pitch = 118 + 14 * np.sin(2 * np.pi * 0.6 * t) + 6 * np.sin(2 * np.pi * 2.3 * t)
    phase = 2 * np.pi * np.cumsum(pitch) * (t[1] - t[0])
    formants = [(620 + 180 * np.sin(2 * np.pi * 1.7 * t), 1.0), (1650 + 420 * np.sin(2 * np.pi * 1.1 * t + 1), 0.5)]
    voice = np.zeros(len(t))
    for harmonic in range(1, 26):
        gain = sum(g / (1 + ((harmonic * pitch - hz) / 160) ** 2) for hz, g in formants) + 0.3 / harmonic**1.5
        voice += gain * np.sin(harmonic * phase)
    syllables = np.clip(np.sin(2 * np.pi * 2.1 * t) + 0.4 * np.sin(2 * np.pi * 0.37 * t) + 0.25, 0, 1) ** 0.7
    return voice / np.abs(voice).max() * syllables


def rtp_stream(*, frames: int, ssrc: int = 0xDEADBEEF) -> tuple[RtpStream, np.ndarray]:
    """Return a downlink of `frames` packets with a loss, a stall and a spike, and when each sequence number arrived."""
    rng = np.random.default_rng(5)
    media_s = np.arange(frames) * FRAME_S
    sent_s = media_s + np.where(np.arange(frames) >= STALLED_AT, STALL_S, 0.0)
    arrival_s = 0.35 + sent_s + NETWORK_S + rng.gamma(2.0, 0.0015, frames)
    arrival_s[SPIKE.start : SPIKE.stop] = arrival_s[SPIKE.stop] - 0.002 + np.arange(len(SPIKE)) * 1e-4
    arrival_s[200], arrival_s[201] = arrival_s[201], arrival_s[200]
    kept = np.setdiff1d(np.arange(frames), LOST)
    sequence = kept[np.argsort(arrival_s[kept], kind="stable")]
    sequence = np.insert(sequence, 420, sequence[419])  # a duplicate
    arrived = arrival_s[sequence] + np.where(np.arange(len(sequence)) == 420, 1e-4, 0)
    packets = _packet_table(sequence, arrived, ssrc)
    rows = {int(s): row for row, s in reversed(list(enumerate(sequence)))}
    losses = pd.DataFrame(
        {
            "first_ext_sequence_number": [LOST.start + 1000],
            "packets": [len(LOST)],
            "before": [rows[LOST.start - 1]],
            "after": [rows[LOST.stop]],
            "media_s": [len(LOST) * FRAME_S],
        }
    ).astype(dict(LOSS_COLUMNS))
    stream = RtpStream(
        ssrc=ssrc,
        source="192.0.2.10:40717",
        destination="198.51.100.7:51613",
        flow=0,
        codec=Codec("opus", RATE_HZ, 2),
        packets=packets,
        losses=losses,
        reports=empty_table(REPORT_COLUMNS),
        octets=np.zeros(0, np.uint8),
        cname="agent",
    )
    return stream, arrival_s


def _packet_table(sequence: np.ndarray, arrived: np.ndarray, ssrc: int) -> pd.DataFrame:
    count = len(sequence)
    delay_s = arrived - sequence * FRAME_S
    fate = np.zeros(count)
    fate[np.flatnonzero(np.diff(sequence) < 0) + 1] = 1
    fate[420] = 2
    table = {name: np.zeros(count) for name in RTP_COLUMNS} | {
        "frame": np.arange(count) * 2 + 21,
        "arrival_s": arrived,
        "ssrc": np.full(count, ssrc),
        "payload_type": np.full(count, 111),
        "marker": np.isin(sequence, [0, 450]),
        "sequence_number": (sequence + 1000) & 0xFFFF,
        "timestamp": sequence * 960,
        "ext_sequence_number": sequence + 1000,
        "ext_timestamp": sequence * 960,
        "payload_bytes": np.full(count, 80),
        "payload_offset": np.full(count, -1),
        "relative_delay_s": delay_s - delay_s.min(),
        "fate": fate,
        "audio_level_dbov": np.full(count, np.nan),
        "abs_send_time_s": np.full(count, np.nan),
        "transport_sequence_number": np.full(count, -1),
    }
    return pd.DataFrame(table).astype(dict(RTP_COLUMNS))


def heard_playout(stream: RtpStream, arrival_s: np.ndarray) -> tuple[Playout, np.ndarray]:
    """Return where each packet was heard: at the buffer's pace, later after the stall."""
    packets = stream.packets.drop_duplicates("ext_sequence_number").sort_values("ext_sequence_number")
    sequence = packets["ext_sequence_number"].to_numpy() - 1000
    due_s = sequence * FRAME_S + 0.35 + NETWORK_S + BUFFER_S - OFFSET_S
    due_s += np.where(sequence >= STALLED_AT, STALL_S - 0.03, 0.0)
    heard_s = np.maximum(due_s, arrival_s[sequence] + 0.012 - OFFSET_S)
    heard_s[np.isin(sequence, SPIKE)] += np.arange(len(SPIKE)) * FRAME_S
    later = sequence >= SPIKE.stop
    heard_s[later] = np.maximum(heard_s[later], heard_s[np.flatnonzero(sequence == SPIKE.stop - 1)[0]] + FRAME_S)
    table = pd.DataFrame(
        {
            "row": packets.index.to_numpy(),
            "media_s": sequence * FRAME_S,
            "duration_s": FRAME_S,
            "heard_s": heard_s,
            "score": 0.98,
            "level_dbfs": -22.0,
        }
    )
    return Playout(stream.ssrc, "heard", table, pd.DataFrame({"start_s": [], "end_s": [], "late": []})), sequence


def recorded(sent: np.ndarray, playout: Playout, seconds: float) -> np.ndarray:
    """Return what the listener heard: each packet's audio where it was played, a faint floor elsewhere."""
    out = np.random.default_rng(9).normal(0, 1e-4, round(seconds * RATE_HZ)).astype(np.float32)
    size = round(FRAME_S * RATE_HZ)
    for media_s, heard_s in zip(playout.packets["media_s"], playout.packets["heard_s"], strict=True):
        first, at = round(media_s * RATE_HZ), round(heard_s * RATE_HZ)
        piece = sent[first : first + size]
        if 0 <= at <= len(out) - len(piece):
            out[at : at + len(piece)] = piece
    return out


def verdicts() -> tuple[Verdict, ...]:
    """Return three verdicts and a masked one, each with evidence for, against and not checkable."""
    lost_at = LOST.start * FRAME_S + 0.012
    stall_at = STALLED_AT * FRAME_S + 0.012
    spike_at = SPIKE.start * FRAME_S + STALL_S - 0.088
    return (
        _verdict(
            "g01",
            "loss",
            (lost_at, lost_at + 0.21),
            cause=Cause.NETWORK_DROP,
            mechanism="burst_loss",
            confidence=0.97,
            remedy="Forward error correction over 12 packets, or a second path.",
            would_not_help="A deeper jitter buffer: the packets never came.",
        ),
        _verdict(
            "g02",
            "stall",
            (stall_at, stall_at + 0.30),
            cause=Cause.LATE_MODEL_OUTPUT,
            mechanism="stall",
            confidence=0.93,
            remedy="A send lead of 400 ms, or faster generation.",
            would_not_help="A jitter buffer: the audio did not exist yet.",
        ),
        _verdict(
            "g03",
            "hole",
            (spike_at, spike_at + 0.18),
            cause=Cause.BUFFER_UNDERRUN,
            mechanism="delay_spike",
            confidence=0.81,
            remedy="A buffer target of 260 ms.",
            would_not_help="Error correction: nothing was lost.",
        ),
        _verdict(
            "g04",
            "hole",
            (20.4, 20.46),
            cause=Cause.UNDETERMINED,
            mechanism="",
            confidence=0.41,
            remedy="Capture at the sender as well.",
            audible=False,
        ),
    )


def _verdict(name, kind, span, *, cause, mechanism, confidence, remedy, would_not_help="", audible=True):
    """Judge a glitch over `span` with evidence of every kind."""
    glitch = Glitch(
        kind,
        *span,
        span[0] + OFFSET_S - BUFFER_S,
        span[1] + OFFSET_S - BUFFER_S,
        "downlink",
        0xDEADBEEF,
        audible=audible,
        frames=(720, 722, 724),
        found_by=("find_test",),
    )
    other = Cause.BUFFER_UNDERRUN if cause is not Cause.BUFFER_UNDERRUN else Cause.NETWORK_DROP
    evidence = (
        Evidence(
            "sequence_gap",
            cause,
            True,
            f"The {kind} lasts {1e3 * (span[1] - span[0]):.0f} ms and begins mid-word.",
            (720, 722),
            14.0,
        ),
        Evidence("slope", other, False, "Arrival − media time returns to its baseline within 40 ms.", (724,), 6.0),
        Evidence("other_flows", cause, False, "Two STUN round trips within the gap took 41 ms, as always.", (), -1.0),
        Evidence("sender_capture", cause, None, "No capture at the sender was given.", (), 0.0),
    )
    return Verdict(
        name,
        glitch,
        cause,
        mechanism,
        confidence,
        evidence,
        ((other, round(1 - confidence, 2)),),
        remedy,
        would_not_help,
    )


def synthetic_diagnosis(*, seconds: float = 24.0, name: str = "synthetic", encrypted: bool = False) -> Diagnosis:
    """Return a finished diagnosis of a call of `seconds` with a loss, a stall and a delay spike."""
    frames = round((seconds - 1.0) / FRAME_S)
    stream, arrival_s = rtp_stream(frames=frames)
    playout, _ = heard_playout(stream, arrival_s)
    sent = speech(frames * FRAME_S, seed=3)
    heard = AudioTrack("recording", recorded(sent, playout, seconds), RATE_HZ, ((0.0, seconds),))
    scene = Scene(
        case=Case(name, recording=Path("recording.flac"), capture=Path("receiver.pcap")),
        inputs=(
            InputFile(
                "capture",
                Path("receiver.pcap"),
                "ab" * 32,
                {"packets": len(stream.packets)},
                {"malformed": 0, "other": 12},
            ),
            InputFile("recording", Path("recording.flac"), "cd" * 32, {"samples": len(heard.samples)}, {}),
        ),
        capture=None,
        sender_capture=None,
        streams=(stream,),
        sender_streams=(),
        downlink=stream,
        uplink=None,
        recording=heard,
        microphone=AudioTrack("microphone", speech(seconds, seed=8)[::3] * 0.3, RATE_HZ // 3, ((0.0, seconds),)),
        sent=None if encrypted else AudioTrack("sent", sent, RATE_HZ, ((0.0, frames * FRAME_S),)),
        clocks={"recording": ClockMap("recording", OFFSET_S, 0.004, "decoded-audio", -3.1)},
        heard=None if encrypted else playout,
        replay=None,
        journey=None,
        stats={},
        events=None,
        turns=(
            Turn("user", 0.4, 1.6),
            Turn("agent", 2.4, 15.2, 0.8, {"sender_s": 0.7, "network_s": 0.02, "buffer_s": 0.08}),
            Turn("user", 16.0, 17.1),
            Turn("agent", 18.32, 23.0, 1.22, {"sender_s": 1.1, "network_s": 0.02, "buffer_s": 0.1}),
        ),
    )
    conclusion = (
        "3 audible glitches in 24 s: the network lost 11 packets, the voice AI stalled for 400 ms, one delay spike."
    )
    steps = (
        Step("clocks", "estimate_recording_clock", {"window_s": 0.5}, (), 0.21),
        Step("glitches", "find_holes", {"min_s": 0.04}, ("2 holes in silence left out",), 0.11),
    )
    return Diagnosis(scene, verdicts(), conclusion, steps, "0.1.0")
