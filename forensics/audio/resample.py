"""Sample rate conversion, by FFmpeg's resampler."""

from __future__ import annotations

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
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate_hz)
    parts = []
    for start in range(0, len(track.samples), BLOCK):
        block = np.ascontiguousarray(track.samples[start : start + BLOCK], np.float32)
        frame = av.AudioFrame.from_ndarray(block[None, :], format="flt", layout="mono")
        frame.sample_rate = track.sample_rate_hz
        parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
    parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    samples = np.concatenate(parts)[: round(track.duration_s * sample_rate_hz)]
    return replace(track, samples=samples, sample_rate_hz=sample_rate_hz)
