"""Datagrams inside TURN: ChannelData, Send and Data indications (RFC 8656 sections 11 and 12)."""

from __future__ import annotations

import struct

import numpy as np

from forensics.capture.demultiplex import HEAD_OCTETS, OTHER, STUN, TURN, tell_apart
from forensics.capture.gather import field, windows

SEND_INDICATION, DATA_INDICATION = 0x0016, 0x0017
_DATA = 0x0013
_STUN_HEADER_OCTETS = 20


def find_data(message: bytes) -> tuple[int, int] | None:
    """Return where the DATA attribute of a STUN message starts and how long it is; None without one.

    Parameters
    ----------
    message : bytes
        A whole STUN message, or its beginning.
    """
    position = _STUN_HEADER_OCTETS
    while position + 4 <= len(message):
        kind, length = struct.unpack_from(">HH", message, position)
        if kind == _DATA:
            return position + 4, length
        position += 4 + (length + 3) // 4 * 4
    return None


def unwrap(
    octets: np.ndarray,
    offset: np.ndarray,
    captured: np.ndarray,
    wire: np.ndarray,
    protocol: np.ndarray,
    head: np.ndarray,
) -> None:
    """Replace, in place, datagrams of a TURN client or server by what they carry.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer.
    offset, captured, wire : ndarray of int64, shape (n,)
        Where each datagram lies and how long it is.
    protocol : ndarray of uint8, shape (n,)
        Index into `model.PROTOCOLS`.
    head : ndarray of uint8, shape (n, HEAD_OCTETS)
        First octets of each.

    Notes
    -----
    What is inside keeps the addresses of its outside: those of the TURN client and server. Data of a protocol that is
    not known stays TURN.
    """
    rows = np.flatnonzero(protocol == TURN)
    if len(rows):
        length = field(np.ascontiguousarray(head[rows]), 2, ">u2").astype(np.int64)
        _replace(rows, offset[rows] + 4, length, octets, offset, captured, wire, protocol, head)
    stun = np.flatnonzero(protocol == STUN)
    kind = field(np.ascontiguousarray(head[stun]), 0, ">u2")
    for row in stun[(kind == SEND_INDICATION) | (kind == DATA_INDICATION)].tolist():
        start = int(offset[row])
        found = find_data(octets[start : start + int(captured[row])].tobytes())
        if found is not None:
            place, size = np.array([start + found[0]]), np.array([found[1]])
            _replace(np.array([row]), place, size, octets, offset, captured, wire, protocol, head)


def _replace(
    rows: np.ndarray,
    start: np.ndarray,
    length: np.ndarray,
    octets: np.ndarray,
    offset: np.ndarray,
    captured: np.ndarray,
    wire: np.ndarray,
    protocol: np.ndarray,
    head: np.ndarray,
) -> None:
    room = np.maximum(offset[rows] + captured[rows] - start, 0)
    inner_captured = np.minimum(length, room)
    inner_head = windows(octets, start, HEAD_OCTETS)
    inner = tell_apart(inner_head, inner_captured, length)
    known = inner != OTHER
    rows = rows[known]
    offset[rows], captured[rows], wire[rows] = start[known], inner_captured[known], length[known]
    protocol[rows], head[rows] = inner[known], inner_head[known]
