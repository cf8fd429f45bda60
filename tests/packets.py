"""Packets and capture files made octet by octet, for the tests of the capture and streams rooms."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import count

START_NS = 1_700_000_000_123_456_000
A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


def rtp(
    sequence: int,
    timestamp: int,
    *,
    ssrc: int = 0x1234,
    payload_type: int = 0,
    marker: bool = False,
    payload: bytes = bytes(160),
    csrcs: Sequence[int] = (),
    extension: tuple[int, bytes] | None = None,
    padding: int = 0,
) -> bytes:
    first = 0x80 | len(csrcs) | (0x10 if extension else 0) | (0x20 if padding else 0)
    head = struct.pack(
        ">BBHII", first, payload_type | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc
    ) + struct.pack(f">{len(csrcs)}I", *csrcs)
    if extension:
        profile, data = extension
        data += bytes(-len(data) % 4)
        head += struct.pack(">HH", profile, len(data) // 4) + data
    return head + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def talk(packets: int, *, sequence: int = 100, timestamp: int = 5000, step: int = 160, **header: object) -> list[bytes]:
    """Packets of a source that speaks without a pause."""
    return [rtp(sequence + n, timestamp + step * n, **header) for n in range(packets)]


def udp(payload: bytes, source_port: int = 5000, destination_port: int = 6000, *, length: int | None = None) -> bytes:
    told = len(payload) + 8 if length is None else length
    return struct.pack(">HHHH", source_port, destination_port, told, 0) + payload


def tcp(
    payload: bytes, sequence: int, *, source_port: int = 5000, destination_port: int = 6000, flags: int = 0x10
) -> bytes:
    return (
        struct.pack(">HHIIBBHHH", source_port, destination_port, sequence & 0xFFFF_FFFF, 0, 0x50, flags, 1024, 0, 0)
        + payload
    )


def ipv4(
    payload: bytes,
    *,
    source: str = A,
    destination: str = B,
    protocol: int = 17,
    options: bytes = b"",
    identification: int = 0,
    fragment: int = 0,
    more: bool = False,
) -> bytes:
    header = 20 + len(options)
    return struct.pack(
        ">BBHHHBBH4s4s", 0x40 | header // 4, 0, header + len(payload), identification, fragment // 8 | more << 13, 64,
        protocol, 0, ip_address(source).packed, ip_address(destination).packed,
    ) + options + payload  # fmt: skip


def ipv6(
    payload: bytes, *, source: str = A6, destination: str = B6, following: int = 17, extensions: bytes = b""
) -> bytes:
    body = extensions + payload
    return (
        struct.pack(
            ">IHBB16s16s",
            0x6 << 28,
            len(body),
            following,
            64,
            ip_address(source).packed,
            ip_address(destination).packed,
        )
        + body
    )


def fragments4(payload: bytes, size: int, *, identification: int = 7) -> list[bytes]:
    parts = range(0, len(payload), size)
    return [
        ipv4(
            payload[at : at + size], identification=identification, fragment=at, more=at + size < len(payload)
        ) for at in parts
    ]  # fmt: skip


def fragments6(payload: bytes, size: int, *, identification: int = 7) -> list[bytes]:
    def one(at: int) -> bytes:
        header = struct.pack(">BBHI", 17, 0, at | (at + size < len(payload)), identification)
        return ipv6(payload[at : at + size], following=44, extensions=header)

    return [one(at) for at in range(0, len(payload), size)]


def ethernet(network: bytes, *, tags: Sequence[tuple[int, int]] = ()) -> bytes:
    kind = 0x0800 if network[0] >> 4 == 4 else 0x86DD
    return bytes(12) + b"".join(struct.pack(">HH", tag, vlan) for tag, vlan in tags) + struct.pack(">H", kind) + network


def kind_of(network: bytes) -> int:
    return 0x0800 if network[0] >> 4 == 4 else 0x86DD


LINKS = {
    "ethernet": (1, ethernet),
    "vlan": (1, lambda n: ethernet(n, tags=[(0x8100, 5)])),
    "qinq": (1, lambda n: ethernet(n, tags=[(0x88A8, 9), (0x8100, 5)])),
    "cooked": (113, lambda n: bytes(14) + struct.pack(">H", kind_of(n)) + n),
    "cooked2": (276, lambda n: struct.pack(">H", kind_of(n)) + bytes(18) + n),
    "null": (0, lambda n: struct.pack("<I", 2 if n[0] >> 4 == 4 else 30) + n),
    "null_big_endian": (0, lambda n: struct.pack(">I", 2 if n[0] >> 4 == 4 else 24) + n),
    "loop": (108, lambda n: struct.pack(">I", 2 if n[0] >> 4 == 4 else 28) + n),
    "raw": (101, lambda n: n),
}
"""Link types by name: the number in the file, and how a network packet is put into a frame."""


@dataclass(frozen=True)
class Shot:
    """One captured frame: its time, its octets and its length on the wire."""

    time_ns: int
    octets: bytes
    wire: int

    def cut(self, snap_length: int) -> Shot:
        return Shot(self.time_ns, self.octets[:snap_length], self.wire)


def shots(frames: Iterable[bytes], *, start_ns: int = START_NS, step_ns: int = 20_000_000) -> list[Shot]:
    return [Shot(start_ns + at * step_ns, frame, len(frame)) for at, frame in enumerate(frames)]


def pcap(
    frames: Iterable[Shot], *, link: int = 1, order: str = "<", nano: bool = False, modified: bool = False
) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2CD34 if modified else 0xA1B2C3D4
    out = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for shot in frames:
        seconds, rest = divmod(shot.time_ns, 1_000_000_000)
        out.append(
            struct.pack(f"{order}IIII", seconds, rest if nano else rest // 1000, len(shot.octets), shot.wire)
            + (bytes(8) if modified else b"")
            + shot.octets
        )
    return b"".join(out)


class Section:
    """Blocks of a pcapng section in either byte order."""

    def __init__(self, order: str = "<") -> None:
        self.order = order
        self.blocks = [self.block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        return struct.pack(f"{self.order}II", kind, length) + body + struct.pack(f"{self.order}I", length)

    def interface(self, link: int = 1, *, snap: int = 0, resolution: int | None = None, offset_s: int = 0) -> Section:
        options = b""
        if resolution is not None:
            options += struct.pack(f"{self.order}HHB3x", 9, 1, resolution)
        if offset_s:
            options += struct.pack(f"{self.order}HHq", 14, 8, offset_s)
        self.blocks.append(self.block(1, struct.pack(f"{self.order}HHI", link, 0, snap) + options))
        return self

    def enhanced(self, shot: Shot, *, interface: int = 0, units: int | None = None) -> Section:
        units = shot.time_ns // 1000 if units is None else units
        head = struct.pack(
            f"{self.order}IIIII", interface, units >> 32, units & 0xFFFF_FFFF, len(shot.octets), shot.wire
        )
        self.blocks.append(self.block(6, head + shot.octets))
        return self

    def simple(self, shot: Shot) -> Section:
        self.blocks.append(self.block(3, struct.pack(f"{self.order}I", shot.wire) + shot.octets))
        return self

    def obsolete(self, shot: Shot, *, interface: int = 0) -> Section:
        units = shot.time_ns // 1000
        head = struct.pack(
            f"{self.order}HHIIII", interface, 0, units >> 32, units & 0xFFFF_FFFF, len(shot.octets), shot.wire
        )
        self.blocks.append(self.block(2, head + shot.octets))
        return self

    def other(self, kind: int, body: bytes = b"") -> Section:
        self.blocks.append(self.block(kind, body))
        return self

    def secrets(self, key_log: bytes) -> Section:
        return self.other(10, struct.pack(f"{self.order}II", 0x544C534B, len(key_log)) + key_log)

    def octets(self) -> bytes:
        return b"".join(self.blocks)


def pcapng(frames: Iterable[Shot], *, link: int = 1, order: str = "<") -> bytes:
    section = Section(order).interface(link)
    for shot in frames:
        section.enhanced(shot)
    return section.octets()


def call(packets: int = 50, *, link: str = "ethernet", network=ipv4, **header: object) -> list[Shot]:  # type: ignore[no-untyped-def]
    """Frames of one RTP stream."""
    _, framed = LINKS[link]
    return shots(framed(network(udp(packet))) for packet in talk(packets, **header))


def stun(kind: int = 0x0001, attributes: bytes = b"") -> bytes:
    return struct.pack(">HHI12s", kind, len(attributes), 0x2112A442, b"transaction!") + attributes


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def channel_data(payload: bytes, channel: int = 0x4001) -> bytes:
    return struct.pack(">HH", channel, len(payload)) + payload


transaction = count(1)


def dns() -> bytes:
    """A DNS query whose identifier looks like an RTP version 2 header."""
    return struct.pack(">HHHHHH", 0x8000 | next(transaction) & 0x0FFF, 0x0100, 1, 0, 0, 0) + b"\3www\7example\0\0\1\0\1"
