"""The files of a case, read: what is known of a call before anything is brought onto one axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from forensics.capture import read_capture
from forensics.case import input_file
from forensics.diagnosis.ahead import Ahead
from forensics.diagnosis.provenance import Log
from forensics.errors import CaseError, KeysError
from forensics.model import AudioTrack, Capture, Case, ClockMap, InputFile, Playout, RtpStream
from forensics.streams import StreamSet, find_streams
from forensics.telemetry.events import read_events
from forensics.telemetry.statistics import Statistics, read_stats


@dataclass
class Known:
    """What was read and aligned so far."""

    capture: Capture | None = None
    sender_capture: Capture | None = None
    streams: tuple[RtpStream, ...] = ()
    sender_streams: tuple[RtpStream, ...] = ()
    recording: AudioTrack | None = None
    microphone: AudioTrack | None = None
    stats: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    events: pd.DataFrame | None = None
    slack: pd.DataFrame | None = None
    setup: pd.DataFrame | None = None
    epoch_ns: int = 0
    downlink: RtpStream | None = None
    uplink: RtpStream | None = None
    sent: AudioTrack | None = None
    heard: Playout | None = None
    replay: Playout | None = None
    journey: pd.DataFrame | None = None
    clocks: dict[str, ClockMap] = field(default_factory=dict)


WITHOUT_CAPTURE = {
    "recording": (
        "Without a capture only those glitches are found that the recording's own sound gives away, about a third of "
        "them, and no cause can be told."
    ),
    "recording, events": (
        "Without a capture only those glitches are found that the recording's own sound or the event log gives away, "
        "and of causes only whether the model was late."
    ),
    "counters": (
        "Without capture and recording only those glitches are found that the browser counted, between one reading and "
        "the next, and whether they were in a pause is not known."
    ),
    "events": (
        "With an event log alone only the answers of the model are told; whether anybody heard a glitch is not in it."
    ),
}
"""What a diagnosis rests on without a capture, by what there is."""


def read_evidence(case: Case, known: Known, log: Log, ahead: Ahead) -> None:
    """Read every file of the case."""
    ahead.begin_reading(case.recording, name="recording")
    ahead.begin_reading(case.microphone, name="microphone")
    if case.capture is not None:
        known.capture, known.streams = _read_side(case, "capture", case.capture, log)
    if case.sender_capture is not None:
        known.sender_capture, known.sender_streams = _read_side(case, "sender_capture", case.sender_capture, log)
    if case.recording is not None:
        known.recording = _read_audio("recording", case.recording, log, ahead)
    if case.microphone is not None:
        known.microphone = _read_audio("microphone", case.microphone, log, ahead)
    for role, file in (("keys", case.keys), ("sdp", case.sdp)):
        if file is not None:
            log.inputs.append(input_file(role, file))
    if case.stats is not None:
        stats_file = case.stats
        read = log.attempt(
            "telemetry", "read stats", lambda: read_stats(stats_file), without="Browser statistics are left out."
        )
        log.inputs.append(_stats_file(stats_file, read))
        known.stats = dict(read.tables) if read is not None else {}
    if case.events is not None:
        known.events = _read_events(case.events, log)
    if known.capture is None:
        _say_what_is_left(known, log)


def _say_what_is_left(known: Known, log: Log) -> None:
    """Without a capture: say what the findings rest on; an error where there is nothing at all."""
    if known.recording is not None:
        left = "recording" if known.events is None else "recording, events"
    elif known.stats or known.events is not None:
        left = "counters" if known.stats else "events"
    else:
        reasons = " ".join(log.caveats) or "Give a capture, a recording, statistics or an event log."
        raise CaseError(
            f"The case holds neither a capture nor a recording, and nothing else that can be used. {reasons}"
        )
    log.note("glitches", "find", WITHOUT_CAPTURE[left], said=True)


def _stats_file(path: Path, read: Statistics | None) -> InputFile:
    """Describe a statistics file: how many readings of which type, and what of it could not be read."""
    if read is None:
        return input_file("stats", path)
    counts = {kind: len(table) for kind, table in read.tables.items()}
    if read.other:
        counts["other readings"] = read.other
    return input_file("stats", path, counts=counts, skipped=read.skipped, notes=read.notes)


def _read_events(path: Path, log: Log) -> pd.DataFrame | None:
    """Read an event log, and count what of it was not understood."""
    without = "The event log is left out."
    read = log.attempt("telemetry", "read events", lambda: read_events(path), without=without)
    if read is None:
        log.inputs.append(input_file("events", path))
        return None
    counts = {"events": len(read.events)}
    log.inputs.append(
        input_file("events", path, counts=counts, skipped=read.skipped, notes=(f"read as {read.format}", *read.notes))
    )
    return read.events


def _read_side(case: Case, role: str, path: Path, log: Log) -> tuple[Capture, tuple[RtpStream, ...]]:
    """Read a capture and find its streams, with the keys where they fit."""
    capture = log.run("capture", f"read {role}", lambda: read_capture(path))
    try:
        found = log.run("streams", f"find in {role}", lambda: _find_streams(case, capture, keys=case.keys))
    except KeysError as fault:
        log.note("streams", f"find in {role}", f"{fault} The payloads stay closed.", said=role == "capture")
        found = _find_streams(case, capture, keys=None)
    counts = {"packets": len(capture.datagrams), "rtp": sum(len(stream.packets) for stream in found)}
    for note in found.notes:
        log.note("streams", f"find in {role}", note)
    log.inputs.append(input_file(role, path, counts=counts, skipped=found.skipped, notes=found.notes))
    return capture, found.streams


def _find_streams(case: Case, capture: Capture, *, keys: Path | None) -> StreamSet:
    return find_streams(capture, keys=keys, decode_as=case.decode_as, sdp=case.sdp)


def _read_audio(role: str, path: Path, log: Log, ahead: Ahead) -> AudioTrack:
    """Read a recording."""
    track = log.run("audio", f"read {role}", lambda: ahead.read(path, name=role))
    log.inputs.append(
        input_file(
            role,
            path,
            sha256=ahead.sha256(path),
            counts={"samples": len(track.samples), "sample_rate_hz": track.sample_rate_hz},
            notes=track.notes,
        )
    )
    return track
