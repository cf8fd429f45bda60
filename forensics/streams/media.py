"""The RTP packets of a capture as columns, sorted by stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.streams.headers import Headers


@dataclass(slots=True, eq=False)
class Media:
    """RTP packets sorted by stream, one row each; `row` points into `Capture.datagrams`."""

    stream: np.ndarray
    row: np.ndarray
    arrival_s: np.ndarray
    offset: np.ndarray
    captured: np.ndarray
    wire: np.ndarray
    headers: Headers

    def where(self, rows: slice) -> Media:
        """Return the packets of a slice."""
        return Media(*(self._column(name, rows) for name in self.__slots__))

    def _column(self, name: str, rows: slice):  # type: ignore[no-untyped-def]
        column = getattr(self, name)
        return column.where(rows) if isinstance(column, Headers) else column[rows]
