"""Waveforms as tiles of minima and maxima, computed where somebody looks.

Level 0 is the samples; each level above spans `LEVEL_FACTOR` times as many per column. A tile is `TILE_COLUMNS`
columns. Levels of `OVERVIEW_SAMPLES` and above come from one pass over the whole sound, which is kept.
"""

from __future__ import annotations

import numpy as np

from forensics.views.sound import Sound

LEVEL_FACTOR = 8
TILE_COLUMNS = 2048
OVERVIEW_SAMPLES = 512
FULL_SCALE = 32767
NOTHING = (FULL_SCALE, 1 - FULL_SCALE)
"""A column in which nothing was recorded or sent: its minimum is above its maximum, so that merging leaves it out."""
NOT_CARRIED = (FULL_SCALE, -FULL_SCALE)
"""A column that a report leaves to the coarser level."""

_BLOCK_COLUMNS = 1 << 14  # columns of one pass: 8 M samples, 32 MB


def wave_levels(sound: Sound) -> int:
    """Return how many levels it takes until one tile holds the whole sound."""
    levels, columns = 1, sound.length
    while columns > TILE_COLUMNS:
        columns //= LEVEL_FACTOR
        levels += 1
    return levels


def wave_tile(sound: Sound, *, level: int, index: int) -> np.ndarray:
    """Return tile `index` of `level`: int16 of shape (columns, 2), minimum and maximum, full scale ±32767.

    A tile beyond the end of the sound has no columns.
    """
    span = LEVEL_FACTOR**level
    columns = min(TILE_COLUMNS, -(-sound.length // span) - index * TILE_COLUMNS)
    if columns <= 0:
        return np.empty((0, 2), dtype=np.int16)
    if span < OVERVIEW_SAMPLES:
        return _extremes(sound, first=index * TILE_COLUMNS * span, columns=columns, span=span)
    overview = _overview(sound)
    group = span // OVERVIEW_SAMPLES
    return _merge(overview[index * TILE_COLUMNS * group : (index * TILE_COLUMNS + columns) * group], group)


def _overview(sound: Sound) -> np.ndarray:
    if "wave" not in sound.overviews:
        columns = -(-sound.length // OVERVIEW_SAMPLES)
        blocks = [
            _extremes(
                sound, first=at * OVERVIEW_SAMPLES, columns=min(_BLOCK_COLUMNS, columns - at), span=OVERVIEW_SAMPLES
            )
            for at in range(0, columns, _BLOCK_COLUMNS)
        ]
        sound.overviews["wave"] = np.concatenate(blocks) if blocks else np.empty((0, 2), dtype=np.int16)
    return sound.overviews["wave"]


def _extremes(sound: Sound, *, first: int, columns: int, span: int) -> np.ndarray:
    """Minimum and maximum of `columns` runs of `span` samples from `first` on."""
    samples = sound.read(first, columns * span).reshape(columns, span)
    pairs = np.stack([samples.min(axis=1), samples.max(axis=1)], axis=1)
    levels = np.rint(np.clip(pairs, -1, 1) * FULL_SCALE).astype(np.int16)
    levels[~sound.known_at(first + np.arange(columns) * span + span // 2)] = NOTHING
    return levels


def _merge(pairs: np.ndarray, group: int) -> np.ndarray:
    """Merge each `group` columns into one; the last one may span fewer."""
    if group == 1 or not len(pairs):
        return pairs
    starts = np.arange(0, len(pairs), group)
    return np.stack([np.minimum.reduceat(pairs[:, 0], starts), np.maximum.reduceat(pairs[:, 1], starts)], axis=1)
