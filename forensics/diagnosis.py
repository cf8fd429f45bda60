"""The only wiring: from the files of a case to its diagnosis, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from forensics.audio.payloads import DECODERS, DecodedStream, decode_stream
from forensics.audio.recording import read_recording
from forensics.audio.resample import resample_track
from forensics.capture import read_capture
from forensics.case import input_file
from forensics.causes import judge_glitches
from forensics.clocks.captures import estimate_departures, estimate_sender_clock
from forensics.clocks.envelope import estimate_recording_clock_closed
from forensics.clocks.placement import estimate_recording_clock
from forensics.clocks.recording import CoarseOffset, estimate_coarse_offset
from forensics.clocks.statistics import choose_connection, estimate_stats_clock, place_stats
from forensics.conclusion import write_conclusion
from forensics.errors import CaseError, ForensicsError, KeysError
from forensics.glitches import find_glitches
from forensics.model import AudioTrack, Capture, Case, ClockMap, Diagnosis, InputFile, Playout, RtpStream, Scene, Step
from forensics.playout.heard import locate_packets
from forensics.playout.journey import trace_journey
from forensics.playout.replay import replay_neteq
from forensics.playout.ticks import estimate_ticks
from forensics.progress import Told, stage_bar
from forensics.streams import find_streams
from forensics.streams.vantage import find_near_endpoint
from forensics.telemetry.statistics import Statistics, read_stats
from forensics.turns import find_turns

T = TypeVar("T")


@dataclass
class _Log:
    """What was done, in order, and what was read."""

    steps: list[Step] = field(default_factory=list)
    inputs: list[InputFile] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    told: Told = lambda stage, action: None

    def run(self, stage: str, action: str, work: Callable[[], T], **parameters: Any) -> T:
        """Do a step and keep its parameters and how long it took."""
        self.told(stage, action)
        start = time.perf_counter()
        result = work()
        self.steps.append(Step(stage, action, parameters, (), time.perf_counter() - start))
        return result

    def attempt(self, stage: str, action: str, work: Callable[[], T], *, without: str, **parameters: Any) -> T | None:
        """Do a step that the diagnosis can do without; what failed is noted and said in the conclusion."""
        try:
            return self.run(stage, action, work, **parameters)
        except ForensicsError as fault:
            self.note(stage, action, f"{fault} {without}", said=True)
            return None

    def note(self, stage: str, action: str, text: str, *, said: bool = False) -> None:
        """Keep a note with the steps, and say it in the conclusion where it changes what the findings rest on."""
        self.steps.append(Step(stage, action, {}, (text,)))
        if said:
            self.caveats.append(text)


@dataclass
class _Evidence:
    """What was read and aligned so far."""

    capture: Capture | None = None
    sender_capture: Capture | None = None
    streams: tuple[RtpStream, ...] = ()
    sender_streams: tuple[RtpStream, ...] = ()
    recording: AudioTrack | None = None
    microphone: AudioTrack | None = None
    stats: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    downlink: RtpStream | None = None
    uplink: RtpStream | None = None
    sent: AudioTrack | None = None
    heard: Playout | None = None
    replay: Playout | None = None
    journey: pd.DataFrame | None = None
    clocks: dict[str, ClockMap] = field(default_factory=dict)


STAGES = (
    "capture", "streams", "audio", "telemetry", "clocks", "playout", "turns", "glitches", "causes",
)  # fmt: skip
"""In the order in which they are first done, for the progress bar."""


def diagnose(case: Case, *, progress: bool = False) -> Diagnosis:
    """Find what went wrong in a call, and why.

    Parameters
    ----------
    case : Case
        From `open_case`. Any subset of evidence will do, as long as there is a capture or a recording.
    progress : bool
        Show a progress bar: as a widget in a notebook, else on stderr.

    Returns
    -------
    Diagnosis
        With every verdict, the scene they rest on, and each step with its parameters and what it could not do.

    Raises
    ------
    ForensicsError
        A file of the case cannot be read at all. Evidence that can be read but not used (keys that do not fit, a
        recording of another call) does not raise: the diagnosis goes on without it and says so.
    """
    with stage_bar(STAGES, wanted=progress) as told:
        return _diagnose(case, _Log(told=told))


def _diagnose(case: Case, log: _Log) -> Diagnosis:
    """Go through the stages."""
    known = _Evidence()
    _read(case, known, log)
    _align_sender(known, log)
    _choose_directions(known, log)
    _trace(known, log)
    turns = log.run(
        "turns",
        "find",
        lambda: find_turns(
            known.recording, known.microphone, journey=known.journey, clock=known.clocks.get("recording")
        ),
    )
    scene = Scene(case=case, inputs=tuple(log.inputs), events=None, turns=turns, **vars(known))
    glitches = log.run("glitches", "find", lambda: find_glitches(scene))
    verdicts = log.run("causes", "judge", lambda: judge_glitches(glitches, scene))
    from forensics import __version__

    return Diagnosis(scene, verdicts, write_conclusion(verdicts, caveats=log.caveats), tuple(log.steps), __version__)


def _read(case: Case, known: _Evidence, log: _Log) -> None:
    """Read every file of the case."""
    if case.capture is None and case.recording is None:
        raise CaseError("The case holds neither a capture nor a recording; at least one of them is needed.")
    if case.capture is None:
        log.note(
            "glitches", "find", "Without a capture only the turns are told; glitches were not looked for.", said=True
        )
    if case.events is not None:
        log.note("telemetry", "read events", f"{case.events.name} was left out: event logs are not read yet.")
    if case.capture is not None:
        known.capture, known.streams = _read_side(case, "capture", case.capture, log)
    if case.sender_capture is not None:
        known.sender_capture, known.sender_streams = _read_side(case, "sender_capture", case.sender_capture, log)
    if case.recording is not None:
        known.recording = _read_audio("recording", case.recording, log)
    if case.microphone is not None:
        known.microphone = _read_audio("microphone", case.microphone, log)
    if case.keys is not None:
        log.inputs.append(input_file("keys", case.keys))
    if case.stats is not None:
        stats_file = case.stats
        read = log.attempt(
            "telemetry", "read stats", lambda: read_stats(stats_file), without="Browser statistics are left out."
        )
        log.inputs.append(_stats_file(stats_file, read))
        known.stats = dict(read.tables) if read is not None else {}


def _stats_file(path: Path, read: Statistics | None) -> InputFile:
    """Describe a statistics file: how many readings of which type, and what of it could not be read."""
    if read is None:
        return input_file("stats", path)
    counts = {kind: len(table) for kind, table in read.tables.items()}
    if read.other:
        counts["other readings"] = read.other
    return input_file("stats", path, counts=counts, skipped=read.skipped, notes=read.notes)


def _read_side(case: Case, role: str, path: Path, log: _Log) -> tuple[Capture, tuple[RtpStream, ...]]:
    """Read a capture and find its streams, with the keys where they fit."""
    capture = log.run("capture", f"read {role}", lambda: read_capture(path))
    try:
        found = log.run(
            "streams", f"find in {role}", lambda: find_streams(capture, keys=case.keys, decode_as=case.decode_as)
        )
    except KeysError as fault:
        log.note("streams", f"find in {role}", f"{fault} The payloads stay closed.", said=role == "capture")
        found = find_streams(capture, keys=None, decode_as=case.decode_as)
    counts = {"packets": len(capture.datagrams), "rtp": sum(len(stream.packets) for stream in found)}
    for note in found.notes:
        log.note("streams", f"find in {role}", note)
    log.inputs.append(input_file(role, path, counts=counts, skipped=found.skipped, notes=found.notes))
    return capture, found.streams


def _read_audio(role: str, path: Path, log: _Log) -> AudioTrack:
    """Read a recording."""
    track = log.run("audio", f"read {role}", lambda: read_recording(path, name=role))
    log.inputs.append(
        input_file(
            role,
            path,
            counts={"samples": len(track.samples), "sample_rate_hz": track.sample_rate_hz},
            notes=track.notes,
        )
    )
    return track


def _choose_directions(known: _Evidence, log: _Log) -> None:
    """Decide which stream goes to the listener: the one that is heard in the recording, else by what else tells."""
    if not known.streams:
        return
    heard = _find_heard_stream(known, log) if known.recording is not None else None
    if heard is not None:
        known.downlink, decoded, coarse = heard
        _locate(known, decoded, coarse, log)
    elif known.recording is not None and (closed := _find_closed_stream(known, log)) is not None:
        known.downlink, known.clocks["recording"] = closed
    else:
        known.recording = known.microphone = None  # they share a clock, which nothing ties to the capture
        known.downlink, reason = _guess_downlink(known)
        log.note(
            "streams",
            "choose direction",
            f"SSRC {known.downlink.ssrc:#010x} is taken for the voice of the agent: {reason}.",
        )
    downlink = known.downlink
    others = [
        stream
        for stream in known.streams
        if (stream.source, stream.destination) == (downlink.destination, downlink.source)
    ]
    known.uplink = max(others, key=lambda stream: len(stream.packets), default=None)


def _find_heard_stream(known: _Evidence, log: _Log) -> tuple[RtpStream, DecodedStream, CoarseOffset] | None:
    """Decode the readable streams until one of them is found in the recording; None where none of them is in it."""
    recording, refusals = known.recording, []
    assert recording is not None
    near = find_near_endpoint(known.capture) if known.capture is not None else None
    readable = [stream for stream in known.streams if stream.readable]
    for stream in sorted(readable, key=lambda stream: (stream.destination != near, -len(stream.packets))):
        try:
            decoded = log.run("audio", f"decode {stream.ssrc:#010x}", partial(decode_stream, stream))
            decoded, heard_track = _common_rate(decoded, recording)
            coarse = log.run("clocks", "find in recording", partial(estimate_coarse_offset, decoded.track, heard_track))
            return stream, decoded, coarse
        except ForensicsError as fault:
            refusals.append(str(fault))
    if readable:
        log.note("clocks", "find in recording", f"{refusals[0]} {WITHOUT_RECORDING}", said=True)
    return None


def _find_closed_stream(known: _Evidence, log: _Log) -> tuple[RtpStream, ClockMap] | None:
    """Look the envelope of every closed stream up in the recording; None where none of them is in it."""
    recording, found, refusals = known.recording, [], []
    assert recording is not None
    for stream in (stream for stream in known.streams if not stream.readable):
        try:
            replay = replay_neteq(stream)
            found.append((stream, estimate_recording_clock_closed(stream, recording, replay=replay)))
        except ForensicsError as fault:
            refusals.append(str(fault))
    if len(found) == 1:
        return found[0]
    if found or refusals:
        reason = refusals[0] if refusals else "More than one closed stream fits the recording."
        log.note("clocks", "find in recording", f"{reason} {WITHOUT_RECORDING}", said=True)
    return None


WITHOUT_RECORDING = "The recording is left out; times are predicted playout on the capture's clock."


def _common_rate(decoded: DecodedStream, recording: AudioTrack) -> tuple[DecodedStream, AudioTrack]:
    """Bring stream and recording to the lower of their sample rates."""
    rate_hz = min(decoded.track.sample_rate_hz, recording.sample_rate_hz)
    track = resample_track(decoded.track, sample_rate_hz=rate_hz)
    return replace(decoded, track=track), resample_track(recording, sample_rate_hz=rate_hz)


def _locate(known: _Evidence, decoded: DecodedStream, coarse: CoarseOffset, log: _Log) -> None:
    """Find when each packet was heard, and with that the recording's clock."""
    downlink, recording = known.downlink, known.recording
    assert downlink is not None
    assert recording is not None
    at_rate = resample_track(recording, sample_rate_hz=decoded.track.sample_rate_hz)
    known.sent = decoded.track
    known.heard = heard = log.run(
        "playout",
        "locate packets",
        lambda: locate_packets(decoded, at_rate, coarse=coarse, ssrc=downlink.ssrc),
        coarse_offset_s=coarse.offset_s,
        probes_found=coarse.share,
    )
    clock = log.attempt(
        "clocks", "place recording", lambda: estimate_recording_clock(heard, downlink), without=WITHOUT_RECORDING
    )
    if clock is None:
        known.heard = known.recording = known.microphone = None
    else:
        known.clocks["recording"] = clock


