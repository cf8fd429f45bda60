"""How much a sound breaks at one instant: many instants at once, each in a window of its own.

A voice is predictable in three ways, and a cut breaks each: the next millisecond follows from the resonances of the
mouth (linear prediction), the next pitch period from the last one, and the spectrum moves no faster than the tongue.
Natural bursts break the first, onsets the second, consonants the third; a cut tends to break all of them at once, with
steady sound on either side.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy import fft

from forensics.audio.similarity import mel_filters
from forensics.pcm import Pcm16, gather

RATE_HZ = 16_000
"""Rate of the windows; above 8 kHz codecs at call rates replace speech by noise of the same colour."""

REACH = 960
"""Samples of a window on either side of the instant: 60 ms, two periods of the lowest voice on top of every filter."""

ORDER = 24
"""Linear prediction: two coefficients a kilohertz and eight for glottis and lips (Markel and Gray 1976)."""

FIT, ERROR, GAP = 400, 64, 8
"""Samples that a predictor is fitted on (25 ms: two pitch periods), that it is tried on behind the instant (4 ms), and
that are left out before it (0.5 ms, the blur of a codec)."""

PREDICTION_REACH = GAP + FIT
"""Samples on either side that linear prediction looks at."""

ONSETS = (0, 12, 20, 36, 72)
"""Where the error behind an instant is looked at in pieces, from `GAP` samples before it: a cut begins at once."""

NOISE = 1e-4
"""White noise correction: nothing 40 dB below the voice is worth predicting (the usual remedy, ITU-T G.729 §3.2.1)."""

JOINT = 240
"""Samples on either side for the test of one predictor against two: 15 ms."""

BANDS_S = (0.006, 0.012, 0.020)
"""Lengths of the pieces whose spectra are compared: a burst, a pitch period, two."""

AUDIBLE_DB = 40.0
"""Bands this far below the loudest are masked by it."""

LAGS = np.arange(20, 129)
"""Pitch periods in samples at 8 kHz: 62 to 400 Hz."""

MOVES = (-160, -96, 96, 160)
"""Samples beside the instant at which the spectrum is watched moving, too: 6 and 10 ms."""

_DIRECTION = ("db", "peak_db", *(f"onset_{a - GAP}_db" for a in ONSETS[:-1]))
MEASURES = (
    *(f"{name}_{measure}" for name in ("forward", "backward") for measure in _DIRECTION),
    "one_or_two_db",
    *(f"{name}_{1000 * length:.0f}ms_db" for length in BANDS_S for name in ("across", "before", "after", "return")),
    *(f"move_{offset}_db" for offset in MOVES),
    "period_before", "period_after", "period_across_before", "period_across_after", "period_across", "pitch_step",
    "level_before_db", "level_after_db", "edge_db",
)  # fmt: skip
"""Columns of `measure_breaks`."""


def cut_windows(samples: np.ndarray | Pcm16, instants: np.ndarray, *, reach: int = REACH) -> np.ndarray:
    """Return the windows around `instants`, (n,) sample numbers at `RATE_HZ`, scaled to one loudness.

    Parameters
    ----------
    samples : ndarray or Pcm16, (m,) float32
    instants : ndarray, (n,) int
        At least `reach` from either end.
    reach : int
        Samples on either side: `REACH` for every measure, `PREDICTION_REACH` for those of linear prediction.

    Returns
    -------
    ndarray, (n, 2 * reach) float32
        RMS 1 over the 20 ms on either side of the instant.
    """
    windows = gather(samples, instants - reach, 2 * reach)
    middle = windows[:, reach - 320 : reach + 320]
    return windows / (np.sqrt(np.mean(np.square(middle), axis=1, keepdims=True)) + 1e-6)


def prediction_breaks_db(windows: np.ndarray) -> np.ndarray:
    """Error of linear prediction across the instant, forwards and backwards in time.

    Parameters
    ----------
    windows : ndarray, (n, 2 * reach) float32
        From `PREDICTION_REACH` on.

    Returns
    -------
    ndarray, (n, 2 * (2 + len(ONSETS) - 1)) float32
        dB, first all forwards, then all backwards: error behind the instant over the mean error of the predictor where
        it was fitted, over its largest error there in `ERROR` samples, and the first again in the pieces of `ONSETS`.
    """
    return np.concatenate([_prediction_break_db(windows), _prediction_break_db(windows[:, ::-1])], axis=1)


def _prediction_break_db(windows: np.ndarray) -> np.ndarray:
    centre = windows.shape[1] // 2
    pieces = np.ascontiguousarray(windows[:, centre - GAP - FIT : centre + ERROR])
    predictor, _ = fit_predictors(pieces[:, :FIT], order=ORDER, noise=NOISE)
    power = np.square(_residual(pieces, predictor)) + 1e-12
    inside, beyond = power[:, : FIT - ORDER], power[:, FIT - ORDER :]
    mean = inside.mean(axis=1)
    blocks = inside[:, -(inside.shape[1] // ERROR) * ERROR :].reshape(len(windows), -1, ERROR).mean(axis=2)
    onsets = [beyond[:, a:b].mean(axis=1) / mean for a, b in pairwise(ONSETS)]
    whole = beyond.mean(axis=1)
    return _db(np.stack([whole / mean, whole / blocks.max(axis=1), *onsets], axis=1))


def fit_predictors(pieces: np.ndarray, *, order: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Linear predictors of many pieces at once: autocorrelation method, Levinson and Durbin's recursion.

    Returns
    -------
    (n, order + 1) and (n,) float64
        Prediction error filters, the first coefficient 1, and their error powers.
    """
    size = 1 << int(np.ceil(np.log2(pieces.shape[1] + order + 1)))
    spectrum = fft.rfft(pieces * np.hamming(pieces.shape[1]).astype(np.float32), size)
    power = spectrum.real**2 + spectrum.imag**2
    correlation = np.ascontiguousarray(fft.irfft(power, size)[:, : order + 1].T, np.float64)  # a row per lag
    error = correlation[0] * (1 + noise) + 1e-9
    filters = np.zeros_like(correlation)
    filters[0] = 1
    for i in range(1, order + 1):
        reflection = -np.einsum("ij,ij->j", filters[:i], correlation[i:0:-1]) / error
        filters[1 : i + 1] += reflection * filters[i - 1 :: -1][:i]
        error = error * (1 - reflection**2)
    return filters.T, error


