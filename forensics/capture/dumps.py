"""Packets without a network around them: rtpdump files, and the RTP_DUMP lines of a Chrome log.

They are given an IPv4 and a UDP header of their own, so that everything behind reads them as any other capture.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from forensics.capture.gather import windows
from forensics.capture.records import LEAD_OCTETS, Records
from forensics.capture.tally import Tally
from forensics.capture.window import SLACK_OCTETS, Window

RTPDUMP_MAGIC = b"#!rtpplay1.0 "
_RAW_IP = 101
_BATCH = 4096
_LONGEST_LINE = 1 << 20

_RTPDUMP_FILE, _RTPDUMP_PACKET = struct.Struct(">IIIHH"), struct.Struct(">HHI")
_LOG_LINE = re.compile(
    rb"\b([IO]) (\d\d):(\d\d):(\d\d)\.(\d+) 000000((?: [0-9a-fA-F]{2})+)\s*#? ?RTP_DUMP", re.IGNORECASE
)

NEAR, FAR = int(IPv4Address("192.0.2.1")), int(IPv4Address("192.0.2.2"))
"""Addresses for those that a log does not have, out of the block for documentation (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class _Bare:
    """A packet without addresses but those that are made up for it."""

    time_ns: int
    source: tuple[int, int]
    destination: tuple[int, int]
    octets: bytes
    wire: int


def read_rtpdump(window: Window, tally: Tally) -> Iterator[Records]:
    """Yield the packets of an rtpdump file (rtptools) as frames of raw IP.

    Parameters
    ----------
    window : Window
        Stands on the first octet of the file.
    tally : Tally
        Is told where the file is cut off.

    Notes
    -----
    The file knows the receiving address at most; its times count milliseconds.
    """
    yield from _as_records(_rtpdump_packets(window, tally))


def _rtpdump_packets(window: Window, tally: Tally) -> Iterator[_Bare]:
    octets = memoryview(window.octets)
    line = window.octets[: min(window.end, 256)].tobytes().find(b"\n")
    position = line + 1
    if line < 0 or position + _RTPDUMP_FILE.size > window.end:
        tally.note(f"the file ends inside its header, at octet {window.end}")
        return
    seconds, microseconds, address, port, _ = _RTPDUMP_FILE.unpack_from(octets, position)
    tally.note("an rtpdump file tells only one address: the other is written as 192.0.2.2")
    position += _RTPDUMP_FILE.size
    frames = 0
    while True:
        header = position + _RTPDUMP_PACKET.size
        length = _RTPDUMP_PACKET.unpack_from(octets, position)[0] if header <= window.end else 0
        if header > window.end or position + max(length, 8) > window.end:
            if window.slide(position):
                octets, position = memoryview(window.octets), 0
                continue
            break
        _, plain, offset_ms = _RTPDUMP_PACKET.unpack_from(octets, position)
        packet = bytes(octets[header : position + length])
        if length < _RTPDUMP_PACKET.size:
            tally.note(f"the packet header at octet {window.origin + position} has an impossible length: the {frames} "
                       "packets before it were read, the rest was not")  # fmt: skip
            return
        time_ns = seconds * 1_000_000_000 + microseconds * 1000 + offset_ms * 1_000_000
        yield _Bare(time_ns, (FAR, port), (address or NEAR, port), packet, max(plain, len(packet)))
        frames, position = frames + 1, position + length
    if window.end:
        tally.cut(window.origin, window.end, frames=frames)


def has_rtp_dump_lines(octets: bytes) -> bool:
    """Say whether a text has lines of Chrome's RTP dump."""
    return _LOG_LINE.search(octets) is not None or b"RTP_DUMP" in octets


def read_rtp_dump_log(window: Window, tally: Tally) -> Iterator[Records]:
    """Yield the packets of the RTP_DUMP lines of a Chrome log as frames of raw IP.

    Parameters
    ----------
    window : Window
        Stands on the first octet of the log.
    tally : Tally
        Is told what a log cannot tell.

    Notes
    -----
    Chrome writes plain RTP and RTCP, with the time of day and without addresses: "I" came in, "O" went out.
    """
    tally.note("the log has no addresses: this side is written as 192.0.2.1, the other as 192.0.2.2")
    tally.note("the log has the time of day only: the date is written as 1970-01-01")
    yield from _as_records(_log_packets(window))


def _log_packets(window: Window) -> Iterator[_Bare]:
    for line in _lines(window):
        found = _LOG_LINE.search(line)
        if found is None:
            continue
        way, hours, minutes, seconds, fraction, digits = found.groups()
        whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
        time_ns = whole * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))
        octets = bytes.fromhex(digits.decode("ascii"))
        ends = ((FAR, 9), (NEAR, 9)) if way in b"Ii" else ((NEAR, 9), (FAR, 9))
        yield _Bare(time_ns, *ends, octets, len(octets))


def _lines(window: Window) -> Iterator[bytes]:
    """Yield the lines of a text; the end of one that is longer than a buffer is lost."""
    while True:
        text = window.octets[: window.end].tobytes()
        whole, _, rest = text.rpartition(b"\n")
        yield from whole.splitlines()
        used = len(text) - len(rest) if len(rest) < _LONGEST_LINE else len(text)
        if not window.slide(used):
            break
    yield window.octets[: window.end].tobytes()


def _as_records(packets: Iterable[_Bare]) -> Iterator[Records]:
    batch: list[_Bare] = []
    frames = 0
    for packet in packets:
        batch.append(packet)
        if len(batch) == _BATCH:
            yield _batch_records(batch, frames)
            frames += len(batch)
            batch = []
    if batch:
        yield _batch_records(batch, frames)


def _batch_records(batch: list[_Bare], frames: int) -> Records:
    wrapped = [_wrapped(packet) for packet in batch]
    sizes = np.array([len(octets) for octets in wrapped], np.int64)
    cut = np.array([packet.wire - len(packet.octets) for packet in batch], np.int64)
    octets = np.frombuffer(b"".join([*wrapped, bytes(SLACK_OCTETS)]), np.uint8)
    offset = np.cumsum(sizes) - sizes
    return Records(
        octets=octets,
        frame=np.arange(frames + 1, frames + 1 + len(batch)),
        time_ns=np.array([packet.time_ns for packet in batch], np.int64),
        offset=offset,
        captured=sizes,
        wire=sizes + cut,
        link=np.full(len(batch), _RAW_IP, np.uint16),
        lead=windows(octets, offset, LEAD_OCTETS),
    )


def _wrapped(packet: _Bare) -> bytes:
    length = min(packet.wire, 65_507)
    (source, source_port), (destination, destination_port) = packet.source, packet.destination
    network = struct.pack(">BBHHHBBHII", 0x45, 0, length + 28, 0, 0, 64, 17, 0, source, destination)
    return network + struct.pack(">HHHH", source_port, destination_port, length + 8, 0) + packet.octets
