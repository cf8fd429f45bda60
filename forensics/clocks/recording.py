"""Where in a recording a stream begins: the coarse offset, and the proof that the recording is of this call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from forensics.audio.levels import frame_levels_dbfs
from forensics.errors import ClockError
from forensics.model import AudioTrack
from forensics.pcm import Pcm16, gather

ENVELOPE_HZ = 100
"""10 ms frames: a syllable spans 10 to 30 of them, a 60 min call has 360 000, which one FFT correlates in 0.1 s."""

DYNAMIC_RANGE_DB = 50.0
"""Envelopes are clipped this far below their loudest 1 %, so that the noise floor of a room does not steer them."""

PROBES = 16
"""Places in the stream that are looked up in the recording by waveform to prove the coarse offset."""

PROBE_S = 0.12
"""Length of each of a probe's two windows: about one syllable, short against what a jitter buffer leaves untouched."""

PROBE_REACH_S = 2.0
"""How far a jitter buffer may move the audio against the coarse offset; 18 to 590 ms were seen within one call."""

AGREE_S = 0.002
"""Two neighbouring windows that are both found lie as far apart as in the stream. The peak of a wrong match is anywhere
within ± `PROBE_REACH_S`, so both agree by chance once in a thousand; recorder drift adds 0.06 ms at 500 ppm."""

SAME_CALL_SHARE = 0.35
"""Share of probes whose windows agree. Speech of another call agrees in none to two of 16 (a repeated word of the same
synthetic voice), a copy at 0 dB SNR in nearly all that are not stretched."""

LEAST_PROBES = 3
"""So many probes have to agree however few there are: one more than chance and a repeated word bring about."""


WHITENED_AT_ONCE = 1 << 16
"""Samples, 256 KB: what stays in the processor's cache."""

QUIET_ENERGY = 1e-4
"""40 dB below the template a match has no meaning, and the quotient no precision."""


@dataclass(frozen=True, slots=True)
class CoarseOffset:
    """Recording time of media time zero, to about ± `reach_s`, with the share of probes that prove it."""

    offset_s: float
    reach_s: float
    share: float
    probes: int


def estimate_coarse_offset(sent: AudioTrack, recording: AudioTrack) -> CoarseOffset:
    """Find the offset of a decoded stream in a recording that may start at any time.

    Parameters
    ----------
    sent : AudioTrack
        The decoded stream on its media clock.
    recording : AudioTrack
        What was heard; at the same sample rate.

    Returns
    -------
    CoarseOffset

    Raises
    ------
    ClockError
        Too little speech in either, or the recording does not contain this stream: then no offset is guessed.

    Notes
    -----
    The envelopes of both are correlated as a whole; then `PROBES` loud windows are looked up by waveform around the
    best three envelope peaks. A recording of another call has no waveform in common, however alike the rhythm is.
    """
    candidates = _envelope_peaks(sent, recording, count=3)
    probes_s = _probe_times_s(sent)
    if len(probes_s) < LEAST_PROBES:
        raise ClockError("The stream holds less than half a second of sound, too little to find it in the recording.")
    sent_edge, heard_edge = Whitened(sent.samples), Whitened(recording.samples)
    rate = sent.sample_rate_hz
    trials = [
        (*_probe(sent_edge, heard_edge, probes_s, offset_s=offset_s, rate_hz=rate), offset_s) for offset_s in candidates
    ]
    agreed_s, probes, offset_s = max(trials, key=lambda trial: len(trial[0]))
    share = len(agreed_s) / max(1, probes)
    if share < SAME_CALL_SHARE or len(agreed_s) < LEAST_PROBES:
        raise ClockError(
            f"The recording does not contain this stream: {len(agreed_s)} of {probes} probes of decoded audio are in "
            f"it, at least {SAME_CALL_SHARE:.0%} and {LEAST_PROBES} of them were expected. Is it a recording of "
            "another call, or of the other direction?"
        )
    return CoarseOffset(offset_s + float(np.median(agreed_s)), PROBE_REACH_S, share, probes)


