"""Both voices out of their packets: the user's where no microphone was recorded, the agent's where nobody was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.audio.activity import find_speech
from forensics.audio.payloads import DecodedStream, decode_stream, media_time_s
from forensics.audio.resample import resample_track
from forensics.errors import AudioError
from forensics.model import FATES, AudioTrack, ClockMap, Fate, RtpStream
from forensics.pcm import Pcm16, part

RATE_HZ = 16_000
"""Enough for speech activity and for listening to words."""

LONGEST_S = 4 * 3600.0
"""A longer call is not decoded for this: four hours at 16 kHz hold 460 MB."""

LOOK_AHEAD_S = {"opus": 312 / 48_000}
"""What a codec's sound lags by in its own packets (RFC 7845 §4.2)."""


def decode_voice(stream: RtpStream) -> DecodedStream:
    """Decode a voice at `RATE_HZ`, on its media clock.

    Raises
    ------
    AudioError
        The payloads are closed, of no codec that is decoded here, or longer than `LONGEST_S`.
    """
    _check_length(media_time_s(stream))
    return decode_stream(stream, sample_rate_hz=RATE_HZ)


def hear_uplink(
    uplink: RtpStream, *, clock: ClockMap | None = None, decoded: DecodedStream | None = None
) -> AudioTrack:
    """Decode the user's voice and place it on the clock of the recording.

    Parameters
    ----------
    uplink : RtpStream
        From the listener, best at the listener's tap.
    clock : ClockMap, optional
        Of the recording; without it the track is on the axis.
    decoded : DecodedStream, optional
        From `decode_voice`, where that was done before.

    Returns
    -------
    AudioTrack
        Mono at `RATE_HZ`; sample 0 is the recording's zero, and `known` lists what there were packets of.

    Raises
    ------
    AudioError
        As `decode_voice`.
    """
    decoded = decoded or decode_voice(uplink)
    return _from_zero(decoded.track, uplink_start_s(uplink, decoded, clock=clock))


def uplink_start_s(uplink: RtpStream, decoded: DecodedStream, *, clock: ClockMap | None = None) -> float:
    """Return when the first sample of the user's decoded voice was spoken.

    Parameters
    ----------
    uplink : RtpStream
    decoded : DecodedStream
        From `decode_voice`.
    clock : ClockMap, optional
        Of the recording; without it the time is on the axis.

    Returns
    -------
    float
        Seconds; negative where that was before the recording began.

    Notes
    -----
    A packet is taken to leave as soon as its last sample was spoken. What the sound card and the encoder wait for in
    between, some 10 to 30 ms, makes the voice seem that much later than it was; a tap further down the path adds the
    way to it.
    """
    media_s = media_time_s(uplink)
    fresh = uplink.packets["fate"].to_numpy() != FATES.index(Fate.DUPLICATE)
    duration_s = float(decoded.packets["duration_s"].median()) if len(decoded.packets) else 0.0
    quickest_s = float(np.min(uplink.packets["arrival_s"].to_numpy()[fresh] - media_s[fresh]))
    lag_s = duration_s + LOOK_AHEAD_S.get(uplink.codec.name, 0.0)
    zero_s = quickest_s - lag_s
    return float(clock.from_capture_s(zero_s)) if clock is not None else zero_s


def find_sent_speech(
    downlink: RtpStream, journey: pd.DataFrame, *, sent: AudioTrack | None = None
) -> tuple[tuple[float, float], ...]:
    """Find when the agent's speech was played, by its packets and the replay of the jitter buffer.

    Parameters
    ----------
    downlink : RtpStream
    journey : DataFrame
        JOURNEY_COLUMNS of it, on the axis.
    sent : AudioTrack, optional
        The stream, decoded; else it is decoded here.

    Returns
    -------
    tuple of (start_s, end_s)
        On the axis.

    Raises
    ------
    AudioError
        As `decode_voice`.
    """
    track = decode_voice(downlink).track if sent is None else resample_track(sent, sample_rate_hz=RATE_HZ)
    played = journey.dropna(subset=["heard_s"])
    if len(played) == 0:
        return ()
    spoken = np.array(find_speech(track)).reshape(-1, 2)
    row = np.searchsorted(played["media_s"].to_numpy(), spoken, side="right").clip(1) - 1
    offset_s = (played["heard_s"] - played["media_s"]).to_numpy()[row]
    return tuple((float(start), float(end)) for start, end in spoken + offset_s)


def _check_length(media_s: np.ndarray) -> None:
    if np.ptp(media_s) > LONGEST_S:
        raise AudioError(
            f"The voice lasts {np.ptp(media_s):.0f} s, more than the {LONGEST_S:.0f} s that are decoded to find the "
            "turns in it. Give the recording and the microphone's."
        )


def _from_zero(track: AudioTrack, start_s: float) -> AudioTrack:
    """Move a track so that its first sample lies at `start_s`; what lies before zero is cut off."""
    shift = round(start_s * track.sample_rate_hz)
    samples = _moved(track.samples, shift)
    known = tuple((max(0.0, a + start_s), b + start_s) for a, b in track.known if b + start_s > 0)
    return replace(track, name="microphone", samples=samples, known=known)


def _moved(samples: np.ndarray | Pcm16, shift: int) -> np.ndarray | Pcm16:
    """Samples so many later, zeros before them; earlier where `shift` is negative, which takes no memory."""
    if shift <= 0:
        return part(samples, -shift, len(samples))
    if isinstance(samples, Pcm16):
        return Pcm16(np.concatenate([np.zeros(shift, np.int16), samples.integers]))
    return np.concatenate([np.zeros(shift, np.float32), samples])
