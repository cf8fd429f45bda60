"""pcapng files: sections of blocks, interfaces with a clock and a link type each (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as attribute

import numpy as np

from forensics.capture.gather import field, windows
from forensics.capture.records import LEAD_OCTETS, LONGEST_FRAME, Chain, Records, walk
from forensics.capture.tally import Tally
from forensics.capture.window import Window

SECTION_HEADER = 0x0A0D0D0A
BYTE_ORDER_MAGIC = 0x1A2B3C4D
INTERFACE_DESCRIPTION, PACKET, SIMPLE_PACKET, NAME_RESOLUTION, INTERFACE_STATISTICS, ENHANCED_PACKET = range(1, 7)
JOURNAL_EXPORT, DECRYPTION_SECRETS = 9, 10
FRAMES = (PACKET, SIMPLE_PACKET, ENHANCED_PACKET, JOURNAL_EXPORT)
"""Blocks that Wireshark numbers as frames."""

TLS_KEY_LOG = 0x544C534B
LONGEST_BLOCK = 16 << 20
"""Wireshark's limit (MAX_BLOCK_SIZE); a larger length is damage."""

_IF_TSRESOL, _IF_TSOFFSET = 9, 14


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a section: link type, snap length, and the clock as `time_ns = units * scale_ns + offset_ns`."""

    link: int
    snap_length: int
    units_per_s: int = 1_000_000
    offset_ns: int = 0


@dataclass(slots=True)
class Section:
    """What the blocks of a section share."""

    order: str
    interfaces: list[Interface] = attribute(default_factory=list)


class PcapngReader:
    """Yields the frames of a pcapng file and keeps its decryption secrets.

    Parameters
    ----------
    window : Window
        Stands on the first octet of the file.
    tally : Tally
        Is told what was cut off, damaged or skipped.

    Attributes
    ----------
    secrets : list of bytes
        Contents of the TLS key log blocks, in the order of the file.
    """

    def __init__(self, window: Window, tally: Tally) -> None:
        self.window = window
        self.tally = tally
        self.secrets: list[bytes] = []
        self._section = Section("<")
        self._frames = 0
        self._last_ns = 0

    def records(self) -> Iterator[Records]:
        """Yield frames, a buffer at a time; their `octets` are overwritten by the next ones."""
        window, position = self.window, 0
        while True:
            if not self._enter_section(position):
                return
            found = walk(window.octets, self._chain(), start=position, end=window.end)
            kinds = field(windows(window.octets, found.positions, 4), 0, f"{self._section.order}u4")
            sections = np.flatnonzero(kinds[1:] == SECTION_HEADER) + 1
            until = int(sections[0]) if len(sections) else len(kinds)
            frames = self._read_blocks(found.positions[:until], kinds[:until])
            if frames is not None and len(frames):
                yield frames
            if len(sections):
                position = int(found.positions[until])
                continue
            if found.broken and (found.stop == position or not self._is_section(found.stop)):
                self._tell_damage(found.stop)
                return
            if found.broken:  # a section in the other byte order
                position = found.stop
                continue
            if not window.slide(found.stop):
                break
            position = 0
        if window.end:
            self.tally.cut(window.origin, window.end, frames=self._frames)

    def _chain(self) -> Chain:
        return Chain(
            order=self._section.order,
            length_at=4,
            overhead=0,
            header=12,
            shortest=12,
            longest=LONGEST_BLOCK,
            first_word=(ENHANCED_PACKET, ENHANCED_PACKET),
            alignment=4,
        )

    def _is_section(self, position: int) -> bool:
        octets = self.window.octets[position : position + 4].tobytes()
        return position + 28 <= self.window.end and octets == SECTION_HEADER.to_bytes(4, "little")

    def _enter_section(self, position: int) -> bool:
        """Take over the byte order of a section header that stands at `position`, if one does."""
        if not self._is_section(position):
            return True
        magic = self.window.octets[position + 8 : position + 12].tobytes()
        for order in "<>":
            if struct.unpack(f"{order}I", magic)[0] == BYTE_ORDER_MAGIC:
                self._section = Section(order)
                return True
        self._tell_damage(position)
        return False

    def _tell_damage(self, position: int) -> None:
        self.tally.note(
            f"the block at octet {self.window.origin + position} is damaged: "
            f"the {self._frames} frames before it were read, the rest was not"
        )

    def _read_blocks(self, positions: np.ndarray, kinds: np.ndarray) -> Records | None:
        if not (kinds == ENHANCED_PACKET).all():
            is_frame = np.isin(kinds, FRAMES)
            for position, kind in zip(positions[~is_frame].tolist(), kinds[~is_frame].tolist(), strict=True):
                self._read_side_block(position, kind)
            positions, kinds = positions[is_frame], kinds[is_frame]
        if not len(positions):
            return None
        columns = self._frame_columns(positions, kinds)
        frame = np.arange(self._frames + 1, self._frames + 1 + len(positions))
        self._frames += len(positions)
        return self._timed(columns, frame, kinds)

    def _read_side_block(self, position: int, kind: int) -> None:
        order = self._section.order
        (length,) = struct.unpack_from(f"{order}I", self.window.octets, position + 4)
        body = self.window.octets[position + 8 : position + length - 4].tobytes()
        if kind == INTERFACE_DESCRIPTION and len(body) >= 8:
            self._section.interfaces.append(_interface(body, order))
        elif kind == DECRYPTION_SECRETS and len(body) >= 8:
            secret_type, size = struct.unpack_from(f"{order}II", body)
            if secret_type == TLS_KEY_LOG:
                self.secrets.append(body[8 : 8 + size])
            else:
                self.tally.skip("decryption secrets of an unknown type")
        elif kind not in (SECTION_HEADER, NAME_RESOLUTION, INTERFACE_STATISTICS):
            self.tally.skip(f"pcapng block of type 0x{kind:08X}")

    def _frame_columns(self, positions: np.ndarray, kinds: np.ndarray) -> dict[str, np.ndarray]:
        """Return interface, units, captured, wire, offset and lead of frames, whatever kinds of blocks hold them."""
        order, head = self._section.order, windows(self.window.octets, positions, 28 + LEAD_OCTETS)
        length = field(head, 4, f"{order}u4").astype(np.int64)
        high, low = (field(head, at, f"{order}u4").astype(np.uint64) for at in (12, 16))
        interface = field(head, 8, f"{order}u4").astype(np.int64)
        captured, wire = (field(head, at, f"{order}u4").astype(np.int64) for at in (20, 24))
        obsolete = kinds == PACKET
        interface[obsolete] = field(head, 8, f"{order}u2")[obsolete]
        offset = positions + np.where(kinds == SIMPLE_PACKET, 12, 28)
        room = length - (offset - positions) - 4
        simple = kinds == SIMPLE_PACKET
        lead = head[:, 28:]
        if simple.any():
            lead = windows(self.window.octets, offset, LEAD_OCTETS)
            interface[simple] = 0
            wire[simple] = field(head, 8, f"{order}u4")[simple]
            snap = self._section.interfaces[0].snap_length if self._section.interfaces else 0
            captured[simple] = np.minimum(np.minimum(wire[simple], room[simple]), snap or LONGEST_FRAME)
        journal = kinds == JOURNAL_EXPORT
        captured[journal] = wire[journal] = 0
        interface[journal] = -1
        return {
            "interface": interface,
            "units": (high << np.uint64(32)) | low,
            "captured": np.clip(captured, 0, np.maximum(room, 0)),
            "overlong": captured > room,
            "wire": wire,
            "offset": offset,
            "lead": lead,
        }

    def _timed(self, columns: dict[str, np.ndarray], frame: np.ndarray, kinds: np.ndarray) -> Records:
        interface, known = columns["interface"], len(self._section.interfaces)
        if known and (interface == 0).all() and (kinds == ENHANCED_PACKET).all() and not columns["overlong"].any():
            clock = self._section.interfaces[0]
            time_ns = _nanoseconds(columns["units"], clock)
            self._last_ns = int(time_ns[-1])
            return self._as_records(columns, frame, time_ns, np.full(len(frame), clock.link, np.uint16))
        lost = (interface >= known) | (interface < 0)
        self.tally.skip_rows("frame of an interface that was not described", lost & (kinds != JOURNAL_EXPORT))
        self.tally.skip_rows("systemd journal entry", kinds == JOURNAL_EXPORT)
        self.tally.skip_rows("frame longer than its block, cut to it", columns["overlong"])
        time_ns = np.zeros(len(frame), np.int64)
        link = np.zeros(len(frame), np.uint16)
        for number in np.unique(interface[~lost]):
            rows, clock = interface == number, self._section.interfaces[number]
            time_ns[rows] = _nanoseconds(columns["units"][rows], clock)
            link[rows] = clock.link
        untimed = lost | (kinds == SIMPLE_PACKET)
        if untimed.any():
            time_ns = self._carried_forward(time_ns, untimed)
        self._last_ns = int(time_ns[-1])
        good = ~lost
        if not good.all():
            columns = {name: column[good] for name, column in columns.items()}
            frame, time_ns, link = frame[good], time_ns[good], link[good]
        return self._as_records(columns, frame, time_ns, link)

    def _as_records(
        self, columns: dict[str, np.ndarray], frame: np.ndarray, time_ns: np.ndarray, link: np.ndarray
    ) -> Records:
        return Records(
            octets=self.window.octets,
            frame=frame,
            time_ns=time_ns,
            offset=columns["offset"],
            captured=columns["captured"],
            wire=columns["wire"],
            link=link,
            lead=columns["lead"],
        )

    def _carried_forward(self, time_ns: np.ndarray, untimed: np.ndarray) -> np.ndarray:
        """Give frames without a time that of the frame before."""
        self.tally.note("some frames carry no time (simple packet blocks): they have the time of the frame before")
        source = np.where(untimed, -1, np.arange(len(time_ns)))
        source = np.maximum.accumulate(source)
        return np.where(source >= 0, time_ns[source], self._last_ns)


def _interface(body: bytes, order: str) -> Interface:
    link, snap_length = struct.unpack_from(f"{order}HxxI", body)
    units_per_s, offset_s = 1_000_000, 0
    for code, value in _options(body[8:], order):
        if code == _IF_TSRESOL and value:
            exponent = min(value[0] & 0x7F, 18 if value[0] < 128 else 62)
            units_per_s = (2 if value[0] & 0x80 else 10) ** exponent
        elif code == _IF_TSOFFSET and len(value) >= 8:
            (offset_s,) = struct.unpack_from(f"{order}q", value)
    return Interface(link, snap_length, units_per_s, offset_s * 1_000_000_000)


def _options(octets: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(octets):
        code, length = struct.unpack_from(f"{order}HH", octets, position)
        if code == 0:
            return
        yield code, octets[position + 4 : position + 4 + length]
        position += 4 + (length + 3) // 4 * 4


def _nanoseconds(units: np.ndarray, clock: Interface) -> np.ndarray:
    """Turn units of an interface's clock into ns since 1970, without leaving integers."""
    per_s = np.uint64(clock.units_per_s)
    if clock.units_per_s == 1_000_000_000:
        time_ns = units
    elif 1_000_000_000 % clock.units_per_s == 0:
        time_ns = units * np.uint64(1_000_000_000 // clock.units_per_s)
    else:
        seconds, rest = units // per_s, units % per_s
        fraction = (rest.astype(np.float64) * (1e9 / clock.units_per_s)).astype(np.uint64)
        time_ns = seconds * np.uint64(1_000_000_000) + fraction
    return time_ns.astype(np.int64) + clock.offset_ns
