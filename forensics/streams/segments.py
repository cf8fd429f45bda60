"""Runs of rows that belong to one stream, in columns that are sorted by stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Runs of rows of one stream, shape (k,) each: where a run starts, how many rows it has, and whose they are."""

    start: np.ndarray
    count: np.ndarray
    stream: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def last(self) -> np.ndarray:
        """The last row of each run."""
        return self.start + self.count - 1

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return one value per row, given one per run."""
        return np.repeat(values, self.count)


def find_segments(stream: np.ndarray) -> Segments:
    """Find the runs of a sorted column of stream numbers.

    Parameters
    ----------
    stream : ndarray of int, shape (n,)
        Sorted.
    """
    edge = np.ones(len(stream), bool)
    np.not_equal(stream[1:], stream[:-1], out=edge[1:])
    start = np.flatnonzero(edge)
    return Segments(start, np.diff(start, append=len(stream)), stream[start])
