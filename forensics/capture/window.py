"""A view that slides over the octets of a file: one block is worked on while the next one is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forensics.capture.files import OctetFile

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

BLOCK_OCTETS = 8 << 20
"""Large enough that the cost of a chunk vanishes, small enough for the third-level cache: 2 to 16 MiB measure alike."""

SLACK_OCTETS = 512
"""Readable octets behind the last one, so that windows on headers never leave the buffer."""

HEADROOM_OCTETS = 1 << 18
"""Room in front of a block for the record that the block before it cut: the longest frame of a pcap file."""


class Window:
    """A buffer that slides over an `OctetFile`: what was not used yet stays in front, new octets follow it.

    A file longer than a block is read ahead: while one block is worked on, a thread fills another. Reading (and
    inflating) needs no lock of the interpreter; the octets, their order and their faults are the same as without it.
    Close the window, or use it in a `with` statement, so that no reading goes on in a file that is closed.

    Parameters
    ----------
    file : OctetFile
        What is read.
    capacity : int
        Octets of a block.

    Attributes
    ----------
    octets : ndarray of uint8, shape (end + SLACK_OCTETS or more,)
        The buffer. It is another one after `slide`, and what it held before is overwritten.
    end : int
        Octets of the buffer that are filled.
    origin : int
        Offset in the (decompressed) file of the buffer's first octet.
    """

    def __init__(self, file: OctetFile, *, capacity: int = BLOCK_OCTETS) -> None:
        self.file = file
        self.capacity = capacity
        self.origin = 0
        self._reader: ThreadPoolExecutor | None = None
        self._coming: Future[int] | None = None
        block = self._empty_block()
        self.octets = block[HEADROOM_OCTETS:]
        self.end = file.fill(self._room(block))
        self._block, self._next = block, block  # the one that is worked on, and the one that is filled meanwhile
        if self.end == capacity:
            self._read_ahead(self._empty_block())

    def slide(self, used: int) -> bool:
        """Forget the first `used` octets and read on; return False where nothing new came."""
        rest = self.octets[used : self.end]
        self.origin += used
        if self._coming is None:
            self.octets, self.end = self.octets[used:], len(rest)
            return False
        new = self._coming.result()
        self._coming = None
        free, self._block = self._block, self._next
        self.octets, self.end = _joined(rest, self._block), len(rest) + new
        self.octets[self.end : self.end + SLACK_OCTETS] = 0
        if new == self.capacity:
            self._read_ahead(free)
        return new > 0

    def close(self) -> None:
        """Wait for what is being read, and end the thread that reads."""
        if self._reader:
            self._reader.shutdown(cancel_futures=True)

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _empty_block(self) -> np.ndarray:
        return np.zeros(HEADROOM_OCTETS + self.capacity + SLACK_OCTETS, np.uint8)

    def _room(self, block: np.ndarray) -> memoryview:
        return memoryview(block)[HEADROOM_OCTETS : HEADROOM_OCTETS + self.capacity]

    def _read_ahead(self, block: np.ndarray) -> None:
        """Begin to fill `block`, of which nothing is needed (any more)."""
        if self._reader is None:
            from concurrent.futures import ThreadPoolExecutor  # 7 ms that a small file does without

            self._reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._next = block
        self._coming = self._reader.submit(self.file.fill, self._room(block))


def _joined(rest: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return the filled part of `block` with `rest` before it: in its headroom, in a copy where that is too small."""
    if len(rest) > HEADROOM_OCTETS:
        return np.concatenate([rest, block[HEADROOM_OCTETS:]])
    start = HEADROOM_OCTETS - len(rest)
    block[start:HEADROOM_OCTETS] = rest
    return block[start:]
