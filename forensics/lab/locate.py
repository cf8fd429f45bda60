"""Where each packet is in the recording: normalised correlation of the decoded audio, and one path through the peaks.

Between arrival and playout lies whatever the jitter buffer holds, from 18 to 590 ms within one measured call; so each
packet is looked for on its own. Voiced speech repeats itself every few milliseconds and has a peak at every period;
the right one is where consecutive packets agree, which a Viterbi search over the best peaks of each finds.
"""

from __future__ import annotations

import numpy as np

SEARCH_RATE_HZ = 16_000
SILENT_DBFS = -50.0
"""Quieter packets are not looked for: they correlate with any silence."""

EARLIEST_S = -0.002
"""A sample cannot be heard before its packet came. The page sees a block later than the jitter buffer gave it out, so
that the clock between the two errs on this side too: 9 ms is the least that was measured. Earlier than its arrival, it
would be the concealment that resembles it."""

PEAKS = 320
"""Candidates of each packet: a high voice has one at every 3 or 4 ms of the second in which it is looked for."""

LEAST_PEAK = 0.6
"""A lower peak costs as much as not being found."""

FOUND_SCORE = 0.8
"""A packet was played where it correlates at least this much; played unaltered it is 1.0, half overlapped about 0.9."""

MISSING_COST = 0.3
"""What it costs not to find a packet: more than one that is half overlapped (0.2 by `FOUND_SCORE`), less than finding a
packet that never played in its concealment and moving those that follow it."""

JUMP_COST = 0.1
JUMP_COST_PER_S = 0.4

SCALED_S = 0.015
NEEDLESS_COST = 0.1
"""What it costs more to wait for a packet that had come, longer than one time scaling takes: a vowel that is repeated
is as like the packet that it repeats as that packet itself, and the hole lies behind it."""


