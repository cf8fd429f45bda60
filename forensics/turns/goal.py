"""The goal of an answer within a second: how the call's answers are distributed, and why one missed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from forensics.model import Turn

GOAL_S = 1.0
"""What builders of voice agents aim at; between people a gap of a second already means something (Stivers et al. 2009:
the mean over ten languages is 0.2 s)."""

LEAST_OTHERS = 3
"""Other answers that are needed to speak of what is usual."""

PART_NAMES: Mapping[str, str] = {
    "endpointing_s": "until the end of the question was taken for one",
    "model_s": "in the model",
    "tts_s": "in the synthesis of speech",
    "sender_s": "before the sender's first packet",
    "send_s": "between the first audio and its packet",
    "network_s": "in the network",
    "buffer_s": "in the listener's buffer and sound card",
    "delivery_s": "between the first audio and the ear",
}
"""Each part of a latency in words."""


def describe_latencies(turns: Sequence[Turn]) -> dict[str, object]:
    """Return how the response latencies of a call are distributed.

    Parameters
    ----------
    turns : sequence of Turn

    Returns
    -------
    dict
        ``answers`` (how many), ``median_s``, ``p90_s``, ``longest_s``, ``over_goal`` (how many took longer than
        `GOAL_S`), ``parts`` (median of each part in seconds) and ``reasons`` (a sentence per answer over the goal, in
        the order of time). Empty without answers.
    """
    answers = [turn for turn in turns if turn.latency_s is not None]
    if not answers:
        return {}
    seconds = np.array([turn.latency_s for turn in answers], dtype=float)
    slow = [turn for turn in answers if turn.latency_s is not None and turn.latency_s > GOAL_S]
    return {
        "answers": len(answers),
        "median_s": float(np.median(seconds)),
        "p90_s": float(np.quantile(seconds, 0.9)),
        "longest_s": float(seconds.max()),
        "over_goal": len(slow),
        "parts": _usual(answers),
        "reasons": [explain_latency(turn, turns) for turn in slow],
    }


def explain_latency(turn: Turn, turns: Sequence[Turn]) -> str:
    """Say why an answer took as long as it did: its largest part, against what that part usually takes in the call.

    Parameters
    ----------
    turn : Turn
        An answer of the agent.
    turns : sequence of Turn
        All of the call, for what is usual in it.
    """
    if turn.latency_s is None:
        return "This turn answers no question."
    head = f"The answer at {_clock(turn.start_s)} was heard after {_ms(turn.latency_s)}"
    if not turn.parts:
        return f"{head}; without packets or a log on the recording's clock the time cannot be split."
    others = [other for other in turns if other is not turn and other.latency_s is not None]
    usual = _usual(others) if len(others) >= LEAST_OTHERS else {}
    name = max(turn.parts, key=lambda part: turn.parts[part] - usual.get(part, 0.0))
    seen = "measured" if name in turn.measured else "inferred"
    more = f", where {_ms(usual[name])} are usual in this call" if name in usual else ""
    rest = [f"{_ms(seconds)} {PART_NAMES[part]}" for part, seconds in turn.parts.items() if part != name]
    return f"{head}: {_ms(turn.parts[name])} of it passed {PART_NAMES[name]} ({seen}{more}); {', '.join(rest)}."


def _usual(answers: Sequence[Turn]) -> dict[str, float]:
    """Median of each part over the answers that have it."""
    names = dict.fromkeys(name for turn in answers for name in turn.parts)
    return {name: float(np.median([turn.parts[name] for turn in answers if name in turn.parts])) for name in names}


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
