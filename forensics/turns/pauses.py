"""Pauses inside an utterance, against the natural ones of the same speaker."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from forensics.model import Turn

LEAST_PAUSES = 4
"""Quartiles of fewer say nothing."""

FENCE = 1.5
"""Tukey's upper fence: a pause that is longer than the third quartile by so many interquartile ranges is no usual one
(Tukey 1977)."""


def find_pauses(turn: tuple[float, float], phrases: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return the pauses (start_s, end_s) between the phrases of one turn."""
    inside = [(start, end) for start, end in phrases if turn[0] <= start and end <= turn[1]]
    return tuple((before[1], after[0]) for before, after in pairwise(inside))


def estimate_natural_pause(turns: Sequence[Turn], speaker: str) -> float | None:
    """Say up to which length a pause inside this speaker's utterances is natural.

    Parameters
    ----------
    turns : sequence of Turn
        Of one call.
    speaker : str
        "user" or "agent".

    Returns
    -------
    float or None
        Seconds; None where the speaker made fewer than `LEAST_PAUSES`.

    Notes
    -----
    The pauses are those that were heard. One that a glitch made longer counts among them, which the fence allows for
    as long as most of them are the speaker's own.
    """
    lengths_s = [end - start for turn in turns if turn.speaker == speaker for start, end in turn.pauses]
    if len(lengths_s) < LEAST_PAUSES:
        return None
    lower, upper = np.quantile(lengths_s, [0.25, 0.75])
    return float(upper + FENCE * (upper - lower))
