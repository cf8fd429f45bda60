"""How long answers take: distributions, the difference of their medians, and whether chance explains it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from forensics.comparison.rates import CONFIDENCE, RESAMPLES, SEED

FEWEST_ANSWERS = 4
"""With fewer on a side no two-sided rank test can reach 0.05 (4 against 4: 2 of 70 orders), and a bootstrap only
repeats what little there is."""

BATCH = 500  # resamples held at a time: 10 000 answers a side take 80 MB


def estimate_median_difference(before_s: Sequence[float], after_s: Sequence[float]) -> tuple[float, float, float]:
    """Return the difference of the medians, after less before, with its bootstrapped 95 % bounds, in seconds.

    Notes
    -----
    Percentile bootstrap (Efron and Tibshirani, 1993, chapter 13) with `RESAMPLES` resamples and a fixed seed; answers
    count as independent of each other. NaN where a side has fewer than `FEWEST_ANSWERS`.
    """
    if min(len(before_s), len(after_s)) < FEWEST_ANSWERS:
        return math.nan, math.nan, math.nan
    from scipy.stats import bootstrap

    def difference(left: np.ndarray, right: np.ndarray, axis: int) -> np.ndarray:
        return np.median(right, axis=axis) - np.median(left, axis=axis)

    drawn = bootstrap(
        (before_s, after_s), difference, n_resamples=RESAMPLES, batch=BATCH, confidence_level=CONFIDENCE,
        method="percentile", random_state=np.random.default_rng(SEED),
    )  # fmt: skip
    bounds = drawn.confidence_interval
    return float(np.median(after_s) - np.median(before_s)), float(bounds.low), float(bounds.high)


def latency_difference_p(before_s: Sequence[float], after_s: Sequence[float]) -> float:
    """Return the chance of ranks at least this unequal, were both drawn alike: Mann and Whitney (1947), two-sided."""
    if min(len(before_s), len(after_s)) < FEWEST_ANSWERS:
        return math.nan
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(before_s, after_s, alternative="two-sided").pvalue)
