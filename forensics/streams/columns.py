"""RTP packets of any streams as columns, as they wait to be judged or go into the sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_COLUMNS = ("stream", "arrival_s", "sequence_number", "timestamp", "payload_type", "marker")


@dataclass(slots=True, eq=False)
class Packets:
    """RTP packets as columns, one row each."""

    stream: np.ndarray
    arrival_s: np.ndarray
    sequence_number: np.ndarray
    timestamp: np.ndarray
    payload_type: np.ndarray
    marker: np.ndarray

    def __len__(self) -> int:
        return len(self.stream)

    def where(self, rows: np.ndarray | slice) -> Packets:
        """Return the packets of a mask, an index or a slice."""
        return Packets(*(getattr(self, name)[rows] for name in _COLUMNS))

    def behind(self, earlier: Packets) -> Packets:
        """Return `earlier` and these."""
        return Packets(*(np.concatenate([getattr(earlier, n), getattr(self, n)]) for n in _COLUMNS))

    def sorted(self) -> Packets:
        """Return them sorted by stream, in their order inside each."""
        numbers = self.stream.astype(np.uint16) if len(self) and self.stream.max() < 1 << 16 else self.stream
        return self.where(np.argsort(numbers, kind="stable"))  # a radix sort for 16 bits
