"""Datagrams inside TURN: ChannelData, Send and Data indications (RFC 8656 sections 11 and 12)."""

from __future__ import annotations

import struct

import numpy as np

from forensics.capture.chunk import Datagrams
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


def unwrap(chunk: Datagrams) -> None:
    """Replace, in place, datagrams of a TURN client or server by what they carry.

    Parameters
    ----------
    chunk : Datagrams
        Of any protocols.

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
    for row in stun[(kind == SEND_INDICATION) | (kind == DATA_INDICATION)].tolist():
        start = int(chunk.offset[row])
        found = find_data(chunk.octets[start : start + int(chunk.captured[row])].tobytes())
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
