"""What the payloads of a stream are, beyond its codec: redundancy taken off, events and comfort noise told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forensics.capture.gather import windows
from forensics.model import Codec, RtpStream
from forensics.streams.codecs import Meanings
from forensics.streams.payloads import Block, is_red, opus_has_fec, read_red
from forensics.streams.tones import are_tones, read_tones

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 200
_MOST_TONES = 24
"""Digits that a note lists: the longest number that people dial, and some."""


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
        packets with forward error correction inside, comfort noise and telephone events, which are listed; a
        retransmission stream says so. `new_audio` marks the packets that are none of these.
    """
    destination = _address(stream)
    notes = list(stream.notes)
    silent: list[int] = []
    kinds, counts = np.unique(stream.packets["payload_type"].to_numpy(), return_counts=True)
    for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        codec = meanings.of(kind, destination)
        name = codec.name if codec is not None else _name_by_packets(stream, kind)
        if name == "red":
            stream, note = _without_redundancy(stream, kind, meanings)
            notes.append(note)
        elif name in _SPOKEN:
            silent.append(kind)
            inferred = ", as its packets tell" if codec is None else ""
            notes.append(f"{count} packets of payload type {kind} are {_SPOKEN[name]}{inferred}")
            notes.extend(_tones_note(stream, kind) if name == "telephone-event" else ())
    if stream.codec.name == "opus" and stream.readable:
        notes.extend(_fec_note(stream))
    return replace(stream, packets=_with_new_audio(stream, silent), notes=tuple(notes))


_SPOKEN = {
    "cn": "comfort noise (RFC 3389)",
    "telephone-event": "telephone events (RFC 4733)",
    "rtx": "retransmissions of another stream (RFC 4588)",
}


def _name_by_packets(stream: RtpStream, kind: int) -> str:
    """Name what a payload type without a description carries, where that is no audio of its own."""
    if stream.repaired_ssrc is not None:
        return "rtx"
    rows = _rows(stream, kind)[:_SAMPLE]
    payloads = _payloads(stream, rows)
    if is_red(payloads, kind):
        return "red"
    stamps = stream.packets["timestamp"].to_numpy()[rows].tolist()
    return "telephone-event" if are_tones(payloads, stamps) else ""


def _with_new_audio(stream: RtpStream, silent: list[int]) -> pd.DataFrame:
    """Mark the packets that carry audio of their own: some payload, and of a type that has any."""
    table = stream.packets
    audio = (table["payload_bytes"].to_numpy() > 0) & ~np.isin(table["payload_type"].to_numpy(), silent)
    return table.assign(new_audio=audio & (stream.repaired_ssrc is None))


def _tones_note(stream: RtpStream, kind: int) -> list[str]:
    """List the digits of a stream whose payloads can be read."""
    rows = _rows(stream, kind)
    table = stream.packets
    stamps, arrivals = table["timestamp"].to_numpy()[rows], table["arrival_s"].to_numpy()[rows]
    tones = read_tones(_payloads(stream, rows), stamps.tolist(), arrivals.tolist())
    clock = stream.codec.clock_rate_hz
    texts = [
        f"{tone.name} at {tone.arrival_s:.3f} s ({1000 * tone.duration_ticks / clock:.0f} ms"
        f"{'' if tone.ended else ', its end is missing'})"
        for tone in tones[:_MOST_TONES]
    ]
    more = f" and {len(tones) - _MOST_TONES} more" if len(tones) > _MOST_TONES else ""
    return [f"telephone events: {', '.join(texts)}{more}"] if texts else []


def _address(stream: RtpStream) -> tuple[str, int]:
    address, _, port = stream.destination.rpartition(":")
    return address.strip("[]"), int(port)


def _rows(stream: RtpStream, kind: int) -> np.ndarray:
    """Rows of one payload type whose payload is readable."""
    table = stream.packets
    return np.flatnonzero((table["payload_type"].to_numpy() == kind) & (table["payload_offset"].to_numpy() >= 0))


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
