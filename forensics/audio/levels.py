"""Levels and envelopes: how loud, when."""

from __future__ import annotations

import numpy as np

FLOOR_DBFS = -120.0
"""What digital silence is called; 24 bit audio ends at -144, 16 bit at -96 dBFS."""


BLOCK_SAMPLES = 1 << 18
"""Samples that are squared at once: 2 MB as float64, which stay in the processor's cache."""


def level_dbfs(samples: np.ndarray) -> float:
    """RMS level in dB relative to full scale of samples in -1..1; `FLOOR_DBFS` for silence and for no samples."""
    if len(samples) == 0:
        return FLOOR_DBFS
    power = float(np.dot(samples, samples)) / len(samples)
    return max(FLOOR_DBFS, 10 * np.log10(power)) if power > 0 else FLOOR_DBFS


def piece_levels_dbfs(samples: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """`level_dbfs` of many pieces of one sound, from each of `starts` to before each of `ends`; (n,) float64."""
    pieces = (samples[first:last] for first, last in zip(starts.tolist(), ends.tolist(), strict=True))
    power = np.fromiter((np.dot(piece, piece) for piece in pieces), np.float64, len(starts))
    power /= np.maximum(ends - starts, 1)
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(power, 1e-30)))


def frame_levels_dbfs(samples: np.ndarray, *, frame_samples: float) -> np.ndarray:
    """RMS level of every frame.

    Parameters
    ----------
    samples : ndarray, (n,) float32 in -1..1
    frame_samples : float, at least 1
        Length of a frame. It need not be whole: 2.5 ms of 44.1 kHz are 110.25 samples, and each edge lies on the
        sample that is nearest to it, so that frame k begins at k * frame_samples however long the sound is.

    Returns
    -------
    ndarray, (n // frame_samples,) float32
        dBFS, at least `FLOOR_DBFS`; empty where the samples do not fill one frame.
    """
    edges = np.round(np.arange(int(len(samples) / frame_samples) + 1) * frame_samples).astype(np.int64)
    frames_a_block = max(1, int(BLOCK_SAMPLES / frame_samples))
    blocks = [edges[at : at + frames_a_block + 1] for at in range(0, len(edges) - 1, frames_a_block)]
    mean = np.concatenate([np.empty(0), *(_mean_power(samples, block) for block in blocks)])
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(mean, 1e-12))).astype(np.float32)


def _mean_power(samples: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Mean square between each two edges."""
    squares = np.square(samples[edges[0] : edges[-1]], dtype=np.float64)
    return np.add.reduceat(squares, edges[:-1] - edges[0]) / np.diff(edges)
