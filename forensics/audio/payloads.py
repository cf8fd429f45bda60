"""RTP payloads to samples on the media clock of their stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forensics.audio.levels import level_dbfs
from forensics.errors import AudioError
from forensics.model import FATES, PLAYOUT_COLUMNS, AudioTrack, Fate, RtpStream

if TYPE_CHECKING:
    from av import AudioFrame

DECODERS = {
    "opus": ("libopus", 48_000),
    "pcmu": ("pcm_mulaw", 8_000),
    "pcma": ("pcm_alaw", 8_000),
    "g722": ("g722", 16_000),
}
"""RTP encoding name → FFmpeg decoder and the rate of the audio it yields (G.722 sounds at 16 kHz, RFC 3551 §4.5.2)."""

MAX_JUMP_S = 30.0
"""A timestamp step that exceeds the time between the arrivals by more is a reset of the sender's clock, not a pause."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedStream:
    """The audio of a stream on its media clock, and where each packet stands in it (PLAYOUT_COLUMNS)."""

    track: AudioTrack
    packets: pd.DataFrame
    undecoded: int = 0


def media_time_s(stream: RtpStream) -> np.ndarray:
    """Seconds of media before each packet, by RTP timestamp.

    Parameters
    ----------
    stream : RtpStream

    Returns
    -------
    ndarray, (n,) float64
        In the order of `stream.packets`, zero for the earliest timestamp. A step that differs from the step of the
        arrivals by more than `MAX_JUMP_S` restarts the clock at the pace of the arrivals.
    """
    packets = stream.packets
    media_s = (packets["ext_timestamp"].to_numpy() - packets["ext_timestamp"].iat[0]) / stream.codec.clock_rate_hz
    excess_s = np.diff(media_s, prepend=0.0) - np.diff(
        packets["arrival_s"].to_numpy(), prepend=packets["arrival_s"].iat[0]
    )
    resets_s = np.where(np.abs(excess_s) > MAX_JUMP_S, excess_s, 0.0)
    media_s = media_s - np.cumsum(resets_s)
    return media_s - media_s.min()


def decode_stream(stream: RtpStream) -> DecodedStream:
    """Decode every packet of `stream` once, in the order of its media time.

    Parameters
    ----------
    stream : RtpStream
        With readable payloads of one of the codecs in `DECODERS`.

    Returns
    -------
    DecodedStream
        `track.samples` (n,) float32; sample 0 is the first media time. Lost packets and pauses are zeros outside of
        `track.known`. Raw Opus lags what was encoded by the encoder's look-ahead (312 samples, RFC 7845 §4.2); so
        does what the listener's decoder yields, which is why it is left in.

    Raises
    ------
    AudioError
        The payloads are closed, or the codec is none that can be decoded.
    """
    check_decodable(stream)
    rate_hz = DECODERS[stream.codec.name][1]
    media_s = media_time_s(stream)
    rows = rows_in_media_order(stream, media_s)
    pieces = list(decode_rows(stream, rows))
    placed = [(row, piece) for row, piece in zip(rows, pieces, strict=True) if piece.size]
    table = _placement(placed, media_s, rate_hz)
    return DecodedStream(_place(stream, placed, table, rate_hz), table, undecoded=len(rows) - len(placed))


def check_decodable(stream: RtpStream) -> None:
    """Raise an AudioError where the payloads are closed, or the codec is none of `DECODERS`."""
    if not stream.readable:
        raise AudioError(
            f"The payloads of SSRC {stream.ssrc:#010x} are encrypted. Give the key log of the call (--keys)."
        )
    if stream.codec.name not in DECODERS:
        raise AudioError(
            f"SSRC {stream.ssrc:#010x} carries {stream.codec.name!r}; the decodable codecs are {', '.join(DECODERS)}. "
            "If that is a wrong guess, give --decode-as."
        )


def rows_in_media_order(stream: RtpStream, media_s: np.ndarray) -> np.ndarray:
    """Return the rows that carry new audio: one payload type, no duplicates, by media time."""
    packets = stream.packets
    main_type = packets["payload_type"].mode().iat[0]
    keep = (packets["payload_type"] == main_type) & (packets["fate"] != FATES.index(Fate.DUPLICATE))
    keep &= packets["payload_offset"] >= 0
    rows = np.flatnonzero(keep.to_numpy())
    return rows[np.argsort(media_s[rows], kind="stable")]


def decode_rows(stream: RtpStream, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the samples of each packet, an empty array where the decoder refuses it."""
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.error import FFmpegError

    name, rate_hz = DECODERS[stream.codec.name]
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate = rate_hz
    context.layout = "mono"
    for payload in _payloads(stream, rows):
        try:
            frames = context.decode(av.Packet(payload)) if payload else []
        except FFmpegError:
            frames = []
        pieces = [_mono_float(frame) for frame in frames]
        yield pieces[0] if len(pieces) == 1 else np.concatenate([np.empty(0, np.float32), *pieces])


def _payloads(stream: RtpStream, rows: np.ndarray) -> Iterator[bytes]:
    """Yield the payload of each row, empty where it was cut off; `RtpStream.payload` for many rows at once."""
    first = stream.packets["payload_offset"].to_numpy()[rows]
    last = first + stream.packets["payload_bytes"].to_numpy()[rows]
    octets = memoryview(np.ascontiguousarray(stream.octets))
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        yield bytes(octets[start:end]) if start >= 0 else b""


def _mono_float(frame: AudioFrame) -> np.ndarray:
    """Samples of a decoded mono frame as float32."""
    if frame.format.name.startswith("s16"):
        return np.frombuffer(frame.planes[0], np.int16, frame.samples).astype(np.float32) / 32768
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _placement(placed: list[tuple[int, np.ndarray]], media_s: np.ndarray, rate_hz: int) -> pd.DataFrame:
    """Return one row of PLAYOUT_COLUMNS per decoded packet, not yet located in a recording."""
    rows = np.array([row for row, _ in placed], dtype="int64")
    table = pd.DataFrame(
        {
            "row": rows,
            "media_s": media_s[rows],
            "duration_s": [len(piece) / rate_hz for _, piece in placed],
            "heard_s": np.nan,
            "score": np.nan,
            "level_dbfs": [level_dbfs(piece) for _, piece in placed],
        }
    )
    return table.astype(dict(PLAYOUT_COLUMNS))


def _place(stream: RtpStream, placed: list[tuple[int, np.ndarray]], table: pd.DataFrame, rate_hz: int) -> AudioTrack:
    """Lay the pieces on the media clock and list what is known."""
    if not placed:
        return AudioTrack("sent", np.empty(0, np.float32), rate_hz)
    starts = np.round(table["media_s"].to_numpy() * rate_hz).astype(np.int64)
    ends = starts + [len(piece) for _, piece in placed]
    samples = np.zeros(int(ends.max()), np.float32)
    for start, end, (_, piece) in zip(starts, ends, placed, strict=True):
        samples[start:end] = piece
    breaks = np.flatnonzero(starts[1:] > ends[:-1])
    known = zip(starts[np.r_[0, breaks + 1]] / rate_hz, ends[np.r_[breaks, len(ends) - 1]] / rate_hz, strict=True)
    return AudioTrack(
        "sent",
        samples,
        rate_hz,
        tuple((float(a), float(b)) for a, b in known),
        notes=(f"decoded from SSRC {stream.ssrc:#010x}",),
    )
