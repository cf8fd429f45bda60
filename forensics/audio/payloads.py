"""RTP payloads to samples on the media clock of their stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from forensics.audio.decoder import DECODERS, decode_blocks, decoded_rate_hz
from forensics.audio.levels import piece_levels_dbfs
from forensics.audio.libopus import LONGEST_PACKET_S
from forensics.audio.resample import join_blocks, resample_blocks
from forensics.errors import AudioError
from forensics.model import FATES, PLAYOUT_COLUMNS, AudioTrack, Fate, RtpStream
from forensics.pcm import Pcm16

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


def decode_stream(stream: RtpStream, *, sample_rate_hz: int | None = None) -> DecodedStream:
    """Decode every packet of `stream` once, in the order of its media time.

    Parameters
    ----------
    stream : RtpStream
        With readable payloads of one of the codecs in `DECODERS`.
    sample_rate_hz : int, optional
        Of the track; without it that of the decoder. libopus decodes at the rate itself; for other codecs it is made
        while the packets are decoded, so that an hour at 16 kHz takes no more memory than that.

    Returns
    -------
    DecodedStream
        `track.samples` (n,) `Pcm16`; sample 0 is the first media time. Lost packets and pauses are zeros outside of
        `track.known`. Raw Opus lags what was encoded by the encoder's look-ahead (312 samples, RFC 7845 §4.2); so
        does what the listener's decoder yields, which is why it is left in.

    Raises
    ------
    AudioError
        The payloads are closed, or the codec is none that can be decoded.
    """
    check_decodable(stream)
    own_hz = decoded_rate_hz(stream.codec.name, wanted_hz=sample_rate_hz)
    rate_hz = sample_rate_hz or own_hz
    media_s = media_time_s(stream)
    rows = rows_in_media_order(stream, media_s)
    starts = np.round(media_s[rows] * own_hz).astype(np.int64)
    pieces = _Pieces(np.zeros(len(rows), np.int64), np.empty(len(rows)))
    sound = resample_blocks(_placed(stream, rows, starts, pieces, own_hz), own_hz, sample_rate_hz=rate_hz)
    most = round((starts.max(initial=0) + _longest(stream, own_hz)) * rate_hz / own_hz)
    samples = join_blocks(sound, count=most, dtype=np.int16)
    held = pieces.lengths > 0
    ends = starts[held] + pieces.lengths[held]
    track = AudioTrack(
        "sent",
        Pcm16(samples[: round(ends.max(initial=0) / own_hz * rate_hz)]),
        rate_hz,
        _known_s(starts[held], ends, own_hz),
        notes=(f"decoded from SSRC {stream.ssrc:#010x}",) if held.any() else (),
    )
    return DecodedStream(track, _placement(rows, media_s, pieces, own_hz), undecoded=int((~held).sum()))


def _longest(stream: RtpStream, rate_hz: int) -> int:
    """Samples that a packet of this stream holds at most: an octet of G.722 is two, Opus ends at `LONGEST_PACKET_S`."""
    return max(round(LONGEST_PACKET_S * rate_hz), 2 * int(stream.packets["payload_bytes"].max()))


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


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """What became of each packet: its samples (0: refused), and their level."""

    lengths: np.ndarray  # (n,) int64
    levels_dbfs: np.ndarray  # (n,) float64


def _placed(
    stream: RtpStream, rows: np.ndarray, starts: np.ndarray, pieces: _Pieces, rate_hz: int
) -> Iterator[np.ndarray]:
    """Yield the sound on the media clock from its zero on, block by block, int16, and fill in `pieces`.

    `starts` (n,) are the first samples of `rows`, in order: nothing before the next block's first is written again.
    """
    pending, begin, row = np.zeros(0, np.int16), 0, 0
    for lengths, samples in decode_blocks(stream, rows, wanted_hz=rate_hz):
        here = slice(row, row + len(lengths))
        row = here.stop
        edges = np.cumsum(lengths)
        pieces.lengths[here] = lengths
        pieces.levels_dbfs[here] = piece_levels_dbfs(Pcm16(samples), edges - lengths, edges)
        places = starts[here] - begin
        settled = int(starts[row]) - begin if row < len(starts) else 0
        if not len(pending) and settled == len(samples) and (places == edges - lengths).all():  # nothing to be laid
            yield samples
            begin += settled
            continue
        room = np.zeros(max(len(pending), settled, int((places + lengths).max())), np.int16)
        room[: len(pending)] = pending
        _write(samples, edges, room, places)
        settled = settled if row < len(starts) else len(room)
        yield room[:settled]
        pending, begin = room[settled:], begin + settled


def _write(samples: np.ndarray, edges: np.ndarray, room: np.ndarray, places: np.ndarray) -> None:
    """Write pieces, which end at `edges` of `samples`, into `room` at `places`, those in a row in one go."""
    lengths = np.diff(edges, prepend=0)
    cuts = np.flatnonzero(places[1:] != places[:-1] + lengths[:-1]) + 1
    for first, last in pairwise([0, *cuts.tolist(), len(places)]):
        run = samples[edges[first] - lengths[first] : edges[last - 1]]
        room[places[first] : places[first] + len(run)] = run


def _known_s(starts: np.ndarray, ends: np.ndarray, rate_hz: int) -> tuple[tuple[float, float], ...]:
    """Return the stretches without a gap that pieces cover."""
    if not len(starts):
        return ()
    breaks = np.flatnonzero(starts[1:] > ends[:-1])
    known = zip(starts[np.r_[0, breaks + 1]] / rate_hz, ends[np.r_[breaks, len(ends) - 1]] / rate_hz, strict=True)
    return tuple((float(a), float(b)) for a, b in known)


def _placement(rows: np.ndarray, media_s: np.ndarray, pieces: _Pieces, rate_hz: int) -> pd.DataFrame:
    """Return one row of PLAYOUT_COLUMNS per decoded packet, not yet located in a recording."""
    held = pieces.lengths > 0
    table = pd.DataFrame(
        {
            "row": rows[held],
            "media_s": media_s[rows[held]],
            "duration_s": pieces.lengths[held] / rate_hz,
            "heard_s": np.nan,
            "score": np.nan,
            "level_dbfs": pieces.levels_dbfs[held],
        }
    )
    return table.astype(dict(PLAYOUT_COLUMNS))
