"""Sample rate conversion, by FFmpeg's resampler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from forensics.model import AudioTrack

BLOCK = 1 << 20
"""Samples that FFmpeg is given at once; it refuses an hour in one piece."""


def resample_track(track: AudioTrack, *, sample_rate_hz: int) -> AudioTrack:
    """Return `track` at another sample rate, delay compensated; itself where it has that rate already.

    Parameters
    ----------
    track : AudioTrack
    sample_rate_hz : int
        1 .. 192 000.

    Returns
    -------
    AudioTrack
        Same duration within one sample.
    """
    if track.sample_rate_hz == sample_rate_hz or len(track.samples) == 0:
        return replace(track, sample_rate_hz=sample_rate_hz)
    blocks = (track.samples[start : start + BLOCK] for start in range(0, len(track.samples), BLOCK))
    resampled = resample_blocks(blocks, track.sample_rate_hz, sample_rate_hz=sample_rate_hz)
    samples = join_blocks(resampled, count=round(track.duration_s * sample_rate_hz))
    return replace(track, samples=samples, sample_rate_hz=sample_rate_hz)


def resample_blocks(blocks: Iterable[np.ndarray], from_hz: int, *, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Yield a sound that comes block by block at another sample rate, delay compensated; blocks of any length."""
    if from_hz == sample_rate_hz:
        yield from blocks
        return
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block, np.float32)[None, :], "flt", "mono")
        frame.sample_rate = from_hz
        yield from (part.to_ndarray().reshape(-1) for part in resampler.resample(frame))
    yield from (part.to_ndarray().reshape(-1) for part in resampler.resample(None))


def join_blocks(blocks: Iterable[np.ndarray], *, count: int) -> np.ndarray:
    """Lay blocks one after the other, `count` samples of them or as many as there are; (n,) float32."""
    samples, done = np.empty(count, np.float32), 0
    for block in blocks:
        room = samples[done : done + len(block)]
        room[:] = block[: len(room)]
        done += len(room)
    return samples[:done]
