"""Speech activity: when somebody speaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from forensics.audio.levels import BLOCK_SAMPLES, FLOOR_DBFS, frame_levels_dbfs
from forensics.audio.resample import resample_blocks
from forensics.model import AudioTrack
from forensics.pcm import Pcm16, to_pcm16

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
    level, active = _frames(track)
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


def _frames(track: AudioTrack) -> tuple[np.ndarray, np.ndarray]:
    """Go through a sound block by block: a level per `EDGE_FRAME_S`, and whether each `VAD_FRAME_S` is speech."""
    import webrtcvad

    detector, size = webrtcvad.Vad(VAD_MODE), round(VAD_FRAME_S * VAD_RATE_HZ)
    levels, voiced = [np.empty(0, np.float32)], []
    for block in _whole_frames(_at_vad_rate(track), size):
        levels.append(frame_levels_dbfs(Pcm16(block), frame_samples=EDGE_FRAME_S * VAD_RATE_HZ))
        octets = block.tobytes()
        voiced += [detector.is_speech(octets[i : i + 2 * size], VAD_RATE_HZ) for i in range(0, len(octets), 2 * size)]
    level = np.concatenate(levels)
    loudest = level.reshape(-1, round(VAD_FRAME_S / EDGE_FRAME_S)).max(axis=1, initial=FLOOR_DBFS)
    floor = np.percentile(loudest, 98) - FLOOR_DB if len(loudest) else FLOOR_DBFS
    return level, np.array(voiced, bool) & (loudest > floor)


def _at_vad_rate(track: AudioTrack) -> Iterator[np.ndarray]:
    """Yield the samples as the detector takes them, int16."""
    sound, starts = track.samples, range(0, len(track.samples), BLOCK_SAMPLES)
    if isinstance(sound, Pcm16):
        held = (sound.integers[first : first + BLOCK_SAMPLES] for first in starts)
    else:
        held = (to_pcm16(sound[first : first + BLOCK_SAMPLES]) for first in starts)
    return resample_blocks(held, track.sample_rate_hz, sample_rate_hz=VAD_RATE_HZ)


def _whole_frames(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield the same samples in blocks that hold whole frames; what does not fill one at the end is left out."""
    left = np.empty(0, np.int16)
    for block in blocks:
        sound = np.concatenate([left, block])
        whole = len(sound) // size * size
        yield sound[:whole]
        left = sound[whole:]
