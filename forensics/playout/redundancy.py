"""In-band forward error correction of Opus: a packet may carry a coarse copy of the one before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forensics.model import RtpStream
from forensics.playout.arrivals import Arrivals

NOT_RECEIVED = -1
"""Row of a packet that came only as a copy within its successor."""

_FIRST_CELT_CONFIG, _FIRST_HYBRID_CONFIG = 16, 12
_SILK_FRAMES = np.array([1, 1, 2, 3])  # SILK frames of 20 ms in a frame of 10, 20, 40, 60 ms


def carries_copy(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tell which Opus payloads carry a copy of the packet before (LBRR), by their first two octets.

    Parameters
    ----------
    first, second : ndarray, (n,) uint8
        The TOC octet, and the first octet of the compressed frame.

    Returns
    -------
    ndarray, (n,) bool

    Notes
    -----
    RFC 6716 §3.1 (TOC), §4.2.3 and §4.2.4: a SILK frame begins with one VAD flag for each 20 ms and one LBRR flag, for
    each channel. Payloads of several frames (codes 2 and 3) are taken to carry none.
    """
    first, second = first.astype(np.int64), second.astype(np.int64)
    config, stereo, code = first >> 3, (first >> 2 & 1) == 1, first & 3
    frames = np.where(config < _FIRST_HYBRID_CONFIG, _SILK_FRAMES[config & 3], 1)
    middle = second >> (7 - frames) & 1
    side = second >> np.maximum(6 - 2 * frames, 0) & 1
    return (config < _FIRST_CELT_CONFIG) & (code < 2) & ((middle | (side & stereo)) == 1)


def find_copies(stream: RtpStream, arrivals: Arrivals) -> np.ndarray:
    """Mark the packets of a stream that carry a copy of the one before; none where the payloads are closed.

    Parameters
    ----------
    stream : RtpStream
    arrivals : Arrivals
        Of that stream.

    Returns
    -------
    ndarray, (n,) bool
    """
    if stream.codec.name != "opus" or not stream.readable or not len(stream.octets):
        return np.zeros(len(arrivals), dtype=bool)
    offset = stream.packets["payload_offset"].to_numpy()[arrivals.row]
    size = stream.packets["payload_bytes"].to_numpy()[arrivals.row]
    readable = (offset >= 0) & (size >= 2) & (offset + 1 < len(stream.octets))
    place = np.where(readable, offset, 0)
    return readable & carries_copy(stream.octets[place], stream.octets[place + 1])


def with_copies(arrivals: Arrivals, carries: np.ndarray) -> Arrivals:
    """Let packets come with their copies: a lost one with its successor, a late one with whichever comes first.

    Parameters
    ----------
    arrivals : Arrivals
    carries : ndarray, (n,) bool
        Which packets carry a copy of the one before them.

    Returns
    -------
    Arrivals
        With rows `NOT_RECEIVED` for what came only as a copy.
    """
    carrier = np.flatnonzero(carries)
    if not len(carrier):
        return arrivals
    original = arrivals.start[carrier] - arrivals.length[carrier]
    place = np.searchsorted(arrivals.start, original)
    there = arrivals.start[np.minimum(place, len(arrivals) - 1)] == original
    arrival_s = arrivals.arrival_s.copy()
    np.minimum.at(arrival_s, place[there], arrivals.arrival_s[carrier[there]])
    lost = carrier[~there & (original >= 0)]
    columns = {
        "row": np.full(len(lost), NOT_RECEIVED),
        "start": arrivals.start[lost] - arrivals.length[lost],
        "length": arrivals.length[lost],
        "arrival_s": arrivals.arrival_s[lost],
        "dtx": np.zeros(len(lost), dtype=bool),
        "sequence": arrivals.sequence[lost] - 1,
    }
    whole = replace(arrivals, arrival_s=arrival_s)
    joined = {name: np.concatenate([getattr(whole, name), column]) for name, column in columns.items()}
    order = np.argsort(joined["start"], kind="stable")
    ordered: dict[str, Any] = {name: column[order] for name, column in joined.items()}
    return replace(whole, **ordered)
