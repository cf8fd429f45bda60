"""What the payloads of a stream are, beyond its codec: redundancy taken off, events and comfort noise told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forensics.capture.gather import windows
from forensics.model import Codec, RtpStream
from forensics.streams.codecs import Meanings
from forensics.streams.payloads import Block, is_red, opus_has_fec, read_red

_SAMPLE = 200


def describe_payloads(stream: RtpStream, meanings: Meanings) -> RtpStream:
    """Return a stream whose payloads are those of its codec, and whose notes say what else it carries.

    Parameters
    ----------
    stream : RtpStream
    meanings : Meanings
        What is known about payload types.

    Returns
    -------
    RtpStream
        The primary blocks stand for RED packets, so that `payload` gives what a decoder takes. Notes count RED, Opus
        packets with forward error correction inside, comfort noise and telephone events; a retransmission stream says
        so.
    """
    destination = _address(stream)
    notes = list(stream.notes)
    kinds, counts = np.unique(stream.packets["payload_type"].to_numpy(), return_counts=True)
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        codec = meanings.of(kind, destination)
        if (codec is not None and codec.name == "red") or (codec is None and _reads_as_red(stream, kind)):
            stream, note = _without_redundancy(stream, kind, meanings)
            notes.append(note)
        elif codec is not None and codec.name in _SPOKEN:
            notes.append(f"{count} packets of payload type {kind} are {_SPOKEN[codec.name]}")
    if stream.codec.name == "opus" and stream.readable:
        notes.extend(_fec_note(stream))
    return replace(stream, notes=tuple(notes))


_SPOKEN = {
    "cn": "comfort noise (RFC 3389)",
    "telephone-event": "telephone events (RFC 4733)",
    "rtx": "retransmissions of another stream (RFC 4588)",
}


def _address(stream: RtpStream) -> tuple[str, int]:
    address, _, port = stream.destination.rpartition(":")
    return address.strip("[]"), int(port)


def _rows(stream: RtpStream, kind: int) -> np.ndarray:
    """Rows of one payload type whose payload is readable."""
    table = stream.packets
    return np.flatnonzero((table["payload_type"].to_numpy() == kind) & (table["payload_offset"].to_numpy() >= 0))


def _reads_as_red(stream: RtpStream, kind: int) -> bool:
    return is_red(_payloads(stream, _rows(stream, kind)[:_SAMPLE]), kind)


def _payloads(stream: RtpStream, rows: np.ndarray) -> list[bytes]:
    view = memoryview(np.ascontiguousarray(stream.octets))
    start = stream.packets["payload_offset"].to_numpy()[rows]
    end = start + stream.packets["payload_bytes"].to_numpy()[rows]
    return [bytes(view[a:b]) for a, b in zip(start.tolist(), end.tolist(), strict=True)]


def _without_redundancy(stream: RtpStream, kind: int, meanings: Meanings) -> tuple[RtpStream, str]:
    """Let the rows of RED packets point at their primary blocks."""
    rows = _rows(stream, kind)
    blocks = [read_red(payload) for payload in _payloads(stream, rows)]
    packets = stream.packets.copy()
    offset, size = packets["payload_offset"].to_numpy().copy(), packets["payload_bytes"].to_numpy().copy()
    for row, found in zip(rows.tolist(), blocks, strict=True):
        if found:
            offset[row] += found[-1].offset
            size[row] = found[-1].size
    packets["payload_offset"], packets["payload_bytes"] = offset, size
    inner = next((found[-1].payload_type for found in blocks if found), kind)
    redundant = sum(_is_redundant(found) for found in blocks)
    codec = meanings.of(inner, _address(stream)) or _inner_codec(stream.codec)
    note = (
        f"payload type {kind} is RED around {inner} (RFC 2198): "
        f"{redundant} of {len(blocks)} packets repeat earlier audio"
    )
    return replace(stream, packets=packets, codec=codec), note


def _is_redundant(blocks: list[Block]) -> bool:
    return any(block.size for block in blocks[:-1])


def _inner_codec(codec: Codec) -> Codec:
    """Name what is inside RED by its clock, where no session description does."""
    return replace(codec, name="opus" if codec.clock_rate_hz == 48000 else "unknown", known="inferred")


def _fec_note(stream: RtpStream) -> list[str]:
    table = stream.packets
    offset, size = table["payload_offset"].to_numpy(), table["payload_bytes"].to_numpy()
    rows = np.flatnonzero((offset >= 0) & (offset + 4 <= len(stream.octets)))
    count = int(np.count_nonzero(opus_has_fec(windows(stream.octets, offset[rows], 4), size[rows])))
    return [f"{count} of {len(rows)} Opus packets carry the one before again (in-band FEC)"] if count else []
