"""Payloads to samples: FFmpeg's decoders, which are handed several packets of a stream at a time.

A call into a decoder costs as much as a tenth of its work, and while it works it lets go of Python's lock: the longer a
call lasts, the less is lost, and the better two streams are decoded by two threads. So frames of Opus that follow each
other in one mode are put together to one packet, as RFC 6716 §3.2.5 has it for an encoder that does so itself; what
comes out is the same. Octets of G.711 and G.722 are a stream anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from forensics.model import RtpStream
from forensics.pcm import Pcm16

if TYPE_CHECKING:
    from av import AudioFrame

DECODERS = {
    "opus": ("libopus", 48_000),
    "pcmu": ("pcm_mulaw", 8_000),
    "pcma": ("pcm_alaw", 8_000),
    "g722": ("g722", 16_000),
}
"""RTP encoding name → FFmpeg decoder and the rate of the audio it yields (G.722 sounds at 16 kHz, RFC 3551 §4.5.2)."""

PACKETS_AT_ONCE = 512
"""Packets that are decoded before their samples are measured and placed: 1 MB."""

OPUS_PACKET_S = 0.12
"""The longest packet of Opus (RFC 7587 §4.2, RFC 6716 §3.2.5)."""

OPUS_FRAME_MS = (10, 20, 40, 60) * 3 + (10, 20) * 2 + (2.5, 5, 10, 20) * 4
"""Duration of a frame by its configuration, the upper five bits of a packet's first octet (RFC 6716 §3.1, table 2)."""

OPUS_FRAME_OCTETS = 1275
"""The longest frame (RFC 6716 §3.2.1)."""

_OPUS_LENGTHS = [
    bytes([n]) if n < 252 else bytes([252 + n % 4, (n - 252 - n % 4) // 4]) for n in range(OPUS_FRAME_OCTETS + 1)
]
"""How each length of a frame is written (RFC 6716 §3.2.1)."""

_SEVERAL, _VARIABLE = 3, 0x80
"""The code of a packet of any number of frames, and its flag that their lengths differ (RFC 6716 §3.2.5)."""


def decode_rows(stream: RtpStream, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the samples of each packet, float32; an empty array where the decoder refuses it."""
    for lengths, integers in decode_blocks(stream, rows):
        yield from np.split(Pcm16(integers)[:], np.cumsum(lengths)[:-1])


def decode_blocks(stream: RtpStream, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Decode packets, `PACKETS_AT_ONCE` at a time.

    Parameters
    ----------
    stream : RtpStream
        Of one of the codecs in `DECODERS`.
    rows : ndarray, (n,) int
        Of `stream.packets`, in the order in which the decoder is to have them.

    Yields
    ------
    lengths : ndarray, (m,) int64
        Samples of each packet; 0 where the decoder refuses it.
    samples : ndarray, (sum of lengths,) int16
        One packet after the other.

    Notes
    -----
    Opus that exceeds full scale is bent back under it; by how much depends, in the last bits, on what is decoded in one
    call.
    """
    decoder = _Decoder(stream.codec.name)
    for first in range(0, len(rows), PACKETS_AT_ONCE):
        lengths, sounds = [], []
        for bundle in bundle_payloads(list(_payloads(stream, rows[first : first + PACKETS_AT_ONCE])), decoder.codec):
            for sizes, sound in decoder.decode(bundle):
                lengths += sizes
                sounds.append(sound)
        yield np.array(lengths, np.int64), np.frombuffer(b"".join(sounds), np.int16)


def bundle_payloads(payloads: Sequence[bytes], codec: str) -> Iterator[list[bytes]]:
    """Split payloads, in order, into runs that can be decoded as one packet."""
    if codec != "opus":
        yield list(payloads)
        return
    for toc, run in groupby(payloads, key=_single_frame_toc):
        alike = list(run)
        most = 1 if toc is None else int(1000 * OPUS_PACKET_S / OPUS_FRAME_MS[toc >> 3])
        yield from (alike[first : first + most] for first in range(0, len(alike), most))


def _single_frame_toc(payload: bytes) -> int | None:
    """First octet of an Opus packet that holds one frame; None of any other."""
    return payload[0] if payload and payload[0] & 3 == 0 and len(payload) <= 1 + OPUS_FRAME_OCTETS else None


def join_payloads(payloads: Sequence[bytes], codec: str) -> bytes:
    """Make one packet of the payloads of a bundle."""
    if codec != "opus" or len(payloads) < 2:
        return b"".join(payloads)
    head = bytes([payloads[0][0] | _SEVERAL, _VARIABLE | len(payloads)])
    lengths = [_OPUS_LENGTHS[len(payload) - 1] for payload in payloads[:-1]]
    return b"".join([head, *lengths, *(payload[1:] for payload in payloads)])


class _Decoder:
    """A decoder in the state in which the packets so far have left it."""

    def __init__(self, codec: str) -> None:
        import av
        from av.audio.codeccontext import AudioCodecContext
        from av.error import FFmpegError

        name, rate_hz = DECODERS[codec]
        context = av.CodecContext.create(name, "r")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = rate_hz
        context.layout = "mono"
        self.codec, self._context, self._packet, self._refusal = codec, context, av.Packet, FFmpegError

    def decode(self, bundle: list[bytes]) -> Iterator[tuple[list[int], bytes]]:
        """Yield samples of each payload and their sound; each by itself where they cannot be decoded as one."""
        sound = self._sound(join_payloads(bundle, self.codec))
        shares = [1] * len(bundle) if self.codec == "opus" else [len(payload) for payload in bundle]
        share, left = divmod(len(sound) // 2, max(1, sum(shares)))
        if len(bundle) == 1 or (share and not left):
            yield [share * part for part in shares], sound
        else:
            for payload in bundle:
                yield from self.decode([payload])

    def _sound(self, packet: bytes) -> bytes:
        """Samples of a packet, nothing where it is refused; every decoder of `DECODERS` makes 16 bit ones."""
        try:
            frames = self._context.decode(self._packet(packet)) if packet else []
        except self._refusal:
            return b""
        return b"".join(map(_octets, frames))


def _payloads(stream: RtpStream, rows: np.ndarray) -> Iterator[bytes]:
    """Yield the payload of each row, empty where it was cut off; `RtpStream.payload` for many rows at once."""
    first = stream.packets["payload_offset"].to_numpy()[rows]
    last = first + stream.packets["payload_bytes"].to_numpy()[rows]
    octets = memoryview(np.ascontiguousarray(stream.octets))
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        yield bytes(octets[start:end]) if start >= 0 else b""


def _octets(frame: AudioFrame) -> memoryview:
    """Return the samples of a mono frame."""
    return memoryview(frame.planes[0])[: 2 * frame.samples]
