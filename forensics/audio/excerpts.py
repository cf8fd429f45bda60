"""Sounds that are read where they are needed: a few seconds of an hour, without decoding the rest of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from forensics.audio.decoder import DECODERS, decode_rows
from forensics.audio.levels import FLOOR_DBFS, frame_levels_dbfs
from forensics.audio.payloads import check_decodable, media_time_s, rows_in_media_order
from forensics.audio.recording import read_recording
from forensics.errors import AudioError
from forensics.model import AudioTrack, RtpStream
from forensics.pcm import Pcm16

WARM_UP_S = 0.1
"""Packets decoded before an excerpt and thrown away: an Opus decoder converges within 80 ms (RFC 7845 §4.6)."""

KEPT_EXCERPTS = 64
"""What was decoded last is kept, for an alignment looks twice: 64 seconds of sound are 12 MB."""

SIZE_RANGE_DB = 60.0
"""What the sizes of packets are stretched to, so that they read as levels: silence to loud speech."""

BLOCK_SAMPLES = 1 << 22
"""Samples of a file that are in memory at once while its levels are measured: 16 MB as float32."""

SPARSE = 8
"""Every eighth sample is enough for a level: at 48 kHz, 60 of 480 in 10 ms, an error of 0.8 dB."""


class Sound(Protocol):
    """Samples on a clock of their own, by the piece."""

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second."""

    @property
    def duration_s(self) -> float:
        """Where it ends."""

    def excerpt(self, start_s: float, length_s: float) -> np.ndarray:
        """Return (round(length_s * rate),) float32 from `start_s` on; zeros where there is nothing."""

    def levels_dbfs(self, per_second: int) -> np.ndarray:
        """Return the level of the whole sound, (duration * per_second,) float32 dB, in any fixed scale."""