def _guess_downlink(known: _Evidence) -> tuple[RtpStream, str]:
    """Without the recording: what the browser's statistics or two captures say, else the stream with most packets."""
    inbound = known.stats.get("inbound-rtp")
    if inbound is not None and "ssrc" in inbound:
        named = [stream for stream in known.streams if stream.ssrc in set(inbound["ssrc"].dropna().astype("int64"))]
        if named:
            return max(named, key=lambda stream: len(stream.packets)), "the browser's statistics list it as inbound"
    near = find_near_endpoint(known.capture) if known.capture is not None else None
    towards = [stream for stream in known.streams if stream.destination == near]
    if towards:
        return max(towards, key=lambda stream: len(stream.packets)), "the capture was taken at its destination"
    clock = known.clocks.get("sender_capture")
    if clock is not None:
        travel_s = {
            i: np.nanmedian(
                stream.packets["arrival_s"] - estimate_departures(stream, known.sender_streams, clock=clock)
            )
            for i, stream in enumerate(known.streams)
        }
        return known.streams[
            max(travel_s, key=lambda i: np.nan_to_num(travel_s[i], nan=-np.inf))
        ], "the sender's capture saw it first"
    return max(
        known.streams, key=lambda stream: len(stream.packets)
    ), "it has the most packets, and nothing better tells; give a recording or the browser's statistics"


