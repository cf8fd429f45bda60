"""The STUN of a simulated call: both peers check the path before the call and as long as it lasts, and answer.

The listener, which made the offer, has the controlling role and nominates (RFC 8445), as Chromium does; the voice AI is
controlled, as aioice is when it answers. Messages are those of RFC 8489, whole with integrity and fingerprint.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forensics.lab.taps import Endpoint

REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, MESSAGE_INTEGRITY, XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE = 0x0006, 0x0008, 0x0020, 0x0024, 0x0025
FINGERPRINT, CONTROLLED, CONTROLLING, NETWORK_INFO = 0x8028, 0x8029, 0x802A, 0xC057
COOKIE = 0x2112A442
FINGERPRINT_MASK = 0x5354554E
"""Types and numbers of RFC 8489 §14 and §18, of RFC 8445 §16, and of Chromium's own attribute."""

PEER_REFLEXIVE_PRIORITY = 110 << 24 | 65_535 << 8 | 255
"""RFC 8445 §5.1.2.1: type preference 110, the only interface, component 1."""

NETWORK_ID, NETWORK_COST = 1, 50
"""Chromium tells which of its interfaces it asks from; 50 is the cost of one whose kind it does not know."""

ANSWER_S = 0.0005
"""From a request to its answer: within half a millisecond at either peer of the recorder's, on a calm machine."""

SETUP_CHECKS = 3
"""Chromium asks so often before it holds a pair for tried."""


@dataclass(frozen=True, slots=True)
class IcePeer:
    """One end of the path: its ICE credentials, its role, and when it asks.

    `setup_s` is when its first check leaves, before the call's zero; the next come `hurry_s` later each, and from then
    on as RFC 7675 wants them: the wait between two is drawn from `wait_s`.
    """

    fragment: str
    password: bytes
    role: int
    setup_s: float
    setup_checks: int
    wait_s: tuple[float, float]
    hurry_s: float = 0.0625


LISTENER_PEER = IcePeer("lstn", b"passwordOfTheListener000", CONTROLLING, -1.0, SETUP_CHECKS, (2.656, 2.656))
"""Chromium: 62 ms between the first checks and 2.656 s between the later ones, nearly always in the recorded calls."""

AGENT_PEER = IcePeer("agnt", b"passwordOfTheVoiceAi0000", CONTROLLED, -0.55, 1, (4.0, 6.0))
"""aioice: 5 s, and up to a fifth more or less (RFC 7675 §5.1)."""


def check_times(peer: IcePeer, end_s: float, *, rng: np.random.Generator) -> Iterator[float]:
    """Yield when a peer asks, in seconds of the call, until `end_s`."""
    for number in range(peer.setup_checks):
        at_s = peer.setup_s + number * peer.hurry_s
        yield at_s
    while (at_s := at_s + float(rng.uniform(*peer.wait_s))) < end_s:
        yield at_s


def binding_request(peer: IcePeer, other: IcePeer, *, transaction: bytes) -> bytes:
    """Return a connectivity check of `peer`; `transaction` is 12 bytes that no other request has."""
    attributes = _attribute(USERNAME, f"{other.fragment}:{peer.fragment}".encode())
    role = _attribute(peer.role, hashlib.sha256(peer.password).digest()[:8])  # the tie breaker
    priority = _attribute(PRIORITY, struct.pack("!I", PEER_REFLEXIVE_PRIORITY))
    if peer.role == CONTROLLING:
        network = _attribute(NETWORK_INFO, struct.pack("!HH", NETWORK_ID, NETWORK_COST))
        attributes += network + role + _attribute(USE_CANDIDATE, b"") + priority
    else:
        attributes += priority + role
    return _sealed(REQUEST, transaction, attributes, key=other.password)


def binding_success(request: bytes, answering: IcePeer, *, asked_from: Endpoint) -> bytes:
    """Return the answer to a check, which tells where it was seen to come from."""
    address = int(ipaddress.IPv4Address(asked_from[0])) ^ COOKIE
    mapped = struct.pack("!BBHI", 0, 1, asked_from[1] ^ COOKIE >> 16, address)
    return _sealed(SUCCESS, request[8:20], _attribute(XOR_MAPPED_ADDRESS, mapped), key=answering.password)


def is_request(payload: bytes) -> bool:
    """Tell a STUN binding request."""
    return payload[:2] == REQUEST.to_bytes(2, "big")


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _sealed(kind: int, transaction: bytes, attributes: bytes, *, key: bytes) -> bytes:
    """Add integrity and fingerprint; each covers what stands before it, under a length that counts it already."""

    def so_far(added: int) -> bytes:
        return struct.pack("!HHI", kind, len(attributes) + added, COOKIE) + transaction + attributes

    digest = hmac.new(key, so_far(24), hashlib.sha1).digest()
    attributes += _attribute(MESSAGE_INTEGRITY, digest)
    check = zlib.crc32(so_far(8)) ^ FINGERPRINT_MASK
    attributes += _attribute(FINGERPRINT, struct.pack("!I", check))
    return so_far(0)
