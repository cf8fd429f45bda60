"""Speech activity of a sound as stretches on the axis: worked out when somebody looks, piece by piece of the call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from forensics.audio.activity import BRIDGE_S, find_speech
from forensics.model import AudioTrack
from forensics.views.sound import Sound

BLOCK_S = 300.0
"""Heard at once: five minutes at 16 kHz are 19 MB, an hour would be 230."""

SEAM_S = 0.04
"""Pieces of a sound closer than two packets of 20 ms are one stretch: the buffer stretched what lies between."""


def speech_tile(sound: Sound) -> np.ndarray:
    """Return where somebody speaks in `sound`: float32 of shape (stretches, 2), start and end in seconds of the axis.

    Notes
    -----
    As `forensics.audio.activity.find_speech`, whose threshold follows the loud frames of each `BLOCK_S`.
    """
    placed = sorted(_placed(sound, _joined(_heard(sound.track), within_s=BRIDGE_S)))
    return np.array(_joined(placed, within_s=SEAM_S), dtype=np.float32).reshape(-1, 2)


def _heard(track: AudioTrack) -> Iterator[tuple[float, float]]:
    """Give the stretches of speech of `track`, block after block, on its own clock."""
    size = round(BLOCK_S * track.sample_rate_hz)
    for first in range(0, len(track.samples), size):
        block = AudioTrack(track.name, track.samples[first : first + size], track.sample_rate_hz)
        start_s = first / track.sample_rate_hz
        yield from ((start_s + start, start_s + end) for start, end in find_speech(block))


def _joined(stretches: Iterable[tuple[float, float]], *, within_s: float) -> list[tuple[float, float]]:
    """Join what the edge of a block, or of a piece, has cut."""
    out: list[tuple[float, float]] = []
    for start, end in stretches:
        if out and start - out[-1][1] < within_s:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def _placed(sound: Sound, stretches: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Give the parts of `stretches` that each piece of `sound` brings onto the axis."""
    if not stretches:
        return
    rate = sound.sample_rate_hz
    starts, ends = np.array(stretches).T
    for piece in sound.pieces:
        first_s, last_s, shift_s = piece.first / rate, piece.last / rate, (piece.at - piece.first) / rate
        for i in np.flatnonzero((ends > first_s) & (starts < last_s)):
            begin, end = max(starts[i], first_s), min(ends[i], last_s)
            yield sound.start_s + begin + shift_s, sound.start_s + end + shift_s
