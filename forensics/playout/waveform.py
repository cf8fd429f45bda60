"""NetEq's signal processing on real samples: what the listener hears of a concealment, a merge or a time scaling.

The output grows at its end only; NetEq looks back over the last 30 ms of it. Pitch periods are searched as libwebrtc
does, by correlation at 4 kHz first and at full rate then. Left out is the noise that NetEq mixes into unvoiced
concealment: here a concealment is the last pitch period repeated and faded.

Source of every constant: libwebrtc (state of July 2026), modules/audio_coding/neteq, the file named at each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.pcm import Pcm16
from forensics.playout.concealment import LONGEST_PERIOD, SHORTEST_PERIOD, UNVOICED_SLOPE, Blind

SEARCH_RATE_HZ = 4000  # dsp_helper.cc, DownsampleTo4kHz
WINDOW_S = 0.03  # accelerate.cc and preemptive_expand.cc work on 30 ms
HISTORY_S = 0.032  # expand.cc, AnalyzeSignal: 256 samples of 8 kHz
SCALING_CORRELATION = 0.9  # time_stretch.h, kCorrelationThreshold
VOICED_CORRELATION = 0.81  # expand.cc: where voice_mix_factor exceeds 0.8
STEADY_RATIO = 0.98  # expand.cc: at this ratio of two periods' amplitudes a voiced sound does not fade at first
ONSET_RATIO = 1.5  # expand.cc: growing that fast, a sound is an onset
STRONG_ONSET_RATIO = 1.8  # expand.cc
QUIET_ENERGY = 75_000 / 32_768**2  # time_stretch.cc, SpeechDetection before the background noise is known
QUIET_FACTOR = 8  # time_stretch.cc: active speech has this many times the energy of the background
NOISE_WINDOW_S = 0.032  # background_noise.cc, kVecLen: 256 samples of 8 kHz
NOISE_GROWTH = 1.001  # per decoding: background_noise.cc lets its threshold grow slowly, so the estimate can rise
JOIN_S = 0.001  # normal.cc: cross-fade after a concealment
MERGE_FADE_S = 60 / 8000  # merge.cc, kMaxCorrelationLength at full rate
MERGE_SLOPE = 4194 / 2**20  # merge.cc: gain regained per sample of 8 kHz

WINDOWS_AT_ONCE = 64
"""Windows whose energy is taken at once: 400 kB of float32 at 48 kHz, which stay in the processor's cache."""

KEPT_S = 8
"""Output that is held at once where its beginning may be forgotten: it is moved that seldom."""


