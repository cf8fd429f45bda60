"""How a recording runs against a stream over minutes and hours: offset, drift and steps, out of chosen seconds.

The stream's loudness, which packet headers tell, is looked up in the recording's; from the first place that waveforms
prove, one window after another is found near where the ones before it say. A line with steps goes through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forensics.audio.excerpts import Sound, TrackSound
from forensics.clocks.loudness import Anchor, Loudness
from forensics.clocks.stepped_line import SteppedLine, fit_stepped_line
from forensics.clocks.window import WINDOW_S, Found, find_window
from forensics.errors import ClockError
from forensics.model import AudioTrack

WINDOWS = 32
"""Windows over a call, at most: in an hour one every 113 s, within which 500 ppm of drift move the sound by 56 ms."""

LEAST_SPACING_S = 2.0
"""Closer windows would share a jitter buffer's every move and tell nothing new."""

LEAST_WINDOWS = 6
"""Fewer found windows carry no line: with three wrong ones among them the line could be theirs."""

FOUND_SHARE = 0.25
"""So many of the windows have to be found: lost packets, pauses and noise hide others, another call hides all."""

LINE_SHARE = 0.8
"""So many of those found have to lie on the line; a jitter buffer that moves its audio leaves half of them aside."""

WINDOWS_A_STEP = 8
"""A step asks for so many windows on the line: clocks are set now and then, jitter buffers move all the time."""

LEVELS_HZ = 20
"""Values of loudness a second by which a loud second is chosen."""

REACH_S = 0.03
DRIFT_REACH_PPM = 600.0
"""A window is looked for this far around the place that the last one predicts; sound cards stay within ± 500 ppm."""

FAR_REACH_S = 2.5
"""Where it is not there: the longest step, or move of a jitter buffer, that is followed."""

FINE_REACH_S = 0.02
"""Reach of the second look, when drift is known."""

STEP_PLACE_S = 2.0
"""A step is narrowed down to between two windows this far apart."""

TRIED_SHARES = (0.5, 0.4, 0.6, 0.3, 0.7)
"""Where, between them, a window is looked up: beside the middle where that holds a pause."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Recording time of a stream's media: `recording_s = media_s * (1 + drift_ppm * 1e-6) + offset_s`, and steps.

    `steps` are (media_s, change_s) as in `ClockMap`; `error_s` and `drift_error_ppm` bound offset and drift with 95 %
    confidence; `windows` has a row per window that was looked up: media_s, lag_s, sharpness, kept.
    """

    offset_s: float
    drift_ppm: float
    steps: tuple[tuple[float, float], ...]
    error_s: float
    drift_error_ppm: float
    windows: pd.DataFrame

    def recording_s(self, media_s: np.ndarray | float) -> np.ndarray | float:
        """Return the recording time of media times."""
        at_s, change_s = np.array(self.steps or [(np.inf, 0.0)]).T
        jumped_s = np.append(0.0, np.cumsum(change_s))[np.searchsorted(at_s, media_s, side="right")]
        return np.asarray(media_s) * (1 + self.drift_ppm * 1e-6) + self.offset_s + jumped_s


