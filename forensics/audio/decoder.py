"""Payloads to samples: libopus where there is one, else FFmpeg's decoders, several packets of a stream at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from forensics.audio.libopus import RATES_HZ, OpusDecoder, load_libopus
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

PACKETS_AT_ONCE = 1024
"""Packets that are decoded before their samples are measured and placed: 2 MB, and some 30 ms in which another thread
is not in the way."""


def decoded_rate_hz(codec: str, *, wanted_hz: int | None = None) -> int:
    """Return the rate at which a codec of `DECODERS` is decoded: the wanted one where its decoder can, else its own."""
    at_any = codec == "opus" and load_libopus() is not None
    return wanted_hz if at_any and wanted_hz in RATES_HZ else DECODERS[codec][1]


def decode_rows(stream: RtpStream, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the samples of each packet, float32; an empty array where the decoder refuses it."""
    for lengths, integers in decode_blocks(stream, rows):
        yield from np.split(Pcm16(integers)[:], np.cumsum(lengths)[:-1])


def decode_blocks(
    stream: RtpStream, rows: np.ndarray, *, wanted_hz: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Decode packets, `PACKETS_AT_ONCE` at a time.

    Parameters
    ----------
    stream : RtpStream
        Of one of the codecs in `DECODERS`.
    rows : ndarray, (n,) int
        Of `stream.packets`, in the order in which the decoder is to have them.
    wanted_hz : int, optional
        Sample rate; `decoded_rate_hz` says what it will be.

    Yields
    ------
    lengths : ndarray, (m,) int64
        Samples of each packet; 0 where the decoder refuses it.
    samples : ndarray, (sum of lengths,) int16
        One packet after the other.
    """
    name = stream.codec.name
    by_itself = name == "opus" and load_libopus() is not None
    rate_hz = decoded_rate_hz(name, wanted_hz=wanted_hz)
    decoder: _Decoder = OpusDecoder(rate_hz, packets=len(rows)) if by_itself else FfmpegDecoder(name)
    begins = stream.packets["payload_offset"].to_numpy()[rows]
    ends = begins + np.where(begins >= 0, stream.packets["payload_bytes"].to_numpy()[rows], 0)  # -1: it was cut off
    for first in range(0, len(rows), PACKETS_AT_ONCE):
        block = slice(first, first + PACKETS_AT_ONCE)
        yield decoder.decode(stream.octets, begins[block], ends[block])


class _Decoder(Protocol):
    def decode(self, octets: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


class FfmpegDecoder:
    """A decoder of FFmpeg, in the state in which the packets so far have left it; used as `OpusDecoder` is.

    Parameters
    ----------
    codec : str
        One of `DECODERS`.

    Notes
    -----
    Octets of G.711 and G.722 are a stream, of which a call takes many packets; Opus is decoded packet by packet.
    """

    def __init__(self, codec: str) -> None:
        import av
        from av.audio.codeccontext import AudioCodecContext
        from av.error import FFmpegError

        name, rate_hz = DECODERS[codec]
        context = av.CodecContext.create(name, "r")
        assert isinstance(context, AudioCodecContext)
        context.sample_rate = rate_hz
        context.layout = "mono"
        self._streams, self._context, self._packet, self._refusal = codec != "opus", context, av.Packet, FFmpegError

    def decode(self, octets: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode packets that lie in one buffer, as `OpusDecoder.decode` does."""
        held = memoryview(np.ascontiguousarray(octets))
        payloads = [bytes(held[start:end]) for start, end in zip(first.tolist(), last.tolist(), strict=True)]
        sizes = np.array([len(payload) for payload in payloads], np.int64)
        if self._streams:
            whole = self._sound(b"".join(payloads))
            share, left = divmod(len(whole) // 2, max(1, int(sizes.sum())))
            if share and not left:
                return share * sizes, np.frombuffer(whole, np.int16)
        sounds = [self._sound(payload) for payload in payloads]
        lengths = np.array([len(sound) // 2 for sound in sounds], np.int64)
        return lengths, np.frombuffer(b"".join(sounds), np.int16)

    def _sound(self, packet: bytes) -> bytes:
        """Samples of a packet, nothing where it is refused; every decoder of `DECODERS` makes 16 bit ones."""
        try:
            frames = self._context.decode(self._packet(packet)) if packet else []
        except self._refusal:
            return b""
        return b"".join(map(_octets, frames))


def _octets(frame: AudioFrame) -> memoryview:
    """Return the samples of a mono frame."""
    return memoryview(frame.planes[0])[: 2 * frame.samples]