@dataclass(frozen=True)
class TrackSound:
    """A track that is in memory."""

    track: AudioTrack

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second."""
        return self.track.sample_rate_hz

    @property
    def duration_s(self) -> float:
        """Where it ends."""
        return self.track.duration_s

    def excerpt(self, start_s: float, length_s: float) -> np.ndarray:
        """Return `length_s` from `start_s` on."""
        return cut_out(self.track.samples, round(start_s * self.sample_rate_hz), round(length_s * self.sample_rate_hz))

    def levels_dbfs(self, per_second: int) -> np.ndarray:
        """Return the RMS level of each frame."""
        return frame_levels_dbfs(self.track.samples, frame_samples=self.sample_rate_hz / per_second)


@dataclass(frozen=True)
class StreamSound:
    """An RTP stream on its media clock, of which only the packets of an excerpt are decoded.

    Raises
    ------
    AudioError
        The payloads are closed, or the codec is none that can be decoded.
    """

    stream: RtpStream

    def __post_init__(self) -> None:
        check_decodable(self.stream)

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the decoder."""
        return DECODERS[self.stream.codec.name][1]

    @property
    def duration_s(self) -> float:
        """Where the last packet begins."""
        media_s = self._order[1]
        return float(media_s[-1]) if len(media_s) else 0.0

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows in media order, and the media time of each."""
        media_s = media_time_s(self.stream)
        rows = rows_in_media_order(self.stream, media_s)
        return rows, media_s[rows]

    @lru_cache(maxsize=KEPT_EXCERPTS)  # noqa: B019 - a few megabytes, as long as the sound lives
    def excerpt(self, start_s: float, length_s: float) -> np.ndarray:
        """Decode `length_s` from media time `start_s` on."""
        rows, media_s = self._order
        rate_hz = self.sample_rate_hz
        first, last = np.searchsorted(media_s, [start_s - WARM_UP_S, start_s + length_s])
        samples = np.zeros(round(length_s * rate_hz), np.float32)
        for at_s, piece in zip(media_s[first:last], decode_rows(self.stream, rows[first:last]), strict=True):
            lay_into(samples, piece, round((at_s - start_s) * rate_hz))
        return samples

    def levels_dbfs(self, per_second: int) -> np.ndarray:
        """Return RFC 6464 levels, else levels made of the sizes of packets, without decoding anything.

        Notes
        -----
        Sizes rise with the level in codecs of variable rate; in one of constant rate they tell nothing, and the result
        is flat.
        """
        rows, media_s = self._order
        packets = self.stream.packets
        level = packets["audio_level_dbov"].to_numpy(dtype=float)[rows]
        if not np.isfinite(level).all():
            size = np.maximum(packets["payload_bytes"].to_numpy(dtype=float)[rows], 1)
            level = SIZE_RANGE_DB * (np.log2(size) / np.log2(max(size.max(initial=2), 2)) - 1)
        return spread_levels(level, media_s, per_second=per_second)


class FileSound:
    """A recording of which only the excerpts are read, where its format allows that; else it is read whole.

    Parameters
    ----------
    path : path
        WAV, FLAC, Ogg and what else libsndfile can seek in stay on disk; other containers are decoded by FFmpeg.
    """

    def __init__(self, path: Path | str) -> None:
        import soundfile

        try:
            self._file = soundfile.SoundFile(str(path))
        except soundfile.LibsndfileError:
            self._track: TrackSound | None = TrackSound(read_recording(path))
            self.sample_rate_hz, self.duration_s = self._track.sample_rate_hz, self._track.track.duration_s
            return
        if not self._file.seekable():
            raise AudioError(f"{Path(path).name} cannot be read in pieces. Convert it to WAV or FLAC.")
        self._track = None
        self.sample_rate_hz = self._file.samplerate
        self.duration_s = self._file.frames / self._file.samplerate

    def excerpt(self, start_s: float, length_s: float) -> np.ndarray:
        """Read `length_s` from `start_s` on."""
        if self._track is not None:
            return self._track.excerpt(start_s, length_s)
        first, count = round(start_s * self.sample_rate_hz), round(length_s * self.sample_rate_hz)
        begin, end = (min(max(edge, 0), self._file.frames) for edge in (first, first + count))
        samples = np.zeros(count, np.float32)
        if end > begin:
            self._file.seek(begin)
            lay_into(samples, _mono(self._file.read(end - begin, dtype="float32")), begin - first)
        return samples

    def levels_dbfs(self, per_second: int) -> np.ndarray:
        """Return the level of each frame, from every `SPARSE`-th sample, block by block."""
        if self._track is not None:
            return self._track.levels_dbfs(per_second)
        frame = self.sample_rate_hz / per_second
        frames_a_block = int(BLOCK_SAMPLES // frame)
        levels, done = [], 0
        while True:
            first, last = round(done * frame), round((done + frames_a_block) * frame)
            self._file.seek(min(first, self._file.frames))
            block = _mono(self._file.read(last - first, dtype="int16"))
            levels.append(_sparse_levels_dbfs(block, frame))
            done += frames_a_block
            if len(block) < last - first:
                return np.concatenate(levels)


def cut_out(samples: np.ndarray | Pcm16, first: int, count: int) -> np.ndarray:
    """Return `count` samples from `first` on, zeros where there are none; (count,) float32."""
    if first >= 0 and first + count <= len(samples):
        return samples[first : first + count]
    piece = np.zeros(count, np.float32)
    lay_into(piece, samples[max(first, 0) : max(first + count, 0)], max(-first, 0))
    return piece


def lay_into(samples: np.ndarray, piece: np.ndarray, first: int) -> None:
    """Write `piece` into `samples` from `first` on, as much of it as there is room for."""
    skipped = max(0, -first)
    room = samples[max(first, 0) : max(first + len(piece), 0)]
    room[:] = piece[skipped : skipped + len(room)]


def spread_levels(level: np.ndarray, media_s: np.ndarray, *, per_second: int) -> np.ndarray:
    """Hold the level of each packet until the next one, at most 120 ms (RFC 7587); the lowest level elsewhere."""
    if not len(level):
        return np.empty(0, np.float32)
    at = np.arange(int((media_s[-1] + 0.02) * per_second) + 1) / per_second
    packet = np.maximum(np.searchsorted(media_s, at + 1e-9) - 1, 0)
    return np.where(at - media_s[packet] < 0.12, level[packet], level.min()).astype(np.float32)


def _mono(samples: np.ndarray) -> np.ndarray:
    """Channels averaged, (n,)."""
    return samples if samples.ndim == 1 else samples.mean(axis=1).astype(samples.dtype)


def _sparse_levels_dbfs(block: np.ndarray, frame: float) -> np.ndarray:
    """Level of whole frames of 16 bit samples."""
    frames = int(len(block) / frame)
    if not frames:
        return np.empty(0, np.float32)
    thin = block[::SPARSE].astype(np.float32) / 32_768
    edges = np.round(np.arange(frames) * frame / SPARSE).astype(np.int64)
    power = np.add.reduceat(thin * thin, np.minimum(edges, len(thin) - 1)) / (frame / SPARSE)
    return np.maximum(FLOOR_DBFS, 10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32)
