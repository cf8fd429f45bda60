"""When each packet was heard: decoded packets located in the recording, one by one.

A jitter buffer plays decoded audio as it is, but for the moments in which it conceals, stretches or skips. So the
place of a packet is mostly the place of the packet before it plus one packet's length; where that does not hold, it is
looked up by correlation in the stretch in which it can have been played. What comes out is the playout curve: media
time against recording time, whose steps are exactly what the listener lost or waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.audio.payloads import DecodedStream
from forensics.clocks.course import Course
from forensics.clocks.recording import QUIET_ENERGY, CoarseOffset, Whitened, find_in
from forensics.model import AudioTrack, Playout

GATE_DB = 30.0
"""Packets this far below the loud ones (95th percentile) hold too little waveform to be told from their neighbours."""

TRUE_SCORE = 0.93
"""A packet at its predicted place with this correlation is taken without a search. Untouched packets score 0.99 and
more against a lossless recording; a wrong place within the same vowel stays below 0.9 after pre-emphasis."""

FOUND_SCORE = 0.6
"""A searched packet counts as found from here on: half of its energy fits (correlation² = 0.36 against chance 0.01)."""

NEAR_S = 0.003
"""A recorder's clock moves the next packet by microseconds; 3 ms also covers a codec's fractional resampling."""

OVERLAP_S = 0.03
"""No packet is played before the one before it has ended; time compression shortens that one by up to 30 ms."""

AHEAD_S = 1.5
"""How far behind its predicted place a search looks: the longest stall that leaves a call alive."""

BETTER = 0.08
"""A far place has to score this much more than the near one: vowels repeat themselves every pitch period."""

CONFIRM_PACKETS, CONFIRM_NEEDED = 5, 2
CONFIRM_S, CONFIRM_NEEDED_S = 0.1, 0.04
"""A new place is believed when so many of the next packets fit behind it, each moved by at most `STRETCH_S`, and the
nearer and the farther half of them fit there better, by `BETTER`, than where they would be without it: what is alike in
a vowel is over within 50 ms. Of packets shorter than 20 ms as many are looked at as last so long."""

SAME_SCORE = 0.97
"""So well fits a packet that follows the one before it to the sample; two samples beside it, speech fits at 0.9."""

FIRST_RUN, LONGEST_RUN = 8, 512
"""Packets that are compared at once at the place of the last one: from a few, twice as many while all of them fit."""

STRETCH_S = 0.02
"""One time-scaling removes or inserts one pitch period, at most 15 ms (NetEq's accelerate and preemptive expand)."""


@dataclass(frozen=True, slots=True)
class _Signals:
    """Both signals whitened, at one rate."""

    sent: Whitened
    heard: Whitened
    rate_hz: int


def locate_packets(
    decoded: DecodedStream, recording: AudioTrack, *, place: CoarseOffset | Course, ssrc: int
) -> Playout:
    """Find when each packet of a stream was heard.

    Parameters
    ----------
    decoded : DecodedStream
        The stream, decoded.
    recording : AudioTrack
        At the sample rate of the decoded stream.
    place : CoarseOffset or Course
        From `estimate_coarse_offset`; or from `estimate_course`: then the audio was played at one pace, and no packet
        is looked for beside its line.
    ssrc : int
        Of the stream, for the result.

    Returns
    -------
    Playout
        `method` "heard"; `packets` with `heard_s` (NaN where the packet was never heard, or is too quiet to tell) and
        `score`. `concealed` is empty: a recording shows holes, and what filled them is for the detectors.

    Notes
    -----
    Quiet packets cannot be located by themselves; `heard_s` stays NaN for them and the curve passes over them.
    """
    rate = recording.sample_rate_hz
    signals = _Signals(Whitened(decoded.track.samples), Whitened(recording.samples), rate)
    table = decoded.packets.copy()
    media_s, length_s = table["media_s"].to_numpy(), table["duration_s"].to_numpy()
    loud = _loud(table["level_dbfs"].to_numpy())
    heard_s, score = np.full(len(table), np.nan), np.full(len(table), np.nan)
    if isinstance(place, Course):
        heard_s, score = _follow_line(signals, table, loud=np.flatnonzero(loud), course=place)
    else:
        _follow(_Tracker(signals, media_s, length_s, np.flatnonzero(loud), place), heard_s, score)
    heard_s[~_monotonic(heard_s, media_s)] = np.nan
    table["heard_s"], table["score"] = heard_s, score
    return Playout(ssrc, "heard", table, pd.DataFrame({"start_s": [], "end_s": [], "late": []}))


def _follow(tracker: _Tracker, heard_s: np.ndarray, score: np.ndarray) -> None:
    """Place every loud packet: whole runs where they follow each other to the sample, else one by one."""
    position, reach = 0, FIRST_RUN
    while position < len(tracker.loud):
        run = tracker.loud[position : position + reach]
        starts_s, fits = tracker.place_run(run)
        if len(fits):
            heard_s[run[: len(fits)]], score[run[: len(fits)]] = starts_s, fits
        position += len(fits)
        reach = min(2 * reach, LONGEST_RUN) if len(fits) == len(run) else FIRST_RUN
        if len(fits) < len(run):
            i = tracker.loud[position]
            heard_s[i], score[i] = tracker.place(position)
            position += 1


def _follow_line(
    signals: _Signals, table: pd.DataFrame, *, loud: np.ndarray, course: Course
) -> tuple[np.ndarray, np.ndarray]:
    """Compare every loud packet with what the recording holds where the line says that it was heard."""
    media_s, length_s = table["media_s"].to_numpy(), table["duration_s"].to_numpy()
    expected_s = np.asarray(course.recording_s(media_s))
    score = np.full(len(table), np.nan)
    for first in range(0, len(loud), LONGEST_RUN):
        run = loud[first : first + LONGEST_RUN]
        score[run] = _fits_at(signals, media_s[run], expected_s[run], length_s[run])
    return np.where(score >= FOUND_SCORE, expected_s, np.nan), score


def _fits_at(signals: _Signals, media_s: np.ndarray, at_s: np.ndarray, length_s: np.ndarray) -> np.ndarray:
    """Normalised correlation of each packet with the recording at one place, (n,) -1..1; 0 beyond the recording."""
    rate, count = signals.rate_hz, round(float(length_s.max(initial=0.0)) * signals.rate_hz)
    places = np.stack([np.round(media_s * rate), np.round(at_s * rate)]).astype(np.int64)
    inside = (places[1] >= 0) & (places[1] + count <= len(signals.heard)) & (places[0] + count <= len(signals.sent))
    if not inside.any():
        return np.zeros(len(media_s))
    places = np.where(inside, places, 0)
    within = np.arange(count) < np.round(length_s * rate)[:, None]
    sent = np.where(within, signals.sent.windows(places[0], count), np.float32(0))
    heard = np.where(within, signals.heard.windows(places[1], count), np.float32(0))
    energy = np.einsum("ij,ij->i", sent, sent)
    local = np.maximum(np.einsum("ij,ij->i", heard, heard), QUIET_ENERGY * energy)
    return np.where(inside & (energy > 0), np.einsum("ij,ij->i", sent, heard) / np.sqrt(energy * local + 1e-30), 0.0)


def _loud(level_dbfs: np.ndarray) -> np.ndarray:
    """Which packets hold enough sound to be located."""
    if len(level_dbfs) == 0:
        return np.zeros(0, bool)
    return level_dbfs > np.percentile(level_dbfs, 95) - GATE_DB


class _Tracker:
    """Walks through the loud packets and remembers how far the recording runs behind the media."""

    def __init__(
        self, signals: _Signals, media_s: np.ndarray, length_s: np.ndarray, loud: np.ndarray, coarse: CoarseOffset
    ) -> None:
        self.signals, self.media_s, self.length_s, self.loud = signals, media_s, length_s, loud
        self.offset_s = coarse.offset_s
        self.low_s = self.media_s[loud[0]] + coarse.offset_s - coarse.reach_s if len(loud) else 0.0
        self.reach_s = coarse.reach_s

    def place_run(self, run: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place packets right behind the last one as long as they fit there: starts, and scores."""
        if self.reach_s != AHEAD_S:  # nothing has been found yet
            return np.empty(0), np.empty(0)
        at_s = self.media_s[run] + self.offset_s
        fits = _fits_at(self.signals, self.media_s[run], at_s, self.length_s[run])
        count = len(fits) if (fits >= SAME_SCORE).all() else int(np.argmin(fits >= SAME_SCORE))
        if count:
            self.low_s = at_s[count - 1] + self.length_s[run[count - 1]] - OVERLAP_S
        return at_s[:count], fits[:count]

    def place(self, position: int) -> tuple[float, float]:
        """Recording time (NaN where not found) and score of the loud packet at `position`."""
        i = self.loud[position]
        expected_s = self.media_s[i] + self.offset_s
        start_s, fit = self._fit(i, expected_s - NEAR_S, expected_s + NEAR_S)
        if fit < TRUE_SCORE:
            far_s, far_fit = self._fit(i, self.low_s, expected_s + self.reach_s)
            if far_fit > fit + BETTER and self._confirmed(position, far_s - self.media_s[i]):
                start_s, fit = far_s, far_fit
        if fit < FOUND_SCORE:
            return np.nan, fit
        self.offset_s, self.reach_s = start_s - self.media_s[i], AHEAD_S
        self.low_s = start_s + self.length_s[i] - OVERLAP_S
        return start_s, fit

    def _fit(self, i: int, low_s: float, high_s: float) -> tuple[float, float]:
        """Best place of packet `i` between two recording times, and its score."""
        rate = self.signals.rate_hz
        first = round(self.media_s[i] * rate)
        template = self.signals.sent[first : first + round(self.length_s[i] * rate)]
        start, fit = find_in(self.signals.heard, template, low=round(low_s * rate), high=round(high_s * rate))
        return start / rate, fit

    def _confirmed(self, position: int, offset_s: float) -> bool:
        """Whether the packets behind a newly found one fit at about the same offset, and less at the old one."""
        length_s = float(self.length_s[self.loud[position]])
        following = self.loud[position + 1 : position + 1 + max(CONFIRM_PACKETS, round(CONFIRM_S / length_s))]
        needed = min(max(CONFIRM_NEEDED, round(CONFIRM_NEEDED_S / length_s)), len(following))
        fits = self._fits_near(following, offset_s)
        if sum(fits >= TRUE_SCORE) < needed or abs(offset_s - self.offset_s) <= 2 * STRETCH_S:
            return sum(fits >= TRUE_SCORE) >= needed
        gain = fits - self._fits_near(following, self.offset_s)
        return all(half.mean() > BETTER for half in np.array_split(gain, 2) if len(half))

    def _fits_near(self, packets: np.ndarray, offset_s: float) -> np.ndarray:
        """Best fit of each packet within one time scaling of an offset."""
        at_s = self.media_s[packets] + offset_s
        return np.array([self._fit(i, t - STRETCH_S, t + STRETCH_S)[1] for i, t in zip(packets, at_s, strict=True)])


def _monotonic(heard_s: np.ndarray, media_s: np.ndarray) -> np.ndarray:
    """Which located packets lie in the order of their media; a single one out of line is a wrong match."""
    keep = np.isfinite(heard_s)
    index = np.flatnonzero(keep)
    offset = heard_s[index] - media_s[index]
    for position in range(1, len(index) - 1):
        before, here, after = offset[position - 1 : position + 2]
        if abs(before - after) < NEAR_S < abs(here - before):
            keep[index[position]] = False
    return keep
