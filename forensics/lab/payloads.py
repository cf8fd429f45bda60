"""The audio of a send plan as RTP payloads, and back: Opus by libopus, G.711 and G.722 by FFmpeg, all through PyAV."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Sender
from forensics.lab.speech import SPEECH_RATE_HZ, resample

PAYLOAD_TYPES = {"pcmu": 0, "pcma": 8, "g722": 9, "opus": 111}
"""RFC 3551 for G.711 and G.722; 111 is what Chromium offers for Opus."""

TELEPHONE_CODECS = {"pcmu": ("pcm_mulaw", 8000), "pcma": ("pcm_alaw", 8000), "g722": ("g722", 16_000)}
"""FFmpeg's name of each codec, and the rate at which it samples."""

OCTETS_PER_S = 8000
"""All of them are 64 kbit/s (RFC 3551 §4.5)."""

OPUS_DELAY_S = 312 / 48_000
"""What an Opus encoder of libopus' VoIP mode lags behind its input (its look-ahead, RFC 7845's pre-skip)."""


def encode_payloads(plan: SendPlan, sender: Sender) -> list[bytes]:
    """Encode every planned packet, sent or not, in the order in which they are made.

    Returns
    -------
    list of bytes
        One RTP payload a packet.
    """
    if sender.codec == "opus":
        return OpusEncoder(sender).encode(plan.audio)
    return _encode_telephone(plan.audio, sender)


class OpusEncoder:
    """libopus at work on one voice: what it is given next goes on where it stopped.

    Parameters
    ----------
    sender : Sender
        Bit rate, packet length and in-band FEC.
    """

    def __init__(self, sender: Sender) -> None:
        import av

        self.packets = 0  # encoded so far
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate, self._codec.layout, self._codec.format = SPEECH_RATE_HZ, "mono", "flt"
        self._codec.bit_rate = sender.bitrate_bps
        self._codec.options = {
            "application": "voip", "frame_duration": f"{sender.packet_s * 1000:g}",
            "fec": str(int(sender.inband_fec)), "packet_loss": "20" if sender.inband_fec else "0",
        }  # fmt: skip

    def encode(self, audio: np.ndarray) -> list[bytes]:
        """Encode (packets, samples) of audio, one payload for each: libopus answers every frame at once."""
        import av

        payloads: list[bytes] = []
        for row, piece in enumerate(audio, start=self.packets):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece[None, :]), format="flt", layout="mono")
            frame.sample_rate, frame.pts = SPEECH_RATE_HZ, row * audio.shape[1]
            payloads += [bytes(packet) for packet in self._codec.encode(frame)]
        self.packets += len(audio)
        return payloads


def _encode_telephone(audio: np.ndarray, sender: Sender) -> list[bytes]:
    """Encode one stream in steps of 20 ms, and cut it into packets of whatever length."""
    import av

    name, rate_hz = TELEPHONE_CODECS[sender.codec]
    samples = resample(audio.reshape(-1), from_hz=SPEECH_RATE_HZ, to_hz=rate_hz)
    samples = np.clip(samples * 32_768, -32_768, 32_767)
    encoder = av.CodecContext.create(name, "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate_hz, "mono", "s16"  # type: ignore[attr-defined]
    step, octets = rate_hz // 50, b""
    padded = np.pad(samples, (0, -len(samples) % step)).astype(np.int16).reshape(-1, 1, step)
    for piece in padded:
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate = rate_hz
        octets += b"".join(bytes(packet) for packet in encoder.encode(frame))  # type: ignore[attr-defined]
    size = round(sender.packet_s * OCTETS_PER_S)
    return [octets[row * size : (row + 1) * size] for row in range(len(audio))]


def decode_payloads(payloads: Iterable[bytes], sender: Sender) -> np.ndarray:
    """Decode payloads as one stream without losses.

    Returns
    -------
    (packets, samples of one packet) float32 at 48 kHz
        What a receiver that missed nothing would have, with the codec's own delay in it.
    """
    import av

    name, rate = {"opus": ("libopus", SPEECH_RATE_HZ), **TELEPHONE_CODECS}[sender.codec]
    decoder = av.CodecContext.create(name, "r")
    decoder.sample_rate, decoder.layout = rate, "mono"  # type: ignore[attr-defined]
    pieces = [_decode_one(decoder, payload, round(sender.packet_s * rate)) for payload in payloads]
    if not pieces:
        return np.zeros((0, round(sender.packet_s * SPEECH_RATE_HZ)), np.float32)
    audio = resample(np.concatenate(pieces), from_hz=rate, to_hz=SPEECH_RATE_HZ)
    return audio.reshape(len(pieces), -1)


def _decode_one(decoder, payload: bytes, samples: int) -> np.ndarray:  # type: ignore[no-untyped-def]
    import av

    frames = [frame.to_ndarray() for frame in decoder.decode(av.Packet(payload))]
    mixed = [f.astype(np.float32) / (32768 if f.dtype.kind == "i" else 1) for f in frames]
    piece = np.concatenate([f.reshape(-1) for f in mixed]) if mixed else np.zeros(0, np.float32)
    return np.pad(piece, (0, max(0, samples - len(piece))))[:samples].astype(np.float32)