def estimate_course(
    sent: Sound | AudioTrack, heard: Sound | AudioTrack, *, anchors: Sequence[Anchor] | None = None
) -> Course:
    """Find offset, drift and steps of a recording against a stream that it holds.

    Parameters
    ----------
    sent : Sound or AudioTrack
        The stream on its media clock; a `StreamSound` is decoded where a window lies, and nowhere else.
    heard : Sound or AudioTrack
        The recording; a `FileSound` is read where a window is looked for, after its loudness was taken.
    anchors : sequence of Anchor, optional
        From `Loudness.find_anchors`, where they were looked for before.

    Returns
    -------
    Course

    Raises
    ------
    ClockError
        The recording does not hold this stream, too little of it can be heard, or what is found lies on no line: a
        jitter buffer kept moving the audio. Then nothing is guessed.

    Notes
    -----
    A recorder's clock and the listener's playout cannot be told apart by sound alone: a step of the course is one of
    the two. A step that is followed by another within three windows is left out as noise.

    Examples
    --------
    >>> estimate_course(StreamSound(stream), FileSound("recording.wav")).drift_ppm
    """
    sent, heard = _as_sound(sent), _as_sound(heard)
    anchors = Loudness(heard).find_anchors(sent) if anchors is None else anchors
    if not anchors:
        raise ClockError(
            "The recording does not contain this stream: the loudness of none of its parts leads to a place where the "
            "waveforms agree. Is it a recording of another call, or of the other direction, or too noisy?"
        )
    places_s = _places(sent, heard, lag_s=anchors[0].lag_s)
    windows = _track(sent, heard, anchors[0], places_s)
    line = _line_through(windows)
    windows = _look_again(sent, heard, windows, line)
    line = _line_through(windows)
    width_s = float(np.max(np.diff(places_s), initial=LEAST_SPACING_S)) / 2
    steps = tuple(_narrowed(sent, heard, line, step, width_s=width_s) for step in line.steps)
    kept = windows["kept"].to_numpy(copy=True)
    kept[kept] = line.kept
    return Course(
        offset_s=line.offset,
        drift_ppm=line.slope * 1e6,
        steps=steps,
        error_s=2 * line.deviation / np.sqrt(max(1, line.kept.sum())) + 2 * line.slope_error * _middle(windows),
        drift_error_ppm=2e6 * line.slope_error,
        windows=windows.assign(kept=kept),
    )


def _as_sound(sound: Sound | AudioTrack) -> Sound:
    return TrackSound(sound) if isinstance(sound, AudioTrack) else sound


def _middle(windows: pd.DataFrame) -> float:
    return float(windows["media_s"].mean())


def _track(sent: Sound, heard: Sound, start: Anchor, places_s: np.ndarray) -> pd.DataFrame:
    """Look up windows from an anchor forwards and backwards, each near where the last ones predict it."""
    rows = [(start.media_s, start.lag_s, start.sharpness, True)]
    for direction in (
        places_s[places_s > start.media_s + WINDOW_S],
        places_s[places_s < start.media_s - WINDOW_S][::-1],
    ):
        last_s, lag_s, drift = start.media_s, start.lag_s, 0.0
        for media_s in direction:
            found = _follow(sent, heard, media_s, lag_s + drift * (media_s - last_s), abs(media_s - last_s))
            rows.append((media_s, found.lag_s, found.sharpness, found.certain))
            if found.certain:
                change = (found.lag_s - lag_s) / (media_s - last_s)
                drift = change if abs(change) < DRIFT_REACH_PPM * 1e-6 else drift
                last_s, lag_s = media_s, found.lag_s
    table = pd.DataFrame(rows, columns=["media_s", "lag_s", "sharpness", "kept"])
    return table.sort_values("media_s", ignore_index=True)


def _follow(sent: Sound, heard: Sound, media_s: float, lag_s: float, away_s: float) -> Found:
    """Look for a window near its predicted place, then far around it."""
    near = find_window(
        sent, heard, media_s=media_s, lag_s=lag_s, reach_s=min(REACH_S + DRIFT_REACH_PPM * 1e-6 * away_s, FAR_REACH_S)
    )
    return near if near.certain else find_window(sent, heard, media_s=media_s, lag_s=lag_s, reach_s=FAR_REACH_S)


