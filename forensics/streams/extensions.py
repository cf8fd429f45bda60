"""RTP header extensions in bulk (RFC 8285), and which is which where no SDP says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forensics.streams.headers import Headers
from forensics.streams.rtcp import NTP_EPOCH_S

ONE_BYTE, TWO_BYTE = 0xBEDE, 0x1000
_MOST_ELEMENTS = 64

AUDIO_LEVEL, ABS_SEND_TIME, TRANSPORT_SEQUENCE, ABS_CAPTURE_TIME, MID = (
    "audio-level",
    "abs-send-time",
    "transport-wide-cc",
    "abs-capture-time",
    "mid",
)
URIS = {
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level": AUDIO_LEVEL,
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time": ABS_SEND_TIME,
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01": TRANSPORT_SEQUENCE,
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time": ABS_CAPTURE_TIME,
    "urn:ietf:params:rtp-hdrext:sdes:mid": MID,
}
"""Names as a=extmap writes them: RFC 6464, libwebrtc's documents, RFC 8843."""

ABS_SEND_PERIOD_S = 64.0
"""24 bits of 6.18 fixed point."""

_ENOUGH = 0.9
"""Share of the packets that must behave as an extension would before it is taken for it. Ours."""


_AS_RANDOM, _FEWEST_LEVELS = 32.0, 32
"""Mean step of an audio level that is none (encrypted by RFC 6904, say), and how many it takes to tell. Ours."""


@dataclass(slots=True, eq=False)
class Elements:
    """Extension elements, one row each: the packet's row, the local identifier, and where its data lies."""

    row: np.ndarray
    identifier: np.ndarray
    offset: np.ndarray
    size: np.ndarray

    def of(self, identifier: int) -> Elements:
        """Return the elements with one identifier."""
        chosen = self.identifier == identifier
        return Elements(self.row[chosen], self.identifier[chosen], self.offset[chosen], self.size[chosen])


def read_elements(octets: np.ndarray, headers: Headers) -> Elements:
    """List the extension elements of all packets.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer that the headers were read from.
    headers : Headers

    Returns
    -------
    Elements
        In the order of packets. Elements that the snap length or a wrong length cut off are left out.
    """
    one = headers.extension_profile == ONE_BYTE
    two = (headers.extension_profile & 0xFFF0) == TWO_BYTE
    row = np.flatnonzero((headers.extension >= 0) & (one | two))
    place = headers.extension[row]
    end = place + headers.extension_octets[row]
    found = []
    for _ in range(_MOST_ELEMENTS):
        inside = place + 1 < end
        row, place, end = row[inside], place[inside], end[inside]
        if not len(row):
            break
        first, short = octets[place], one[row]
        size = np.where(short, (first & 15) + np.int64(1), octets[place + 1].astype(np.int64))
        identifier = np.where(short, first >> 4, first)
        data = place + np.where(short, 1, 2)
        padding, stop = identifier == 0, short & (identifier == 15)
        whole = ~padding & ~stop & (data + size <= end)
        found.append((row[whole], identifier[whole], data[whole], size[whole]))
        place = np.where(padding, place + 1, np.where(stop, end, data + size))
    if not found:
        none = np.zeros(0, np.int64)
        return Elements(none, none, none, none)
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    return Elements(*(column[order] for column in columns))


def numbers(octets: np.ndarray, elements: Elements, size: int) -> np.ndarray:
    """Return the first `size` octets of each element as a big-endian number; `size` is at most 8."""
    value = np.zeros(len(elements.row), np.uint64)
    for at in range(size):
        value = value << np.uint64(8) | octets[elements.offset + at]
    return value.astype(np.int64) if size < 8 else value


def infer_identifiers(octets: np.ndarray, elements: Elements, arrival_s: np.ndarray) -> dict[str, int]:
    """Tell from their behaviour which identifiers of a stream mean what.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer.
    elements : Elements
        Of one stream; `row` indexes `arrival_s`.
    arrival_s : ndarray of float64, shape (n,)
        Arrival of each packet of the stream.

    Returns
    -------
    dict of str to int
        Extension name → local identifier, for those that behave as one of `URIS` would.

    Notes
    -----
    A stream of a few packets, or one whose level never changes, may keep an extension unknown; an SDP settles it.
    """
    found: dict[str, int] = {}
    for identifier in np.unique(elements.identifier).tolist():
        mine = elements.of(identifier)
        size = int(np.bincount(mine.size).argmax())  # the usual one: a median may lie between two
        same = mine.size == size
        mine = Elements(mine.row[same], mine.identifier[same], mine.offset[same], mine.size[same])
        name = _name_of(octets, mine, size, arrival_s)
        if name:
            found.setdefault(name, identifier)
    return found