def locate_packets(
    audio: np.ndarray, recording: np.ndarray, *, expected_s: np.ndarray, reach_s: float, rate_hz: int = 48_000
) -> tuple[np.ndarray, np.ndarray]:
    """Find packets in a recording.

    Parameters
    ----------
    audio : (packets, samples) float32
        Decoded audio of each packet, in media order.
    recording : (n,) float32
        What was heard.
    expected_s : (packets,) float64
        Recording time at which each packet arrived; NaN where it did not.
    reach_s : float
        How long after its arrival a packet may be played.
    rate_hz : int
        Rate of both, a multiple of 16 kHz.

    Returns
    -------
    heard_s, score : (packets,) float64
        Recording time of the first sample, and the correlation there, -1..1. NaN in both: silent or not arrived;
        NaN in the first only: looked for and not found, with the best correlation that there was.
    """
    from scipy.signal import resample_poly

    step = rate_hz // SEARCH_RATE_HZ
    coarse = resample_poly(recording, 1, step).astype(np.float64)
    pieces = resample_poly(audio.reshape(-1), 1, step).reshape(len(audio), -1).astype(np.float64)
    level = levels_dbfs(audio)
    search = np.flatnonzero(np.isfinite(expected_s) & (level > SILENT_DBFS))
    heard, score = np.full(len(audio), np.nan), np.full(len(audio), np.nan)
    peaks = [_peaks(pieces[row], coarse, expected_s[row], reach_s) for row in search]
    came = np.round(expected_s[search] * SEARCH_RATE_HZ)
    chosen = _path(peaks, search * audio.shape[1] // step, came=came)
    for row, candidates, choice in zip(search, peaks, chosen, strict=True):
        score[row] = candidates[1].max(initial=0.0)
        if choice >= 0:
            heard[row], score[row] = _refine(audio[row], recording, int(candidates[0][choice]) * step, rate_hz)
    heard[score < FOUND_SCORE] = np.nan
    return heard, score


def levels_dbfs(audio: np.ndarray) -> np.ndarray:
    """RMS level of each row, dBFS, not below -120."""
    power = np.mean(np.square(audio, dtype=np.float64), axis=1)
    return 10 * np.log10(np.maximum(power, 1e-12))


def _correlate(piece: np.ndarray, stretch: np.ndarray) -> np.ndarray:
    """Normalised correlation of a piece at every place of a stretch."""
    from scipy.signal import fftconvolve

    product = fftconvolve(stretch, piece[::-1], mode="valid")
    total = np.concatenate([[0.0], np.cumsum(stretch**2)])
    energy = total[len(piece) :] - total[: -len(piece)]
    return product / np.sqrt(np.maximum(energy, 1e-9) * np.sum(piece**2))


def _peaks(piece: np.ndarray, coarse: np.ndarray, expected_s: float, reach_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places (in samples of the coarse recording) and heights of the best peaks."""
    first = max(0, round((expected_s + EARLIEST_S) * SEARCH_RATE_HZ))
    last = min(len(coarse), round((expected_s + reach_s) * SEARCH_RATE_HZ) + len(piece))
    if last - first <= len(piece):
        return np.zeros(0, int), np.zeros(0)
    height = _correlate(piece, coarse[first:last])
    inner = np.flatnonzero((height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:])) + 1
    inner = inner[height[inner] >= LEAST_PEAK]
    best = inner[np.argsort(height[inner])[::-1][:PEAKS]]
    return best + first, height[best]


def _path(peaks: list[tuple[np.ndarray, np.ndarray]], media: np.ndarray, *, came: np.ndarray) -> list[int]:
    """Viterbi: choose a peak of each packet, or -1, so that neighbours agree and playing never goes back.

    A packet that is not found keeps two places: where it should be if it played as it was, and where the last one was
    found. The next is measured against the first; only the second forbids, for what is not found was often played fast.
    """
    if not peaks:
        return []
    place, height = peaks[0]
    first = place[0] if len(place) else 0
    due, found = np.append(place, first).astype(float), np.append(place, -1).astype(float)
    costs, trail = np.append(1 - height, MISSING_COST), [np.zeros(len(place) + 1, int)]
    for (place, height), step, came_at in zip(peaks[1:], np.diff(media), came[1:], strict=True):
        change = _cost_of_change(place, due=due + step, found=found, came=came_at)
        total = costs[None, :] + np.vstack([change, np.zeros(len(due))])
        back = np.argmin(total, axis=1)
        costs = total[np.arange(len(back)), back] + np.append(1 - height, MISSING_COST)
        due = np.append(place, due[back[-1]] + step)
        found = np.append(place, found[back[-1]])
        trail.append(back)
    return _trace(trail, int(np.argmin(costs)), peaks)


def _cost_of_change(place: np.ndarray, *, due: np.ndarray, found: np.ndarray, came: float) -> np.ndarray:
    """Return (places, states) what it costs to go on from each state of the packet before to each place."""
    later = place[:, None] - due[None, :]
    jump = np.abs(later) / SEARCH_RATE_HZ
    change = np.where(jump < 2 / SEARCH_RATE_HZ, 0.0, JUMP_COST + JUMP_COST_PER_S * jump)
    change += np.where((later > SCALED_S * SEARCH_RATE_HZ) & (came <= due[None, :]), NEEDLESS_COST, 0.0)
    return np.where(place[:, None] <= found[None, :], np.inf, change)


def _trace(trail: list[np.ndarray], state: int, peaks: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    chosen = []
    for back, (place, _) in zip(reversed(trail), reversed(peaks), strict=True):
        chosen.append(state if state < len(place) else -1)
        state = int(back[state])
    return chosen[::-1]


def _refine(piece: np.ndarray, recording: np.ndarray, near: int, rate_hz: int) -> tuple[float, float]:
    """Return the place within a few samples of `near` that fits best, in seconds, and how well."""
    reach = 2 * rate_hz // SEARCH_RATE_HZ
    first = max(0, near - reach)
    stretch = recording[first : near + len(piece) + reach].astype(np.float64)
    if len(stretch) < len(piece):
        return np.nan, 0.0
    height = _correlate(piece.astype(np.float64), stretch)
    best = int(np.argmax(height))
    return (first + best) / rate_hz, float(height[best])
