"""Captures as tcpdump would write them on a host's loopback: Ethernet, IPv4, UDP, in pcap or pcapng, times in ns."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Endpoint = tuple[str, int]

_ETHERNET = bytes(12) + b"\x08\x00"  # no addresses, as on loopback; then IPv4
_LINKTYPE_ETHERNET = 1
_SNAP_LENGTH = 262_144
_PCAP_NANOSECONDS = 0xA1B23C4D
_SECTION, _INTERFACE, _ENHANCED_PACKET = 0x0A0D0D0A, 1, 6
_OPTION_TSRESOL = 9


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram as a tap saw it; `time_ns` since 1970."""

    time_ns: int
    source: Endpoint
    destination: Endpoint
    payload: bytes


def write_capture(datagrams: Iterable[Datagram], path: Path) -> Path:
    """Write datagrams in the order of time, as pcap or pcapng after the suffix of `path`; times are in nanoseconds."""
    ordered = sorted(datagrams, key=lambda datagram: datagram.time_ns)
    write = _pcapng if path.suffix == ".pcapng" else _pcap
    path.write_bytes(write(ordered))
    return path


def _frame(datagram: Datagram) -> bytes:
    """Return the Ethernet frame; the UDP checksum is left out, as RFC 768 allows over IPv4."""
    length = len(datagram.payload)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 28 + length, 0, 0x4000, 64, 17, 0)
    header += _ipv4(datagram.source) + _ipv4(datagram.destination)
    header = header[:10] + struct.pack("!H", _internet_checksum(header)) + header[12:]
    ports = struct.pack("!HHHH", datagram.source[1], datagram.destination[1], 8 + length, 0)
    return _ETHERNET + header + ports + datagram.payload


def _ipv4(endpoint: Endpoint) -> bytes:
    return bytes(int(part) for part in endpoint[0].split("."))


def _internet_checksum(header: bytes) -> int:
    """RFC 1071 over an even number of bytes."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pcap(datagrams: list[Datagram]) -> bytes:
    parts = [struct.pack("<IHHiIII", _PCAP_NANOSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, _LINKTYPE_ETHERNET)]
    for datagram in datagrams:
        frame = _frame(datagram)
        seconds, nanoseconds = divmod(datagram.time_ns, 10**9)
        parts += [struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)), frame]
    return b"".join(parts)


def _pcapng(datagrams: list[Datagram]) -> bytes:
    resolution = struct.pack("<HHB3xHH", _OPTION_TSRESOL, 1, 9, 0, 0)
    parts = [
        _block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(_INTERFACE, struct.pack("<HHI", _LINKTYPE_ETHERNET, 0, _SNAP_LENGTH) + resolution),
    ]
    for datagram in datagrams:
        frame = _frame(datagram)
        high, low = datagram.time_ns >> 32, datagram.time_ns & 0xFFFFFFFF
        head = struct.pack("<IIIII", 0, high, low, len(frame), len(frame))
        parts.append(_block(_ENHANCED_PACKET, head + frame + bytes(-len(frame) % 4)))
    return b"".join(parts)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