def _places(sent: Sound, heard: Sound, *, lag_s: float) -> np.ndarray:
    """Media times of windows: the loudest second of each of up to `WINDOWS` equal parts of what was recorded of it."""
    levels = sent.levels_dbfs(LEVELS_HZ)
    first = max(0, round(-lag_s * LEVELS_HZ))
    levels = levels[first : max(first, round((heard.duration_s - lag_s) * LEVELS_HZ))]
    length = round(WINDOW_S * LEVELS_HZ)
    parts = int(min(WINDOWS, len(levels) / LEVELS_HZ // LEAST_SPACING_S))
    sums = np.convolve(levels, np.ones(length), "valid") if len(levels) >= length else np.zeros(0)
    pieces = np.array_split(np.arange(len(sums)), parts) if parts else []
    return np.array([(first + piece[np.argmax(sums[piece])]) / LEVELS_HZ for piece in pieces if len(piece)])


def _line_through(windows: pd.DataFrame) -> SteppedLine:
    """Fit the windows that were found, or say why they carry no line."""
    found = windows[windows["kept"]]
    if len(found) < max(LEAST_WINDOWS, FOUND_SHARE * len(windows)):
        raise ClockError(
            f"{len(found)} of {len(windows)} windows of the stream were found in the recording; at least "
            f"{LEAST_WINDOWS} and {FOUND_SHARE:.0%} are needed for a line. Is there more than noise and pauses in it?"
        )
    line = fit_stepped_line(found["media_s"].to_numpy(), found["lag_s"].to_numpy())
    if line.kept.mean() < LINE_SHARE or len(line.steps) * WINDOWS_A_STEP > len(found):
        raise ClockError(
            f"{line.kept.mean():.0%} of the windows that were found lie on one line with {len(line.steps)} steps, "
            f"{LINE_SHARE:.0%} and one step in {WINDOWS_A_STEP} windows are expected: a jitter buffer kept moving this "
            "audio. `locate_packets` follows it."
        )
    return line


def _look_again(sent: Sound, heard: Sound, windows: pd.DataFrame, line: SteppedLine) -> pd.DataFrame:
    """Look every found window up once more, stretched by the drift, which sharpens it and takes out its bias."""
    rows = []
    for window in windows[windows["kept"]].itertuples():
        found = find_window(
            sent,
            heard,
            media_s=window.media_s,
            lag_s=float(line(window.media_s)),
            reach_s=FINE_REACH_S,
            drift_ppm=line.slope * 1e6,
        )
        rows.append((window.media_s, found.lag_s, found.sharpness, found.certain))
    fine = pd.DataFrame(rows, columns=["media_s", "lag_s", "sharpness", "kept"])
    return pd.concat([fine, windows[~windows["kept"]]]).sort_values("media_s", ignore_index=True)


def _narrowed(
    sent: Sound, heard: Sound, line: SteppedLine, step: tuple[float, float], *, width_s: float
) -> tuple[float, float]:
    """Halve the stretch of twice `width_s` in which a step lies until it is `STEP_PLACE_S` long."""
    at_s, change_s = step
    flat = replace(line, steps=tuple(s for s in line.steps if s != step and s[0] < at_s))
    low_s, high_s = at_s - width_s, at_s + width_s
    while high_s - low_s > STEP_PLACE_S:
        places_s = low_s + (high_s - low_s) * np.array(TRIED_SHARES)
        moved = ((place_s, _moved(sent, heard, flat, float(place_s), change_s)) for place_s in places_s)
        known = next(((place_s, is_moved) for place_s, is_moved in moved if is_moved is not None), None)
        if known is None:
            break
        low_s, high_s = (low_s, known[0]) if known[1] else (known[0], high_s)
    return float(low_s + high_s) / 2, change_s


def _moved(sent: Sound, heard: Sound, flat: SteppedLine, media_s: float, change_s: float) -> bool | None:
    """Whether a window lies behind a step already; None where it cannot be found."""
    expected_s = float(flat(media_s))
    reach_s = abs(change_s) + FINE_REACH_S
    found = find_window(sent, heard, media_s=media_s, lag_s=expected_s, reach_s=reach_s, drift_ppm=flat.slope * 1e6)
    return abs(found.lag_s - expected_s) >= abs(change_s) / 2 if found.certain else None