def _residual(pieces: np.ndarray, predictors: np.ndarray) -> np.ndarray:
    """Prediction error, (n, length - order)."""
    order, length = predictors.shape[1] - 1, pieces.shape[1]
    size = 1 << int(np.ceil(np.log2(length + order)))
    product = fft.rfft(pieces, size) * fft.rfft(predictors.astype(np.float32), size)
    return fft.irfft(product, size)[:, order:length]


def one_or_two_db(windows: np.ndarray) -> np.ndarray:
    """How much better two predictors fit the two sides of an instant than one fits both; (n,) dB, 0 for one sound.

    The generalised likelihood ratio of Brandt (1983) for a change of an autoregressive signal.
    """
    sides = ((REACH - JOINT, REACH + JOINT), (REACH - JOINT, REACH), (REACH, REACH + JOINT))
    joint, before, after = (_error_db(windows[:, start:stop]) for start, stop in sides)
    return joint - (before + after) / 2


def _error_db(pieces: np.ndarray) -> np.ndarray:
    predictors, _ = fit_predictors(pieces, order=16, noise=NOISE / 10)
    return _db(np.square(_residual(pieces, predictors)).mean(axis=1) + 1e-12)


def band_distances_db(windows: np.ndarray) -> np.ndarray:
    """Distances of spectra around the instant, for each length of `BANDS_S`.

    Returns
    -------
    ndarray, (n, 4 * len(BANDS_S)) float32
        RMS over mel bands in dB: across the instant, within the sound before, within the sound after, and the smaller
        of the distances that skip one piece across.
    """
    columns = []
    for length in BANDS_S:
        size = round(length * RATE_HZ)
        starts = (REACH - GAP - 2 * size, REACH - GAP - size, REACH + GAP, REACH + GAP + size)
        far, before, after, beyond = (_mel_db(windows[:, start : start + size]) for start in starts)
        columns += [
            _distance(before, after),
            _distance(far, before),
            _distance(after, beyond),
            np.minimum.reduce([_distance(before, after), _distance(before, beyond), _distance(far, after)]),
        ]
    return np.stack(columns, axis=1)


def band_moves_db(windows: np.ndarray) -> np.ndarray:
    """Distance of the spectra of the shortest pieces on either side of each of `MOVES`, (n, len(MOVES)) dB."""
    size = round(BANDS_S[0] * RATE_HZ)
    columns = []
    for offset in MOVES:
        before, after = REACH + offset - GAP - size, REACH + offset + GAP
        columns.append(
            _distance(_mel_db(windows[:, before : before + size]), _mel_db(windows[:, after : after + size]))
        )
    return np.stack(columns, axis=1)


@lru_cache(maxsize=1)
def _bands() -> np.ndarray:
    return mel_filters(RATE_HZ, 512).astype(np.float32)