class Waveform(Blind):
    """The output of NetEq as samples.

    Parameters
    ----------
    rate_hz : int
    packets : sequence of ndarray or Pcm16
        The decoded samples of each packet, in media order.
    capacity : int, optional
        Samples of output to expect; it grows where that is too little. Without it only the end of the output is kept,
        which NetEq looks back at: an hour is replayed in a megabyte, and there are no `samples` of it.
    """

    def __init__(self, rate_hz: int, packets: Sequence[np.ndarray | Pcm16], *, capacity: int | None = None) -> None:
        super().__init__(rate_hz)
        self.packets = packets
        self._forgets, self._first = capacity is None, 0
        self._out = np.zeros((KEPT_S * rate_hz if capacity is None else capacity) + rate_hz, dtype=np.float32)
        self._overlap = self.size
        self._cycle = np.zeros(0, dtype=np.float32)
        self._onset = False
        self._background = QUIET_ENERGY

    def samples(self, heard: int) -> np.ndarray:
        """Return the first `heard` samples of the output, float32; all of it has to have been kept."""
        return self._out[: min(heard, self.size)]

    # -- growing ------------------------------------------------------------------------------------------------------

    def _append(self, samples: np.ndarray) -> None:
        if self.size + len(samples) > self._first + len(self._out):
            self._make_room(len(samples))
        begin = self.size - self._first
        self._out[begin : begin + len(samples)] = samples
        self.size += len(samples)

    def _make_room(self, samples: int) -> None:
        """Forget what lies more than a second back, or else grow."""
        held = self._out[: self.size - self._first]
        if self._forgets:
            held = held[-self.rate_hz :].copy()
            self._first = self.size - len(held)
        if len(held) + samples > len(self._out):
            self._out = np.zeros(2 * max(len(held) + samples, len(self._out)), dtype=np.float32)
        self._out[: len(held)] = held

    def _tail(self, samples: int) -> np.ndarray:
        """Return the last `samples` of the output (a view), padded with silence before its beginning."""
        last = self.size - self._first
        if samples <= last:
            return self._out[last - samples : last]
        return np.concatenate([np.zeros(samples - last, dtype=np.float32), self._out[:last]])

    def _decoded(self, first: int, last: int, samples: int) -> np.ndarray | Pcm16:
        pieces = self.packets[first:last]
        decoded = np.concatenate(pieces) if len(pieces) > 1 else pieces[0]
        if len(decoded) == samples:
            return decoded
        return np.pad(decoded[:samples], (0, max(0, samples - len(decoded))))

    def decode(self, first: int, last: int, samples: int) -> None:
        """Append decoded packets; of many, only what NetEq can look back at where the rest may be forgotten."""
        sound = self._decoded(first, last, samples)
        kept = min(samples, self.rate_hz) if self._forgets else samples
        if kept < samples:
            self.size += samples - kept
            self._first = self.size
        self._append(sound[samples - kept :])
        self._learn_background(sound)

    def noise(self, samples: int) -> None:
        """Append silence: NetEq's noise is at the level of the background."""
        self._append(np.zeros(samples, dtype=np.float32))

    def _learn_background(self, sound: np.ndarray | Pcm16) -> None:
        """Follow the quietest 32 ms of what was appended: background_noise.cc, simplified to its energy threshold."""
        window = round(NOISE_WINDOW_S * self.rate_hz)
        blocks = max(1, len(sound) // window)
        looked_at = sound if len(sound) >= window else self._tail(window)
        quietest = min(
            float(np.square(looked_at[first : first + WINDOWS_AT_ONCE * window]).reshape(-1, window).mean(axis=1).min())
            for first in range(len(looked_at) % window, len(looked_at), WINDOWS_AT_ONCE * window)
        )
        self._background = max(min(quietest, self._background * NOISE_GROWTH**blocks), 1e-12)

    # -- concealment (expand.cc) --------------------------------------------------------------------------------------

    def start_expand(self) -> None:
        """Find the pitch period that is going to be repeated, and how it fades."""
        history = self._tail(round(HISTORY_S * self.rate_hz))
        period, correlation = _pitch(history, self.rate_hz)
        ratio = _amplitude_ratio(history, period)
        self._cycle = history[-period:].copy()
        self._cycle_head = history[-period - self._overlap : -period].copy()
        self._onset = ratio > ONSET_RATIO
        self.fade.restart(_first_slope(ratio, period / self.rate_hz * 8000, voiced=correlation > VOICED_CORRELATION))

    def expand(self) -> int:
        """Append one more repetition."""
        period = len(self._cycle)
        before = self.fade.gain
        self.fade.advance(period / self.rate_hz, onset=self._onset)
        self._join_overlap(before / 16_384)
        self._append(self._cycle * np.linspace(before, self.fade.gain, period, dtype=np.float32) / 16_384)
        return period

    def _join_overlap(self, gain: float) -> None:
        """Cross-fade the last samples of the output towards the beginning of the next repetition."""
        tail = self._tail(self._overlap)
        ramp = np.linspace(0, 1, self._overlap, dtype=np.float32)
        tail += ramp * (self._cycle_head * np.float32(gain) - tail)

    def resume(self, first: int, last: int, samples: int) -> None:
        """Append late packets, raised from the faded level, joined within 1 ms."""
        decoded = np.array(self._decoded(first, last, samples))
        join = min(round(JOIN_S * self.rate_hz), len(decoded))
        gain = self.fade.gain / 16_384
        regained = np.minimum(gain + np.arange(len(decoded), dtype=np.float32) * (64 / 16_384 * 8000 / self.rate_hz), 1)
        decoded *= np.maximum(regained, np.linspace(gain, 1, len(decoded), dtype=np.float32))
        ramp = np.linspace(0, 1, join, dtype=np.float32)
        decoded[:join] = ramp * decoded[:join] + (1 - ramp) * np.resize(self._cycle, join) * np.float32(gain)
        self._append(decoded)

    # -- merge (merge.cc) ---------------------------------------------------------------------------------------------

    def merge(self, first: int, last: int, *, samples: int, future: int, least: int) -> int:
        """Overlap packets with the concealment where both fit best."""
        decoded = np.array(self._decoded(first, last, samples))
        period = max(1, len(self._cycle))
        needed = round((LONGEST_PERIOD + 80 / 8000) * self.rate_hz)
        gain = np.float32(self.fade.gain / 16_384)
        expanded = self._tail(future).copy()
        while len(expanded) < needed + least:
            expanded = np.concatenate([expanded, np.resize(self._cycle, period) * gain])
        shift = _best_shift(decoded, expanded, rate_hz=self.rate_hz, least=least, most=least + period)
        fade = min(round(MERGE_FADE_S * self.rate_hz), len(decoded), len(expanded) - shift)
        start = max(float(gain), _energy_ratio(expanded, decoded, round(64 / 8000 * self.rate_hz)))
        slope = max(MERGE_SLOPE * 8000 / self.rate_hz, (1 - start) / max(1, len(decoded)))
        decoded *= np.minimum(start + slope * np.arange(len(decoded), dtype=np.float32), 1)
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        decoded[:fade] = ramp * decoded[:fade] + (1 - ramp) * expanded[shift : shift + fade]
        self.size -= future
        self._append(np.concatenate([expanded[:shift], decoded]))
        return shift

    # -- time scaling (time_stretch.cc, accelerate.cc, preemptive_expand.cc) ------------------------------------------

    def accelerate(self, decoded: int) -> int:
        """Take a period out where two agree, or where there is next to nothing to hear."""
        window = self._window(decoded)
        period, active, alike = self._joint(window)
        if active and not alike:
            return 0
        middle = round(LONGEST_PERIOD * self.rate_hz)
        ramp = np.linspace(0, 1, period, dtype=np.float32)
        before, after = window[middle - period : middle], window[middle : middle + period]
        self.size -= len(window)
        self._append(
            np.concatenate([window[: middle - period], (1 - ramp) * before + ramp * after, window[middle + period :]])
        )
        return period

    def preemptive_expand(self, decoded: int, *, heard: int) -> int:
        """Repeat a period where two agree, or where there is next to nothing to hear."""
        window = self._window(decoded)
        middle = max(round(LONGEST_PERIOD * self.rate_hz), heard)
        period, active, alike = self._joint(window)
        if active and (not alike or middle > round(LONGEST_PERIOD * self.rate_hz)):
            return 0
        period = min(period, len(window) - middle)
        ramp = np.linspace(0, 1, period, dtype=np.float32)
        repeated = (1 - ramp) * window[middle : middle + period] + ramp * window[middle - period : middle]
        self.size -= len(window)
        self._append(np.concatenate([window[:middle], repeated, window[middle:]]))
        return period

    def _window(self, decoded: int) -> np.ndarray:
        return self._tail(max(round(WINDOW_S * self.rate_hz), decoded)).copy()

    def _joint(self, window: np.ndarray) -> tuple[int, bool, bool]:
        """Return the pitch period around 15 ms into `window`, whether anybody speaks there, whether two are alike."""
        period = _stretch_period(window, self.rate_hz)
        middle = round(LONGEST_PERIOD * self.rate_hz)
        before, after = window[middle - period : middle], window[middle : middle + period]
        active = float(np.mean(np.square(before)) + np.mean(np.square(after))) / 2 > QUIET_FACTOR * self._background
        return period, active, _correlation(before, after) > SCALING_CORRELATION


def _first_slope(ratio: float, period_8k: float, *, voiced: bool) -> float:
    """Fade per sample of 8 kHz at the beginning of a concealment; `ratio` is the growth from one period to the next."""
    if ratio > ONSET_RATIO:
        return (1 - 1 / ratio) / period_8k / (2 if ratio > STRONG_ONSET_RATIO else 8)
    slope = (1 - ratio) / period_8k
    if not voiced:
        return max(slope, UNVOICED_SLOPE)
    return 0.0 if ratio > STEADY_RATIO else slope


def _pitch(history: np.ndarray, rate_hz: int) -> tuple[int, float]:
    """Pitch period at the end of `history` in samples, and how well the last two periods agree, -1..1."""
    coarse = _at_search_rate(history, rate_hz)
    low, high = round(SHORTEST_PERIOD * SEARCH_RATE_HZ), round(LONGEST_PERIOD * SEARCH_RATE_HZ)
    newest = coarse[-high:]
    lags = np.arange(low, high + 1)
    older = np.lib.stride_tricks.sliding_window_view(coarse, high)[len(coarse) - high - lags]
    score = older @ newest / np.sqrt(np.sum(older**2, axis=1) * np.sum(newest**2) + 1e-12)
    return _refine(history, int(lags[np.argmax(score)]), rate_hz)


def _refine(history: np.ndarray, lag: int, rate_hz: int) -> tuple[int, float]:
    """Look for the best period at full rate around a coarse one."""
    scale = rate_hz // SEARCH_RATE_HZ
    window = round(0.0075 * rate_hz)
    most = min(round(LONGEST_PERIOD * rate_hz), len(history) - window)
    lags = np.arange(max(round(SHORTEST_PERIOD * rate_hz), (lag - 2) * scale), min(most, (lag + 2) * scale) + 1)
    newest = history[-window:]
    older = np.lib.stride_tricks.sliding_window_view(history, window)[len(history) - window - lags]
    score = older @ newest / np.sqrt(np.sum(older**2, axis=1) * np.sum(newest**2) + 1e-12)
    best = int(np.argmax(score))
    return int(lags[best]), float(score[best])


def _stretch_period(window: np.ndarray, rate_hz: int) -> int:
    """Strongest period of the first 27.5 ms by plain correlation, 2.5 to 15 ms: time_stretch.cc, AutoCorrelation.

    The lags are those of 4 kHz; between them a parabola is laid through the peak and its neighbours (dsp_helper.cc,
    PeakDetection and ParabolicFit), without which a high voice would rarely agree with itself one period later.
    """
    coarse = _at_search_rate(window, rate_hz)[:110]
    low, most, length = 10, 59, 50  # kMinLag, its last lag and kCorrelationLen at 4 kHz
    newest = coarse[60 : 60 + length]
    lags = np.arange(low, most + 1)
    older = np.lib.stride_tricks.sliding_window_view(coarse, length)[60 - lags]
    period = round((low + _peak(older @ newest)) * (rate_hz // SEARCH_RATE_HZ))
    return min(period, round(LONGEST_PERIOD * rate_hz) - 1)


def _peak(values: np.ndarray) -> float:
    """Place of the largest value, by a parabola through it and its two neighbours."""
    top = int(np.argmax(values))
    if not 0 < top < len(values) - 1:
        return float(top)
    before, here, after = values[top - 1 : top + 2].tolist()
    bend = before - 2 * here + after
    return top + 0.5 * (before - after) / bend if bend < 0 else float(top)


def _at_search_rate(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """Mean over each 0.25 ms: enough of a low pass for a pitch search."""
    scale = rate_hz // SEARCH_RATE_HZ
    return samples[len(samples) % scale :].reshape(-1, scale).mean(axis=1)


def _amplitude_ratio(history: np.ndarray, period: int) -> float:
    """Amplitude of the last period against the one before it, limited to 0.5..2 as expand.cc does."""
    last, before = history[-period:], history[-2 * period : -period]
    return float(np.clip(np.sqrt((np.sum(last**2) + 1e-12) / (np.sum(before**2) + 1e-12)), 0.5, 2.0))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-20))


def _energy_ratio(expanded: np.ndarray, decoded: np.ndarray, samples: int) -> float:
    """Amplitude of the concealment against that of the new audio, at most 1: merge.cc, SignalScaling."""
    quiet, loud = np.sum(expanded[:samples] ** 2), np.sum(decoded[:samples] ** 2)
    return float(min(1.0, np.sqrt(quiet / loud))) if loud > quiet else 1.0


def _best_shift(decoded: np.ndarray, expanded: np.ndarray, *, rate_hz: int, least: int, most: int) -> int:
    """Where `decoded` fits the concealment best: merge.cc, CorrelateAndPeakSearch, 10 ms compared at 4 kHz."""
    scale = rate_hz // SEARCH_RATE_HZ
    length = min(40, len(decoded) // scale)
    new = decoded[: length * scale].reshape(-1, scale).mean(axis=1)
    old = expanded[: len(expanded) // scale * scale].reshape(-1, scale).mean(axis=1)
    places = np.arange(-(-least // scale), max(-(-least // scale), min(most // scale, len(old) - length)) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(old, length)[np.minimum(places, len(old) - length)]
    return max(least, int(places[np.argmax(windows @ new)]) * scale)
