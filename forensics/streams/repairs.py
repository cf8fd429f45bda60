"""Retransmission streams (RFC 4588) found by their packets: each repeats the time stamp of the packet that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from forensics.capture.gather import field, windows
from forensics.model import Codec, RtpStream
from forensics.streams.successions import on_one_path

_ENOUGH = 0.9
"""Share of the packets that must name a packet of the other stream whose time stamp they have. Ours."""

_WINDOW_S = 10.0
"""How long a sender keeps packets to send them again; libwebrtc and RFC 4588's examples stay well below. Ours."""


def name_repairs(streams: Sequence[RtpStream]) -> list[RtpStream]:
    """Say of each stream whether it sends the packets of another one again.

    Parameters
    ----------
    streams : sequence of RtpStream
        All of a capture.

    Returns
    -------
    list of RtpStream
        In the same order; retransmission streams have the codec "rtx", `repaired_ssrc`, and a note of how many lost
        packets came again, as the streams that they repair have.

    Notes
    -----
    The original's sequence number stands in the payload, so a closed stream cannot be told. A retransmission that
    keeps the SSRC of its original is a late or duplicate packet of that stream, not a stream.
    """
    found = list(streams)
    for at, place in _pairs(streams):
        stream, original = streams[at], streams[place]
        if found[at].repaired_ssrc is None and _repeats(stream, original):
            again = _lost_and_sent_again(stream, original)
            lost = int(original.losses["packets"].sum())
            found[at] = _as_repair(found[at], original, f"{again} of its {lost} lost packets came so")
            note = f"{again} of {lost} lost packets came again in SSRC 0x{stream.ssrc:08X} (RTX, RFC 4588)"
            found[place] = replace(found[place], notes=(*found[place].notes, note))
    return found


def _pairs(streams: Sequence[RtpStream]) -> Iterator[tuple[int, int]]:
    """Yield which stream may repair which: readable, between the same endpoints, of fewer packets."""
    for mates in on_one_path(streams):
        for at in mates:
            if streams[at].readable and streams[at].codec.known != "static":
                size = len(streams[at].packets)
                yield from ((at, other) for other in mates if len(streams[other].packets) > size)


def _as_repair(stream: RtpStream, original: RtpStream, result: str) -> RtpStream:
    known = stream.codec.known if stream.codec.name == "rtx" else "inferred"
    note = f"it sends packets of SSRC 0x{original.ssrc:08X} again (RTX, RFC 4588): {result}"
    return replace(
        stream,
        codec=Codec("rtx", original.codec.clock_rate_hz, original.codec.channels, known),
        repaired_ssrc=original.ssrc,
        notes=(*stream.notes, note),
    )


def _named(stream: RtpStream) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a payload, and the sequence number in its first two octets."""
    table = stream.packets
    offset, size = table["payload_offset"].to_numpy(), table["payload_bytes"].to_numpy()
    rows = np.flatnonzero((offset >= 0) & (size >= 2))
    return rows, field(windows(stream.octets, offset[rows], 2), 0, ">u2").astype(np.int64)


def _originals(rows: np.ndarray, named: np.ndarray, stream: RtpStream, original: RtpStream) -> np.ndarray:
    """Unwrap the numbers that a stream names, by what its original had reached at that time."""
    arrival = original.packets["arrival_s"].to_numpy()
    reached = np.maximum.accumulate(original.packets["ext_sequence_number"].to_numpy())
    at = np.searchsorted(arrival, stream.packets["arrival_s"].to_numpy()[rows], side="right") - 1
    near = reached[np.maximum(at, 0)]
    return near + (named - near + 0x8000) % 0x10000 - 0x8000


def _repeats(stream: RtpStream, original: RtpStream) -> bool:
    """Say whether the packets bear the time stamps of those that they name: equal, or between those of neighbours."""
    rows, named = _named(stream)
    if not len(rows) or 2 * len(rows) < len(stream.packets):
        return False
    number = _originals(rows, named, stream, original)
    table = original.packets.drop_duplicates("ext_sequence_number").sort_values("ext_sequence_number")
    known = table["ext_sequence_number"].to_numpy()
    before = np.clip(np.searchsorted(known, number, side="right") - 1, 0, len(known) - 1)
    after = np.minimum(np.searchsorted(known, number), len(known) - 1)
    stamp = stream.packets["timestamp"].to_numpy()[rows].astype(np.int64)
    first, last = (table["timestamp"].to_numpy()[place].astype(np.int64) for place in (before, after))
    into, span = (stamp - first) & 0xFFFF_FFFF, (last - first) & 0xFFFF_FFFF
    late = stream.packets["arrival_s"].to_numpy()[rows] - table["arrival_s"].to_numpy()[before]
    fits = (into <= span) & (span < _WINDOW_S * original.codec.clock_rate_hz) & (late >= 0) & (late < _WINDOW_S)
    return float(fits.mean()) >= _ENOUGH


def _lost_and_sent_again(stream: RtpStream, original: RtpStream) -> int:
    rows, named = _named(stream)
    numbers = np.unique(_originals(rows, named, stream, original))
    first = original.losses["first_ext_sequence_number"].to_numpy()
    count = original.losses["packets"].to_numpy()
    run = np.searchsorted(first, numbers, side="right") - 1
    inside = (run >= 0) & (numbers < first[np.maximum(run, 0)] + count[np.maximum(run, 0)]) if len(first) else run >= 0
    return int(np.count_nonzero(inside))
