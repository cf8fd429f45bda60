"""Turns: who spoke when, and how long the answer took to be heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forensics.audio.activity import find_speech
from forensics.model import AudioTrack, ClockMap, Turn

TURN_PAUSE_S = 1.5
"""Phrases of one speaker closer than this, with nobody else in between, are one turn."""

EDGE_S = 0.05
"""How far the end of one speaker and the start of the other may overlap and still be one after the other: twice what
edges of speech are good to."""

ANSWER_WITHIN_S = 10.0
"""An agent that starts later than this after the user ended does not answer that turn."""


def find_turns(
    recording: AudioTrack | None, microphone: AudioTrack | None, *, journey: pd.DataFrame | None, clock: ClockMap | None
) -> tuple[Turn, ...]:
    """Find the turns of user and agent, in recording time.

    Parameters
    ----------
    recording : AudioTrack, optional
        What the listener heard: the agent.
    microphone : AudioTrack, optional
        What the user said, on the clock of the recording.
    journey : DataFrame, optional
        JOURNEY_COLUMNS; splits the latency into what happened before and after the first packet of the answer.
    clock : ClockMap, optional
        Of the recording, for that split.

    Returns
    -------
    tuple of Turn
        In the order of time. `latency_s` of an agent's turn runs from the end of the user's speech to the first sample
        of the agent that was heard; `parts` holds `sender_s` (until its first packet with speech arrived) and
        `playout_s` (from there until it was heard).

    Notes
    -----
    Without the user's side there are agent turns without latency. Who speaks over whom is told by time alone.
    """
    heard = find_speech(recording) if recording is not None else ()
    said = find_speech(microphone) if microphone is not None else ()
    agent, user = _turns(heard, said), _turns(said, heard)
    turns = [Turn("user", start, end) for start, end in user]
    for start, end in agent:
        asked = [stop for _, stop in user if stop <= start + EDGE_S]
        previous = [stop for begin, stop in agent if begin < start]
        open_question = (
            bool(asked) and start - asked[-1] <= ANSWER_WITHIN_S and (not previous or previous[-1] < asked[-1])
        )
        latency_s = start - asked[-1] if open_question else None
        turns.append(Turn("agent", start, end, latency_s, _parts(start, latency_s, journey, clock)))
    return tuple(sorted(turns, key=lambda turn: turn.start_s))


def _turns(phrases: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join the phrases of one speaker into turns; a phrase of the others that ended in between parts them."""
    turns: list[tuple[float, float]] = []
    for start, end in phrases:
        parted = turns and any(turns[-1][1] < stop <= start + EDGE_S for _, stop in others)
        if turns and start - turns[-1][1] < TURN_PAUSE_S and not parted:
            turns[-1] = (turns[-1][0], end)
        else:
            turns.append((start, end))
    return turns


def _parts(
    start_s: float, latency_s: float | None, journey: pd.DataFrame | None, clock: ClockMap | None
) -> dict[str, float]:
    """Split a latency at the arrival of the packet that was heard first."""
    if latency_s is None or journey is None or clock is None or not journey["located"].any():
        return {}
    heard = journey[journey["heard_s"] + journey["duration_s"] > start_s]
    if len(heard) == 0:
        return {}
    arrived_s = float(clock.from_capture_s(heard["arrival_s"].iat[0]))
    playout_s = float(np.clip(start_s - arrived_s, 0.0, latency_s))
    return {"sender_s": latency_s - playout_s, "playout_s": playout_s}
