"""Recordings of what was heard or said, in any container and codec that FFmpeg reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from forensics.errors import AudioError
from forensics.model import AudioTrack


def read_recording(path: Path | str, *, name: str = "recording") -> AudioTrack:
    """Read a recording as mono float32 at its own sample rate.

    Parameters
    ----------
    path : path
        WAV, FLAC, Ogg, WebM, M4A, MP3, … : whatever PyAV's FFmpeg opens. Channels are averaged.
    name : str
        Name of the track, and of its clock.

    Returns
    -------
    AudioTrack
        `samples` (n,) float32 in -1..1. A file that breaks off in the middle is read up to there, and `notes` says so.

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
        samples=samples,
        sample_rate_hz=rate_hz,
        known=((0.0, len(samples) / rate_hz),),
        path=path,
        notes=tuple(notes),
    )


PLAIN_FORMATS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF")
"""Formats without encoder delay, which libsndfile reads some ten times as fast as FFmpeg: an hour in a second."""

BLOCK_SAMPLES = 1 << 20


def _read_plain(path: Path) -> tuple[np.ndarray, int] | None:
    """Mono samples and rate of a file in one of `PLAIN_FORMATS`; None where FFmpeg has to say what is wrong with it."""
    import soundfile

    if _missing_octets(path):
        return None
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.format not in PLAIN_FORMATS or not file.frames:
                return None
            samples, done = np.empty(file.frames, np.float32), 0
            for block in file.blocks(BLOCK_SAMPLES, dtype="float32", always_2d=True):
                samples[done : done + len(block)] = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
                done += len(block)
            return (samples, file.samplerate) if done == len(samples) else None
    except soundfile.LibsndfileError:
        return None


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
            planar = av.AudioResampler(format="fltp", rate=rate_hz)
            try:
                for frame in container.decode(source):
                    blocks += [part.to_ndarray().mean(axis=0) for part in planar.resample(frame)]
                blocks += [part.to_ndarray().mean(axis=0) for part in planar.resample(None)]
            except FFmpegError as fault:
                seconds = sum(map(len, blocks)) / rate_hz
                notes.append(f"{path.name} breaks off after {seconds:.2f} s ({fault.strerror}); read up to there.")
    except FFmpegError as fault:
        raise AudioError(
            f"{path.name} is no audio file that FFmpeg knows ({fault.strerror}). Expected WAV, FLAC, Ogg, WebM, M4A or "
            "MP3."
        ) from fault
    return rate_hz, blocks, notes
