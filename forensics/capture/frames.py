"""Single frames: taken out of a capture by their numbers, and written to a small capture of their own."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.capture.files import OctetFile
from forensics.capture.pcapng import (
    BYTE_ORDER_MAGIC,
    DECRYPTION_SECRETS,
    ENHANCED_PACKET,
    INTERFACE_DESCRIPTION,
    SECTION_HEADER,
    TLS_KEY_LOG,
)
from forensics.capture.records import Records
from forensics.capture.sniff import open_records
from forensics.capture.tally import Tally
from forensics.capture.window import Window
from forensics.errors import CaptureError

_NANOSECONDS = bytes([9, 0, 1, 0, 9, 0, 0, 0])  # option if_tsresol = 10**-9
_COMMENT, _END_OF_OPTIONS = 1, bytes(4)
_LONGEST_OPTION = 0xFFFF


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured frame, as its file has it."""

    number: int
    time_ns: int
    link: int
    wire: int
    octets: bytes


def read_frames(path: Path, numbers: Iterable[int]) -> list[Frame]:
    """Read frames by their numbers.

    Parameters
    ----------
    path : Path
        A capture file.
    numbers : iterable of int
        As Wireshark numbers frames, from 1.

    Returns
    -------
    list of Frame
        In the order of the file, each once.

    Raises
    ------
    CaptureError
        The file is no capture, or has no frame of such a number.
    """
    wanted = np.unique(np.fromiter(numbers, np.int64))
    frames: list[Frame] = []
    last = 0
    with OctetFile(path) as file, Window(file) as window:
        for records in open_records(window, path, tally=Tally(), secrets=[]):
            last = int(records.frame[-1])
            rows = np.flatnonzero(np.isin(records.frame, wanted))
            frames.extend(_frame(records, row) for row in rows.tolist())
            if len(frames) == len(wanted):
                return frames
    found = {frame.number for frame in frames}
    absent = ", ".join(str(number) for number in wanted.tolist() if number not in found)
    raise CaptureError(f"{path.name} has no frame {absent}: its frames are numbered 1 to {last}.")


def _frame(records: Records, row: int) -> Frame:
    start = int(records.offset[row])
    octets = records.octets[start : start + int(records.captured[row])].tobytes()
    return Frame(
        int(records.frame[row]), int(records.time_ns[row]), int(records.link[row]), int(records.wire[row]), octets
    )


def write_frames(
    path: Path, frames: Iterable[Frame], *, key_log: bytes = b"", comments: Mapping[int, Sequence[str]] | None = None
) -> Path:
    """Write frames to a pcapng file, each with its time to the nanosecond and its own link type.

    Parameters
    ----------
    path : Path
        Is overwritten.
    frames : iterable of Frame
    key_log : bytes
        An NSS key log to put inside, as a decryption-secrets block.
    comments : mapping of int to sequence of str, optional
        What is said of a frame, by its number; Wireshark shows it with the packet.

    Returns
    -------
    Path
        `path`.
    """
    blocks = [_block(SECTION_HEADER, struct.pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1))]
    if key_log:
        blocks.append(_block(DECRYPTION_SECRETS, struct.pack("<II", TLS_KEY_LOG, len(key_log)) + key_log))
    interfaces: dict[int, int] = {}
    for frame in frames:
        if frame.link not in interfaces:
            interfaces[frame.link] = len(interfaces)
            blocks.append(_block(INTERFACE_DESCRIPTION, struct.pack("<HHI", frame.link, 0, 0) + _NANOSECONDS))
        blocks.append(_packet(frame, interfaces[frame.link], comments=(comments or {}).get(frame.number, ())))
    path.write_bytes(b"".join(blocks))
    return path


def _packet(frame: Frame, interface: int, *, comments: Sequence[str]) -> bytes:
    time = frame.time_ns & 0xFFFF_FFFF_FFFF_FFFF
    head = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFF_FFFF, len(frame.octets), frame.wire)
    octets = frame.octets + bytes(-len(frame.octets) % 4)
    return _block(ENHANCED_PACKET, head + octets + _options(comments))


def _options(comments: Sequence[str]) -> bytes:
    """Comments as options of a packet block, cut at a character where one is longer than an option may be."""
    values = [_cut(comment.encode("utf-8", "replace")) for comment in comments]
    options = [struct.pack("<HH", _COMMENT, len(value)) + value + bytes(-len(value) % 4) for value in values]
    return b"".join([*options, _END_OF_OPTIONS]) if options else b""


def _cut(text: bytes) -> bytes:
    return text if len(text) <= _LONGEST_OPTION else text[:_LONGEST_OPTION].decode("utf-8", "ignore").encode()


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
