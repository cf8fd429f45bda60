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


def frame_levels_dbfs(samples: np.ndarray, *, frame_samples: int, hop_samples: int | None = None) -> np.ndarray:
    """RMS level of every frame.

    Parameters
    ----------
    samples : ndarray, (n,) float32 in -1..1
    frame_samples : int
        Length of a frame.
    hop_samples : int, optional
        Step between frames; a frame's length where it is not given.

    Returns
    -------
    ndarray, (1 + (n - frame_samples) // hop_samples,) float32
        dBFS, at least `FLOOR_DBFS`; empty where the samples do not fill one frame.
    """
    hop = hop_samples or frame_samples
    if len(samples) < frame_samples:
        return np.empty(0, np.float32)
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.arange(0, len(samples) - frame_samples + 1, hop)
    mean = (power[starts + frame_samples] - power[starts]) / frame_samples
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(mean, 1e-12))).astype(np.float32)
