"""What changed, in one paragraph of plain words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from forensics.comparison.nouns import LatencyChange, Outcome, RateChange, Side

ALL = "audible"
"""The row of all glitches that were heard."""

LEAST_P = 0.001  # what is below is not worth its digits


def write_conclusion(
    sides: tuple[Side, Side],
    *,
    causes: Sequence[RateChange],
    mechanisms: Sequence[RateChange],
    latency: LatencyChange,
) -> str:
    """Say what got worse, better or is new, and what the calls are too few to tell."""
    changes: list[RateChange | LatencyChange] = [*causes, latency]
    worse, better, unclear = (_listed(changes, outcome) for outcome in (Outcome.WORSE, Outcome.BETTER, Outcome.UNCLEAR))
    if worse or better:
        sentences = [f"Worse: {worse}." if worse else "Nothing got worse by more than chance would give."]
        sentences += [f"Better: {better}." if better else "Nothing got better by more than chance would give."]
    else:
        sentences = ["Nothing changed by more than chance would give."]
    new = ", ".join(_words(change.what) for change in (*causes[1:], *mechanisms) if change.new)
    if new:
        sentences.append(f"Not seen before: {new}.")
    if unclear:
        sentences.append(f"Different, but no more than chance would give: {unclear}.")
    sentences.append(f"Compared: {_size(sides[0])} before, {_size(sides[1])} after.")
    left_out = sum(len(side.left_out) for side in sides)
    if left_out:
        sentences.append(f"{left_out} {'call' if left_out == 1 else 'calls'} could not be read and stand at the end.")
    return " ".join(sentences)


def _listed(changes: Iterable[RateChange | LatencyChange], outcome: Outcome) -> str:
    return "; ".join(_sentence(change) for change in changes if change.outcome is outcome and _differs(change))


def _differs(change: RateChange | LatencyChange) -> bool:
    if isinstance(change, RateChange):
        return bool(change.before.count or change.after.count) and change.ratio != 1
    return not math.isnan(change.difference_s) and change.difference_s != 0


def _sentence(change: RateChange | LatencyChange) -> str:
    if isinstance(change, LatencyChange):
        return (
            f"response latency {1000 * change.difference_s:+.0f} ms in the median "
            f"({1000 * change.low_s:+.0f} to {1000 * change.high_s:+.0f} ms, {_p(change.p_adjusted)})"
        ).replace("-", "−")
    return (
        f"{_words(change.what)} {change.before.per_minute:.2g} → {change.after.per_minute:.2g} a minute "
        f"({_p(change.p_adjusted)})"
    )


def _words(what: str) -> str:
    return "all audible glitches" if what == ALL else what.replace("_", " ")


def _p(p: float) -> str:
    return f"p = {p:.2g}" if p >= LEAST_P else f"p < {LEAST_P:g}"


def _size(side: Side) -> str:
    calls = len(side.documents)
    return f"{calls} {'call' if calls == 1 else 'calls'}, {side.minutes:.1f} minutes"
