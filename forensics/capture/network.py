"""IPv4 (RFC 791) and IPv6 (RFC 8200): from a network header to the transport that it carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.capture.gather import field, windows
from forensics.capture.interning import Interner
from forensics.capture.links import CUT_OFF, IPV4, IPV6, NO_NETWORK, Network
from forensics.capture.records import Records
from forensics.capture.tally import Tally

TCP, UDP = 6, 17
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION, _MOBILITY, _HIP, _SHIM6 = (
    0,
    43,
    44,
    51,
    60,
    135,
    139,
    140,
)
_EXTENSIONS = (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION, _MOBILITY, _HIP, _SHIM6)
_DEEPEST_EXTENSIONS = 16

FAMILY_4, FAMILY_6 = 4, 6


@dataclass(slots=True, eq=False)
class Packets:
    """Network packets as columns, one row each.

    `row` points into the records; `offset` and `end` bound the captured part of the transport in `octets`, `wire_end`
    is where it would end uncut. `pair` names the two addresses: exact for IPv4 (source, destination), interned for
    IPv6. `fragment` is the offset in octets of a fragment, -1 for a whole packet; `more` says that others follow it.
    """

    row: np.ndarray
    family: np.ndarray
    pair: np.ndarray
    protocol: np.ndarray
    offset: np.ndarray
    end: np.ndarray
    wire_end: np.ndarray
    identification: np.ndarray
    fragment: np.ndarray
    more: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def where(self, rows: np.ndarray) -> Packets:
        """Return the packets of a mask or an index."""
        return Packets(*(getattr(self, name)[rows] for name in self.__slots__))


class AddressBook:
    """Numbers pairs of IPv6 addresses, and writes addresses for people."""

    def __init__(self) -> None:
        self._pairs = Interner(4)

    def number(self, addresses: np.ndarray) -> np.ndarray:
        """Return the numbers of pairs, given as rows of 32 octets."""
        return self._pairs.number(*(field(addresses, at, ">u8") for at in (0, 8, 16, 24))).astype(np.uint64)

    def addresses(self, family: int, pair: int) -> tuple[str, str]:
        """Return the source and the destination of a pair as text."""
        from ipaddress import IPv4Address, IPv6Address

        if family == FAMILY_4:
            return str(IPv4Address(pair >> 32)), str(IPv4Address(pair & 0xFFFF_FFFF))
        words = [int(word) for word in self._pairs.keys[pair]]
        return str(IPv6Address(words[0] << 64 | words[1])), str(IPv6Address(words[2] << 64 | words[3]))


def find_packets(records: Records, network: Network, *, book: AddressBook, tally: Tally) -> Packets:
    """Read the network headers of all frames.

    Parameters
    ----------
    records : Records
        The frames.
    network : Network
        Where their network headers start.
    book : AddressBook
        Numbers IPv6 addresses; the same for all chunks of a capture.
    tally : Tally
        Counts what is not IP, cut off or malformed.

    Returns
    -------
    Packets
        In the order of the frames.
    """
    is_4, is_6 = network.ethertype == IPV4, network.ethertype == IPV6
    if is_4.all():
        return _ipv4(records, network.offset, np.arange(len(records)), tally)
    _count_others(network.ethertype[~is_4 & ~is_6], tally)
    four = _ipv4(records, network.offset, np.flatnonzero(is_4), tally)
    six = _ipv6(records, network.offset, np.flatnonzero(is_6), book=book, tally=tally)
    return join([four, six]) if len(six) else four


def join(parts: list[Packets]) -> Packets:
    """Put packets together in the order of their frames."""
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in Packets.__slots__]
    order = np.argsort(columns[0], kind="stable")
    return Packets(*(column[order] for column in columns))


def _count_others(ethertype: np.ndarray, tally: Tally) -> None:
    names = {0x0806: "ARP", NO_NETWORK: "no network layer"}
    for kind, count in zip(*np.unique(ethertype[ethertype != CUT_OFF], return_counts=True), strict=True):
        length_field = int(kind) < 0x0600 and kind != NO_NETWORK  # IEEE 802.3: a length, not a type
        name = names.get(int(kind), "IEEE 802.3 frame" if length_field else f"EtherType 0x{int(kind):04X}")
        tally.skip(f"not IP: {name}", int(count))


def _ipv4(records: Records, offsets: np.ndarray, row: np.ndarray, tally: Tally) -> Packets:
    offset = offsets[row]
    captured_end = records.offset[row] + records.captured[row]
    head = windows(records.octets, offset, 20)
    header = (head[:, 0] & 15).astype(np.int64) * 4
    total = field(head, 2, ">u2").astype(np.int64)
    wire = records.offset[row] + records.wire[row]
    wire_end = np.where(total == 0, wire, offset + total)  # zero: segmentation offload left it to the card
    whole = offset + 20 <= captured_end
    sound = (head[:, 0] >> 4 == 4) & (header >= 20) & (offset + header <= np.minimum(wire_end, captured_end))
    flags = field(head, 6, ">u2")
    pieces = flags & 0x3FFF
    packets = Packets(
        row=row,
        family=np.full(len(row), FAMILY_4, np.uint8),
        pair=field(head, 12, ">u8"),
        protocol=head[:, 9].copy(),
        offset=offset + header,
        end=np.minimum(wire_end, captured_end),
        wire_end=wire_end,
        identification=field(head, 4, ">u2").astype(np.uint32),
        fragment=np.where(pieces == 0, -1, (flags & 0x1FFF).astype(np.int64) * 8),
        more=(flags & 0x2000) != 0,
    )
    if (whole & sound).all():
        return packets
    tally.skip_rows("cut off inside the IPv4 header", ~whole)
    tally.skip_rows("malformed IPv4 header", whole & ~sound)
    return packets.where(whole & sound)


def _ipv6(records: Records, offsets: np.ndarray, row: np.ndarray, *, book: AddressBook, tally: Tally) -> Packets:
    captured_end = records.offset[row] + records.captured[row]
    whole = offsets[row] + 40 <= captured_end
    tally.skip_rows("cut off inside the IPv6 header", ~whole)
    row, captured_end = row[whole], captured_end[whole]
    offset = offsets[row]
    head = windows(records.octets, offset, 40)
    length = field(head, 4, ">u2").astype(np.int64)
    wire_end = np.where(length == 0, records.offset[row] + records.wire[row], offset + 40 + length)
    packets = Packets(
        row=row,
        family=np.full(len(row), FAMILY_6, np.uint8),
        pair=book.number(np.ascontiguousarray(head[:, 8:])),
        protocol=head[:, 6].copy(),
        offset=offset + 40,
        end=np.minimum(wire_end, captured_end),
        wire_end=wire_end,
        identification=np.zeros(len(row), np.uint32),
        fragment=np.full(len(row), -1, np.int64),
        more=np.zeros(len(row), bool),
    )
    sound = _step_over_extensions(records.octets, packets) & (head[:, 0] >> 4 == 6)
    tally.skip_rows("malformed IPv6 header", ~sound)
    return packets if sound.all() else packets.where(sound)


def _step_over_extensions(octets: np.ndarray, packets: Packets) -> np.ndarray:
    """Move `packets` in place behind their extension headers; return which of them stay inside their octets."""
    sound = np.ones(len(packets), bool)
    for _ in range(_DEEPEST_EXTENSIONS):
        rows = np.flatnonzero(np.isin(packets.protocol, _EXTENSIONS) & sound & (packets.fragment <= 0))
        if not len(rows):
            break
        head = windows(octets, packets.offset[rows], 8)
        kind = packets.protocol[rows]
        pieces = kind == _FRAGMENT
        units = head[:, 1].astype(np.int64)
        size = np.where(kind == _AUTHENTICATION, (units + 2) * 4, np.where(pieces, 8, (units + 1) * 8))
        sound[rows] = packets.offset[rows] + size <= packets.end[rows]
        _note_fragments(packets, rows[pieces], head[pieces])
        packets.protocol[rows] = head[:, 0]
        packets.offset[rows] += size
    return sound


def _note_fragments(packets: Packets, rows: np.ndarray, head: np.ndarray) -> None:
    place = field(np.ascontiguousarray(head), 2, ">u2")
    atomic = (place & 0xFFF9) == 0  # RFC 6946: a fragment header on a whole packet
    packets.fragment[rows] = np.where(atomic, -1, (place & 0xFFF8).astype(np.int64))
    packets.more[rows] = (place & 1) != 0
    packets.identification[rows] = field(np.ascontiguousarray(head), 4, ">u4")
