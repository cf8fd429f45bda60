"""How often glitches come: rates with exact intervals, and whether two of them differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from forensics.comparison.nouns import Rate

CONFIDENCE = 0.95

CALLS_TO_PERMUTE = 6
"""From this many calls a side on, whole calls are exchanged between the sides: 924 ways at least, so that a p of 0.002
can be reached and survives the correction for half a dozen causes."""

RESAMPLES = 9999  # a p of 0.0001 at the least, Davison and Hinkley (1997), section 4.2.5
SEED = 20  # that the same calls always give the same answer


def estimate_rate(count: int, minutes: float) -> Rate:
    """Return `count` events in `minutes` as a rate with its exact bounds.

    Notes
    -----
    Garwood (1936): the bounds of a Poisson mean are chi-square quantiles, α/2 at 2·count and 1 − α/2 at 2·count + 2
    degrees of freedom, halved. They hold for events that come independently of each other; glitches that come in
    clusters make the truth wider than this.
    """
    from scipy.stats import chi2

    if minutes <= 0:
        return Rate(count, minutes, math.nan, math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(chi2.ppf(1 - tail, 2 * count + 2)) / 2
    return Rate(count, minutes, count / minutes, low / minutes, high / minutes)


def estimate_ratio(before: Rate, after: Rate) -> tuple[float, float, float]:
    """Return the ratio of two rates, after over before, with its exact 95 % bounds; NaN where there is no event.

    Notes
    -----
    Given the sum of two Poisson counts, one of them is binomial (Przyborowski and Wilenski, 1940); the bounds of its
    share after Clopper and Pearson (1934) become bounds of the ratio.
    """
    total = before.count + after.count
    if not total or not before.minutes or not after.minutes:
        return math.nan, math.nan, math.nan
    from scipy.stats import binomtest

    bounds = binomtest(after.count, total).proportion_ci(CONFIDENCE, method="exact")
    exposure = before.minutes / after.minutes
    return _odds(after.count / total) * exposure, _odds(bounds.low) * exposure, _odds(bounds.high) * exposure


def rate_difference_p(before: Rate, after: Rate) -> float:
    """Return the chance of rates at least this unequal, were they the same: the conditional binomial test, two-sided.

    Notes
    -----
    Przyborowski and Wilenski (1940): under equal rates each event falls after with the share of the minutes after.
    """
    total, minutes = before.count + after.count, before.minutes + after.minutes
    if not total or not minutes:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(after.count, total, after.minutes / minutes).pvalue)


def permuted_rate_p(
    before: tuple[Sequence[int], Sequence[float]], after: tuple[Sequence[int], Sequence[float]]
) -> float:
    """Return the chance of rates at least this unequal, were the calls exchangeable between the sides, two-sided.

    Parameters
    ----------
    before, after : tuple of (counts, minutes)
        One entry per call.

    Notes
    -----
    Whole calls are exchanged, so that glitches which cluster within calls do not count as independent. Every exchange
    is tried where there are no more than `RESAMPLES`, else so many at random, with a fixed seed.
    """
    from scipy.stats import permutation_test

    counts = np.array([*before[0], *after[0]], dtype=float)
    minutes = np.array([*before[1], *after[1]], dtype=float)
    calls = np.arange(len(counts))

    def difference(left: np.ndarray, right: np.ndarray, axis: int) -> np.ndarray:
        rates = [counts[side].sum(axis) / minutes[side].sum(axis) for side in (left.astype(int), right.astype(int))]
        return rates[1] - rates[0]

    first = len(before[0])
    tested = permutation_test(
        (calls[:first], calls[first:]), difference, n_resamples=RESAMPLES, vectorized=True,
        random_state=np.random.default_rng(SEED),
    )  # fmt: skip
    return float(tested.pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Return `p` corrected for their number: Holm (1979), step-down, in the given order."""
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    out = np.empty_like(values)
    out[order] = np.minimum(stepped, 1.0)
    return out.tolist()


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else math.inf
