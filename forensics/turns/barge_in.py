"""Interruptions: the user speaks while the agent does, and the agent falls silent, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.model import EventKind
from forensics.turns.responses import Response
from forensics.turns.witnesses import Witnesses

LEAST_TALK_OVER_S = 0.1
"""Speech of both sides that overlaps by less is how turns change between people (Heldner & Edlund 2010)."""

YIELD_S = 1.0
"""An agent that goes on for longer than this after the user's phrase was not interrupted by it: the phrase was a word
of agreement. A log that tells of a cancelled answer overrules that."""

STOPS = (EventKind.PLAYBACK_CLEARED, EventKind.TRUNCATED)

AFTERMATH_S = 2.0
"""So long after the agent fell silent a log may still tell why."""


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What happened where the user spoke over a turn of the agent."""

    to_silence_s: float | None  # from the user's first sound to the agent's last; None where the agent did not yield
    talk_over_s: float  # how long both spoke
    said_over: str  # what the agent said meanwhile
    told_heard_s: float | None  # how much of the answer the client told the model was heard
    heard_s: float | None  # how much of it was heard


def find_barge_in(
    turn: tuple[float, float],
    phrases: Sequence[tuple[float, float]],
    *,
    witnesses: Witnesses,
    responses: tuple[Response, ...] = (),
) -> BargeIn | None:
    """Look for the user's interruption of one turn of the agent.

    Parameters
    ----------
    turn : (start_s, end_s)
        The agent's, in recording time.
    phrases : sequence of (start_s, end_s)
        The user's.
    witnesses : Witnesses
    responses : tuple of Response
        The answers that the turn consists of.

    Returns
    -------
    BargeIn or None
        None where nobody spoke over it.

    Notes
    -----
    A microphone that hears the loudspeaker makes the agent's echo look like the user; there is no telling them apart
    here. The words are placed in the answer by time: as far into the text as into the audio.
    """
    start_s, end_s = turn
    over = [
        (begin, stop) for begin, stop in phrases if begin > start_s and min(stop, end_s) - begin > LEAST_TALK_OVER_S
    ]
    if not over:
        return None
    stops = _events(witnesses, STOPS, over[0][0], end_s)
    began_s = _began(over, end_s, stopped=len(stops) > 0, ended=_ended_itself(witnesses, end_s))
    told_s = stops.loc[np.isfinite(stops["audio_s"].to_numpy(dtype=float)), "audio_s"]
    return BargeIn(
        to_silence_s=None if began_s is None else end_s - began_s,
        talk_over_s=sum(min(stop, end_s) - begin for begin, stop in over),
        said_over=" … ".join(filter(None, (_words(turn, begin, min(stop, end_s), responses) for begin, stop in over))),
        told_heard_s=float(told_s.iat[0]) if len(told_s) else None,
        heard_s=_heard_s(turn, witnesses) if began_s is not None else None,
    )


def _began(over: Sequence[tuple[float, float]], end_s: float, *, stopped: bool, ended: bool) -> float | None:
    """Return when the user began the phrase that silenced the agent; None where none did."""
    if stopped:
        return over[-1][0]
    yielding = [begin for begin, stop in over if end_s - stop <= YIELD_S]
    return yielding[0] if yielding and not ended else None


def _ended_itself(witnesses: Witnesses, end_s: float) -> bool:
    """Whether the log says that all of the answer was played."""
    return len(_events(witnesses, (EventKind.PLAYBACK_STOPPED,), end_s - YIELD_S, end_s)) > 0


def _events(witnesses: Witnesses, kinds: tuple[EventKind, ...], start_s: float, end_s: float) -> pd.DataFrame:
    """Events of these kinds from `start_s` to `AFTERMATH_S` behind `end_s`, both in recording time."""
    events = witnesses.of_kind(*kinds)
    return events[events["capture_s"].between(witnesses.to_axis_s(start_s), witnesses.to_axis_s(end_s) + AFTERMATH_S)]


def _heard_s(turn: tuple[float, float], witnesses: Witnesses) -> float | None:
    """Seconds of the answer's media that were heard, by the packets that were found in the recording."""
    journey = witnesses.journey
    if journey is None:
        return None
    inside = journey["heard_s"].between(turn[0] - journey["duration_s"].max(), turn[1], inclusive="left")
    return float(journey.loc[inside, "duration_s"].sum())


def _words(turn: tuple[float, float], start_s: float, end_s: float, responses: tuple[Response, ...]) -> str:
    """Return the words between two moments of a turn: as far into the text as into its audio."""
    text = " ".join(response.text for response in responses if response.text)
    made_s = sum(response.audio_s for response in responses)
    words = text.split()
    if not words:
        return ""
    whole_s = made_s if np.isfinite(made_s) and made_s >= turn[1] - turn[0] else turn[1] - turn[0]
    ends = np.cumsum([len(word) + 1 for word in words])
    reach = (np.array([start_s, end_s]) - turn[0]) / whole_s * ends[-1]
    first, last = np.searchsorted(ends, reach)
    return " ".join(words[first : last + 1])
