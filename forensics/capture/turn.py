"""Datagrams inside TURN: ChannelData, Send and Data indications (RFC 8656 sections 11 and 12)."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import numpy as np

from forensics.capture.chunk import Datagrams
from forensics.capture.demultiplex import HEAD_OCTETS, OTHER, STUN, TURN, tell_apart
from forensics.capture.gather import field, windows

SEND_INDICATION, DATA_INDICATION, CHANNEL_BIND = 0x0016, 0x0017, 0x0009
_PEER_ADDRESS, _DATA = 0x0012, 0x0013
_FAMILY_4, _FAMILY_6 = 1, 2
_STUN_HEADER_OCTETS = 20


def find_attribute(message: bytes, kind: int = _DATA) -> tuple[int, int] | None:
    """Return where an attribute of a STUN message starts and how long it is; None without one.

    Parameters
    ----------
    message : bytes
        A whole STUN message, or its beginning.
    kind : int
        By default DATA.
    """
    position = _STUN_HEADER_OCTETS
    while position + 4 <= len(message):
        here, length = struct.unpack_from(">HH", message, position)
        if here == kind:
            return position + 4, length
        position += 4 + (length + 3) // 4 * 4
    return None


def find_peer(message: bytes) -> tuple[str, int] | None:
    """Return the address and port of XOR-PEER-ADDRESS (RFC 8489 section 14.2, RFC 8656 section 18.3); None without one.

    Parameters
    ----------
    message : bytes
        A whole STUN message.
    """
    found = find_attribute(message, _PEER_ADDRESS)
    if found is None:
        return None
    value = message[found[0] : found[0] + found[1]]
    family, octets = (value[1], value[4:]) if len(value) > 4 else (0, b"")
    if (family, len(octets)) not in ((_FAMILY_4, 4), (_FAMILY_6, 16)):
        return None
    mask = message[4:_STUN_HEADER_OCTETS][: len(octets)]
    address = bytes(a ^ b for a, b in zip(octets, mask, strict=True))
    return str(ip_address(address)), int.from_bytes(value[2:4], "big") ^ int.from_bytes(message[4:6], "big")


class Relays:
    """Remembers whom TURN servers relay for, by the flow between client and server.

    Attributes
    ----------
    peers : dict
        Flow → the (address, port) of the peers that its messages named, each once, in order.
    """

    def __init__(self) -> None:
        self.peers: dict[int, dict[tuple[str, int], None]] = {}

    def learn(self, flow: int, message: bytes) -> None:
        """Take in a message that may name a peer: a channel bound, or an indication with data."""
        peer = find_peer(message)
        if peer is not None:
            self.peers.setdefault(flow, {})[peer] = None


def unwrap(chunk: Datagrams, relays: Relays) -> None:
    """Replace, in place, datagrams of a TURN client or server by what they carry.

    Parameters
    ----------
    chunk : Datagrams
        Of any protocols.
    relays : Relays
        Learns whom the server relays for.

    Notes
    -----
    What is inside keeps the addresses of its outside: those of the TURN client and server. Data of a protocol that is
    not known stays TURN.
    """
    rows = np.flatnonzero(chunk.protocol == TURN)
    length = field(np.ascontiguousarray(chunk.head[rows]), 2, ">u2").astype(np.int64)
    _replace(chunk, rows, start=chunk.offset[rows] + 4, length=length)
    stun = np.flatnonzero(chunk.protocol == STUN)
    kind = field(np.ascontiguousarray(chunk.head[stun]), 0, ">u2")
    for row in stun[np.isin(kind, (SEND_INDICATION, DATA_INDICATION, CHANNEL_BIND))].tolist():
        start = int(chunk.offset[row])
        message = chunk.octets[start : start + int(chunk.captured[row])].tobytes()
        relays.learn(int(chunk.flow[row]), message)
        found = find_attribute(message) if message[1] != CHANNEL_BIND else None
        if found is not None:
            _replace(chunk, np.array([row]), start=np.array([start + found[0]]), length=np.array([found[1]]))


def _replace(chunk: Datagrams, rows: np.ndarray, *, start: np.ndarray, length: np.ndarray) -> None:
    """Let rows stand for `length` octets from `start` on, where those are of a protocol that is known."""
    room = np.maximum(chunk.offset[rows] + chunk.captured[rows] - start, 0)
    captured = np.minimum(length, room)
    head = windows(chunk.octets, start, HEAD_OCTETS)
    inner = tell_apart(head, captured, length)
    known = inner != OTHER
    rows = rows[known]
    chunk.offset[rows], chunk.captured[rows], chunk.wire[rows] = start[known], captured[known], length[known]
    chunk.protocol[rows], chunk.head[rows] = inner[known], head[known]
