"""Levels and envelopes: how loud, when."""

from __future__ import annotations

import numpy as np

from forensics.pcm import ENERGY_SAMPLES, Pcm16, gather

FLOOR_DBFS = -120.0
"""What digital silence is called; 24 bit audio ends at -144, 16 bit at -96 dBFS."""


BLOCK_SAMPLES = 1 << 18
"""Samples that are squared at once: 1 MB as float32, which stays in the processor's cache."""


def level_dbfs(samples: np.ndarray) -> float:
    """RMS level in dB relative to full scale of samples in -1..1; `FLOOR_DBFS` for silence and for no samples."""
    if len(samples) == 0:
        return FLOOR_DBFS
    power = float(np.dot(samples, samples)) / len(samples)
    return max(FLOOR_DBFS, 10 * np.log10(power)) if power > 0 else FLOOR_DBFS


def piece_levels_dbfs(samples: np.ndarray | Pcm16, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """`level_dbfs` of many pieces of one sound, from each of `starts` to before each of `ends`; (n,) float64.

    What lies beyond either end of the sound is left out, as in a slice.
    """
    starts, ends = (np.clip(edges, 0, len(samples)) for edges in (starts, ends))
    lengths = np.maximum(ends - starts, 0)
    power = np.zeros(len(starts))
    for length in np.unique(lengths[lengths > 0]).tolist():
        alike = np.flatnonzero(lengths == length)
        for piece in np.array_split(alike, -(-len(alike) * length // BLOCK_SAMPLES)):
            power[piece] = _row_powers(_rows(samples, starts[piece], length))
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(power, 1e-30)))


def _rows(samples: np.ndarray | Pcm16, starts: np.ndarray, length: int) -> np.ndarray:
    """Return `length` samples from each of `starts` on, (n, length) float; those of a run are not copied."""
    if (starts[1:] == starts[:-1] + length).all():
        return samples[starts[0] : starts[-1] + length].reshape(-1, length)
    return gather(samples, starts, length)


def frame_levels_dbfs(samples: np.ndarray | Pcm16, *, frame_samples: float) -> np.ndarray:
    """RMS level of every frame.

    Parameters
    ----------
    samples : ndarray or Pcm16, (n,) float32 in -1..1
    frame_samples : float, at least 1
        Length of a frame. It need not be whole: 2.5 ms of 44.1 kHz are 110.25 samples, and each edge lies on the
        sample that is nearest to it, so that frame k begins at k * frame_samples however long the sound is.

    Returns
    -------
    ndarray, (n // frame_samples,) float32
        dBFS, at least `FLOOR_DBFS`; empty where the samples do not fill one frame.
    """
    if isinstance(samples, Pcm16) and frame_samples % ENERGY_SAMPLES == 0:
        return _levels_dbfs(_sums(samples.energies, round(frame_samples / ENERGY_SAMPLES)) / frame_samples)
    edges = np.round(np.arange(int(len(samples) / frame_samples) + 1) * frame_samples).astype(np.int64)
    frames_a_block = max(1, int(BLOCK_SAMPLES / frame_samples))
    blocks = [edges[at : at + frames_a_block + 1] for at in range(0, len(edges) - 1, frames_a_block)]
    return _levels_dbfs(np.concatenate([np.empty(0), *(_mean_power(samples, block) for block in blocks)]))


def _levels_dbfs(power: np.ndarray) -> np.ndarray:
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32)


def _sums(values: np.ndarray, count: int) -> np.ndarray:
    """Sum of each `count` values in a row; what is left at the end is left out."""
    return values[: len(values) // count * count].reshape(-1, count).sum(axis=1)


def _mean_power(samples: np.ndarray | Pcm16, edges: np.ndarray) -> np.ndarray:
    """Mean square between each two edges."""
    piece, lengths = samples[edges[0] : edges[-1]], np.diff(edges)
    if (lengths == lengths[0]).all():
        return _row_powers(piece.reshape(len(lengths), -1))
    return np.add.reduceat(np.square(piece, dtype=np.float64), edges[:-1] - edges[0]) / lengths


def _row_powers(rows: np.ndarray) -> np.ndarray:
    """Mean square of each row."""
    return np.einsum("ij,ij->i", rows, rows) / rows.shape[1]
