"""What a comparison is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Outcome(StrEnum):
    """What a difference amounts to."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"  # no more than chance would give


@dataclass(frozen=True, slots=True)
class Side:
    """The calls on one side: a findings document each, and those that could not be read with the reason."""

    name: str
    documents: tuple[Mapping[str, Any], ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def minutes(self) -> float:
        """Length of all its calls together."""
        return sum(document["duration_s"] for document in self.documents) / 60


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events in so many minutes; `low` to `high` holds the true rate per minute with 95 % confidence."""

    count: int
    minutes: float
    per_minute: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RateChange:
    """How often something happens, before and after.

    `ratio` is after over before with its 95 % bounds, NaN where neither side has any. `p` is the chance of a
    difference at least as large if nothing had changed; `p_adjusted` allows for how many things were looked at.
    """

    what: str  # "audible", a cause, or a mechanism
    before: Rate
    after: Rate
    ratio: float
    ratio_low: float
    ratio_high: float
    p: float
    p_adjusted: float
    test: str
    outcome: Outcome

    @property
    def new(self) -> bool:
        """Seen after and never before, be it by chance or not."""
        return self.before.count == 0 < self.after.count

    @property
    def gone(self) -> bool:
        """Seen before and no more after, be it by chance or not."""
        return self.after.count == 0 < self.before.count


@dataclass(frozen=True, slots=True)
class LatencyChange:
    """A latency, or one of its parts, before and after; seconds, one value per answer, sorted.

    `difference_s` is that of the medians, after less before, with its 95 % bounds; NaN where there are too few.
    """

    what: str  # "latency_s", "model_s", …
    before_s: tuple[float, ...]
    after_s: tuple[float, ...]
    difference_s: float
    low_s: float
    high_s: float
    p: float
    p_adjusted: float
    test: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two sets of calls, what changed between them, and how sure that is."""

    before: Side
    after: Side
    causes: tuple[RateChange, ...]
    mechanisms: tuple[RateChange, ...]
    latencies: tuple[LatencyChange, ...]
    conclusion: str
    version: str

    @property
    def worse(self) -> bool:
        """Whether glitches of any cause, or the response latency, got worse by more than chance would give."""
        outcomes = [change.outcome for change in self.causes] + [change.outcome for change in self.latencies[:1]]
        return Outcome.WORSE in outcomes

    @property
    def rates(self) -> pd.DataFrame:
        """One row per cause and mechanism: counts, rates per minute with bounds, ratio, p, outcome."""
        import pandas as pd

        return pd.DataFrame([_flat(change) for change in (*self.causes, *self.mechanisms)])

    @property
    def latency(self) -> pd.DataFrame:
        """One row per latency and part: numbers, medians, their difference with bounds, p, outcome."""
        import pandas as pd

        return pd.DataFrame([latency_row(change) for change in self.latencies])


def latency_row(change: LatencyChange) -> dict[str, Any]:
    """Return `change` as a row, with medians in place of the values."""
    import numpy as np

    row: dict[str, Any] = {"what": change.what}
    for side, values in (("before", change.before_s), ("after", change.after_s)):
        q25, median, q75, p95 = np.quantile(values, [0.25, 0.5, 0.75, 0.95]).tolist() if values else [np.nan] * 4
        row |= {f"{side}_answers": len(values), f"{side}_q25_s": q25, f"{side}_median_s": median,
                f"{side}_q75_s": q75, f"{side}_p95_s": p95}  # fmt: skip
    kept = ("difference_s", "low_s", "high_s", "p", "p_adjusted", "test", "outcome")
    return row | {name: getattr(change, name) for name in kept}


def _flat(change: RateChange) -> dict[str, Any]:
    row: dict[str, Any] = {"what": change.what}
    for side in ("before", "after"):
        rate = getattr(change, side)
        row |= {f"{side}_{name}": getattr(rate, name) for name in _names(Rate)}
    return row | {name: getattr(change, name) for name in _names(RateChange) if name not in ("what", "before", "after")}


def _names(noun: type) -> Iterable[str]:
    return [field.name for field in fields(noun)]
