"""A call in a dozen numbers: what gates ask for, what a survey lists, what a comparison counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forensics.model import BLAMING_CAUSES, Cause

MEASURES: Mapping[str, str] = {
    "duration_s": "length of the call",
    "audible": "audible glitches, those of the recorder and the tap not counted",
    "masked": "glitches that were not heard",
    **{str(cause): f"audible glitches with the cause {cause}" for cause in (*BLAMING_CAUSES, Cause.UNDETERMINED)},
    "audible_per_minute": "audible glitches per minute of the call",
    "glitch_s": "how long the audible glitches last together",
    "longest_glitch_s": "how long the longest audible glitch lasts",
    "latency_median_s": "median of the response latencies as heard",
    "latency_p95_s": "what 95 % of the response latencies stay within",
    "latency_max_s": "longest response latency",
}
"""Name and meaning of every number that `call_measures` returns."""


def call_measures(document: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the numbers of one call.

    Parameters
    ----------
    document : mapping
        A findings document, as `findings` makes it.

    Returns
    -------
    dict of str to float or None
        With the keys of `MEASURES`; None where the call does not tell, as the latency of a call without turns.
    """
    judged = [glitch for glitch in document["glitches"] if glitch["cause"] in document["summary"]]
    lasting = [glitch["end_s"] - glitch["start_s"] for glitch in judged if glitch["audible"]]
    minutes = document.get("duration_s", 0) / 60
    return {
        "duration_s": document.get("duration_s"),
        "audible": len(lasting),
        "masked": len(judged) - len(lasting),
        **{cause: document["summary"].get(cause, 0) for cause in map(str, (*BLAMING_CAUSES, Cause.UNDETERMINED))},
        "audible_per_minute": len(lasting) / minutes if minutes else None,
        "glitch_s": sum(lasting),
        "longest_glitch_s": max(lasting, default=0.0),
        **_latency_measures(latencies(document)),
    }


def latencies(document: Mapping[str, Any]) -> list[float]:
    """Return the response latencies of a call in seconds, in the order of its turns."""
    return [turn["latency_s"] for turn in document["turns"] if turn["latency_s"] is not None]


def _latency_measures(seconds: Iterable[float]) -> dict[str, float | None]:
    import numpy as np

    values = np.asarray(list(seconds), dtype=float)
    if not len(values):
        return dict.fromkeys(("latency_median_s", "latency_p95_s", "latency_max_s"))
    median, p95, longest = np.quantile(values, [0.5, 0.95, 1.0]).tolist()
    return {"latency_median_s": median, "latency_p95_s": p95, "latency_max_s": longest}
