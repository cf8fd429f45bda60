"""Which format a file has, by its first octets, and what to tell people who gave another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forensics.capture.dumps import RTPDUMP_MAGIC, has_rtp_dump_lines, read_rtp_dump_log, read_rtpdump
from forensics.capture.pcap import flavour_of, read_pcap_records
from forensics.capture.pcapng import SECTION_HEADER, PcapngReader
from forensics.capture.records import Records
from forensics.capture.tally import Tally
from forensics.capture.window import Window
from forensics.errors import CaptureError

_PRINTABLE = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
_EXPECTED = "pcap, pcapng, rtpdump or a Chrome log with RTP_DUMP lines, plain, .gz or .zst"


def open_records(window: Window, path: Path, *, tally: Tally, secrets: list[bytes]) -> Iterator[Records]:
    """Return the frames of an opened file, whatever capture format it has.

    Parameters
    ----------
    window : Window
        Stands on the first octet.
    path : Path
        For the messages.
    tally : Tally
        Is told what is skipped, cut off or damaged.
    secrets : list of bytes
        Receives the contents of decryption-secrets blocks.

    Raises
    ------
    CaptureError
        The file is empty or of an unknown format.
    """
    magic = window.octets[: min(4, window.end)].tobytes()
    if flavour_of(magic):
        return read_pcap_records(window, tally)
    if magic == SECTION_HEADER.to_bytes(4, "little"):
        reader = PcapngReader(window, tally)
        reader.secrets = secrets
        return reader.records()
    if window.octets[: len(RTPDUMP_MAGIC)].tobytes() == RTPDUMP_MAGIC:
        return read_rtpdump(window, tally)
    if _is_text(window) and has_rtp_dump_lines(window.octets[: window.end].tobytes()):
        return read_rtp_dump_log(window, tally)
    raise CaptureError(_unknown(window, path))


def _is_text(window: Window) -> bool:
    return window.end > 0 and all(octet in _PRINTABLE for octet in window.octets[: min(64, window.end)].tobytes())


def _unknown(window: Window, path: Path) -> str:
    if not window.end:
        why = window.file.fault or "it is empty"
        return f"{path} holds no capture: {why}. Expected {_EXPECTED}. Was the capture stopped before its first packet?"
    if _is_text(window):
        return f"{path} is a text file, not a capture. Expected {_EXPECTED}. Give the file that the capture tool wrote."
    found = window.octets[: min(4, window.end)].tobytes().hex(" ")
    return (
        f"{path} starts with {found}, which is no capture format that is known. "
        f"Expected {_EXPECTED}. Convert it with: editcap -F pcapng {path.name} converted.pcapng"
    )
