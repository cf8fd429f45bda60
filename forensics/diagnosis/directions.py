"""Which stream is the voice of the agent, and where in the recording it is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from forensics.audio.decoder import DECODERS
from forensics.audio.excerpts import Sound, StreamSound, TrackSound
from forensics.audio.payloads import DecodedStream, decode_stream, media_time_s
from forensics.audio.resample import resample_track
from forensics.clocks.captures import estimate_departures
from forensics.clocks.course import Course, estimate_course
from forensics.clocks.envelope import estimate_recording_clock_closed
from forensics.clocks.loudness import Anchor, Loudness
from forensics.clocks.placement import DRIFT_SPAN_S, estimate_recording_clock, place_course
from forensics.clocks.recording import CoarseOffset, estimate_coarse_offset
from forensics.diagnosis.ahead import Ahead
from forensics.diagnosis.evidence import Known
from forensics.diagnosis.provenance import Log
from forensics.errors import ForensicsError
from forensics.model import AudioTrack, ClockMap, RtpStream
from forensics.playout.heard import locate_packets
from forensics.playout.replay import replay_neteq
from forensics.streams.vantage import find_vantage


def choose_directions(known: Known, log: Log, ahead: Ahead) -> None:
    """Decide which stream goes to the listener: the one that is heard in the recording, else by what else tells."""
    if not known.streams:
        return
    heard = _find_heard_stream(known, log, ahead) if known.recording is not None else None
    if heard is not None:
        known.downlink, decoded, place = heard
        _locate(known, decoded, place, log)
    elif known.recording is not None and (closed := _find_closed_stream(known, log)) is not None:
        known.downlink, known.clocks["recording"] = closed
    else:
        known.recording = known.microphone = None  # they share a clock, which nothing ties to the capture
        told = _tell_downlink(known)
        known.downlink, reason = told or (max(known.streams, key=lambda s: len(s.packets)), NOTHING_TELLS)
        text = f"SSRC {known.downlink.ssrc:#010x} is taken for the voice of the agent: {reason}."
        log.note("streams", "choose direction", text, said=told is None)
        known.sent = _decode(known.downlink, log)
    known.uplink = _answering(known.downlink, known.streams)


def _answering(stream: RtpStream, streams: Sequence[RtpStream]) -> RtpStream | None:
    """Return the stream that goes the other way between the same two ends, the longest of several."""
    others = [other for other in streams if (other.source, other.destination) == (stream.destination, stream.source)]
    return max(others, key=lambda other: len(other.packets), default=None)


def _find_heard_stream(
    known: Known, log: Log, ahead: Ahead
) -> tuple[RtpStream, DecodedStream, Course | CoarseOffset] | None:
    """Decode the readable streams until one of them is found in the recording; None where none of them is in it."""
    recording, refusals = known.recording, []
    assert recording is not None
    vantage = find_vantage(known.capture, known.streams) if known.capture is not None else None
    near = vantage.near if vantage is not None else None
    streams = sorted(
        (stream for stream in known.streams if stream.readable), key=lambda s: (s.destination != near, -len(s.packets))
    )
    anchors = _anchors(streams, recording, near=near)
    for stream in sorted(streams, key=lambda s: not anchors.get(s.ssrc)):
        if known.microphone is None:
            ahead.begin_voice(_answering(stream, known.streams))
        for track in (recording, known.microphone):
            ahead.begin_speech(track)
        try:
            found = anchors.get(stream.ssrc)
            course = _follow_course(StreamSound(stream), TrackSound(recording), log, anchors=found) if found else None
            decoded = log.run("audio", f"decode {stream.ssrc:#010x}", partial(decode_stream, stream))
            decoded, heard = _common_rate(decoded, recording)
            if course is not None:
                return stream, decoded, course
            coarse = log.run("clocks", "find in recording", partial(estimate_coarse_offset, decoded.track, heard))
            if found == []:  # headers do not tell how loud it is; its sound does
                course = _follow_course(TrackSound(decoded.track), TrackSound(heard), log)
            return stream, decoded, course or coarse
        except ForensicsError as fault:
            refusals.append(str(fault))
    if streams:
        log.note("clocks", "find in recording", f"{refusals[0]} {WITHOUT_RECORDING}", said=True)
    return None


def _anchors(streams: Sequence[RtpStream], recording: AudioTrack, *, near: str | None) -> dict[int, list[Anchor]]:
    """Where the loudness of a stream leads to in a long recording, by SSRC; it need not be decoded for that.

    Streams to the `near` end are looked up first, of those the likeliest, and none after one that was found.
    """
    if recording.duration_s < DRIFT_SPAN_S:
        return {}
    loudness = Loudness(TrackSound(recording))
    sounds = [(stream, StreamSound(stream)) for stream in streams if stream.codec.name in DECODERS]
    likeness = {stream.ssrc: loudness.likeness(sound) for stream, sound in sounds}
    found: dict[int, list[Anchor]] = {}
    for stream, sound in sorted(sounds, key=lambda s: (s[0].destination != near, -likeness[s[0].ssrc])):
        found[stream.ssrc] = loudness.find_anchors(sound)
        if found[stream.ssrc]:
            break
    return found


def _find_closed_stream(known: Known, log: Log) -> tuple[RtpStream, ClockMap] | None:
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


NOTHING_TELLS = (
    "it has the most packets, and nothing better tells, so that what is found may be in the user's voice; give a "
    "recording or the browser's statistics"
)
"""Why a stream was taken where neither answers nor losses say beside whom the capture was taken."""

WITHOUT_RECORDING = "The recording is left out; times are predicted playout on the capture's clock."


def _common_rate(decoded: DecodedStream, recording: AudioTrack) -> tuple[DecodedStream, AudioTrack]:
    """Bring stream and recording to the lower of their sample rates."""
    rate_hz = min(decoded.track.sample_rate_hz, recording.sample_rate_hz)
    track = resample_track(decoded.track, sample_rate_hz=rate_hz)
    return replace(decoded, track=track), resample_track(recording, sample_rate_hz=rate_hz)


LONGEST_S = 3600.0
"""A longer call is not decoded without a recording to find it in: at 48 kHz an hour takes 350 MB."""


def _decode(downlink: RtpStream, log: Log) -> AudioTrack | None:
    """Decode the voice of the agent where nobody recorded it: what was sent tells of silence and cuts in it."""
    media_s = media_time_s(downlink)
    if not downlink.readable or downlink.codec.name not in DECODERS or np.ptp(media_s) > LONGEST_S:
        return None
    try:
        return log.run("audio", f"decode {downlink.ssrc:#010x}", partial(decode_stream, downlink)).track
    except ForensicsError as fault:
        log.note("audio", f"decode {downlink.ssrc:#010x}", str(fault))
        return None


def _locate(known: Known, decoded: DecodedStream, place: Course | CoarseOffset, log: Log) -> None:
    """Find when each packet was heard, and with that the recording's clock."""
    downlink, recording = known.downlink, known.recording
    assert downlink is not None
    assert recording is not None
    at_rate = resample_track(recording, sample_rate_hz=decoded.track.sample_rate_hz)
    known.sent = decoded.track
    known.heard = heard = log.run(
        "playout",
        "locate packets",
        lambda: locate_packets(decoded, at_rate, place=place, ssrc=downlink.ssrc),
        offset_s=place.offset_s,
    )
    if isinstance(place, Course):
        known.clocks["recording"] = log.run("clocks", "place recording", lambda: place_course(place, downlink))
        return
    clock = log.attempt(
        "clocks", "place recording", lambda: estimate_recording_clock(heard, downlink), without=WITHOUT_RECORDING
    )
    if clock is None:
        known.heard = known.recording = known.microphone = None
    else:
        known.clocks["recording"] = clock


