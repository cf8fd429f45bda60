"""What matters of TCP: RFC 4571 frames (ICE-TCP), TURN and SIP, cut out of segments that are put in order first."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from forensics.capture.demultiplex import HEAD_OCTETS, OTHER, STUN, TURN, tell_apart
from forensics.capture.network import Packets
from forensics.capture.signalling import SIP_STARTS
from forensics.capture.tally import Tally

PATIENCE_SEGMENTS = 8
"""Segments with data after which a connection that shows no framing is taken for another protocol."""

MOST_HELD_OCTETS = 1 << 20
"""Segments that wait for an earlier one; beyond, the earlier one is given up: the tap missed it."""

LONGEST_MESSAGE = 1 << 17
"""A message that is not whole after so many octets is none: RFC 4571 and TURN can say 65535, SIP has no limit."""

_HEADERS_END = b"\r\n\r\n"
_CONTENT_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_SYN = 0x02
_HEADER_OCTETS = 20

Cut = tuple[int, int, int]
"""Where a message starts, how long it is, and where the next one starts."""


@dataclass(slots=True)
class _Direction:
    """One direction of a connection: what is expected next, what waits, and how messages are framed."""

    following: int | None = None
    held: dict[int, bytes] = field(default_factory=dict)
    rest: bytes = b""
    framing: Callable[[bytes, int], Cut | None] | None = None
    failures: int = 0
    octets: int = 0


class TcpMessages:
    """Cuts messages out of TCP segments over the chunks of a capture.

    Parameters
    ----------
    tally : Tally
        Counts segments of other protocols, and gaps.
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._directions: dict[int, _Direction] = {}
        self._ignored = np.zeros(64, bool)

    def add(self, octets: np.ndarray, packets: Packets, flow: np.ndarray) -> list[tuple[int, bytes]]:
        """Take in the next segments.

        Parameters
        ----------
        octets : ndarray of uint8
            What the packets point into.
        packets : Packets
            TCP segments.
        flow : ndarray of int32, shape (n,)
            The directed connection of each.

        Returns
        -------
        list of tuple of int and bytes
            For each message: the index of the segment that completed it, and its octets (STUN, DTLS, RTP, RTCP, TURN
            ChannelData or SIP).
        """
        if len(flow) and flow.max() >= len(self._ignored):
            self._ignored = np.concatenate([self._ignored, np.zeros(int(flow.max()) + 1, bool)])
        messages: list[tuple[int, bytes]] = []
        for at in np.flatnonzero(~self._ignored[flow]).tolist():
            segment = _segment(octets, packets, at)
            if segment is None or not (segment[1] or segment[2]):
                continue
            direction = self._directions.setdefault(int(flow[at]), _Direction())
            messages.extend((at, message) for message in self._take(direction, *segment))
            if direction.framing is None and direction.failures >= PATIENCE_SEGMENTS:
                self._ignored[flow[at]] = True
                del self._directions[int(flow[at])]
        self.tally.skip_rows("TCP segment of a protocol that carries no media", self._ignored[flow])
        return messages

    def _take(self, direction: _Direction, sequence: int, data: bytes, starts: bool) -> Iterator[bytes]:
        if starts or direction.following is None:
            direction.following = (sequence + starts) & 0xFFFF_FFFF
        if data:
            direction.held.setdefault(sequence, data)
            direction.octets += len(data)
            yield from self._in_order(direction)

    def _in_order(self, direction: _Direction) -> Iterator[bytes]:
        while direction.held:
            assert direction.following is not None
            expected = direction.following
            sequence = min(direction.held, key=lambda one: _ahead(one, expected))
            ahead = _ahead(sequence, expected)
            if ahead > 0 and direction.octets <= MOST_HELD_OCTETS:
                return
            data = direction.held.pop(sequence)
            direction.octets -= len(data)
            if ahead > 0:
                self.tally.skip("TCP segment that the capture missed")
                direction.rest, direction.framing = b"", None
            data = data[max(-ahead, 0) :]
            if data:
                direction.following = (expected + max(ahead, 0) + len(data)) & 0xFFFF_FFFF
                yield from _cut(direction, data)


