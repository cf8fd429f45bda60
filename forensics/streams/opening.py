"""SRTP streams opened: which key, which rollover counter, and the plain payloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from forensics.capture.srtp import (
    MasterKey,
    SessionKeys,
    counter_mode,
    gcm_rtp,
    rtp_initial_values,
    rtp_tag_fits,
    without_identifier,
)

TRIAL_PACKETS = 5
"""Packets that are tried before a key is given up; one may be damaged."""

HIGHEST_ROLLOVER = 1 << 16
"""Rollover counters that are tried for a capture that joined late: years of voice at 50 packets a second."""

_NEIGHBOURS = (-1, 1)


@dataclass(slots=True, eq=False)
class SealedPackets:
    """Whole SRTP packets of one stream: datagrams, header lengths and sequence numbers without the rollover counter.

    `index` is the unwrapped sequence number, congruent to the packet's own 16 bits.
    """

    ssrc: int
    datagrams: Sequence[bytes]
    header: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.datagrams)

    def of(self, master: MasterKey) -> SealedPackets:
        """Return the packets without the identifier of a master key; those of another key become empty."""
        if not master.mki:
            return self
        cut = [without_identifier(master, packet, tag=master.profile.tag) for packet in self.datagrams]
        return replace(self, datagrams=cut)

    def where(self, rows: np.ndarray) -> SealedPackets:
        """Return the packets of an index."""
        return SealedPackets(self.ssrc, [self.datagrams[row] for row in rows], self.header[rows], self.index[rows])


@dataclass(slots=True, eq=False)
class Opened:
    """Plain payloads: octets, and for each packet where its payload starts (-1: did not authenticate) and its size."""

    octets: np.ndarray
    start: np.ndarray
    size: np.ndarray

    def with_later(self, later: Opened, rows: np.ndarray) -> Opened:
        """Return these packets, with `rows` as another key opened them."""
        start, size = self.start.copy(), self.size.copy()
        start[rows] = np.where(later.start >= 0, later.start + len(self.octets), -1)
        size[rows] = later.size
        return Opened(np.concatenate([self.octets, later.octets]), start, size)


@dataclass(frozen=True, slots=True, eq=False)
class OpenedStream:
    """A stream as its keys opened it: the packets, and the keys in the order in which they served."""

    packets: Opened
    masters: tuple[MasterKey, ...]


def open_stream(masters: Sequence[MasterKey], packets: SealedPackets, *, flow: int) -> OpenedStream | None:
    """Open a stream with the key that fits, and what then stays closed with the other keys: calls change them.

    Parameters
    ----------
    masters : sequence of MasterKey
        Candidates.
    packets : SealedPackets
        At least one.
    flow : int
        The stream's flow.

    Returns
    -------
    OpenedStream or None
        None where no key opens any of the packets that were tried.

    Notes
    -----
    A later key goes on with the rollover counter of the one before or starts with zero; other counters are tried for
    the first key only.
    """
    match = find_master(masters, packets, flow=flow)
    if match is None:
        return None
    master, ahead = match
    opened, used = open_packets(master, packets, ahead=ahead), [master]
    while len(closed := np.flatnonzero(opened.start < 0)) > TRIAL_PACKETS:
        rest = [other for other in masters if other not in used]
        later = _open_later(rest, packets.where(closed), ahead=ahead, flow=flow)
        if later is None:
            break
        opened = opened.with_later(later[1], closed)
        used.append(later[0])
    return OpenedStream(opened, tuple(used))


def _open_later(
    masters: Sequence[MasterKey], packets: SealedPackets, *, ahead: int, flow: int
) -> tuple[MasterKey, Opened] | None:
    anew = packets.index - (packets.index[0] >> 16 << 16)
    for index in (packets.index + ahead, anew):
        based = replace(packets, index=index)
        match = find_master(masters, based, flow=flow, deepest=1)
        if match is not None:
            return match[0], open_packets(match[0], based, ahead=match[1])
    return None


def find_master(
    masters: Sequence[MasterKey], packets: SealedPackets, *, flow: int, deepest: int = HIGHEST_ROLLOVER
) -> tuple[MasterKey, int] | None:
    """Find the key that a stream was sealed with, by its tags.

    Parameters
    ----------
    masters : sequence of MasterKey
        Candidates; those whose handshake went over the stream's own flow are tried first.
    packets : SealedPackets
        At least one.
    flow : int
        The stream's flow.
    deepest : int
        How many rollover counters are tried.

    Returns
    -------
    tuple of MasterKey and int, or None
        The key and what to add to the packets' index for the rollovers before the capture (a multiple of 65536).
    """
    ordered = sorted(masters, key=lambda master: master.flow != flow)
    nearby = [master for master in ordered if master.flow in (flow, -1)]  # keys of other calls did not roll over here
    for candidates, trials, rollovers in ((ordered, TRIAL_PACKETS, 1), (nearby, 1, deepest)):
        for master in candidates:
            keys, first = master.derive("rtp"), packets.where(np.arange(min(trials, len(packets)))).of(master)
            for at in range(len(first)):
                ahead = _rollovers_before(master, keys, first, at=at, highest=rollovers)
                if ahead is not None:
                    return master, ahead
    return None


def _rollovers_before(
    master: MasterKey, keys: SessionKeys, packets: SealedPackets, *, at: int, highest: int
) -> int | None:
    """Return what to add to the index of packet `at` for its tag to fit; None where no rollover counter does."""
    packet, header, index = packets.datagrams[at], int(packets.header[at]), int(packets.index[at])
    for rollover in range(highest):
        if rtp_tag_fits(keys, master.profile, packet, header, index + (rollover << 16)):
            return rollover << 16
    return None


def open_packets(master: MasterKey, packets: SealedPackets, *, ahead: int) -> Opened:
    """Open the packets of one stream.

    Parameters
    ----------
    master : MasterKey
    packets : SealedPackets
    ahead : int
        As `find_master` returned it.

    Returns
    -------
    Opened
        Packets whose tag fits neither with the expected rollover counter nor with its neighbours stay closed.
    """
    keys, packets = master.derive("rtp"), packets.of(master)
    index = packets.index + ahead
    if master.profile.aead:
        return _open_aead(keys, packets, index)
    good = np.zeros(len(packets), bool)
    for at, (packet, header) in enumerate(zip(packets.datagrams, packets.header.tolist(), strict=True)):
        for near in (0, *_NEIGHBOURS):
            if rtp_tag_fits(keys, master.profile, packet, header, int(index[at]) + (near << 16)):
                good[at] = True
                index[at] += near << 16
                break
    tag = master.profile.tag
    payloads = [
        memoryview(packet)[header:-tag] if fine else b""
        for packet, header, fine in zip(packets.datagrams, packets.header.tolist(), good.tolist(), strict=True)
    ]
    octets, start = counter_mode(keys, rtp_initial_values(keys.salt, packets.ssrc, index), payloads)
    size = np.fromiter(map(len, payloads), np.int64, len(payloads))
    return Opened(octets, np.where(good, start, -1), size)


def _open_aead(keys: SessionKeys, packets: SealedPackets, index: np.ndarray) -> Opened:
    cipher = AESGCM(keys.encryption)
    plain: list[bytes | None] = []
    for packet, header, expected in zip(packets.datagrams, packets.header.tolist(), index.tolist(), strict=True):
        near = (expected, *(expected + (n << 16) for n in _NEIGHBOURS))
        tries = (gcm_rtp(keys, cipher, packet, header, one) for one in near if one >= 0)
        plain.append(next((payload for payload in tries if payload is not None), None))
    size = np.array([len(payload or b"") for payload in plain], np.int64)
    good = np.array([payload is not None for payload in plain], bool)
    octets = np.frombuffer(b"".join(payload or b"" for payload in plain), np.uint8)
    return Opened(octets, np.where(good, np.cumsum(size) - size, -1), size)
