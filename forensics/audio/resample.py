"""Sample rate conversion, by FFmpeg's resampler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import DTypeLike

from forensics.model import AudioTrack
from forensics.pcm import Pcm16

BLOCK = 1 << 16
"""Samples that FFmpeg is given at once: what stays in the processor's cache; it refuses an hour in one piece."""

FORMATS = {np.dtype(np.int16): "s16", np.dtype(np.float32): "flt"}
"""FFmpeg's names. Both are filtered alike, and 16 bit samples are rounded at the end."""


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
        Same duration within one sample; 16 bit samples stay so.
    """
    if track.sample_rate_hz == sample_rate_hz or len(track.samples) == 0:
        return replace(track, sample_rate_hz=sample_rate_hz)
    kept = track.samples.integers if isinstance(track.samples, Pcm16) else np.asarray(track.samples, np.float32)
    resampled = resample_blocks([kept], track.sample_rate_hz, sample_rate_hz=sample_rate_hz)
    samples = join_blocks(resampled, count=round(track.duration_s * sample_rate_hz), dtype=kept.dtype)
    held = Pcm16(samples) if kept.dtype == np.int16 else samples
    return replace(track, samples=held, sample_rate_hz=sample_rate_hz)


def resample_blocks(blocks: Iterable[np.ndarray], from_hz: int, *, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Yield a sound that comes block by block at another sample rate, delay compensated.

    Parameters
    ----------
    blocks : iterable of ndarray, (n,) float32 or int16
        Of any length, all of one of these types; so is what comes out.
    from_hz, sample_rate_hz : int
    """
    if from_hz == sample_rate_hz:
        yield from blocks
        return
    import av

    resampler = None
    for piece in _of_size(blocks, BLOCK):
        kind = FORMATS[piece.dtype]
        resampler = resampler or av.AudioResampler(format=kind, layout="mono", rate=sample_rate_hz)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece)[None, :], kind, "mono")
        frame.sample_rate = from_hz
        yield from (part.to_ndarray().reshape(-1) for part in resampler.resample(frame))
    if resampler is not None:
        yield from (part.to_ndarray().reshape(-1) for part in resampler.resample(None))


def _of_size(blocks: Iterable[np.ndarray], most: int) -> Iterator[np.ndarray]:
    """Cut blocks into pieces of `most` samples at most; empty ones are left out."""
    for block in blocks:
        yield from (block[first : first + most] for first in range(0, len(block), most))


def join_blocks(blocks: Iterable[np.ndarray], *, count: int, dtype: DTypeLike = np.float32) -> np.ndarray:
    """Lay blocks one after the other, `count` samples of them or as many as there are; (n,) of `dtype`."""
    samples, done = np.empty(count, dtype), 0
    for block in blocks:
        room = samples[done : done + len(block)]
        room[:] = block[: len(room)]
        done += len(room)
    return samples[:done]