def _ahead(sequence: int, expected: int) -> int:
    """How far a sequence number lies ahead of the expected one, the shorter way round."""
    return (sequence - expected + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000


def _segment(octets: np.ndarray, packets: Packets, at: int) -> tuple[int, bytes, bool] | None:
    start, end = int(packets.offset[at]), int(packets.end[at])
    if end - start < _HEADER_OCTETS:
        return None
    header = octets[start : start + _HEADER_OCTETS].tobytes()
    data = start + (header[12] >> 4) * 4
    return (
        int.from_bytes(header[4:8], "big"),
        octets[data:end].tobytes() if data < end else b"",
        bool(header[13] & _SYN),
    )


def _cut(direction: _Direction, data: bytes) -> Iterator[bytes]:
    if direction.framing is None:
        direction.rest = data
        direction.framing = next((framing for framing in FRAMINGS if _fits(framing, data)), None)
        if direction.framing is None:
            direction.failures += 1
            direction.rest = b""
            return
    else:
        direction.rest += data
    position = 0
    while (cut := direction.framing(direction.rest, position)) is not None:
        start, length, following = cut
        if following > len(direction.rest):
            break
        yield direction.rest[start : start + length]
        position = following
    direction.rest = direction.rest[position:]
    if len(direction.rest) > LONGEST_MESSAGE:
        direction.rest, direction.framing = b"", None


def _rfc4571(octets: bytes, position: int) -> Cut | None:
    """Two octets of length, then the packet."""
    if position + 2 > len(octets):
        return None
    (length,) = struct.unpack_from(">H", octets, position)
    return position + 2, length, position + 2 + length


def _turn(octets: bytes, position: int) -> Cut | None:
    """STUN messages and ChannelData one after the other, the latter padded to four octets (RFC 8656 section 12.5)."""
    if position + 4 > len(octets):
        return None
    kind, length = struct.unpack_from(">HH", octets, position)
    if kind >> 14 == 1:
        return position, 4 + length, position + (4 + length + 3) // 4 * 4
    return position, 20 + length, position + 20 + length


def _sip(octets: bytes, position: int) -> Cut | None:
    """Headers up to an empty line, then as many octets as Content-Length says (RFC 3261 section 18.3)."""
    while octets.startswith(b"\r\n", position):  # what keeps a connection alive
        position += 2
    end = octets.find(_HEADERS_END, position)
    if end < 0:
        return None
    told = _CONTENT_LENGTH.search(octets, position, end + 2)
    length = end + len(_HEADERS_END) - position + (int(told[1]) if told else 0)
    return position, length, position + length


Framing = Callable[[bytes, int], Cut | None]
FRAMINGS: tuple[Framing, ...] = (_sip, _rfc4571, _turn)


def _fits(framing: Framing, data: bytes) -> bool:
    """Say whether a segment reads as messages of this framing from its first octet on."""
    if framing is _sip:
        return data.lstrip(b"\r\n").startswith(SIP_STARTS)
    position, known, sure = 0, 0, False
    while (cut := framing(data, position)) is not None:
        start, length, following = cut
        kind = _kind(data[start : start + length], length)
        if kind == OTHER or (framing is _turn and kind not in (STUN, TURN)):
            return False
        sure |= kind == STUN or following == len(data)  # a cookie, or a length that ends where the segment does
        known, position = known + 1, following
        if following >= len(data):
            break
    return known > 0 and sure


def _kind(message: bytes, length: int) -> int:
    head = np.frombuffer(message[:HEAD_OCTETS].ljust(HEAD_OCTETS, b"\0"), np.uint8).reshape(1, -1)
    return int(tell_apart(head, np.array([len(message)]), np.array([length]))[0])
