"""Sound for the page: short pieces as Opus in WebM, which browsers play without shifting them, or by choice as MP3."""

from __future__ import annotations

import io
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import av

OPUS_RATE_HZ = 48_000
MP3_RATE_HZ = 44_100
CLIP_BIT_RATE = 32_000
CALL_BIT_RATE = 24_000
COMPLEXITY = "5"  # of 10: Opus at half its effort takes a third of the time, and a clip of a glitch needs no more
FADE_S = 0.004  # a cut in mid-wave would click, and a click is what the listener is asked to listen for


class Format(StrEnum):
    """How sound is packed. Opus in WebM is small; MP3 plays where WebM does not, at about twice the size."""

    WEBM = "webm"
    MP3 = "mp3"

    @property
    def media_type(self) -> str:
        """As browsers call it."""
        return "audio/mpeg" if self is Format.MP3 else "audio/webm"


def sound_clip(
    samples: np.ndarray, *, sample_rate_hz: int, format: Format = Format.WEBM, bit_rate: int = CLIP_BIT_RATE
) -> bytes:
    """Encode mono `samples` (float32 in -1..1, shape (n,)).

    Returns
    -------
    bytes
        A whole file. Its first sample is that of `samples`: WebM carries Opus' pre-skip, and MP3 the encoder's delay in
        its LAME tag, which browsers heed.
    """
    import av

    file = io.BytesIO()
    codec, rate, scale = ("libmp3lame", MP3_RATE_HZ, 2) if format is Format.MP3 else ("libopus", OPUS_RATE_HZ, 1)
    with av.open(file, "w", format=str(format)) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bit_rate * scale
        stream.options = {"compression_level": COMPLEXITY}
        resampler = av.AudioResampler(
            format="fltp" if format is Format.MP3 else "flt",
            layout="mono",
            rate=rate,
            frame_size=stream.frame_size or 0,
        )
        for frame in [*resampler.resample(_frame(samples, sample_rate_hz)), *resampler.resample(None)]:
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def faded(samples: np.ndarray, *, sample_rate_hz: int) -> np.ndarray:
    """Return a copy whose ends fade over `FADE_S`."""
    out = samples.astype(np.float32, copy=True)
    ramp = np.linspace(0, 1, min(round(FADE_S * sample_rate_hz), len(out) // 2), dtype=np.float32)
    if len(ramp):
        out[: len(ramp)] *= ramp
        out[-len(ramp) :] *= ramp[::-1]
    return out


def _frame(samples: np.ndarray, sample_rate_hz: int) -> av.AudioFrame:
    import av

    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(samples, np.float32)[np.newaxis], format="flt", layout="mono"
    )
    frame.sample_rate = sample_rate_hz
    return frame