def _align_sender(known: _Evidence, log: _Log) -> None:
    """Bring the sender's capture onto the axis."""
    if known.sender_streams:
        clock = log.attempt(
            "clocks",
            "place sender capture",
            lambda: estimate_sender_clock(known.streams, known.sender_streams),
            without="The sender's capture is left out.",
        )
        if clock is not None:
            known.clocks["sender_capture"] = clock


def _trace(known: _Evidence, log: _Log) -> None:
    """Put sent, arrived and heard side by side."""
    downlink = known.downlink
    if downlink is None:
        return
    clock = known.clocks.get("sender_capture")
    departures_s = estimate_departures(downlink, known.sender_streams, clock=clock) if clock is not None else None
    tick_s = _place_stats(known, downlink, log)
    sent = (
        known.sent if known.sent is not None and known.sent.sample_rate_hz == DECODERS[downlink.codec.name][1] else None
    )
    known.replay = log.run("playout", "replay", lambda: replay_neteq(downlink, sent=sent, tick_s=tick_s))
    playout = known.heard or known.replay
    known.journey = log.run(
        "playout",
        "trace journey",
        lambda: trace_journey(
            downlink,
            departures_s=departures_s,
            playout=playout,
            to_recording=known.clocks.get("recording"),
            sent=known.sent,
        ),
    )


