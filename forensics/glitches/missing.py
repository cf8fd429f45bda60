"""What a loss took: the missing packets themselves, where the sender's capture holds them, against what was heard.

A single lost packet of 20 ms is concealed without notice in a vowel and heard as a click in a consonant. Which it was
is known only where both are at hand: what was sent, and what the listener heard in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from forensics.audio.log_mel import log_mel_distance_db
from forensics.audio.payloads import DecodedStream, decode_stream
from forensics.audio.resample import resample_track
from forensics.clocks.captures import find_twin
from forensics.errors import ForensicsError
from forensics.model import AudioTrack, Glitch, RtpStream, Scene
from forensics.pcm import Pcm16
from forensics.playout.journey import SPEECH_RANGE_DB


def measure_missing(glitches: Iterable[Glitch], scene: Scene) -> list[Glitch]:
    """Add to losses how much speech is gone, and how far what was heard is from it.

    Parameters
    ----------
    glitches : iterable of Glitch
    scene : Scene
        With the sender's capture, readable, and a recording; without either the glitches come back as they are.

    Returns
    -------
    list of Glitch
        Losses with `lost_speech_s` (s) and `distance_db` (dB, mean distance of log-mel spectra).
    """
    found = list(glitches)
    twin = find_sent(scene)
    if twin is None or not twin.readable or scene.journey is None or not any(g.kind == "loss" for g in found):
        return found
    try:
        sent = decode_twin(twin)
    except ForensicsError:
        return found
    return [_measured(glitch, scene, twin, sent) if glitch.kind == "loss" else glitch for glitch in found]


@lru_cache(maxsize=2)
def find_sent(scene: Scene) -> RtpStream | None:
    """Return the downlink as the sender's capture holds it; None where there is none. Looked for once."""
    return find_twin(scene.downlink, scene.sender_streams) if scene.downlink is not None else None


@lru_cache(maxsize=2)
def decode_twin(twin: RtpStream) -> DecodedStream:
    """Decode the sender's side of a stream, once."""
    return decode_stream(twin)


def _measured(glitch: Glitch, scene: Scene, twin: RtpStream, sent: DecodedStream) -> Glitch:
    assert scene.journey is not None
    numbers = twin.packets["sequence_number"].to_numpy()[sent.packets["row"]]
    before = scene.journey["ext_sequence_number"][scene.journey["frame"] == glitch.frames[0]]
    lost = int(glitch.measurements["lost_packets"])
    if len(before) == 0:
        return glitch
    wanted = sent.packets[np.isin(numbers, (int(before.iat[0]) + 1 + np.arange(lost)) & 0xFFFF)]
    if len(wanted) < lost:
        return glitch
    loud_dbfs = float(np.nanpercentile(sent.packets["level_dbfs"], 95))
    speech = wanted["level_dbfs"] > loud_dbfs - SPEECH_RANGE_DB
    measured = {"lost_speech_s": float(wanted["duration_s"][speech].sum())}
    rate_hz = sent.track.sample_rate_hz
    first, last = float(wanted["media_s"].min()), float((wanted["media_s"] + wanted["duration_s"]).max())
    if scene.recording is not None and scene.heard is not None:
        heard = _at_rate(scene.recording, rate_hz)
        piece = sent.track.samples[round(first * rate_hz) : round(last * rate_hz)]
        start = max(round(glitch.start_s * rate_hz), 0)
        measured["distance_db"] = log_mel_distance_db(piece, heard[start : start + len(piece)], rate_hz=rate_hz)
    return replace(glitch, measurements={**glitch.measurements, **measured})


@lru_cache(maxsize=2)
def _at_rate(recording: AudioTrack, rate_hz: int) -> np.ndarray | Pcm16:
    return resample_track(recording, sample_rate_hz=rate_hz).samples
