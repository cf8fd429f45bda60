"""How alike two short pieces of sound are, as an ear would hear it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

MEL_BANDS = 20
"""Critical bands below `TOP_HZ` (Zwicker counts 20 up to 6.4 kHz)."""

TOP_HZ = 6000.0
"""Above, speech is mostly noise, and codecs replace it."""

RANGE_DB = 40.0
"""Bands this far below the loudest are masked by it."""


@lru_cache(maxsize=8)
def mel_filters(sample_rate_hz: int, size: int) -> np.ndarray:
    """Triangular filters of equal width in mel for the power spectrum of `size` points, (MEL_BANDS, size // 2 + 1)."""
    top_hz = min(TOP_HZ, sample_rate_hz / 2)
    edges_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + top_hz / 700), MEL_BANDS + 2) / 2595) - 1)
    bins_hz = np.fft.rfftfreq(size, 1 / sample_rate_hz)
    rise = (bins_hz - edges_hz[:-2, None]) / (edges_hz[1:-1] - edges_hz[:-2])[:, None]
    fall = (edges_hz[2:, None] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rise, fall))


def mel_levels_db(samples: np.ndarray, *, sample_rate_hz: int) -> np.ndarray:
    """Level in each of `MEL_BANDS` bands of one Hann-windowed piece of sound; (MEL_BANDS,) dB, floor -100."""
    size = 1 << max(9, int(np.ceil(np.log2(sample_rate_hz * 0.04))))
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size)) ** 2
    return 10 * np.log10(mel_filters(sample_rate_hz, size) @ power + 1e-10)


def mel_distance_db(a: np.ndarray, b: np.ndarray, *, sample_rate_hz: int) -> float:
    """Root mean square difference of the band levels of two pieces of the same length, over the bands that are heard.

    Returns
    -------
    float
        dB. Neighbouring pieces of one vowel differ by 1 to 4 dB, different sounds by 10 and more (log-spectral
        distance, Gray and Markel 1976, on mel bands).
    """
    left, right = mel_levels_db(a, sample_rate_hz=sample_rate_hz), mel_levels_db(b, sample_rate_hz=sample_rate_hz)
    heard = np.maximum(left, right) > max(left.max(), right.max()) - RANGE_DB
    return float(np.sqrt(np.mean((left - right)[heard] ** 2)))