def _place_stats(known: _Evidence, downlink: RtpStream, log: _Log) -> np.ndarray | None:
    """Bring the browser's statistics onto the axis; when its sound card asked for audio, where they tell."""
    if "inbound-rtp" not in known.stats or known.capture is None:
        return None
    without = "The statistics are left out."
    chosen = log.attempt(
        "clocks", "choose connection", lambda: choose_connection(known.stats, ssrc=downlink.ssrc), without=without
    )
    known.stats, notes = chosen or ({}, ())
    for note in notes:
        log.note("clocks", "choose connection", note)
    if chosen is None:
        return None
    inbound, origin_ns = known.stats["inbound-rtp"], known.capture.origin_ns
    clock = log.attempt(
        "clocks",
        "place statistics",
        lambda: estimate_stats_clock(inbound, downlink, origin_ns=origin_ns),
        without=without,
    )
    if clock is None:
        known.stats = {}
        return None
    known.clocks["stats"] = clock
    known.stats = place_stats(dict(known.stats), clock, origin_ns=origin_ns)
    own = known.stats["inbound-rtp"]
    own = own[own["ssrc"] == downlink.ssrc].dropna(subset=["total_samples_received"])
    if len(own) == 0 or clock.method != "packet-count":
        return None
    return estimate_ticks(own["capture_s"], own["total_samples_received"], rate_hz=downlink.codec.clock_rate_hz)
