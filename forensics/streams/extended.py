"""Extended reports (RFC 3611): each block as figures with the names of the RFC."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from forensics.streams.rtcp import NTP_EPOCH_S

Figure = tuple[str, int, str, float]
"""Name of the block, SSRC that it is about (-1: none), name of the figure, its value."""

_HEADER_OCTETS = 8
_UNAVAILABLE = 127
"""RFC 3611 section 4.7: what signal level, noise level, echo loss, R factors and MOS are where nobody measured them."""


def read_extended_report(packet: bytes) -> Iterator[Figure]:
    """Read the blocks of one extended report.

    Parameters
    ----------
    packet : bytes
        A plain RTCP packet of type 207; it may end early.

    Yields
    ------
    tuple of str, int, str and float
        Name of the block, SSRC that it is about, name of the figure, its value: SI units, shares 0..1, and time in
        `_ticks` where the RFC counts in ticks of the stream's clock. Loss and duplicate runs yield one
        `lost_sequence_number` or `duplicate_sequence_number` per packet.

    Notes
    -----
    Of blocks beyond RFC 3611 (libwebrtc's target bit rate is one) only the length is told, as `octets`.
    """
    position = _HEADER_OCTETS
    while position + 4 <= len(packet):
        kind, told, words = struct.unpack_from(">BBH", packet, position)
        block = packet[position + 4 : position + 4 + 4 * words]
        if len(block) < 4 * words:
            return
        name, read = BLOCKS.get(kind, (f"type_{kind}", _unknown))
        for ssrc, figure, value in read(block, told):
            yield name, ssrc, figure, value
        position += 4 + 4 * words


_Figures = Iterator[tuple[int, str, float]]


def _unknown(block: bytes, _told: int) -> _Figures:
    yield -1, "octets", float(len(block))


def _range(block: bytes) -> tuple[int, int, int]:
    """SSRC, first sequence number, and how many numbers there are up to the end, which is not included."""
    ssrc, begin, end = struct.unpack_from(">IHH", block)
    return ssrc, begin, (end - begin) & 0xFFFF


def _runs(block: bytes, name: str, thinning: int) -> _Figures:
    """Yield the numbers for which a run-length or bit-vector chunk says zero: section 4.1."""
    if len(block) < _HEADER_OCTETS:
        return
    ssrc, begin, count = _range(block)
    at = -begin % (1 << thinning)  # with thinning, only multiples of 2**T are told
    for bit in _bits(block[_HEADER_OCTETS:]):
        if at >= count:
            return
        if not bit:
            yield ssrc, name, float((begin + at) & 0xFFFF)
        at += 1 << thinning


def _bits(chunks: bytes) -> Iterator[int]:
    for (chunk,) in struct.iter_unpack(">H", chunks):
        if chunk & 0x8000:
            yield from ((chunk >> shift) & 1 for shift in range(14, -1, -1))
        else:  # a chunk of zeros ends the list: a run of none
            yield from (chunk >> 14 & 1 for _ in range(chunk & 0x3FFF))


def _lost(block: bytes, told: int) -> _Figures:
    yield from _runs(block, "lost_sequence_number", told & 15)


def _duplicates(block: bytes, told: int) -> _Figures:
    yield from _runs(block, "duplicate_sequence_number", told & 15)


def _receipt_times(block: bytes, told: int) -> _Figures:
    if len(block) < _HEADER_OCTETS:
        return
    ssrc, begin, _ = _range(block)
    first = begin + (-begin % (1 << (told & 15)))
    for at, (time,) in enumerate(struct.iter_unpack(">I", block[_HEADER_OCTETS:])):
        yield ssrc, "sequence_number", float((first + (at << (told & 15))) & 0xFFFF)
        yield ssrc, "receipt_time_ticks", float(time)


def _reference_time(block: bytes, _told: int) -> _Figures:
    if len(block) >= 8:
        seconds, fraction = struct.unpack_from(">II", block)
        yield -1, "ntp_s", seconds - NTP_EPOCH_S + fraction / (1 << 32)


def _delay_since(block: bytes, _told: int) -> _Figures:
    for at in range(0, len(block) - 11, 12):
        ssrc, last, delay = struct.unpack_from(">III", block, at)
        yield ssrc, "last_rr", float(last)
        yield ssrc, "delay_since_last_rr_s", delay / 65536


_SUMMARY = (
    (0x80, 8, ">I", ("lost_packets",)),
    (0x40, 12, ">I", ("dup_packets",)),
    (0x20, 16, ">IIII", ("min_jitter_ticks", "max_jitter_ticks", "mean_jitter_ticks", "dev_jitter_ticks")),
    (0x18, 32, ">BBBB", ("min_ttl_or_hl", "max_ttl_or_hl", "mean_ttl_or_hl", "dev_ttl_or_hl")),
)
"""Section 4.6: the flag that says a figure was measured, where it stands, its shape and its names."""


def _summary(block: bytes, told: int) -> _Figures:
    if len(block) < 36:
        return
    ssrc, begin, count = _range(block)
    yield ssrc, "begin_seq", float(begin)
    yield ssrc, "end_seq", float((begin + count) & 0xFFFF)
    for flag, at, shape, names in _SUMMARY:
        if told & flag:
            for name, value in zip(names, struct.unpack_from(shape, block, at), strict=True):
                yield ssrc, name, float(value)


_VOIP = (
    ("loss_rate", "B", 1 / 256),
    ("discard_rate", "B", 1 / 256),
    ("burst_density", "B", 1 / 256),
    ("gap_density", "B", 1 / 256),
    ("burst_duration_s", "H", 1e-3),
    ("gap_duration_s", "H", 1e-3),
    ("round_trip_delay_s", "H", 1e-3),
    ("end_system_delay_s", "H", 1e-3),
    ("signal_level_dbm", "b", 1.0),
    ("noise_level_dbm", "b", 1.0),
    ("rerl_db", "B", 1.0),
    ("gmin", "B", 1.0),
    ("r_factor", "B", 1.0),
    ("ext_r_factor", "B", 1.0),
    ("mos_lq", "B", 0.1),
    ("mos_cq", "B", 0.1),
    ("rx_config", "B", 1.0),
    ("reserved", "B", 1.0),
    ("jb_nominal_s", "H", 1e-3),
    ("jb_maximum_s", "H", 1e-3),
    ("jb_abs_max_s", "H", 1e-3),
)
"""Section 4.7, in the order of the block: name, shape, and what one unit is worth."""
_VOIP_BLOCK = struct.Struct(">" + "".join(shape for _, shape, _ in _VOIP))
_MAY_BE_UNAVAILABLE = {
    "signal_level_dbm",
    "noise_level_dbm",
    "rerl_db",
    "r_factor",
    "ext_r_factor",
    "mos_lq",
    "mos_cq",
}


def _voip_metrics(block: bytes, _told: int) -> _Figures:
    if len(block) < 4 + _VOIP_BLOCK.size:
        return
    ssrc = int.from_bytes(block[:4], "big")
    for (name, _, unit), value in zip(_VOIP, _VOIP_BLOCK.unpack_from(block, 4), strict=True):
        if name != "reserved" and not (name in _MAY_BE_UNAVAILABLE and value == _UNAVAILABLE):
            yield ssrc, name, value * unit


BLOCKS: dict[int, tuple[str, Callable[[bytes, int], _Figures]]] = {
    1: ("loss_rle", _lost),
    2: ("duplicate_rle", _duplicates),
    3: ("packet_receipt_times", _receipt_times),
    4: ("receiver_reference_time", _reference_time),
    5: ("dlrr", _delay_since),
    6: ("statistics_summary", _summary),
    7: ("voip_metrics", _voip_metrics),
}
"""Block types of RFC 3611 section 4: name, and who reads it."""
