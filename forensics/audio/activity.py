"""Speech activity: when somebody speaks."""

from __future__ import annotations

import numpy as np

from forensics.audio.levels import BLOCK_SAMPLES, FLOOR_DBFS, frame_levels_dbfs
from forensics.audio.resample import resample_track
from forensics.model import AudioTrack

VAD_RATE_HZ = 16_000
"""WebRTC's detector works on 8, 16, 32 or 48 kHz; 16 kHz holds all that it looks at."""

VAD_FRAME_S = 0.01
"""The shortest of its frames (10, 20, 30 ms), for the finest edges."""

VAD_MODE = 2
"""0 (keeps most) .. 3 (drops most)."""

BRIDGE_S = 0.3
"""Silence within a phrase up to which speech goes on; longer pauses separate phrases (Goldman-Eisler 1968: 250 ms)."""

SHORTEST_S = 0.06
"""Shorter activity is a click, not a syllable."""

FLOOR_DB = 45.0
"""Frames this far below the loud ones are not speech, whatever their spectrum."""

EDGE_RANGE_DB = 17.0
"""A stretch begins and ends with its first and last `EDGE_FRAME_S` that is no further below the level of the stretch:
between the 15.9 dB by which ITU-T P.56 tells active speech and the 18 dB by which its faintest useful parts lie below
its level (French & Steinberg 1947). The detector alone holds on for up to a tenth of a second behind the last sound."""

EDGE_FRAME_S = 0.005

EDGE_REACH_S = 0.1
"""How far before what the detector found a sound may begin: a soft onset."""


def find_speech(track: AudioTrack) -> tuple[tuple[float, float], ...]:
    """Find the stretches of speech in a track.

    Parameters
    ----------
    track : AudioTrack

    Returns
    -------
    tuple of (start_s, end_s)
        In the order of time, on the clock of the track; edges are good to about 15 ms.

    Notes
    -----
    Decisions of WebRTC's voice activity detector, less what lies `FLOOR_DB` below the loud frames, bridged over
    `BRIDGE_S`. Music and other talkers count as speech.
    """
    at_rate = resample_track(track, sample_rate_hz=VAD_RATE_HZ)
    level = frame_levels_dbfs(at_rate.samples, frame_samples=EDGE_FRAME_S * VAD_RATE_HZ)
    active = _active_frames(at_rate, level)
    edges = np.flatnonzero(np.diff(np.r_[False, active, False].astype(np.int8)))
    stretches: list[tuple[float, float]] = []
    for start, stop in edges.reshape(-1, 2) * VAD_FRAME_S:
        if stretches and start - stretches[-1][1] < BRIDGE_S:
            stretches[-1] = (stretches[-1][0], float(stop))
        else:
            stretches.append((float(start), float(stop)))
    return _sharpen([stretch for stretch in stretches if stretch[1] - stretch[0] >= SHORTEST_S], level)


def _sharpen(stretches: list[tuple[float, float]], level: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Move the edges of each stretch to its first and last sound; `level` has one value per `EDGE_FRAME_S`."""
    frames = [(round(start / EDGE_FRAME_S), round(stop / EDGE_FRAME_S)) for start, stop in stretches]
    sharp, free = [], 0
    for first, last in frames:
        reach = max(free, first - round(EDGE_REACH_S / EDGE_FRAME_S))
        least = 10 * np.log10(np.mean(10 ** (level[first:last] / 10))) - EDGE_RANGE_DB
        loud = reach + np.flatnonzero(level[reach:last] >= least)
        sharp.append((float(loud[0]) * EDGE_FRAME_S, float(loud[-1] + 1) * EDGE_FRAME_S))
        free = last
    return tuple(sharp)


def _active_frames(track: AudioTrack, level: np.ndarray) -> np.ndarray:
    """One decision per `VAD_FRAME_S`, of which each holds two of the frames that `level` tells of."""
    import webrtcvad

    detector = webrtcvad.Vad(VAD_MODE)
    size = round(VAD_FRAME_S * VAD_RATE_HZ)
    samples = _sixteen_bit(track.samples)
    pairs = level[: len(level) // 2 * 2].reshape(-1, 2).max(axis=1, initial=FLOOR_DBFS)
    if len(pairs) == 0:
        return np.zeros(0, bool)
    voiced = [detector.is_speech(samples[i * size : (i + 1) * size].tobytes(), VAD_RATE_HZ) for i in range(len(pairs))]
    return np.array(voiced) & (pairs > np.percentile(pairs, 98) - FLOOR_DB)


def _sixteen_bit(samples: np.ndarray) -> np.ndarray:
    """Samples as the detector takes them, block by block."""
    out = np.empty(len(samples), "<i2")
    for first in range(0, len(samples), BLOCK_SAMPLES):
        block = slice(first, first + BLOCK_SAMPLES)
        out[block] = np.clip(samples[block], -1, 1) * 32767
    return out
