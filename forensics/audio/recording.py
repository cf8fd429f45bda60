"""Recordings of what was heard or said, in any container and codec that FFmpeg reads."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forensics.errors import AudioError
from forensics.model import AudioTrack
from forensics.pcm import Pcm16, to_pcm16

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from soundfile import SoundFile


def read_recording(path: Path | str, *, name: str = "recording") -> AudioTrack:
    """Read a recording as mono samples at its own sample rate.

    Parameters
    ----------
    path : path
        WAV, FLAC, Ogg, WebM, M4A, MP3, … : whatever PyAV's FFmpeg opens. Channels are averaged.
    name : str
        Name of the track, and of its clock.

    Returns
    -------
    AudioTrack
        `samples` (n,) in -1..1: `Pcm16` where the file holds no more than 16 bits or was coded with loss, else float32.
        A file that breaks off in the middle is read up to there, and `notes` says so.

    Raises
    ------
    AudioError
        The file is missing, empty, holds no audio, or not one sample of it can be decoded.

    Notes
    -----
    Encoder delay that a container does not declare (ADTS, fragmented MP4) stays in the samples; the clock of the
    recording absorbs it, as it is constant.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"No recording at {path}: expected an audio file. Check the path.")
    if (whole := _read_plain(path)) is not None:
        samples, rate_hz = whole
        return AudioTrack(name, samples, rate_hz, ((0.0, len(samples) / rate_hz),), path)
    rate_hz, blocks, notes = _decode_blocks(path)
    if (missing := _missing_octets(path)) and not notes:
        notes.append(
            f"{path.name} breaks off: {missing} octets of what its header announces are missing; read up to there."
        )
    if not blocks:
        raise AudioError(
            f"{path.name} has an audio stream, but not one sample of it could be decoded. Re-export it as WAV or FLAC."
        )
    samples = np.concatenate(blocks)
    return AudioTrack(
        name=name,
        samples=_held(samples),
        sample_rate_hz=rate_hz,
        known=((0.0, len(samples) / rate_hz),),
        path=path,
        notes=tuple(notes),
    )


PLAIN_FORMATS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF")
"""Formats without encoder delay, which libsndfile reads some ten times as fast as FFmpeg: an hour in a second."""

SIXTEEN_BITS = ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")
"""What libsndfile calls samples that 16 bits hold."""

BLOCK_SAMPLES = 1 << 20


def _read_plain(path: Path) -> tuple[np.ndarray | Pcm16, int] | None:
    """Mono samples and rate of a file in one of `PLAIN_FORMATS`; None where FFmpeg has to say what is wrong with it."""
    import soundfile

    if _missing_octets(path):
        return None
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.format not in PLAIN_FORMATS or not file.frames:
                return None
            samples = np.empty(file.frames, np.int16 if file.subtype in SIXTEEN_BITS else np.float32)
            done = _fill(samples, file)
            return (_held(samples), file.samplerate) if done == len(samples) else None
    except soundfile.LibsndfileError:
        return None


def _fill(samples: np.ndarray, file: SoundFile) -> int:
    """Read a file into `samples`, channels averaged, block by block; return how many there were."""
    done, count = 0, 1
    while count and done < len(samples):
        room = samples[done : done + BLOCK_SAMPLES]
        if file.channels == 1:
            count = len(file.read(out=room))
        else:
            block = file.read(len(room), dtype=samples.dtype.name, always_2d=True)
            mean, count = block.mean(axis=1), len(block)
            room[:count] = mean if samples.dtype == np.float32 else np.rint(mean)
        done += count
    return done


def _held(samples: np.ndarray) -> np.ndarray | Pcm16:
    """Return samples as a track holds them."""
    return Pcm16(samples) if samples.dtype == np.int16 else samples


def _missing_octets(path: Path) -> int:
    """Octets that a RIFF header announces beyond the end of its file; decoders stop there without a word.

    Recorders that stream write no size, 0 or the largest 32 bit number, into the header: nothing can be said of those.
    """
    with path.open("rb") as file:
        head = file.read(8)
    announced = int.from_bytes(head[4:], "little") if head[:4] == b"RIFF" else 0
    return max(0, announced + 8 - path.stat().st_size) if 0 < announced < 2**32 - 9 else 0


def _decode_blocks(path: Path) -> tuple[int, list[np.ndarray], list[str]]:
    """Decode the first audio stream of `path` into mono blocks; a fault after the first block becomes a note."""
    import av
    from av.error import FFmpegError

    blocks: list[np.ndarray] = []
    notes: list[str] = []
    rate_hz = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path.name} holds no audio stream. Give the file that was recorded at the listener.")
            source = container.streams.audio[0]
            rate_hz = source.codec_context.sample_rate
            planar, kept = av.AudioResampler(format="fltp", rate=rate_hz), _kept(source.codec_context)
            try:
                for frame in chain(container.decode(source), [None]):
                    blocks += [kept(part.to_ndarray().mean(axis=0)) for part in planar.resample(frame)]
            except FFmpegError as fault:
                seconds = sum(map(len, blocks)) / rate_hz
                notes.append(f"{path.name} breaks off after {seconds:.2f} s ({fault.strerror}); read up to there.")
    except FFmpegError as fault:
        raise AudioError(
            f"{path.name} is no audio file that FFmpeg knows ({fault.strerror}). Expected WAV, FLAC, Ogg, WebM, M4A or "
            "MP3."
        ) from fault
    return rate_hz, blocks, notes


def _kept(codec: AudioCodecContext) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns decoded blocks into those that are kept: 16 bits, unless the file has more of its own."""
    exact = codec.codec.lossless and codec.format.bytes > 2
    return np.asarray if exact else to_pcm16
