"""How far two sounds are from each other as an ear takes them apart: by their log-mel spectra.

These are `librosa.feature.melspectrogram` and `librosa.power_to_db`, to which a test holds them; librosa takes a second
to import, and a distance a millisecond.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

BANDS, WINDOW_S, HOP_S, RANGE_DB = 40, 0.02, 0.005, 40.0
"""Mel bands, length and distance of the windows, and how far below the loudest band counts: less is masked by it."""

AT_1_KHZ, LOG_STEP = 15.0, float(np.log(6.4) / 27)
"""Slaney's Auditory Toolbox (1998): 200/3 Hz to the mel up to 1 kHz, 27 mels to the factor 6.4 above."""

LEAST_POWER = 1e-10
"""Below it a band is silent, as in librosa.power_to_db."""


def log_mel_distance_db(one: np.ndarray, other: np.ndarray, *, rate_hz: int) -> float:
    """Return the mean absolute difference of two sounds' log-mel spectra.

    Parameters
    ----------
    one, other : ndarray, (n,) and (m,) float
        The shorter one sets the length.
    rate_hz : int

    Returns
    -------
    float
        dB; 0 where they are shorter than a window.
    """
    length = min(len(one), len(other))
    if length < round(WINDOW_S * rate_hz):
        return 0.0
    one_db, other_db = (log_mel_db(sound[:length], rate_hz=rate_hz) for sound in (one, other))
    floor_db = max(one_db.max(), other_db.max()) - RANGE_DB
    return float(np.mean(np.abs(np.maximum(one_db, floor_db) - np.maximum(other_db, floor_db))))


def log_mel_db(sound: np.ndarray, *, rate_hz: int) -> np.ndarray:
    """Return the log-mel spectrogram of a sound.

    Parameters
    ----------
    sound : ndarray, (n,) float
        `WINDOW_S` at least.
    rate_hz : int

    Returns
    -------
    ndarray, (windows, BANDS) float
        dB.
    """
    size, hop = round(WINDOW_S * rate_hz), round(HOP_S * rate_hz)
    windows = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    power = np.abs(np.fft.rfft(windows * hann, axis=1)) ** 2
    return 10 * np.log10(np.maximum(power @ _mel_weights(rate_hz).T, LEAST_POWER))


@lru_cache(maxsize=4)
def _mel_weights(rate_hz: int) -> np.ndarray:
    """Return the triangles of the mel scale in Slaney's form, (BANDS, bins): linear to 1 kHz, logarithmic above."""
    bins_hz = np.fft.rfftfreq(round(WINDOW_S * rate_hz), 1 / rate_hz)
    top = AT_1_KHZ + np.log(rate_hz / 2 / 1000) / LOG_STEP
    mel = np.linspace(0, top, BANDS + 2)
    edges_hz = np.where(mel < AT_1_KHZ, mel * 1000 / AT_1_KHZ, 1000 * np.exp((mel - AT_1_KHZ) * LOG_STEP))
    low, middle, high = (edges_hz[shift : shift + BANDS, None] for shift in range(3))
    rising, falling = (bins_hz - low) / (middle - low), (high - bins_hz) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