def _follow_course(sent: Sound, heard: Sound, log: Log, *, anchors: list[Anchor] | None = None) -> Course | None:
    """Drift and steps of the recorder, where a long call was played at one pace."""
    try:
        return log.run("clocks", "follow course", lambda: estimate_course(sent, heard, anchors=anchors))
    except ForensicsError as fault:
        log.note("clocks", "follow course", str(fault))
        return None


def _tell_downlink(known: Known) -> tuple[RtpStream, str] | None:
    """Without the recording: what statistics, the capture's place or two captures say; None where nothing tells."""
    if len(known.streams) == 1:
        return known.streams[0], "it is the only one"
    inbound = known.stats.get("inbound-rtp")
    if inbound is not None and "ssrc" in inbound:
        named = [stream for stream in known.streams if stream.ssrc in set(inbound["ssrc"].dropna().astype("int64"))]
        if named:
            return max(named, key=lambda stream: len(stream.packets)), "the browser's statistics list it as inbound"
    vantage = find_vantage(known.capture, known.streams) if known.capture is not None else None
    towards = [stream for stream in known.streams if vantage is not None and stream.destination == vantage.near]
    if vantage is not None and towards:
        reason = f"the capture was taken at its destination, for {vantage.reason}"
        return max(towards, key=lambda stream: len(stream.packets)), reason
    return _later_at_the_receiver(known)


def _later_at_the_receiver(known: Known) -> tuple[RtpStream, str] | None:
    """The stream that took longest from the sender's capture to the receiver's; None without two captures."""
    clock = known.clocks.get("sender_capture")
    if clock is None:
        return None
    travel_s = {
        i: np.nanmedian(stream.packets["arrival_s"] - estimate_departures(stream, known.sender_streams, clock=clock))
        for i, stream in enumerate(known.streams)
    }
    last = max(travel_s, key=lambda i: np.nan_to_num(travel_s[i], nan=-np.inf))
    return known.streams[last], "the sender's capture saw it first"
