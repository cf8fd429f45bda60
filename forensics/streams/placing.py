"""Where the payload of each packet lies: in the capture, among what a key opened, or out of reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.capture.secrets import Secrets
from forensics.capture.srtp import PROFILES
from forensics.model import Capture
from forensics.streams.headers import padding
from forensics.streams.media import Media
from forensics.streams.opening import OpenedStream, SealedPackets, open_stream
from forensics.streams.sealing import looks_sealed
from forensics.streams.timeline import Timed

USUAL_TAG_OCTETS = 10
"""AES_CM_128_HMAC_SHA1_80, mandatory to implement (RFC 5764 section 4.1.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Payloads:
    """Where each payload of a stream lies in `octets` (-1: closed or cut off) and its size on the wire."""

    octets: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    encrypted: bool
    readable: bool
    notes: tuple[str, ...] = ()


def place_payloads(
    capture: Capture, part: Media, timed: Timed, *, secrets: Secrets, sealed_flows: frozenset[int]
) -> Payloads:
    """Find the payloads of one stream, and open them where a key fits.

    Parameters
    ----------
    capture : Capture
    part : Media
        The packets of the stream.
    timed : Timed
        Their unwrapped numbers, which tell the rollover counter.
    secrets : Secrets
        Keys and handshakes.
    sealed_flows : frozenset of int
        Flows beside which DTLS was spoken.
    """
    flow = int(capture.datagrams["flow"].iat[part.row[0]])
    hidden = part.headers.hidden
    whole = np.flatnonzero((part.captured == part.wire) & (part.headers.header >= 0) & ~hidden)
    if secrets.masters and len(whole):
        sealed = _sealed_packets(capture, part, timed, whole)
        opened = open_stream(secrets.masters, sealed, flow=flow)
        if opened is not None:
            return _opened(part, whole, opened)
    if flow in sealed_flows or hidden.any():
        return _closed(part, tag=_agreed_tag(secrets), notes=_hidden_note(part))
    if _looks_sealed(capture, part, whole):
        return _closed(
            part, tag=USUAL_TAG_OCTETS, notes=("the payloads look encrypted, and no handshake was captured",)
        )
    return _plain(capture, part, whole)


def _looks_sealed(capture: Capture, part: Media, whole: np.ndarray) -> bool:
    kinds, counts = np.unique(part.headers.payload_type[whole], return_counts=True)
    if not len(kinds):
        return False
    kind = int(kinds[np.argmax(counts)])
    rows = whole[(part.headers.payload_type == kind)[whole] & ~part.headers.padded[whole]]
    start, size = (part.offset + part.headers.header)[rows], (part.wire - part.headers.header)[rows]
    filled = size > 0
    return looks_sealed(capture.octets[start[filled]], size[filled], kind)


def _sealed_packets(capture: Capture, part: Media, timed: Timed, whole: np.ndarray) -> SealedPackets:
    view = memoryview(capture.octets)
    bounds = zip(part.offset[whole].tolist(), part.captured[whole].tolist(), strict=True)
    own = part.headers.sequence_number[whole].astype(np.int64)
    unwrapped = timed.ext_sequence_number[whole]
    return SealedPackets(
        ssrc=int(part.headers.ssrc[0]),
        datagrams=[bytes(view[start : start + size]) for start, size in bounds],
        header=part.headers.header[whole],
        index=unwrapped - ((unwrapped - own + 0x8000) % 0x10000 - 0x8000),
    )


def _agreed_tag(secrets: Secrets) -> int:
    agreed = {h.profile for h in secrets.handshakes if h.profile in PROFILES}
    return PROFILES[agreed.pop()].tag if len(agreed) == 1 else USUAL_TAG_OCTETS


def _room(part: Media, tag: int) -> np.ndarray:
    """Octets of payload and padding on the wire."""
    header = np.where(part.headers.header >= 0, part.headers.header, 12)
    return np.maximum(part.wire - header - tag, 0)


def _plain(capture: Capture, part: Media, whole: np.ndarray) -> Payloads:
    size = _room(part, 0)
    size[whole] -= padding(capture.octets, part.headers.where(whole), (part.offset + part.captured)[whole], size[whole])
    offset = np.full(len(size), -1, np.int64)
    offset[whole] = (part.offset + part.headers.header)[whole]
    return Payloads(capture.octets, offset, size, encrypted=False, readable=True, notes=_cut_note(part))


def _closed(part: Media, *, tag: int, notes: tuple[str, ...] = ()) -> Payloads:
    size = _room(part, tag)
    closed = np.full(len(size), -1, np.int64)
    return Payloads(np.zeros(0, np.uint8), closed, size, encrypted=True, readable=False, notes=notes)


def _opened(part: Media, whole: np.ndarray, stream: OpenedStream) -> Payloads:
    opened, first = stream.packets, stream.masters[0]
    size = _room(part, first.profile.tag + len(first.mki))
    offset = np.full(len(size), -1, np.int64)
    offset[whole] = opened.start
    good = opened.start >= 0
    rows = whole[good]
    ends = (opened.start + opened.size)[good]
    size[rows] = opened.size[good]
    size[rows] -= padding(opened.octets, part.headers.where(rows), ends, size[rows])
    return Payloads(
        opened.octets,
        offset,
        size,
        encrypted=True,
        readable=True,
        notes=_cut_note(part)
        + _hidden_note(part)
        + _key_notes(len(stream.masters), failed=int(np.count_nonzero(~good))),
    )


def _key_notes(keys: int, *, failed: int) -> tuple[str, ...]:
    changed = (f"its key changed {times(keys - 1)}",) if keys > 1 else ()
    which = "any key that opens the others" if keys > 1 else "the key that opens the others"
    return changed + ((f"{failed} packets do not authenticate with {which}",) if failed else ())


def _cut_note(part: Media) -> tuple[str, ...]:
    packets = int(np.count_nonzero(part.captured < part.wire))
    return (f"the snap length cut the payload of {packets} packets",) if packets else ()


def _hidden_note(part: Media) -> tuple[str, ...]:
    packets = int(np.count_nonzero(part.headers.hidden))
    told = f"{packets} packets hide their header extensions and CSRCs (cryptex, RFC 9335): they stay closed"
    return (told,) if packets else ()


def times(count: int) -> str:
    """Say how often: once, 2 times, 3 times."""
    return "once" if count == 1 else f"{count} times"
