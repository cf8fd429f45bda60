"""The packets of a stream as a jitter buffer meets them: media time, length and time of arrival."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.audio.decoder import DECODERS
from forensics.audio.payloads import media_time_s
from forensics.errors import StreamError
from forensics.model import Codec, RtpStream

PLAYOUT_RATE_HZ = {codec: rate_hz for codec, (_, rate_hz) in DECODERS.items()}
"""The rate at which a receiver decodes each codec."""

FRAME_S = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12)
"""Packet lengths in use: Opus (RFC 6716 §2.1.4, RFC 7587 §4.2) and the usual `ptime` of the G.711 family."""

DEFAULT_FRAME_S = 0.02
"""RFC 3551 §4.2 and RFC 7587 §6.1: 20 ms where nothing says otherwise."""

DTX_BYTES = 2
"""An Opus packet of at most two bytes is discontinuous transmission: libopus encoder, DTX (RFC 6716 §2.1.9)."""

OCTET_CODECS = ("pcmu", "pcma", "g722")
"""One octet is one tick of the RTP clock (RFC 3551 §4.5)."""

COMFORT_NOISE_PAYLOAD_TYPE = 13
"""RFC 3389 §7."""


def playout_rate_hz(codec: Codec) -> int:
    """Return the rate at which a receiver decodes a codec, which the samples that a browser counts are counted at.

    Chromium's NetEq works at it: of G.711 getStats() counts 8 000 samples a second, although a track gives out 48 kHz
    before the first packet.
    """
    return PLAYOUT_RATE_HZ.get(codec.name, codec.clock_rate_hz)


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Distinct packets in the order of their media time; every array has one element a packet.

    `start` and `length` count samples at `rate_hz`, `start` from the earliest timestamp; `row` leads back to
    `RtpStream.packets` (-1: known from a copy only); `dtx` marks comfort noise; `duplicates` counts packets that came
    once more and reached the jitter buffer.
    """

    rate_hz: int
    row: np.ndarray
    start: np.ndarray
    length: np.ndarray
    arrival_s: np.ndarray
    dtx: np.ndarray
    sequence: np.ndarray  # extended sequence number
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.row)

    @property
    def received(self) -> np.ndarray:
        """Which of them came themselves, and not only as a copy in another packet."""
        return self.row >= 0

    @property
    def lost(self) -> int:
        """Sequence numbers that never came."""
        came = np.sort(self.sequence[self.received])
        return int(np.maximum(np.diff(came) - 1, 0).sum())


def arrange_packets(stream: RtpStream, *, arrival_s: np.ndarray | None = None) -> Arrivals:
    """Order the packets of `stream` by media time and work out how much audio each carries.

    Parameters
    ----------
    stream : RtpStream
        Of any codec; payloads may be closed.
    arrival_s : ndarray, (n,) float64, optional
        Other arrivals than those of `stream.packets`, row by row.

    Returns
    -------
    Arrivals
        The earliest copy of every packet.

    Raises
    ------
    StreamError
        When the stream has no packet.

    Notes
    -----
    The length is exact for G.711 and G.722 (one byte is 1/8000 s). For other codecs it is the distance in timestamps
    to the packet with the next sequence number wherever that is a length in use, else the length last seen, so one
    packet that is shorter than its neighbours may be misjudged. Sequence numbers that an SFU left out count as lost.
    A reset of the sender's clock is bridged at the pace of the arrivals (`forensics.audio.media_time_s`), where NetEq
    would play on after a short hole.
    """
    packets = stream.packets
    if packets.empty:
        raise StreamError(f"SSRC {stream.ssrc:#010x} has no packet to replay. Choose another stream of the capture.")
    arrival_s = packets["arrival_s"].to_numpy() if arrival_s is None else np.asarray(arrival_s, dtype=float)
    clock_hz = stream.codec.clock_rate_hz
    timestamp = np.round(media_time_s(stream) * clock_hz).astype(np.int64)
    row = _first_copies(timestamp, arrival_s)
    sequence = packets["ext_sequence_number"].to_numpy()[row]
    payload_bytes = packets["payload_bytes"].to_numpy()[row]
    rate_hz = playout_rate_hz(stream.codec)
    ticks = timestamp[row] - timestamp[row[0]]
    dtx = _comfort_noise(stream, row, payload_bytes)
    length_ticks = _lengths(ticks, sequence, clock_hz=clock_hz)
    if stream.codec.name in OCTET_CODECS:
        length_ticks = np.where(dtx, length_ticks, payload_bytes)
    return Arrivals(
        rate_hz=rate_hz,
        row=row,
        start=ticks * rate_hz // clock_hz,
        length=length_ticks * rate_hz // clock_hz,
        arrival_s=arrival_s[row],
        dtx=dtx,
        sequence=sequence,
        duplicates=0 if stream.encrypted else len(packets) - len(row),  # SRTP drops replays: RFC 3711 §3.3.2
    )


def _first_copies(timestamp: np.ndarray, arrival_s: np.ndarray) -> np.ndarray:
    """Rows of the earliest copy of each timestamp, by timestamp."""
    order = np.lexsort((arrival_s, timestamp))
    return order[np.diff(timestamp[order], prepend=timestamp[order[0]] - 1) > 0]


def _lengths(ticks: np.ndarray, sequence: np.ndarray, *, clock_hz: int) -> np.ndarray:
    """Ticks of audio in each packet, from the timestamp of its successor."""
    step = np.diff(ticks, append=ticks[-1:])
    known = (np.diff(sequence, append=sequence[-1:]) == 1) & np.isin(step, np.array(FRAME_S) * clock_hz)
    if not known.any():
        return np.full(len(ticks), round(DEFAULT_FRAME_S * clock_hz))
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(ticks)), -1))
    return step[np.where(last_known < 0, np.argmax(known), last_known)]


def _comfort_noise(stream: RtpStream, row: np.ndarray, payload_bytes: np.ndarray) -> np.ndarray:
    """Mark the packets that only describe noise."""
    if stream.codec.name == "opus":
        return payload_bytes <= DTX_BYTES
    return (stream.packets["payload_type"].to_numpy()[row] == COMFORT_NOISE_PAYLOAD_TYPE) | (payload_bytes == 0)