def _envelope_peaks(sent: AudioTrack, recording: AudioTrack, *, count: int) -> list[float]:
    """Offsets in seconds at which the level envelopes agree best, best first, at least half a second apart."""
    a, b = _envelope(sent), _envelope(recording)
    size = fft.next_fast_len(len(a) + len(b), real=True)
    correlation = fft.irfft(fft.rfft(b, size) * np.conj(fft.rfft(a, size)), size)
    offsets: list[float] = []
    for _ in range(count):
        best = int(np.argmax(correlation))
        lag = best if best < len(b) else best - size
        offsets.append(lag / ENVELOPE_HZ)
        around = np.arange(best - ENVELOPE_HZ // 2, best + ENVELOPE_HZ // 2) % size
        correlation[around] = -np.inf
    return offsets


def _envelope(track: AudioTrack) -> np.ndarray:
    """Level in dB above the floor of the track, zero mean."""
    levels = frame_levels_dbfs(track.samples, frame_samples=track.sample_rate_hz / ENVELOPE_HZ).astype(np.float64)
    if len(levels) == 0:
        raise ClockError(f"The track {track.name!r} is empty; nothing can be aligned with it.")
    top = np.percentile(levels, 99)
    lifted = np.maximum(levels - (top - DYNAMIC_RANGE_DB), 0.0)
    return lifted - lifted.mean()


def _probe_times_s(sent: AudioTrack) -> np.ndarray:
    """Start times of up to `PROBES` loud places, spread over the track."""
    rate = sent.sample_rate_hz
    frame_samples = int(2 * PROBE_S * rate)
    levels = frame_levels_dbfs(sent.samples, frame_samples=frame_samples)
    if len(levels) == 0:
        return np.empty(0)
    loud = np.flatnonzero(levels > max(np.percentile(levels, 98) - 15.0, -60.0))
    chosen = loud[np.unique(np.linspace(0, len(loud) - 1, PROBES).astype(int))] if len(loud) else loud
    return chosen * frame_samples / rate


def _probe(
    sent: Whitened, heard: Whitened, probes_s: np.ndarray, *, offset_s: float, rate_hz: int
) -> tuple[list[float], int]:
    """Offsets, relative to `offset_s`, of the probes whose two windows agree, and how many could be looked up at all.

    A recording of a part of the call does not reach the other probes; those speak neither for nor against it.
    """
    length, reach = int(PROBE_S * rate_hz), int(PROBE_REACH_S * rate_hz)
    agreed_s: list[float] = []
    probes = 0
    for start_s in probes_s:
        first, expected = int(start_s * rate_hz), int((start_s + offset_s) * rate_hz)
        lags = []
        for shift in (0, length):
            centre = expected + shift
            window = sent[first + shift : first + shift + length]
            start, score = find_in(heard, window, low=centre - reach, high=centre + reach)
            lags.append(start - centre if score else np.nan)
        if np.isnan(lags).any():
            continue
        probes += 1
        if abs(lags[1] - lags[0]) <= AGREE_S * rate_hz:
            agreed_s.append(lags[0] / rate_hz)
    return agreed_s, probes


def pre_emphasis(samples: np.ndarray) -> np.ndarray:
    """First difference at 0.97, the usual whitening of voiced speech; (n,) → (n,) float32, block by block."""
    samples = np.asarray(samples, np.float32)
    edges = np.empty_like(samples)
    edges[:1] = samples[:1]
    for first in range(1, len(samples), WHITENED_AT_ONCE):
        last = min(first + WHITENED_AT_ONCE, len(samples))
        np.subtract(samples[first:last], np.float32(0.97) * samples[first - 1 : last - 1], out=edges[first:last])
    return edges


@dataclass(frozen=True, slots=True, eq=False)
class Whitened:
    """A sound of which only what is looked at is pre-emphasised: a slice of it is that of `pre_emphasis` of all."""

    samples: np.ndarray | Pcm16

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, span: slice) -> np.ndarray:
        first, last, _ = span.indices(len(self.samples))
        return pre_emphasis(self.samples[max(first - 1, 0) : last])[min(first, 1) :]

    def windows(self, starts: np.ndarray, count: int) -> np.ndarray:
        """Return `count` samples from each of `starts` on, all of which there are; (n, count) float32."""
        if len(self) == count:
            return np.stack([self[:] for _ in starts])
        around = gather(self.samples, np.maximum(starts - 1, 0), count + 1)
        edges = around[:, 1:] - np.float32(0.97) * around[:, :-1]
        edges[starts == 0] = self[:count]
        return edges


def find_in(samples: np.ndarray | Whitened, template: np.ndarray, *, low: int, high: int) -> tuple[int, float]:
    """Return where `template` fits best, and how well.

    Parameters
    ----------
    samples : ndarray or Whitened, (n,) float32
    template : ndarray, (m,) float32
    low, high : int
        First and last start, in samples, that is tried; clipped to what there is.

    Returns
    -------
    start : int
        Sample of the best fit; `low` where nothing can be tried.
    score : float
        Normalised correlation there, -1..1; 0 where nothing can be tried.
    """
    low, high = max(low, 0), min(high, len(samples) - len(template))
    energy = float(np.dot(template, template))
    if high < low or energy == 0.0:
        return low, 0.0
    scores = normalised_correlation(samples[low : high + len(template)], template, energy)
    best = int(np.argmax(scores))
    return low + best, float(scores[best])


def normalised_correlation(window: np.ndarray, template: np.ndarray, energy: float) -> np.ndarray:
    """Correlation of `template` at every start in `window`, divided by the norms of both; (n - m + 1,) -1..1."""
    size = fft.next_fast_len(len(window), real=True)
    product = fft.irfft(fft.rfft(window, size) * np.conj(fft.rfft(template, size)), size)[
        : len(window) - len(template) + 1
    ]
    power = np.concatenate([[0.0], np.cumsum(np.square(window, dtype=np.float64))])
    local = power[len(template) :] - power[: -len(template)]
    return product / np.sqrt(np.maximum(local, QUIET_ENERGY * energy) * energy)
