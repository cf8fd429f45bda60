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

    __slots__ = ("integers",)
    ndim, dtype = 1, np.dtype(np.float32)

    def __init__(self, integers: np.ndarray) -> None:
        self.integers = integers

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
    def shape(self) -> tuple[int]:
        """(n,), as of an array."""
        return (len(self.integers),)

    @property
    def nbytes(self) -> int:
        """What the samples take in memory."""
        return self.integers.nbytes


def gather(samples: np.ndarray | Pcm16, starts: np.ndarray, count: int) -> np.ndarray:
    """Return `count` samples from each of `starts` on, all of which there are; (n, count) float32."""
    if isinstance(samples, Pcm16):
        return _scaled(np.lib.stride_tricks.sliding_window_view(samples.integers, count)[starts])
    return np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float32), count)[starts]


def to_pcm16(samples: np.ndarray) -> np.ndarray:
    """Quantise samples in -1..1, which what is beyond is cut to; (n,) int16."""
    scaled = np.multiply(samples, np.float32(FULL_SCALE), dtype=np.float32)
    return np.clip(np.rint(scaled, out=scaled), -FULL_SCALE, FULL_SCALE - 1, out=scaled).astype(np.int16)


def _scaled(integers: np.ndarray) -> np.ndarray:
    return np.multiply(integers, np.float32(1 / FULL_SCALE), dtype=np.float32)
