"""Rates and delays: their bounds against published values, their tests against counts worked out by hand."""

import math

import numpy as np
import pytest

from forensics.comparison.delays import estimate_median_difference, latency_difference_p
from forensics.comparison.rates import estimate_rate, estimate_ratio, holm, permuted_rate_p, rate_difference_p


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(0, 0.0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)],
)
def test_bounds_are_those_of_the_tables(count, low, high):
    """Garwood's 95 % limits, as printed in tables of the Poisson distribution."""
    rate = estimate_rate(count, 2.0)
    assert (rate.low * 2, rate.high * 2) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
    assert rate.per_minute == count / 2


def test_a_call_of_no_length_has_no_rate():
    assert math.isnan(estimate_rate(3, 0.0).per_minute)
    assert math.isnan(estimate_ratio(estimate_rate(3, 0.0), estimate_rate(3, 1.0))[0])


def test_the_conditional_test_is_a_coin():
    """Eight of eight on one side of equal length: two-sided 2 / 2**8."""
    assert rate_difference_p(estimate_rate(0, 5.0), estimate_rate(8, 5.0)) == pytest.approx(2 / 2**8)
    assert rate_difference_p(estimate_rate(4, 5.0), estimate_rate(4, 5.0)) == 1.0
    assert rate_difference_p(estimate_rate(0, 5.0), estimate_rate(0, 5.0)) == 1.0


def test_the_minutes_count():
    assert rate_difference_p(estimate_rate(2, 1.0), estimate_rate(20, 10.0)) == 1.0
    assert estimate_ratio(estimate_rate(2, 1.0), estimate_rate(20, 10.0))[0] == pytest.approx(1.0)


def test_a_ratio_has_bounds_that_hold_it():
    ratio, low, high = estimate_ratio(estimate_rate(20, 10.0), estimate_rate(5, 10.0))
    assert low < ratio == 0.25 < high < 1
    assert estimate_ratio(estimate_rate(0, 1.0), estimate_rate(5, 1.0))[0] == math.inf


def test_every_exchange_of_calls_is_tried():
    few, many = ([0] * 6, [1.0] * 6), ([4] * 6, [1.0] * 6)
    assert permuted_rate_p(few, many) == pytest.approx(2 / 924)
    assert permuted_rate_p(few, few) == 1.0


def test_glitches_of_one_call_count_as_one_thing():
    calm, burst = ([1, 0, 1, 0, 0, 1], [1.0] * 6), ([0, 1, 0, 30, 1, 0], [1.0] * 6)
    assert permuted_rate_p(calm, burst) > 0.3
    assert rate_difference_p(estimate_rate(3, 6.0), estimate_rate(32, 6.0)) < 1e-6


def test_holm():
    """The worked example of the step-down: sorted p times how many are left, never falling."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_shift_is_found_with_its_bounds():
    rng = np.random.default_rng(5)
    before, after = rng.gamma(9, 0.1, 80), rng.gamma(9, 0.1, 80) + 0.3
    difference, low, high = estimate_median_difference(before, after)
    assert low < 0.3 < high
    assert low < difference < high
    assert latency_difference_p(before, after) < 1e-4


def test_bounds_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(6)
    kept = 0
    for _ in range(60):
        _, low, high = estimate_median_difference(rng.normal(1, 0.2, 25), rng.normal(1.1, 0.2, 25))
        kept += low <= 0.1 <= high
    assert kept >= 52


def test_too_few_answers_tell_nothing():
    assert math.isnan(estimate_median_difference([1.0, 2.0], [1.0] * 9)[0])
    assert math.isnan(latency_difference_p([1.0, 2.0], [1.0] * 9))
