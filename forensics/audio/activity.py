"""Speech activity: when somebody speaks."""

from __future__ import annotations

import numpy as np

from forensics.audio.levels import frame_levels_dbfs
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


def find_speech(track: AudioTrack) -> tuple[tuple[float, float], ...]:
    """Find the stretches of speech in a track.

    Parameters
    ----------
    track : AudioTrack

    Returns
    -------
    tuple of (start_s, end_s)
        In the order of time, on the clock of the track; edges are good to about 20 ms.

    Notes
    -----
    Decisions of WebRTC's voice activity detector, less what lies `FLOOR_DB` below the loud frames, bridged over
    `BRIDGE_S`. Music and other talkers count as speech.
    """
    active = _active_frames(resample_track(track, sample_rate_hz=VAD_RATE_HZ))
    edges = np.flatnonzero(np.diff(np.r_[False, active, False].astype(np.int8)))
    stretches: list[tuple[float, float]] = []
    for start, stop in edges.reshape(-1, 2) * VAD_FRAME_S:
        if stretches and start - stretches[-1][1] < BRIDGE_S:
            stretches[-1] = (stretches[-1][0], float(stop))
        else:
            stretches.append((float(start), float(stop)))
    return tuple((start, stop) for start, stop in stretches if stop - start >= SHORTEST_S)


def _active_frames(track: AudioTrack) -> np.ndarray:
    """One decision per `VAD_FRAME_S`."""
    import webrtcvad

    detector = webrtcvad.Vad(VAD_MODE)
    size = round(VAD_FRAME_S * VAD_RATE_HZ)
    samples = (np.clip(track.samples, -1, 1) * 32767).astype("<i2")
    levels = frame_levels_dbfs(track.samples, frame_samples=size)
    if len(levels) == 0:
        return np.zeros(0, bool)
    voiced = [detector.is_speech(samples[i * size : (i + 1) * size].tobytes(), VAD_RATE_HZ) for i in range(len(levels))]
    return np.array(voiced) & (levels > np.percentile(levels, 98) - FLOOR_DB)
