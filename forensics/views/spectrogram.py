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
    cells = _levels(sound, np.rint(at_s * sound.sample_rate_hz).astype(int), scale, padding=padding)
    return cells.reshape(columns, windows, ROWS).max(axis=1)


def cell_levels_db(cells: np.ndarray) -> np.ndarray:
    """Return the levels in dB that `cells` of a tile stand for; `FLOOR_DB` where a cell is no level."""
    return np.maximum((cells.astype(float) - QUIETEST) / STEPS * -FLOOR_DB + FLOOR_DB, FLOOR_DB)


def _levels(sound: Sound, centres: np.ndarray, scale: Scale, *, padding: int) -> np.ndarray:
    """Levels of the windows around `centres` as bytes, shape (windows, ROWS)."""
    from scipy.fft import rfft

    length = 1 << int(np.ceil(np.log2(WINDOW_S * sound.sample_rate_hz * 0.97)))
    frames = _frames(sound, centres, length)
    taper = np.hanning(length + 1)[:-1].astype(np.float32)
    spectrum = np.abs(rfft(frames * taper, n=padding * length, axis=1, workers=1)) * (2 / taper.sum())
    cells = _bytes(_rows(spectrum, sound.sample_rate_hz, scale))
    cells[~frames.any(axis=1)] = SILENT
    cells[~sound.known_at(centres)] = NOTHING
    return cells


def _frames(sound: Sound, centres: np.ndarray, length: int) -> np.ndarray:
    """Windows around `centres`: a view of one stretch where they overlap, else read one by one."""
    first, last = int(centres[0]) - length // 2, int(centres[-1]) + length // 2
    if last - first <= 4 * len(centres) * length:
        stretch = sound.read(first, last - first)
        windows = np.lib.stride_tricks.sliding_window_view(stretch, length)
        return windows[centres - centres[0]]
    return np.stack([sound.read(int(at) - length // 2, length) for at in centres])


def _rows(spectrum: np.ndarray, sample_rate_hz: int, scale: Scale) -> np.ndarray:
    """Loudest bin of each row; a row narrower than a bin takes the bin it lies in."""
    bins = spectrum.shape[1]
    edges = row_edges_hz(sample_rate_hz, scale) * 2 * (bins - 1) / sample_rate_hz
    starts = np.minimum(np.rint(edges[:-1]).astype(int), bins - 2)
    stops = np.maximum(np.rint(edges[1:]).astype(int), starts + 1)
    if scale == "linear" or (np.diff(starts) > 0).all():
        return np.maximum.reduceat(spectrum[:, : stops[-1]], starts, axis=1)
    return np.stack([spectrum[:, a:b].max(axis=1) for a, b in zip(starts, stops, strict=True)], axis=1)


def _bytes(amplitude: np.ndarray) -> np.ndarray:
    level_db = 20 * np.log10(np.maximum(amplitude, 1e-9))
    return np.clip(QUIETEST + np.rint((level_db - FLOOR_DB) / -FLOOR_DB * STEPS), QUIETEST, 255).astype(np.uint8)
