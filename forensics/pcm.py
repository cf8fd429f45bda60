"""Sound as it was quantised: 16 bit integers in memory, float32 where it is looked at.

What decoders for calls yield and what most recorders write has 16 bits; an hour at 48 kHz is 346 MB of them, and
691 MB as float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

FULL_SCALE = 32_768
"""What ±1 is in 16 bits."""

ENERGY_SAMPLES, ENERGIES_AT_ONCE = 120, 2048
"""Samples of one energy: 2.5 ms at 48 kHz, of which the frames that levels are asked of are multiples; and how many are
worked out at once, 1 MB of float32."""


class Pcm16(NDArrayOperatorsMixin):
    """Samples held as 16 bit integers that read as float32 in -1..1: slices, `np.asarray` and arithmetic give those.

    Parameters
    ----------
    integers : ndarray, (n,) int16
        Held, not copied.

    Notes
    -----
    A slice is a copy. Arithmetic on the whole makes all of it float32: go through a long sound by the block.
    """

    __slots__ = ("_energies", "integers")
    ndim, dtype = 1, np.dtype(np.float32)

    def __init__(self, integers: np.ndarray) -> None:
        self.integers = integers
        self._energies: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.integers)

    def __getitem__(self, where: Any) -> Any:
        return _scaled(self.integers[where])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(_scaled(self.integers), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        arrays = (np.asarray(each) if isinstance(each, Pcm16) else each for each in inputs)
        return getattr(ufunc, method)(*arrays, **options)

    @property
    def energies(self) -> np.ndarray:
        """Sum of squares of each whole `ENERGY_SAMPLES`, (n // 120,) float32; worked out once."""
        if self._energies is None:
            pieces = range(0, max(1, len(self) - ENERGY_SAMPLES + 1), ENERGIES_AT_ONCE * ENERGY_SAMPLES)
            blocks = (self[first : first + ENERGIES_AT_ONCE * ENERGY_SAMPLES] for first in pieces)
            self._energies = np.concatenate([_energies(block) for block in blocks])
        return self._energies

    @property
    def shape(self) -> tuple[int]:
        """(n,), as of an array."""
        return (len(self.integers),)

    @property
    def nbytes(self) -> int:
        """What the samples take in memory."""
        return self.integers.nbytes


def part(samples: np.ndarray | Pcm16, first: int, last: int) -> np.ndarray | Pcm16:
    """Return the samples from `first` to before `last` as they are held, without copying them."""
    return Pcm16(samples.integers[first:last]) if isinstance(samples, Pcm16) else samples[first:last]


def gather(samples: np.ndarray | Pcm16, starts: np.ndarray, count: int) -> np.ndarray:
    """Return `count` samples from each of `starts` on, all of which there are; (n, count) float32."""
    if isinstance(samples, Pcm16):
        return _scaled(np.lib.stride_tricks.sliding_window_view(samples.integers, count)[starts])
    return np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float32), count)[starts]


def to_pcm16(samples: np.ndarray) -> np.ndarray:
    """Quantise samples in -1..1, which what is beyond is cut to; (n,) int16."""
    scaled = np.multiply(samples, np.float32(FULL_SCALE), dtype=np.float32)
    return np.clip(np.rint(scaled, out=scaled), -FULL_SCALE, FULL_SCALE - 1, out=scaled).astype(np.int16)


def _energies(samples: np.ndarray) -> np.ndarray:
    rows = samples[: len(samples) // ENERGY_SAMPLES * ENERGY_SAMPLES].reshape(-1, ENERGY_SAMPLES)
    return np.einsum("ij,ij->i", rows, rows)


def _scaled(integers: np.ndarray) -> np.ndarray:
    return np.multiply(integers, np.float32(1 / FULL_SCALE), dtype=np.float32)
