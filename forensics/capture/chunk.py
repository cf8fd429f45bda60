"""A chunk of datagrams: what the bulk stages hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(slots=True, eq=False)
class Datagrams:
    """Datagrams of one chunk as columns, in the order of their frames. `octets` may be overwritten by the next chunk.

    `head` are the first octets of each, shape (n, HEAD_OCTETS); `offset` and `captured` bound it in `octets`, `wire`
    is its length before the snap length cut it. `flow` numbers the directed five-tuple over the whole capture.
    """

    octets: np.ndarray
    frame: np.ndarray
    time_ns: np.ndarray
    flow: np.ndarray
    protocol: np.ndarray
    offset: np.ndarray
    captured: np.ndarray
    wire: np.ndarray
    head: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)


def in_order(first: Datagrams, second: Datagrams) -> Datagrams:
    """Put datagrams together in the order of their frames; `second` has the buffer of both."""
    order = np.argsort(np.concatenate([first.frame, second.frame]), kind="stable")
    columns = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])[order]
        for name in Datagrams.__slots__
        if name != "octets"
    }
    return Datagrams(octets=second.octets, **columns)
