"""One second of a stream found in a recording: whitened cross-correlation, which room and noise hardly move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import fft

from forensics.audio.excerpts import Sound

WINDOW_S = 1.0
"""Length of what is looked up: some four syllables. Drift of 100 ppm moves its ends by 0.1 ms against each other."""

BAND_HZ = (150.0, 7000.0)
"""Below lies hum, above what wideband codecs cut off."""

LAG_RATE_HZ = 16_000
"""Rate of the correlation; a parabola through its peak reads it to a hundredth of a sample."""

NOTHING = 1e-9
"""A product of two spectra that is so much below the largest, 180 dB, is the rounding of float32."""

FFT_STEP_S = 0.32
"""Transforms last whole multiples of this: a whole number of samples, with small factors, at every usual rate."""

TAPER_S = 0.1
"""Of the ends of both sounds."""

SHARPNESS = 12.0
"""A peak so many times the RMS of the correlation counts as found. Noise alone reaches 5 in 80 000 lags, other speech
of a few clear tones 15; the same speech stands 15 to 50 above, down to an SNR of -6 dB."""


@dataclass(frozen=True, slots=True)
class Found:
    """Recording time less media time at the start of a window, and how far its peak stands out of the correlation."""

    lag_s: float
    sharpness: float

    @property
    def certain(self) -> bool:
        """Whether chance does not make such a peak."""
        return self.sharpness >= SHARPNESS


def find_window(
    sent: Sound,
    heard: Sound,
    *,
    media_s: float,
    lag_s: float,
    reach_s: float,
    drift_ppm: float = 0.0,
    window_s: float = WINDOW_S,
) -> Found:
    """Look a window of a stream up in a recording.

    Parameters
    ----------
    sent, heard : Sound
        At any two sample rates.
    media_s : float
        Where the window starts in `sent`.
    lag_s, reach_s : float
        It is looked for at `media_s` + `lag_s`, give or take `reach_s`.
    drift_ppm : float
        By how much the recording runs faster; the window is stretched by that first.
    window_s : float

    Returns
    -------
    Found

    Notes
    -----
    Knapp and Carter 1976, the phase transform: every frequency counts alike, so that the direct sound makes a peak of
    its own and its echoes others. Where an echo is louder than the direct sound, the echo is found.
    """
    stretch = 1 + drift_ppm * 1e-6
    template = _tapered(_stretched(sent.excerpt(media_s, window_s), stretch), sent.sample_rate_hz)
    around = _tapered(heard.excerpt(media_s + lag_s - reach_s, window_s + 2 * reach_s), heard.sample_rate_hz)
    steps = int(np.ceil((window_s + 2 * reach_s) / FFT_STEP_S))
    correlation = _whitened(template, sent.sample_rate_hz, around, heard.sample_rate_hz, steps=steps)
    correlation = correlation[: round(2 * reach_s * LAG_RATE_HZ) + 1]
    spread = float(np.sqrt(np.mean(np.square(correlation))))
    best = int(np.argmax(correlation))
    if spread == 0.0:
        return Found(np.nan, 0.0)
    place_s = (best + _vertex(correlation, best)) / LAG_RATE_HZ
    return Found(lag_s - reach_s + place_s, float(correlation[best]) / spread)


def _whitened(a: np.ndarray, a_rate_hz: int, b: np.ndarray, b_rate_hz: int, *, steps: int) -> np.ndarray:
    """Correlation of `a` with `b` at `LAG_RATE_HZ`; lag zero is where both start."""
    size_a, size_b = (round(steps * FFT_STEP_S * rate) for rate in (a_rate_hz, b_rate_hz))
    top = min(BAND_HZ[1], 0.45 * a_rate_hz, 0.45 * b_rate_hz)
    first, last = (int(edge * steps * FFT_STEP_S) for edge in (BAND_HZ[0], top))
    left, right = (fft.rfft(x, size)[first:last] for x, size in ((a, size_a), (b, size_b)))
    cross = right * np.conj(left)
    magnitude = np.abs(cross)
    spectrum = np.zeros(last, np.complex64)
    spectrum[first:] = cross / np.maximum(magnitude, max(NOTHING * float(magnitude.max(initial=0)), 1e-30))
    return fft.irfft(spectrum, round(steps * FFT_STEP_S * LAG_RATE_HZ))


def _tapered(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Ends faded over `TAPER_S`: cut hard, both sounds have an edge, and edges are alike."""
    count = min(round(TAPER_S * rate_hz), len(samples) // 2)
    if not count:
        return samples
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count)).astype(np.float32)
    faded = np.array(samples, np.float32)
    faded[:count] *= ramp
    faded[-count:] *= ramp[::-1]
    return faded


def _stretched(samples: np.ndarray, stretch: float) -> np.ndarray:
    """The same sound lasting `stretch` times as long, by linear interpolation: within a window, fractions of a ms."""
    if abs(stretch - 1) * len(samples) < 0.5:
        return samples
    at = np.arange(round(len(samples) * stretch)) / stretch
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def _vertex(values: np.ndarray, best: int) -> float:
    """Where a parabola through a peak and its neighbours has its top, -0.5..0.5 samples from the peak."""
    if not 0 < best < len(values) - 1:
        return 0.0
    left, top, right = values[best - 1 : best + 2]
    curve = left - 2 * top + right
    return float(0.5 * (left - right) / curve) if curve else 0.0
