"""What receivers say packet by packet: NACKs, transport-wide feedback and extended reports, unfolded into tables."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.capture.secrets import find_secrets
from forensics.model import (
    EXTENDED_REPORT_COLUMNS,
    NACK_COLUMNS,
    TRANSPORT_FEEDBACK_COLUMNS,
    Capture,
)
from forensics.streams.extended import read_extended_report
from forensics.streams.reports import plain_reports
from forensics.streams.rtcp import NACK, TRANSPORT_FEEDBACK, TRANSPORT_WIDE, XR, split_compound

if TYPE_CHECKING:
    import pandas as pd

_REFERENCE_S = 0.064
_DELTA_S = 0.00025
"""Units of the reference time and of the deltas: draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1."""

_SMALL, _LARGE = 1, 2

MOST_ROWS = 1 << 16
"""Rows that one datagram may give: the sequence numbers there are. Run lengths could claim thousands of times more."""


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """What the RTCP of a capture says about single packets."""

    nacks: pd.DataFrame  # NACK_COLUMNS
    transport: pd.DataFrame  # TRANSPORT_FEEDBACK_COLUMNS
    extended: pd.DataFrame  # EXTENDED_REPORT_COLUMNS


def find_feedback(capture: Capture, *, keys: Path | None = None) -> Feedback:
    """Unfold the NACKs, the transport-wide feedback and the extended reports of a capture.

    Parameters
    ----------
    capture : Capture
        As `read_capture` returns it.
    keys : Path, optional
        As for `find_streams`; SRTCP that stays closed is left out here and counted there.

    Returns
    -------
    Feedback

    Raises
    ------
    KeysError
        The keys belong to another call.

    Notes
    -----
    The clock of transport-wide feedback has an origin of its own and wraps after twelve days; only differences mean
    something. A block of feedback that ends early gives what is whole; a datagram that claims more than `MOST_ROWS`
    packets gives so many.
    """
    tables: dict[str, list[dict[str, Any]]] = {"nacks": [], "transport": [], "extended": []}
    for base, _, plain in plain_reports(capture, find_secrets(capture, keys=keys)):
        for name, row in islice(_rows(plain or b""), MOST_ROWS):
            tables[name].append(base | row)
    return Feedback(
        _table(tables["nacks"], NACK_COLUMNS),
        _table(tables["transport"], TRANSPORT_FEEDBACK_COLUMNS),
        _table(tables["extended"], EXTENDED_REPORT_COLUMNS),
    )


def _rows(datagram: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of one datagram, each with the table that it belongs to."""
    for kind, count, packet in split_compound(datagram):
        read = _READERS.get((kind, count if kind == TRANSPORT_FEEDBACK else 0))
        if read is not None and len(packet) >= 12:
            sender = {"sender_ssrc": int.from_bytes(packet[4:8], "big")}
            name, rows = read
            yield from ((name, sender | row) for row in rows(packet))


def _table(rows: list[dict[str, Any]], contract: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(contract)).astype(dict(contract))


def _figures(packet: bytes) -> Iterator[dict[str, Any]]:
    for block, ssrc, name, value in read_extended_report(packet):
        yield {"block": block, "reported_ssrc": ssrc, "name": name, "value": value}


def read_nack(packet: bytes) -> list[int]:
    """Return the sequence numbers that a generic NACK asks for again (RFC 4585 section 6.2.1).

    Parameters
    ----------
    packet : bytes
        A plain RTCP packet of type 205, format 1; it may end early.
    """
    numbers = []
    for identifier, mask in struct.iter_unpack(">HH", packet[12 : len(packet) // 4 * 4]):
        numbers.append(identifier)
        numbers.extend((identifier + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return numbers


def _nacked(packet: bytes) -> Iterator[dict[str, Any]]:
    ssrc = int.from_bytes(packet[8:12], "big")
    for number in read_nack(packet):
        yield {"reported_ssrc": ssrc, "sequence_number": number}


def read_transport_feedback(packet: bytes) -> list[tuple[int, float]]:
    """Return the transport-wide sequence numbers that a feedback packet tells about, and when each was received.

    Parameters
    ----------
    packet : bytes
        A plain RTCP packet of type 205, format 15; it may end early.

    Returns
    -------
    list of tuple of int and float
        Sequence number, 16 bits, and seconds on the receiver's clock; NaN where it was not received.
    """
    if len(packet) < 20:
        return []
    base, count = struct.unpack_from(">HH", packet, 12)
    now_s = int.from_bytes(packet[16:19], "big", signed=True) * _REFERENCE_S
    symbols, position = _symbols(packet, count)
    told = []
    for at, symbol in enumerate(symbols):
        size = symbol if symbol in (_SMALL, _LARGE) else 0
        if position + size > len(packet):
            break
        if size:
            now_s += int.from_bytes(packet[position : position + size], "big", signed=symbol == _LARGE) * _DELTA_S
        position += size
        told.append(((base + at) & 0xFFFF, now_s if size else nan))
    return told


def _symbols(packet: bytes, count: int) -> tuple[list[int], int]:
    """Return the status of each packet, and where the deltas start."""
    symbols: list[int] = []
    position = 20
    while len(symbols) < count and position + 2 <= len(packet):
        chunk = int.from_bytes(packet[position : position + 2], "big")
        position += 2
        if not chunk & 0x8000:  # a run: two bits of status, 13 of length
            symbols += [chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(symbols))
        elif chunk & 0x4000:  # seven statuses of two bits
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:  # fourteen of one bit
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return symbols[:count], position


def _transport_wide(packet: bytes) -> Iterator[dict[str, Any]]:
    ssrc = int.from_bytes(packet[8:12], "big")
    for number, received_s in read_transport_feedback(packet):
        yield {
            "reported_ssrc": ssrc,
            "feedback_packet_count": packet[19],
            "transport_sequence_number": number,
            "received": not isnan(received_s),
            "received_s": received_s,
        }


_READERS = {
    (TRANSPORT_FEEDBACK, NACK): ("nacks", _nacked),
    (TRANSPORT_FEEDBACK, TRANSPORT_WIDE): ("transport", _transport_wide),
    (XR, 0): ("extended", _figures),
}
"""By packet type and, for transport-layer feedback, format: which table its rows go to, and who reads it."""
