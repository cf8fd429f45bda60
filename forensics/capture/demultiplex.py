"""What a datagram is, from its first octets: STUN, DTLS, TURN channel data, RTP or RTCP (RFC 7983, RFC 5761)."""

from __future__ import annotations

import numpy as np

from forensics.capture.gather import field
from forensics.model import PROTOCOLS, Protocol

HEAD_OCTETS = 16
"""Octets at the start of a datagram that decide, and that hold the fixed RTP header."""

OTHER, STUN, DTLS, TURN, RTP, RTCP = (
    PROTOCOLS.index(kind)
    for kind in (Protocol.OTHER, Protocol.STUN, Protocol.DTLS, Protocol.TURN, Protocol.RTP, Protocol.RTCP)
)
STUN_COOKIE = 0x2112A442
_DTLS_MAJOR = 0xFE  # the one's complement of major version 1, RFC 6347 section 4.1
_CIPHERTEXT_13 = 0x24  # unified header 001CSLEE with a length and without a connection id, RFC 9147 section 4
_LONGEST_PLAIN = 26
"""Content types of DTLS records with the header of version 1.2: what lies above them is a unified header of 1.3."""

_SHORTEST_RTP = np.array([12 + 4 * (first & 15) + 4 * (first >> 4 & 1) for first in range(256)])
"""Octets of an RTP header with its CSRCs and the head of its extension, by its first octet (RFC 3550 section 5.1)."""


def tell_apart(head: np.ndarray, captured: np.ndarray, wire: np.ndarray) -> np.ndarray:
    """Say what each datagram is.

    RFC 7983 decides by the first octet; lengths, versions and the STUN cookie keep out what only looks alike.

    Parameters
    ----------
    head : ndarray of uint8, shape (n, HEAD_OCTETS)
        First octets of each datagram; what lies behind its end does not matter.
    captured, wire : ndarray of int64, shape (n,)
        Octets of each datagram that were captured, and that were sent.

    Returns
    -------
    ndarray of uint8, shape (n,)
        Index into `model.PROTOCOLS`.

    Notes
    -----
    An RTP header has no checksum: a datagram of another protocol that happens to begin with binary 10 counts as RTP
    here. `streams.find_streams` keeps only those whose sequence numbers go on.
    """
    first = head[:, 0]
    media = (first >= 128) & (first < 192)
    protocol = _media(head, captured, wire)  # of all: nearly every datagram is one
    if media.all():
        return protocol
    protocol[~media] = 0
    for rows, judge in (
        (np.flatnonzero(first < 4), _stun),
        (np.flatnonzero((first >= 20) & (first < 64)), _dtls),
        (np.flatnonzero((first >= 64) & (first < 80)), _turn),
    ):
        if len(rows):
            protocol[rows] = judge(head[rows], captured[rows], wire[rows])
    return protocol


def _media(head: np.ndarray, captured: np.ndarray, wire: np.ndarray) -> np.ndarray:
    control = (head[:, 1] >= 192) & (head[:, 1] < 224)  # RFC 5761 section 4
    rtp = ~control & (captured >= 12) & (wire >= _SHORTEST_RTP.take(head[:, 0]))
    protocol = rtp * np.uint8(RTP)
    rows = np.flatnonzero(control & (captured >= 8))
    fits = 4 * (field(head[rows], 2, ">u2").astype(np.int64) + 1) <= wire[rows]
    protocol[rows[fits]] = RTCP
    return protocol


def _stun(head: np.ndarray, captured: np.ndarray, wire: np.ndarray) -> np.ndarray:
    length = field(head, 2, ">u2").astype(np.int64)
    cookie = field(head, 4, ">u4") == STUN_COOKIE
    stun = (captured >= 20) & (length % 4 == 0) & (length + 20 <= wire) & cookie
    return stun * np.uint8(STUN)


def _dtls(head: np.ndarray, captured: np.ndarray, wire: np.ndarray) -> np.ndarray:
    first = head[:, 0]
    plain = (captured >= 13) & (head[:, 1] == _DTLS_MAJOR) & (first <= _LONGEST_PLAIN)
    short = (first & 8) == 0  # one octet of sequence number, else two
    length = np.where(short, field(head, 2, ">u2"), field(head, 3, ">u2")).astype(np.int64)
    fits = length + np.where(short, 4, 5) <= wire
    unified = (captured >= 5) & (first & 0xF4 == _CIPHERTEXT_13) & fits & (length >= 16)
    return (plain | unified) * np.uint8(DTLS)


def are_handshakes(first: np.ndarray, protocol: np.ndarray) -> np.ndarray:
    """Say which datagrams are DTLS beyond doubt: those with a record of the header that names the version.

    Parameters
    ----------
    first : ndarray of uint8, shape (n,)
        First octet of each datagram.
    protocol : ndarray of uint8, shape (n,)
    """
    return (protocol == DTLS) & (first <= _LONGEST_PLAIN)


def _turn(head: np.ndarray, captured: np.ndarray, wire: np.ndarray) -> np.ndarray:
    surplus = wire - 4 - field(head, 2, ">u2").astype(np.int64)
    return ((captured >= 4) & (surplus >= 0) & (surplus < 4)) * np.uint8(TURN)