def _name_of(octets: np.ndarray, mine: Elements, size: int, arrival_s: np.ndarray) -> str | None:
    if size == 2 and _counts_on(numbers(octets, mine, 2)):
        return TRANSPORT_SEQUENCE
    if size == 3 and _follows_the_clock(numbers(octets, mine, 3), arrival_s[mine.row]):
        return ABS_SEND_TIME
    if size in (8, 16) and _is_ntp(numbers(octets, mine, 8)):
        return ABS_CAPTURE_TIME
    if size == 1 and not _wanders(numbers(octets, mine, 1) & 0x7F):
        return None
    text = bytes(octets[mine.offset[0] + at] for at in range(size))
    constant = all((octets[mine.offset + at] == text[at]).all() for at in range(size))
    if constant and text.isalnum():
        return MID
    return AUDIO_LEVEL if size == 1 else None


def _wanders(level: np.ndarray) -> bool:
    """Say whether levels follow each other as those of sound do; those of octets at random are 42 apart on average."""
    return len(level) < _FEWEST_LEVELS or float(np.abs(np.diff(level)).mean()) < _AS_RANDOM


def _counts_on(value: np.ndarray) -> bool:
    step = np.diff(value) & 0xFFFF
    return len(step) >= 2 and float(np.mean((step > 0) & (step < 256))) >= _ENOUGH


def _follows_the_clock(value: np.ndarray, arrival_s: np.ndarray) -> bool:
    sent = (np.diff(value) & 0xFF_FFFF) / float(1 << 18)
    passed = np.diff(arrival_s) % ABS_SEND_PERIOD_S
    apart = np.abs(sent - passed)
    apart = np.minimum(apart, ABS_SEND_PERIOD_S - apart)
    moves = len(sent) >= 2 and float(sent.max()) > 0
    return bool(moves and np.median(apart) < 0.1 and np.mean(apart < 2.0) >= _ENOUGH)


def _is_ntp(value: np.ndarray) -> bool:
    seconds = (value >> np.uint64(32)).astype(np.int64)
    return bool(len(seconds) and (seconds > 0).all() and np.ptp(seconds) < 1 << 20)


def unwrap_send_times(value: np.ndarray, arrival_s: np.ndarray) -> np.ndarray:
    """Unwrap abs-send-time: seconds that go on beyond 64, the first value kept as it was.

    Parameters
    ----------
    value : ndarray of int64, shape (n,)
        24 bit values.
    arrival_s : ndarray of float64, shape (n,)
        Arrival of the same packets, which decides how many periods passed.
    """
    sent = value / float(1 << 18)
    if not len(sent):
        return sent
    expected = sent[0] + (arrival_s - arrival_s[0])
    return sent + ABS_SEND_PERIOD_S * np.rint((expected - sent) / ABS_SEND_PERIOD_S)


def extension_columns(
    octets: np.ndarray, elements: Elements, arrival_s: np.ndarray, identifiers: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Return the columns of RTP_COLUMNS that header extensions fill, for one stream.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer.
    elements : Elements
        Of the stream; `row` indexes `arrival_s`.
    arrival_s : ndarray of float64, shape (n,)
    identifiers : Mapping of str to int
        Extension name → local identifier.
    """

    def column(name: str, octet: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows that have the extension, and the number of `size` octets from `octet` on in each."""
        mine = elements.of(identifiers.get(name, -1))
        fits = mine.size >= octet + size
        part = Elements(mine.row[fits], mine.identifier[fits], mine.offset[fits] + octet, mine.size[fits])
        return part.row, numbers(octets, part, size)

    count = len(arrival_s)
    level, sent = np.full(count, np.nan, np.float32), np.full(count, np.nan)
    transport, captured_ns = np.full(count, -1, np.int32), np.zeros(count, np.int64)
    offset = np.full(count, np.nan)
    row, value = column(AUDIO_LEVEL, 0, 1)
    level[row] = -(value & 0x7F)
    row, value = column(ABS_SEND_TIME, 0, 3)
    sent[row] = unwrap_send_times(value, arrival_s[row])
    row, value = column(TRANSPORT_SEQUENCE, 0, 2)
    transport[row] = value
    row, value = column(ABS_CAPTURE_TIME, 0, 8)
    captured_ns[row] = _unix_ns(value)
    row, value = column(ABS_CAPTURE_TIME, 8, 8)
    offset[row] = value.view(np.int64) / float(1 << 32)
    return {
        "audio_level_dbov": level,
        "abs_send_time_s": sent,
        "transport_sequence_number": transport,
        "abs_capture_time_ns": captured_ns,
        "capture_clock_offset_s": offset,
    }


def _unix_ns(ntp: np.ndarray) -> np.ndarray:
    """Turn NTP time stamps of 64 bits into ns since 1970."""
    seconds, fraction = ntp >> np.uint64(32), ntp & np.uint64(0xFFFF_FFFF)
    nanoseconds = (fraction * np.uint64(1_000_000_000)) >> np.uint64(32)
    return (seconds.astype(np.int64) - NTP_EPOCH_S) * 1_000_000_000 + nanoseconds.astype(np.int64)


def media_section(octets: np.ndarray, elements: Elements, identifiers: Mapping[str, int]) -> str:
    """Return the identification tag (mid, RFC 8843) that the packets of one stream carry; empty where none does."""
    mine = elements.of(identifiers.get(MID, -1))
    if not len(mine.row):
        return ""
    start = int(mine.offset[0])
    return octets[start : start + int(mine.size[0])].tobytes().decode("utf-8", "replace")
