"""Levels and envelopes: how loud, when."""

from __future__ import annotations

import numpy as np

FLOOR_DBFS = -120.0
"""What digital silence is called; 24 bit audio ends at -144, 16 bit at -96 dBFS."""


def level_dbfs(samples: np.ndarray) -> float:
    """RMS level in dB relative to full scale of samples in -1..1; `FLOOR_DBFS` for silence and for no samples."""
    if len(samples) == 0:
        return FLOOR_DBFS
    power = float(np.dot(samples, samples)) / len(samples)
    return max(FLOOR_DBFS, 10 * np.log10(power)) if power > 0 else FLOOR_DBFS


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
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    mean = np.diff(power[edges]) / np.diff(edges)
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(mean, 1e-12))).astype(np.float32)