def _mel_db(pieces: np.ndarray) -> np.ndarray:
    spectrum = fft.rfft(pieces * np.hanning(pieces.shape[1]).astype(np.float32), 512)
    return _db((spectrum.real**2 + spectrum.imag**2) @ _bands().T + 1e-10)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    floor = np.maximum(a.max(axis=1), b.max(axis=1))[:, None] - AUDIBLE_DB
    return np.sqrt(np.mean(np.square(np.maximum(a, floor) - np.maximum(b, floor)), axis=1))


def periodicities(windows: np.ndarray) -> np.ndarray:
    """How alike neighbouring pitch periods are before, behind and across the instant.

    Returns
    -------
    ndarray, (n, 6) float32
        Normalised correlation of the last two periods before, of the first two behind, across the instant at the pitch
        of the sound before, at that of the sound behind, at the best pitch of all; and the step of the pitch (|ln|).
    """
    half = windows.reshape(len(windows), -1, 2).mean(axis=2)
    half = half - half.mean(axis=1, keepdims=True)
    centre = REACH // 2
    before, across, after = (
        np.stack([_alike(half, centre + start * lag + shift, lag) for lag in LAGS.tolist()], axis=1)
        for start, shift in ((-1, -2), (0, 0), (1, 2))
    )
    pitch_before, pitch_after = _pitch(before), _pitch(after)
    rows = np.arange(len(windows))
    return np.stack(
        [
            before[rows, pitch_before],
            after[rows, pitch_after],
            _near(across, pitch_before),
            _near(across, pitch_after),
            across.max(axis=1),
            np.abs(np.log(LAGS[pitch_after] / LAGS[pitch_before])),
        ],
        axis=1,
    )


def _alike(half: np.ndarray, start: int, lag: int) -> np.ndarray:
    """Normalised correlation of `lag` samples from `start` with as many before them."""
    now, then = half[:, start : start + lag], half[:, start - lag : start]
    power = np.einsum("ij,ij->i", now, now) * np.einsum("ij,ij->i", then, then)
    return np.einsum("ij,ij->i", now, then) / np.sqrt(power + 1e-12)


def _pitch(alike: np.ndarray) -> np.ndarray:
    """Index of the shortest lag that fits nearly as well as the best: multiples of a period fit, too."""
    first = np.argmax(alike >= 0.9 * alike.max(axis=1, keepdims=True), axis=1)
    index = np.arange(len(LAGS))
    around = (index >= first[:, None]) & (1.2 * LAGS[first][:, None] >= LAGS)
    return np.argmax(np.where(around, alike, -2), axis=1)


def _near(alike: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Best fit within 12 % of a pitch."""
    lag = LAGS[pitch][:, None]
    return np.where(np.abs(lag - LAGS) <= np.maximum(2, 0.12 * lag), alike, -2).max(axis=1)


def levels_db(windows: np.ndarray) -> np.ndarray:
    """Level of the 10 ms before and behind, sharpest millisecond at the instant over those around it; (n, 3) dB."""
    before, after = windows[:, REACH - 160 : REACH - GAP], windows[:, REACH + GAP : REACH + 160]
    curvature = np.square(np.diff(windows[:, REACH - 336 : REACH + 336], n=2, axis=1))[:, :656]
    blocks = curvature.reshape(len(windows), -1, 16).mean(axis=2) + 1e-9
    middle = blocks.shape[1] // 2
    around = np.delete(blocks, np.s_[middle - 2 : middle + 2], axis=1).max(axis=1)
    sides = [_db(np.mean(np.square(side), axis=1) + 1e-9) for side in (before, after)]
    return np.stack([*sides, _db(blocks[:, middle - 1 : middle + 1].max(axis=1) / around)], axis=1)


def break_db(predictions_db: np.ndarray) -> np.ndarray:
    """By how much linear prediction fails, forwards and backwards together; (n,) dB, some 0 within a sound."""
    return predictions_db[:, 0] + predictions_db[:, len(_DIRECTION)]


def measure_breaks(windows: np.ndarray, predictions_db: np.ndarray | None = None) -> np.ndarray:
    """Return all of `MEASURES` of each window, (n, len(MEASURES)) float32.

    Parameters
    ----------
    windows : ndarray, (n, 2 * REACH) float32
    predictions_db : ndarray, optional
        What `prediction_breaks_db` says of them, where it was asked before.
    """
    parts = (
        prediction_breaks_db(windows) if predictions_db is None else predictions_db,
        one_or_two_db(windows)[:, None],
        band_distances_db(windows),
        band_moves_db(windows),
        periodicities(windows),
        levels_db(windows),
    )
    return np.concatenate(parts, axis=1).astype(np.float32)


def _db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(power)
