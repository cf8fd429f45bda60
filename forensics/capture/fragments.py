"""IP fragments put together again (RFC 791 section 3.2, RFC 8200 section 4.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.capture.network import Packets
from forensics.capture.tally import Tally

MOST_PENDING = 1024
"""Incomplete packets that are kept; beyond, the oldest is given up. The kernel keeps a few megabytes likewise."""

_LONGEST_PACKET = 65_535
_NEVER_WHOLE = "IP fragment whose other fragments never came"


@dataclass(slots=True)
class _Pieces:
    parts: dict[int, bytes] = field(default_factory=dict)
    length: int = -1

    def whole(self) -> bytes | None:
        """Return the packet once no octet of it is missing; overlaps keep what came first in the packet."""
        if self.length < 0:
            return None
        octets = bytearray()
        for offset in sorted(self.parts):
            if offset > len(octets):
                return None
            octets += self.parts[offset][len(octets) - offset :]
        return bytes(octets[: self.length]) if len(octets) >= self.length else None


class Reassembly:
    """Collects fragments over the chunks of a capture.

    Parameters
    ----------
    tally : Tally
        Counts fragments that come to nothing.
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._pending: dict[tuple[int, ...], _Pieces] = {}

    def add(self, octets: np.ndarray, packets: Packets) -> list[tuple[int, bytes]]:
        """Take in the fragments among `packets`.

        Parameters
        ----------
        octets : ndarray of uint8
            What the packets point into.
        packets : Packets
            Whole packets are passed over.

        Returns
        -------
        list of tuple of int and bytes
            For each packet that became whole: the index of the fragment that completed it, and its transport octets.
        """
        whole = []
        for at in np.flatnonzero(packets.fragment >= 0).tolist():
            start, end = int(packets.offset[at]), int(packets.end[at])
            if end < int(packets.wire_end[at]):
                self.tally.skip("IP fragment cut off by the snap length")
                continue
            complete = self._take(self._key(packets, at), packets, at, octets[start:end].tobytes())
            if complete is not None:
                whole.append((at, complete))
        return whole

    def finish(self) -> None:
        """Count what is still incomplete at the end of the capture."""
        for pieces in self._pending.values():
            self.tally.skip(_NEVER_WHOLE, len(pieces.parts))
        self._pending.clear()

    @staticmethod
    def _key(packets: Packets, at: int) -> tuple[int, ...]:
        names = (packets.family, packets.pair, packets.protocol, packets.identification)
        return tuple(int(column[at]) for column in names)

    def _take(self, key: tuple[int, ...], packets: Packets, at: int, octets: bytes) -> bytes | None:
        pieces = self._pending.setdefault(key, _Pieces())
        offset = int(packets.fragment[at])
        if offset + len(octets) > _LONGEST_PACKET:
            self.tally.skip("IP fragment beyond the longest packet")
            return None
        pieces.parts.setdefault(offset, octets)
        if not packets.more[at]:
            pieces.length = offset + len(octets)
        whole = pieces.whole()
        if whole is not None:
            del self._pending[key]
        elif len(self._pending) > MOST_PENDING:
            oldest = next(iter(self._pending))
            self.tally.skip(_NEVER_WHOLE, len(self._pending.pop(oldest).parts))
        return whole
