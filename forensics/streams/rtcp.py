"""RTCP (RFC 3550 section 6, RFC 3611, RFC 4585, transport-wide feedback) to rows of REPORT_COLUMNS."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

SR, RR, SDES, BYE, APP, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK, XR = range(200, 208)
NACK, TRANSPORT_WIDE = 1, 15
"""Formats of transport-layer feedback: RFC 4585 section 6.2, and the draft of transport-wide congestion control."""

NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""

NAMES = {SR: "SR", RR: "RR", SDES: "SDES", BYE: "BYE", XR: "XR"}

BLANK: dict[str, Any] = {
    "packet_type": "OTHER",
    "sender_ssrc": 0,
    "ntp_ns": 0,
    "rtp_timestamp": -1,
    "packet_count": -1,
    "octet_count": -1,
    "reported_ssrc": -1,
    "fraction_lost": float("nan"),
    "packets_lost": 0,
    "highest_sequence_number": -1,
    "report_jitter_ticks": -1,
    "last_sr": -1,
    "delay_since_last_sr_s": float("nan"),
}


def parse_rtcp(octets: bytes) -> Iterator[dict[str, Any]]:
    """Read a compound or reduced-size RTCP packet.

    Parameters
    ----------
    octets : bytes
        A plain packet; it may end early.

    Yields
    ------
    dict
        Columns of REPORT_COLUMNS without frame, time and flow. A sender report is one row ("SR"); each report block,
        of whichever packet, is another one ("RR"). SDES rows have a `cname` besides.
    """
    for kind, count, packet in split_compound(octets):
        yield from _parse_one(kind, count, packet)


def split_compound(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield type, count (or format) and octets of each packet of a compound; the last one may be cut off.

    Parameters
    ----------
    octets : bytes
        A plain datagram.

    Notes
    -----
    The padding that the last packet may have (RFC 3550 section 6.4.1) is taken off; one that is impossible is left.
    """
    position = 0
    while position + 8 <= len(octets) and octets[position] >> 6 == 2:
        size = 4 * (int.from_bytes(octets[position + 2 : position + 4], "big") + 1)
        packet = octets[position : position + size]
        padding = packet[-1] if packet[0] & 0x20 and len(packet) == size else 0
        yield packet[1], packet[0] & 31, packet[: size - padding] if padding <= size - 8 else packet
        position += size


def _parse_one(kind: int, count: int, packet: bytes) -> Iterator[dict[str, Any]]:
    sender = int.from_bytes(packet[4:8], "big")
    base = BLANK | {"packet_type": NAMES.get(kind, "OTHER"), "sender_ssrc": sender}
    if kind == SR and len(packet) >= 28:
        yield base | _sender_info(packet)
        yield from _blocks(packet[28:], count, sender)
    elif kind == RR and count:
        yield from _blocks(packet[8:], count, sender)
    elif kind == SDES:
        yield from _descriptions(packet[4:], count)
    elif kind == BYE:
        for at in range(min(count, (len(packet) - 4) // 4)):
            yield base | {"sender_ssrc": int.from_bytes(packet[4 + 4 * at : 8 + 4 * at], "big")}
    elif kind == TRANSPORT_FEEDBACK and len(packet) >= 12:
        name = {NACK: "NACK", TRANSPORT_WIDE: "TWCC"}.get(count, "OTHER")
        yield base | {"packet_type": name, "reported_ssrc": int.from_bytes(packet[8:12], "big")}
    elif kind == PAYLOAD_FEEDBACK and len(packet) >= 12:
        yield base | {"reported_ssrc": int.from_bytes(packet[8:12], "big")}
    else:
        yield base


def _sender_info(packet: bytes) -> dict[str, int]:
    seconds, fraction, timestamp, packets, octets = struct.unpack_from(">IIIII", packet, 8)
    ntp_ns = (seconds - NTP_EPOCH_S) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)
    return {
        "ntp_ns": ntp_ns if seconds else 0,
        "rtp_timestamp": timestamp,
        "packet_count": packets,
        "octet_count": octets,
    }


def _blocks(octets: bytes, count: int, sender: int) -> Iterator[dict[str, Any]]:
    for at in range(min(count, len(octets) // 24)):
        ssrc, lost, highest, jitter, last, delay = struct.unpack_from(">IIIIII", octets, 24 * at)
        cumulative = lost & 0xFF_FFFF
        yield BLANK | {
            "packet_type": "RR",
            "sender_ssrc": sender,
            "reported_ssrc": ssrc,
            "fraction_lost": (lost >> 24) / 256,
            "packets_lost": cumulative - (cumulative >> 23 << 24),
            "highest_sequence_number": highest,
            "report_jitter_ticks": jitter,
            "last_sr": last,
            "delay_since_last_sr_s": delay / 65536,
        }


def _descriptions(octets: bytes, count: int) -> Iterator[dict[str, Any]]:
    position = 0
    for _ in range(count):
        if position + 4 > len(octets):
            return
        row = BLANK | {"packet_type": "SDES", "sender_ssrc": int.from_bytes(octets[position : position + 4], "big")}
        start = position = position + 4
        while position + 2 <= len(octets) and octets[position]:
            kind, size = octets[position], octets[position + 1]
            if kind == 1:
                row["cname"] = octets[position + 2 : position + 2 + size].decode("utf-8", "replace")
            position += 2 + size
        position = start + ((position - start) // 4 + 1) * 4
        yield row
