"""Sound for the page: short pieces as Opus in WebM, which browsers play without shifting them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import av

OPUS_RATE_HZ = 48_000
CLIP_BIT_RATE = 32_000
CALL_BIT_RATE = 24_000
COMPLEXITY = "5"  # of 10: Opus at half its effort takes a third of the time, and a clip of a glitch needs no more
FADE_S = 0.004  # a cut in mid-wave would click, and a click is what the listener is asked to listen for


def opus_clip(samples: np.ndarray, *, sample_rate_hz: int, bit_rate: int = CLIP_BIT_RATE) -> bytes:
    """Encode mono `samples` (float32 in -1..1, shape (n,)) as Opus in WebM.

    Returns
    -------
    bytes
        A whole WebM file; its first sample is that of `samples`, as the container carries Opus' pre-skip.
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=OPUS_RATE_HZ, layout="mono")
        stream.bit_rate = bit_rate
        stream.options = {"compression_level": COMPLEXITY}
        resampler = av.AudioResampler(format="flt", layout="mono", rate=OPUS_RATE_HZ)
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
