"""The payloads of a capture, end to end in one buffer."""

from __future__ import annotations

import numpy as np

from forensics.capture.chunk import Datagrams
from forensics.capture.gather import every, windows

_FEWEST_ALIKE = 64
"""Payloads of one size, in the mean of a chunk, that are worth a step of their own; fewer are joined one by one."""


class PayloadBuffer:
    """Collects the payloads of chunk after chunk.

    Parameters
    ----------
    expected : int
        Octets that are likely to come. What is reserved and not filled costs no memory; more are taken as well.
    """

    def __init__(self, expected: int) -> None:
        self._octets = np.empty(expected, np.uint8)
        self._filled = 0

    @property
    def octets(self) -> np.ndarray:
        """The payloads so far, shape (n,) of uint8."""
        return self._octets[: self._filled]

    def add(self, chunk: Datagrams) -> None:
        """Copy the payloads of a chunk behind those before."""
        size = int(chunk.captured.sum())
        if self._filled + size > len(self._octets):
            more = np.empty(max(2 * len(self._octets), self._filled + size), np.uint8)
            more[: self._filled] = self.octets
            self._octets = more
        _pack(chunk, self._octets[self._filled : self._filled + size])
        self._filled += size


def _pack(chunk: Datagrams, room: np.ndarray) -> None:
    """Copy the payloads of a chunk, all of a size at once; `room` is as large as all of them."""
    counts = np.bincount(chunk.captured)
    sizes = np.flatnonzero(counts)
    if len(chunk) <= _FEWEST_ALIKE * len(sizes):
        _pack_one_by_one(chunk, room)
        return
    narrow = np.uint16 if len(counts) <= 1 << 16 else np.int64  # sorted by radix, in a tenth of the time
    order = np.argsort(chunk.captured.astype(narrow), kind="stable")
    start = np.cumsum(chunk.captured) - chunk.captured
    for size, rows in zip(sizes.tolist(), np.split(order, np.cumsum(counts[sizes])[:-1]), strict=True):
        if size:
            every(room, size)[start[rows]] = windows(chunk.octets, chunk.offset[rows], size).view(f"V{size}")[:, 0]


def _pack_one_by_one(chunk: Datagrams, room: np.ndarray) -> None:
    view = memoryview(np.ascontiguousarray(chunk.octets))
    bounds = zip(chunk.offset.tolist(), (chunk.offset + chunk.captured).tolist(), strict=True)
    room[:] = np.frombuffer(b"".join([view[start:end] for start, end in bounds]), np.uint8)
