"""An event log on the capture's clock: by wall time where that fits what was heard, else by what was heard alone.

When a model makes audio and when the agent is heard follow each other closely, answer by answer. So the stretches that
the log says were spoken are laid over the stretches in which the agent spoke: where they agree by wall time the wall
clocks are believed, where they agree elsewhere alone the log's clock is wrong by that much, and where they agree
nowhere the log is of another call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import fft

from forensics.clocks.talk import find_spoken
from forensics.errors import TelemetryError
from forensics.model import ClockMap

STEP_S = 0.02
"""Resolution of the comparison: one packet."""

WALL_REACH_S = 0.5
"""Wall clocks of hosts that keep NTP agree to some ten milliseconds; path, sending loop and speech detector add up to
about 0.3 s between the first audio of an answer and the first that is heard of it."""

FITS = 0.6
"""Share of the time spoken by log or by sound that is spoken by both: 0.87 at least in 42 labelled calls, whatever had
been done to them. Logs of other calls may reach it, where answers are of one length: see `EDGE_S`."""

CLEARLY = 0.1
"""A place without wall time is believed when no other place fits as well but for this much."""

APART_S = 2.0
"""Places nearer than this are the same place: speech overlaps itself a little shifted."""

EDGE_S, EDGES = 0.08, 0.75
"""Without wall time, so many of the starts and ends of answers have to lie within this of what was heard, one shift for
all. Of 42 labelled calls with two answers each 40 logs do, against packets as against the recording (the others lack
speech that was thrown away); of 1722 pairings with another call of much the same script one in twenty-five."""

LEAST_S = 1.0
"""Less speech than this in common says nothing."""

LEAST_SHARE = 0.5
"""Nor does less than this share of what log or sound hold, whichever hold less."""

WAIT_S = 0.04
"""From the moment at which an answer is played, or its first audio is there, to the arrival of its first packet: a path
of 10 to 80 ms, behind a sending loop of up to 60 ms."""

WAIT_ERROR_S = 0.06
"""What is not known of that wait."""

WALL_EDGE_S = 0.3
"""With it, within this: what was thrown away or stretched moves an end, and nothing else fits at the same time."""


def estimate_events_clock(
    events: pd.DataFrame,
    talkspurts: Sequence[tuple[float, float]],
    *,
    known_s: tuple[float, float],
    origin_ns: int,
    wall: bool,
    resolution_s: float = 0.0,
) -> ClockMap:
    """Place an event log on the axis.

    Parameters
    ----------
    events : DataFrame
        EVENT_COLUMNS, from `read_events`.
    talkspurts : sequence of (start_s, end_s)
        When the agent spoke: from `find_talkspurts`, or in the recording where there is no capture.
    known_s : (start_s, end_s)
        What capture or recording cover; outside, nobody knows whether the agent spoke.
    origin_ns : int
        UTC of the axis' zero; 0 where nothing tells it.
    wall : bool
        Whether the log's times are wall time.
    resolution_s : float
        How finely `talkspurts` are known, beyond a packet: the time between two readings of counters.

    Returns
    -------
    ClockMap
        `local` "events", from the log's own seconds less `origin_ns`. `method` is "wall-clock" (its times agree with
        what was heard), "wall-clock-unchecked" (nothing in the log says when anything was spoken) or "talkspurts".

    Raises
    ------
    TelemetryError
        The log is of another call, or tells too little to be placed.

    Notes
    -----
    By talkspurts, `error_s` bounds the time between an answer's audio and its first packet, which nobody sees.
    """
    spoken = tuple((start - origin_ns * 1e-9, end - origin_ns * 1e-9) for start, end in find_spoken(events))
    logged_s = events["received_at_s"].agg(["min", "max"]) - origin_ns * 1e-9
    timed = wall and origin_ns != 0
    if not spoken or not talkspurts:
        if timed and logged_s["min"] < known_s[1] and logged_s["max"] > known_s[0]:
            notes = ("the log does not say when the agent spoke, so its wall clock is believed",)
            return ClockMap("events", 0.0, WALL_REACH_S, "wall-clock-unchecked", notes=notes)
        raise TelemetryError(
            "The event log holds no audio and no playback of an answer, or the agent is not heard: it cannot be placed."
        )
    lags = _compare(_mask(spoken, (logged_s["min"], logged_s["max"])), _mask(talkspurts, known_s))
    if timed:
        near = lags.best(np.abs(lags.lag_s) <= WALL_REACH_S + resolution_s)
        off_s = _edges_off_s(spoken, talkspurts, lag_s=float(lags.lag_s[near])) if near is not None else np.inf
        if near is not None and lags.share[near] >= FITS and off_s <= WALL_EDGE_S + resolution_s:
            return _by_wall(spoken, talkspurts)
    return _by_content(lags, spoken, talkspurts, timed=timed)


def _by_wall(spoken: Sequence[tuple[float, float]], talkspurts: Sequence[tuple[float, float]]) -> ClockMap:
    """Wall time fits; the waits between audio and packet say how well."""
    waits_s = _waits_s(spoken, talkspurts, lag_s=0.0)
    shortest_s = float(np.min(waits_s)) if len(waits_s) else 0.0
    error_s = max(WAIT_ERROR_S, abs(shortest_s - WAIT_S))
    seen = f"the shortest wait between an answer's audio and its first packet is {shortest_s * 1000:.0f} ms"
    return ClockMap("events", 0.0, error_s, "wall-clock", notes=(seen,))


def _by_content(
    lags: _Lags, spoken: Sequence[tuple[float, float]], talkspurts: Sequence[tuple[float, float]], *, timed: bool
) -> ClockMap:
    """Place by what was heard alone; refuse where it fits nowhere, or in two places."""
    best = lags.best(np.ones(len(lags.lag_s), bool))
    share = float(lags.share[best]) if best is not None else 0.0
    if best is None or share < FITS:
        raise TelemetryError(
            f"The answers of the event log cover what the agent was heard to say by {share:.0%} at best: it is of "
            "another call, or tells too little of this one."
        )
    other = lags.best(np.abs(lags.lag_s - lags.lag_s[best]) > APART_S)
    if other is not None and lags.share[other] > share - CLEARLY:
        raise TelemetryError(
            f"The event log fits what was heard {lags.lag_s[other] - lags.lag_s[best]:+.1f} s away as well as in its "
            "best place, and its wall clock does not decide: it cannot be placed."
        )
    lag_s = float(lags.lag_s[best])
    off_s = _edges_off_s(spoken, talkspurts, lag_s=lag_s)
    if off_s > EDGE_S:
        raise TelemetryError(
            f"The answers of the event log begin and end up to {off_s * 1000:.0f} ms away from what was heard, even "
            "where they fit best: it is of another call, and its wall clock does not decide."
        )
    waits_s = _waits_s(spoken, talkspurts, lag_s=lag_s)
    spread_s = float(np.ptp(waits_s)) if len(waits_s) > 1 else WALL_REACH_S / 2
    offset_s = lag_s + (float(np.min(waits_s)) if len(waits_s) else 0.0) - WAIT_S
    notes = (f"its wall clock is off by {offset_s:.2f} s",) if timed else ()
    return ClockMap("events", offset_s, max(WAIT_ERROR_S, min(spread_s, WALL_REACH_S)), "talkspurts", notes=notes)


def _edges_off_s(
    spoken: Sequence[tuple[float, float]], talkspurts: Sequence[tuple[float, float]], *, lag_s: float
) -> float:
    """How far the starts and ends of answers lie from those heard, but for one shift common to all; most of them."""
    off_s = np.concatenate(
        [
            heard[np.abs(heard[:, None] - logged - lag_s).argmin(axis=0)] - logged - lag_s
            for heard, logged in zip(np.array(talkspurts).T, np.array(spoken).T, strict=True)
        ]
    )
    held = int(EDGES * (len(off_s) - 1)) + 1
    off_s.sort()
    return float((off_s[held - 1 :] - off_s[: len(off_s) - held + 1]).min()) / 2  # the narrowest span of so many


def _waits_s(
    spoken: Sequence[tuple[float, float]], talkspurts: Sequence[tuple[float, float]], *, lag_s: float
) -> np.ndarray:
    """From the start of each answer in the log to the nearest start of speech, where one is near."""
    onsets_s = np.array([start for start, _ in talkspurts])
    waits_s = [onsets_s[np.argmin(np.abs(onsets_s - start - lag_s))] - start - lag_s for start, _ in spoken]
    return np.array([wait_s for wait_s in waits_s if abs(wait_s) <= WALL_REACH_S])


@dataclass(frozen=True, slots=True, eq=False)
class _Lags:
    """How well two sets of stretches agree, by how much the first is shifted."""

    lag_s: np.ndarray
    share: np.ndarray

    def best(self, allowed: np.ndarray) -> int | None:
        """Position of the best of the allowed lags; None where none of them has a share at all."""
        shares = np.where(allowed, self.share, -1.0)
        place = int(np.argmax(shares))
        return place if shares[place] > 0 else None


def _compare(logged: tuple[np.ndarray, float], heard: tuple[np.ndarray, float]) -> _Lags:
    """Lay one set of stretches over the other at every lag: time in both over time in either, where both are known."""
    (made, made_from_s), (spoken, heard_from_s) = logged, heard
    common = _correlate(spoken, made)
    in_span = _correlate(spoken, np.ones_like(made)) + _correlate(np.ones_like(spoken), made)
    enough = common * STEP_S >= min(LEAST_S, 0.9 * STEP_S * min(made.sum(), spoken.sum()))
    enough &= common >= LEAST_SHARE * min(made.sum(), spoken.sum())
    share = np.where(enough, common / np.maximum(in_span - common, 1.0), 0.0)
    lag_steps = np.arange(len(common)) - (len(made) - 1)
    return _Lags(lag_steps * STEP_S + heard_from_s - made_from_s, share)


def _correlate(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Sum of products at every lag of `other`, from the one at which it only touches the beginning of `one` on."""
    count = len(one) + len(other) - 1
    size = fft.next_fast_len(count, real=True)
    return fft.irfft(fft.rfft(one, size) * fft.rfft(other[::-1], size), size)[:count]


def _mask(spans: Sequence[tuple[float, float]], known_s: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Stretches as ones among zeros, every `STEP_S` of what is known, and when that begins."""
    first_s = min(known_s[0], *(start for start, _ in spans))
    last_s = max(known_s[1], *(end for _, end in spans))
    mask = np.zeros(int((last_s - first_s) / STEP_S) + 1)
    for start, end in spans:
        mask[int((start - first_s) / STEP_S) : int((end - first_s) / STEP_S) + 1] = 1.0
    return mask, first_s


def place_events(events: pd.DataFrame, clock: ClockMap, *, origin_ns: int) -> pd.DataFrame:
    """Return the table with `capture_s`: when each event came, on the axis."""
    return events.assign(capture_s=clock.to_capture_s(events["received_at_s"] - origin_ns * 1e-9))
