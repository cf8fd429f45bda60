"""Where parts of a stream lie in a recording: by loudness, from anywhere in hours, and proved by waveform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy import fft

from forensics.audio.excerpts import Sound
from forensics.audio.levels import frame_levels_dbfs
from forensics.clocks.window import WINDOW_S, find_window

ENVELOPE_HZ = 100
"""10 ms: half a packet. An hour has 360 000 frames, which one transform correlates in 20 ms."""

PART_S = 120.0
"""Length of a part: 500 ppm smear it by 60 ms, less than a syllable, and its rhythm comes once in a day of speech."""

PARTS = 5
"""Parts that are tried, spread over the stream; one that lies in both sounds is enough."""

PEAKS = 3
"""Places per part that are looked at."""

APART_S = 0.5
"""Peaks closer together are one."""

DYNAMIC_RANGE_DB = 50.0
"""Loudness is clipped so far below the loud parts (99 %), so that the noise floor of a room does not steer it."""

FLAT_DB = 1.0
"""Levels that vary less tell nothing: packets of one size without RFC 6464 levels. Parts of the stream are decoded."""

QUIET_SHARE = 0.05
"""A stretch of the recording with less than this share of its usual variation counts as having it."""

PROOFS = 4
"""Loud stretches of a part that are looked up by waveform at each place."""

PROOF_REACH_S = 0.6
"""Smear by drift, error of the loudness, and what a jitter buffer moves within two minutes."""

NEIGHBOURS_AGREE_S = 0.0015
"""A proof is two seconds in a row, found as far apart in the recording as in the stream: 600 ppm move them by 0.6 ms.
Two wrong ones agree once in 400, for each is anywhere within ± `PROOF_REACH_S`."""

PROOFS_AGREE_S = 0.1
"""Two proofs of a place agree within drift (600 ppm of `PART_S`) and what a jitter buffer moves meanwhile."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A window that was found: recording time less media time there, and how sharply."""

    media_s: float
    lag_s: float
    sharpness: float


class Loudness:
    """The loudness of a recording, in which streams are looked up.

    Parameters
    ----------
    heard : Sound
    """

    def __init__(self, heard: Sound) -> None:
        whole = _lifted(heard.levels_dbfs(ENVELOPE_HZ))
        self._heard, self._length = heard, len(whole)
        self._size = _fast_length(len(whole) + round(PART_S * ENVELOPE_HZ))
        self._spectrum = fft.rfft(whole, self._size)
        self._sums = np.concatenate([[0.0], np.cumsum(whole, dtype=float)])
        self._squares = np.concatenate([[0.0], np.cumsum(np.square(whole, dtype=float))])

    def likeness(self, sent: Sound) -> float:
        """Say how well the part of a stream that fits best does, -1 .. 1: whom to look for first, and no proof."""
        if not self._length:
            return 0.0
        return max((float(self._scores(part).max()) for _, part in _parts(sent)), default=0.0)

    def find_anchors(self, sent: Sound) -> list[Anchor]:
        """Find places where a stream lies in the recording for certain.

        Parameters
        ----------
        sent : Sound

        Returns
        -------
        list of Anchor
            The sharpest first; empty where no place is proved by two stretches that agree.
        """
        for start_s, part in _parts(sent) if self._length else []:
            for lag_s in _peaks(self._scores(part), self._length):
                if found := _proved(sent, self._heard, start_s, part, lag_s):
                    return found
        return []

    def _scores(self, part: np.ndarray) -> np.ndarray:
        """Correlation of a part at every start, -(part) .. (whole); what is quiet counts as having some variation."""
        product = fft.irfft(self._spectrum * np.conj(fft.rfft(part, self._size)), self._size)
        sums, squares, count = self._sums, self._squares, len(part)
        lags = np.arange(self._size)
        lags = np.where(lags < len(sums), lags, lags - self._size)
        first = np.clip(lags, 0, len(sums) - 1)
        last = np.clip(lags + count, 0, len(sums) - 1)
        spread = (squares[last] - squares[first]) / count - np.square((sums[last] - sums[first]) / count)
        usual = max(QUIET_SHARE * squares[-1] / len(squares), 1e-12)
        return product / (count * max(float(np.std(part)), 1e-6) * np.sqrt(np.maximum(spread, usual)))


def _fast_length(count: int) -> int:
    """Return a length from `count` on, by an eighth longer at most, of which a transform is fast."""
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step


def _parts(sent: Sound) -> list[tuple[float, np.ndarray]]:
    """Start and lifted loudness of up to `PARTS` parts, the most varied first."""
    levels = sent.levels_dbfs(ENVELOPE_HZ)
    length = min(len(levels), round(PART_S * ENVELOPE_HZ))
    if length < 3 * WINDOW_S * ENVELOPE_HZ:
        return []
    starts = np.unique(np.linspace(0, len(levels) - length, PARTS).astype(int)) if len(levels) > length else [0]
    flat = float(np.std(levels)) < FLAT_DB
    parts = []
    for start in starts:
        part = levels[start : start + length]
        if flat:
            rate_hz = sent.sample_rate_hz
            samples = sent.excerpt(start / ENVELOPE_HZ, length / ENVELOPE_HZ)
            part = frame_levels_dbfs(samples, frame_samples=rate_hz / ENVELOPE_HZ)
        parts.append((start / ENVELOPE_HZ, _lifted(part)))
    return sorted(parts, key=lambda item: -float(np.std(item[1])))


def _lifted(levels: np.ndarray) -> np.ndarray:
    """Level above a floor `DYNAMIC_RANGE_DB` below the loud ones, zero mean."""
    if not len(levels):
        return levels
    lifted = np.maximum(levels - (np.percentile(levels, 99) - DYNAMIC_RANGE_DB), 0.0)
    return lifted - lifted.mean()


def _peaks(scores: np.ndarray, length: int) -> list[float]:
    """Best lags in seconds, the best first."""
    scores, apart, lags = scores.copy(), round(APART_S * ENVELOPE_HZ), []
    for _ in range(PEAKS):
        best = int(np.argmax(scores))
        lags.append((best if best < length else best - len(scores)) / ENVELOPE_HZ)
        scores[np.arange(best - apart, best + apart + 1) % len(scores)] = -np.inf
    return lags


def _proved(sent: Sound, heard: Sound, start_s: float, part: np.ndarray, lag_s: float) -> list[Anchor]:
    """Anchors of a part at one place in the recording, if two of its loud stretches are found there and agree."""
    found = []
    for first_s in _loud_stretches(part):
        pair = [
            find_window(sent, heard, media_s=media_s, lag_s=lag_s - start_s, reach_s=PROOF_REACH_S)
            for media_s in (start_s + first_s, start_s + first_s + WINDOW_S)
        ]
        if all(window.certain for window in pair) and abs(pair[1].lag_s - pair[0].lag_s) <= NEIGHBOURS_AGREE_S:
            found.append(Anchor(start_s + first_s, pair[0].lag_s, pair[0].sharpness))
    agreed = [a for a in found if sum(abs(a.lag_s - b.lag_s) <= PROOFS_AGREE_S for b in found) >= 2]
    return sorted(agreed, key=lambda anchor: -anchor.sharpness)


def _loud_stretches(part: np.ndarray) -> list[float]:
    """Start of the loudest two seconds of each of `PROOFS` equal stretches."""
    sums = np.convolve(part, np.ones(round(2 * WINDOW_S * ENVELOPE_HZ)), "valid")
    pieces = np.array_split(np.arange(len(sums)), PROOFS)
    return [float(piece[np.argmax(sums[piece])]) / ENVELOPE_HZ for piece in pieces if len(piece)]
