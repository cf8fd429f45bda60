"""Spectrograms as tiles of bytes, computed where somebody looks.

Level 0 has a column every `HOP_S`; each level above is `LEVEL_FACTOR` times coarser. A coarse column shows the loudest
of a few windows spread over its span, so that a click stays visible in the overview of an hour. One byte a cell:

====== ==========================================================
0      left to the coarser level: only in reports, which carry some tiles in part
1      nothing was recorded or sent here
2      exact digital silence: every sample of the window is zero
3..255 level in dB relative to a full-scale sine, `FLOOR_DB` to 0
====== ==========================================================

Windows go through `scipy.fft` in single precision, block by block: `librosa.stft` of an hour at 48 kHz takes gigabytes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forensics.views.sound import Sound

HOP_S = 0.0025
LEVEL_FACTOR = 4
TILE_COLUMNS = 256
ROWS = 96
WINDOW_S = 0.021  # two pitch periods of a low voice; 1024 samples at 48 kHz, librosa's advice for speech is 23 ms
FLOOR_DB = -100.0
TOP_HZ = 12_000.0  # what Opus in its super-wideband mode carries; speech has little above
LOW_HZ = 50.0
WINDOWS_PER_COLUMN = 4
COARSE_LEVEL = 2
"""From here on (40 ms a column) a column takes several windows, without zero padding. Below, windows of 21 ms overlap
by half as they are, and padding keeps a tone between two bins from losing 1.4 dB (Harris 1978, Hann)."""

NOT_CARRIED, NOTHING, SILENT, QUIETEST = 0, 1, 2, 3
STEPS = 255 - QUIETEST

WINDOWS_AT_ONCE = 128
"""Half a megabyte at 48 kHz, which stays in the processor's cache from the taper to the row; padded, half as many."""

Scale = str  # "mel" or "linear"


def spectrogram_levels(sound: Sound) -> int:
    """Return how many levels it takes until four tiles hold the whole sound."""
    levels, columns = 1, sound.duration_s / HOP_S
    while columns > 4 * TILE_COLUMNS:
        columns /= LEVEL_FACTOR
        levels += 1
    return levels


def row_edges_hz(sample_rate_hz: int, scale: Scale) -> np.ndarray:
    """Return the `ROWS + 1` frequencies between which the rows lie, lowest first.

    Mel after O'Shaughnessy (1987): m = 2595 log10(1 + f / 700).
    """
    top_hz = min(TOP_HZ, sample_rate_hz / 2)
    if scale == "linear":
        return np.linspace(0.0, top_hz, ROWS + 1)
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (LOW_HZ, top_hz))
    edges = 700 * (10 ** (np.linspace(low, high, ROWS + 1) / 2595) - 1)
    return np.minimum(edges, top_hz)


def spectrogram_tile(sound: Sound, *, scale: Scale, level: int, index: int) -> np.ndarray:
    """Return tile `index` of `level` on `scale`: uint8 of shape (columns, ROWS), lowest frequency first."""
    hop_s = HOP_S * LEVEL_FACTOR**level
    columns = min(TILE_COLUMNS, int(np.ceil(sound.duration_s / hop_s)) - index * TILE_COLUMNS)
    if columns <= 0:
        return np.empty((0, ROWS), dtype=np.uint8)
    windows = WINDOWS_PER_COLUMN if level >= COARSE_LEVEL else 1
    at_s = (index * TILE_COLUMNS + (np.arange(columns * windows) + 0.5) / windows) * hop_s
    padding = 1 if level >= COARSE_LEVEL else 2
    centres = np.rint(at_s * sound.sample_rate_hz).astype(int).reshape(columns, windows)
    step = WINDOWS_AT_ONCE // (windows * padding)
    blocks = [centres[first : first + step] for first in range(0, columns, step)]
    return np.concatenate([_columns(sound, block, scale, padding=padding) for block in blocks])


def cell_levels_db(cells: np.ndarray) -> np.ndarray:
    """Return the levels in dB that `cells` of a tile stand for; `FLOOR_DB` where a cell is no level."""
    return np.maximum((cells.astype(float) - QUIETEST) / STEPS * -FLOOR_DB + FLOOR_DB, FLOOR_DB)


def _columns(sound: Sound, centres: np.ndarray, scale: Scale, *, padding: int) -> np.ndarray:
    """Columns of cells, each of the loudest of its windows around `centres` (columns, windows); (columns, ROWS)."""
    from scipy.fft import rfft

    length = 1 << int(np.ceil(np.log2(WINDOW_S * sound.sample_rate_hz * 0.97)))
    first_bins, bins = _row_bins(padding * length, sound.sample_rate_hz, scale)
    frames, known = _frames(sound, centres.reshape(-1), length), sound.known_at(centres.reshape(-1))
    amplitude = np.abs(rfft(frames * _taper(length), n=padding * length, axis=1, overwrite_x=True)[:, :bins])
    amplitude[~known] = 0
    loudest = np.maximum.reduceat(amplitude.reshape(*centres.shape, bins).max(axis=1), first_bins, axis=1)
    cells = _bytes(loudest)
    still = loudest.max(axis=1) == 0
    if still.any():
        sounding = (known & frames.any(axis=1)).reshape(centres.shape).any(axis=1)
        cells[still & ~sounding] = SILENT
        cells[~known.reshape(centres.shape).any(axis=1)] = NOTHING
    return cells


@lru_cache(maxsize=4)
def _taper(length: int) -> np.ndarray:
    """Hann's window, such that a full-scale sine has an amplitude of 1."""
    taper = np.hanning(length + 1)[:-1]
    return (taper * (2 / taper.sum())).astype(np.float32)


def _frames(sound: Sound, centres: np.ndarray, length: int) -> np.ndarray:
    """Windows around `centres`: a view of one stretch where they overlap, else read one by one."""
    first, last = int(centres[0]) - length // 2, int(centres[-1]) + length // 2
    if last - first > 4 * len(centres) * length:
        return np.stack([sound.read(int(at) - length // 2, length) for at in centres])
    windows = np.lib.stride_tricks.sliding_window_view(sound.read(first, last - first), length)
    steps = np.diff(centres)
    if len(steps) and (steps == steps[0]).all():
        return windows[:: steps[0]]
    return windows[centres - centres[0]]


@lru_cache(maxsize=8)
def _row_bins(size: int, sample_rate_hz: int, scale: Scale) -> tuple[np.ndarray, int]:
    """First bin of each row, and how many bins there are in all; a row narrower than a bin takes the bin it lies in."""
    edges = row_edges_hz(sample_rate_hz, scale) * size / sample_rate_hz
    first_bins = np.minimum(np.rint(edges[:-1]).astype(int), size // 2 - 1)
    return first_bins, max(round(edges[-1]), int(first_bins[-1]) + 1)


def _bytes(amplitude: np.ndarray) -> np.ndarray:
    level_db = np.log(np.maximum(amplitude, np.float32(1e-9))) * np.float32(20 / np.log(10))
    cells = np.rint((level_db - np.float32(FLOOR_DB)) * np.float32(STEPS / -FLOOR_DB)) + QUIETEST
    return np.clip(cells, QUIETEST, 255).astype(np.uint8)
