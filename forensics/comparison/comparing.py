"""`compare`: two sets of calls side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from forensics.comparison import rates
from forensics.comparison.conclusion import ALL, write_conclusion
from forensics.comparison.delays import estimate_median_difference, latency_difference_p
from forensics.comparison.nouns import Comparison, LatencyChange, Outcome, RateChange, Side
from forensics.comparison.sides import Calls, gather_side
from forensics.measures import latencies
from forensics.model import BLAMING_CAUSES, MECHANISMS, Cause

Change = TypeVar("Change", RateChange, LatencyChange)

COUNTED = tuple(str(cause) for cause in (*BLAMING_CAUSES, Cause.UNDETERMINED))
SIGNIFICANT = 0.05
"""A difference is told as one where its corrected p is below this: in one comparison of twenty between equals, chance
alone makes something look changed."""


def compare(before: Calls, after: Calls, *, jobs: int | None = 0, progress: bool = False) -> Comparison:
    """Tell what got better, worse or is new between two sets of calls, and whether chance would explain it.

    Parameters
    ----------
    before, after
        Each a diagnosis, a case, a findings document, the path of a case, of a folder of cases or of findings as JSON,
        or several of these.
    jobs : int, optional
        How many processes diagnose what is not diagnosed yet; 0 does it here, None takes one per processor.
    progress : bool
        Show a bar on stderr while calls are diagnosed.

    Returns
    -------
    Comparison
        Glitches per minute by cause and by mechanism with 95 % bounds, response latencies and their parts, and a
        conclusion. `write_comparison` makes a page of it.

    Raises
    ------
    CaseError
        A side has no call that could be read.

    Notes
    -----
    Rates have exact Poisson bounds and are tested by the conditional binomial test; from six calls a side on, by
    exchanging whole calls, which does not take glitches of one call for independent. Latencies are compared by a
    bootstrapped difference of medians and a rank test. All p values are corrected together after Holm. What differs
    between the sides besides what was changed on purpose (time of day, speakers, length of the answers) it cannot see.
    """
    from forensics import __version__

    sides = (
        gather_side("before", before, jobs=jobs, progress=progress),
        gather_side("after", after, jobs=jobs, progress=progress),
    )
    causes = [_rate_change(what, *sides, counted=partial(_by_cause, what)) for what in (ALL, *COUNTED)]
    whole = _latency_change("latency_s", *sides)
    corrected = _corrected([*causes, whole])
    causes, whole = [_told(change, corrected) for change in causes], _told(whole, corrected)
    mechanisms = [_rate_change(what, *sides, counted=partial(_by_mechanism, what)) for what in _mechanisms(*sides)]
    parts = [_latency_change(part, *sides) for part in _parts(*sides)]
    corrected = _corrected([*mechanisms, *parts])
    mechanisms = [_told(change, corrected) for change in mechanisms]
    parts = [_told(change, corrected) for change in parts]
    return Comparison(
        *sides,
        causes=tuple(causes),
        mechanisms=tuple(mechanisms),
        latencies=(whole, *parts),
        conclusion=write_conclusion(sides, causes=causes, mechanisms=mechanisms, latency=whole),
        version=__version__,
    )


def _rate_change(what: str, before: Side, after: Side, *, counted: Callable[[Mapping[str, Any]], int]) -> RateChange:
    """Set the rates of one thing side by side; outcome and correction come when all are known."""
    counts = [[counted(document) for document in side.documents] for side in (before, after)]
    minutes = [[document["duration_s"] / 60 for document in side.documents] for side in (before, after)]
    left, right = (rates.estimate_rate(sum(n), sum(m)) for n, m in zip(counts, minutes, strict=True))
    if min(map(len, counts)) >= rates.CALLS_TO_PERMUTE and min(map(min, minutes)) > 0:
        test, p = "permutation of calls", rates.permuted_rate_p((counts[0], minutes[0]), (counts[1], minutes[1]))
    else:
        test, p = "conditional binomial", rates.rate_difference_p(left, right)
    ratio, low, high = rates.estimate_ratio(left, right)
    return RateChange(what, left, right, ratio, low, high, p, p, test, Outcome.UNCLEAR)


def _latency_change(what: str, before: Side, after: Side) -> LatencyChange:
    left, right = (tuple(sorted(_latencies(what, side))) for side in (before, after))
    difference = estimate_median_difference(left, right)
    p = latency_difference_p(left, right)
    return LatencyChange(what, left, right, *difference, p, p, "Mann-Whitney", Outcome.UNCLEAR)


def _latencies(what: str, side: Side) -> Iterable[float]:
    for document in side.documents:
        if what == "latency_s":
            yield from latencies(document)
        else:
            parts = (turn["parts"].get(what) for turn in document["turns"])
            yield from (seconds for seconds in parts if seconds is not None)


def _corrected(changes: Iterable[RateChange | LatencyChange]) -> dict[str, float]:
    """Correct the p values of all that could be tested for their number; by what they are about."""
    tested = [change for change in changes if _testable(change)]
    return dict(zip((change.what for change in tested), rates.holm([change.p for change in tested]), strict=True))


def _testable(change: RateChange | LatencyChange) -> bool:
    if isinstance(change, RateChange):
        return bool(change.before.count or change.after.count)
    return not math.isnan(change.p)


def _told(change: Change, corrected: Mapping[str, float]) -> Change:
    """Say what a difference is, now that its corrected p is known."""
    if change.what not in corrected:
        return change
    p = corrected[change.what]
    rise = change.ratio - 1 if isinstance(change, RateChange) else change.difference_s
    outcome = Outcome.UNCLEAR
    if p < SIGNIFICANT and rise:
        outcome = Outcome.WORSE if rise > 0 else Outcome.BETTER
    return replace(change, p_adjusted=p, outcome=outcome)


def _by_cause(cause: str, document: Mapping[str, Any]) -> int:
    return sum(document["summary"].values()) if cause == ALL else document["summary"].get(cause, 0)


def _by_mechanism(mechanism: str, document: Mapping[str, Any]) -> int:
    return sum(glitch["audible"] and glitch["mechanism"] == mechanism for glitch in document["glitches"])


def _mechanisms(*sides: Side) -> list[str]:
    """Return the mechanisms of what was heard on either side, in the order of the causes."""
    named = {glitch["mechanism"] for side in sides for document in side.documents for glitch in document["glitches"]
             if glitch["audible"]}  # fmt: skip
    return [mechanism for below in MECHANISMS.values() for mechanism in below if mechanism in named]


def _parts(*sides: Side) -> list[str]:
    """Return the parts into which any latency was broken, in the order in which they come."""
    turns = (turn for side in sides for document in side.documents for turn in document["turns"])
    return list(dict.fromkeys(part for turn in turns for part in turn["parts"]))
