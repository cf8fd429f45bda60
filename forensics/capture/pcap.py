"""pcap files: a header of 24 octets, then records of time, lengths and octets (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forensics.capture.gather import field, windows
from forensics.capture.records import LEAD_OCTETS, LONGEST_FRAME, Chain, Records, walk
from forensics.capture.tally import Tally
from forensics.capture.window import Window

FILE_HEADER_OCTETS = 24

_GUESS_SECONDS = 86_400
"""Records whose second lies this far from that of the buffer's first serve as guessed starts; others are walked to."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """What a magic number says: nanoseconds per tick of the fraction, and octets of a record header."""

    tick_ns: int
    record_header: int = 16


FLAVOURS = {
    0xA1B2C3D4: Flavour(tick_ns=1000),
    0xA1B23C4D: Flavour(tick_ns=1),
    0xA1B2CD34: Flavour(tick_ns=1000, record_header=24),  # Kuznetsov's patched libpcap of about 1999
}


def flavour_of(magic: bytes) -> tuple[str, Flavour] | None:
    """Return the byte order ("<" or ">") and the flavour that the first four octets announce, or None."""
    for order in "<>":
        flavour = FLAVOURS.get(struct.unpack(f"{order}I", magic)[0]) if len(magic) == 4 else None
        if flavour:
            return order, flavour
    return None


def read_pcap_records(window: Window, tally: Tally) -> Iterator[Records]:
    """Yield the frames of a pcap file, a buffer at a time.

    Parameters
    ----------
    window : Window
        Stands on the first octet of the file.
    tally : Tally
        Is told where the file is cut off or damaged.

    Yields
    ------
    Records
        Complete records only; their `octets` are overwritten by the next ones.
    """
    announced = flavour_of(window.octets[:4].tobytes())
    assert announced is not None  # the caller looked
    order, flavour = announced
    if window.end < FILE_HEADER_OCTETS:
        tally.note(f"the file ends inside its header, at octet {window.end}")
        return
    link = struct.unpack_from(f"{order}I", window.octets, 20)[0] & 0x03FF_FFFF & 0xFFFF
    position, frames = FILE_HEADER_OCTETS, 0
    while True:
        chain = _chain(window, order=order, flavour=flavour, first=position)
        found = walk(window.octets, chain, start=position, end=window.end)
        if len(found.positions):
            yield _records(window.octets, found.positions, order=order, flavour=flavour, frames=frames, link=link)
            frames += len(found.positions)
        if found.broken:
            tally.note(
                f"the record header at octet {window.origin + found.stop} has an impossible length: "
                f"the {frames} frames before it were read, the rest was not"
            )
            return
        if not window.slide(found.stop):
            break
        position = 0
    if window.end:
        tally.cut(window.origin, window.end, frames=frames)


def _chain(window: Window, *, order: str, flavour: Flavour, first: int) -> Chain:
    (second,) = struct.unpack_from(f"{order}I", window.octets, first)
    return Chain(
        order=order,
        length_at=8,
        overhead=flavour.record_header,
        header=flavour.record_header,
        shortest=0,
        longest=LONGEST_FRAME,
        first_word=(max(second - _GUESS_SECONDS, 0), min(second + _GUESS_SECONDS, 0xFFFF_FFFF)),
    )


def _records(
    octets: np.ndarray, positions: np.ndarray, *, order: str, flavour: Flavour, frames: int, link: int
) -> Records:
    header = windows(octets, positions, flavour.record_header + LEAD_OCTETS)
    seconds = field(header, 0, f"{order}u4").astype(np.int64)
    fraction = field(header, 4, f"{order}u4").astype(np.int64)
    return Records(
        octets=octets,
        frame=np.arange(frames + 1, frames + 1 + len(positions)),
        time_ns=seconds * 1_000_000_000 + fraction * flavour.tick_ns,
        offset=positions + flavour.record_header,
        captured=field(header, 8, f"{order}u4").astype(np.int64),
        wire=field(header, 12, f"{order}u4").astype(np.int64),
        link=np.full(len(positions), link, np.uint16),
        lead=header[:, flavour.record_header :],
    )
