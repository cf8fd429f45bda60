"""Breaks are built at one instant and found there, in each of the ways in which a voice is predictable."""

import numpy as np
import pytest
from scipy.signal import lfilter

from forensics.audio.breaks import (
    MEASURES,
    PREDICTION_REACH,
    RATE_HZ,
    REACH,
    break_db,
    cut_windows,
    fit_predictors,
    measure_breaks,
    prediction_breaks_db,
)


def vowel(formants_hz: tuple[float, ...], *, pitch_hz: float = 120.0, samples: int = 4 * REACH) -> np.ndarray:
    """Return pulses through resonators, with a breath of noise."""
    pulses = np.zeros(samples)
    pulses[np.arange(0, samples, RATE_HZ / pitch_hz).astype(int)] = 1
    sound = pulses + np.random.default_rng(3).normal(0, 0.01, samples)
    for hz in formants_hz:
        radius, angle = np.exp(-np.pi * 90 / RATE_HZ), 2 * np.pi * hz / RATE_HZ
        sound = lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], sound)
    return (sound / np.abs(sound).max() / 2).astype(np.float32)


A, I = (750, 1200, 2500), (300, 2200, 3000)  # noqa: E741 (the names of the vowels)


def windows_at(samples: np.ndarray, *instants: int) -> np.ndarray:
    return cut_windows(samples, np.array(instants))


def column(measured: np.ndarray, name: str) -> np.ndarray:
    return measured[:, MEASURES.index(name)]


@pytest.fixture(scope="module")
def spliced() -> np.ndarray:
    """An A up to sample 2 * REACH, an I at a higher pitch from there on."""
    return np.concatenate([vowel(A)[: 2 * REACH], vowel(I, pitch_hz=170)[2 * REACH + 37 : 4 * REACH]])


def test_predictors_are_the_resonances_that_made_the_sound() -> None:
    sound = lfilter([1], [1, -1.2, 0.6], np.random.default_rng(1).normal(size=(2, 20_000)), axis=1)
    predictors, error = fit_predictors(sound.astype(np.float32), order=2, noise=0)
    np.testing.assert_allclose(predictors, [[1, -1.2, 0.6]] * 2, atol=0.03)
    assert (error > 0).all()


def test_prediction_needs_no_more_than_its_reach(spliced: np.ndarray) -> None:
    instants = np.array([2 * REACH, 2 * REACH + 100])
    narrow = prediction_breaks_db(cut_windows(spliced, instants, reach=PREDICTION_REACH))
    np.testing.assert_array_equal(narrow, prediction_breaks_db(cut_windows(spliced, instants)))


def test_windows_have_one_loudness() -> None:
    sound = vowel(A)
    loud, quiet = windows_at(sound, 2 * REACH), windows_at(sound / 50, 2 * REACH)
    assert loud.shape == (1, 2 * REACH)
    np.testing.assert_allclose(loud, quiet, rtol=1e-2)


def test_prediction_fails_across_a_splice_in_both_directions(spliced: np.ndarray) -> None:
    at, within = measure_breaks(windows_at(spliced, 2 * REACH, 2 * REACH - 640))
    for direction in ("forward_db", "backward_db"):
        assert at[MEASURES.index(direction)] - within[MEASURES.index(direction)] > 3


def test_the_break_is_the_sum_of_both_directions(spliced: np.ndarray) -> None:
    windows = windows_at(spliced, 2 * REACH, 2 * REACH - 640)
    measured = measure_breaks(windows)
    both = column(measured, "forward_db") + column(measured, "backward_db")
    np.testing.assert_allclose(break_db(prediction_breaks_db(windows)), both, rtol=1e-5)


def test_spectra_and_pitch_differ_across_a_splice_and_not_beside_it(spliced: np.ndarray) -> None:
    measured = measure_breaks(windows_at(spliced, 2 * REACH))
    assert measured.shape == (1, len(MEASURES))
    assert column(measured, "across_20ms_db") > 2 * max(
        column(measured, "before_20ms_db"), column(measured, "after_20ms_db")
    )
    assert min(column(measured, "period_before"), column(measured, "period_after")) > 0.8
    assert column(measured, "pitch_step") == pytest.approx(np.log(170 / 120), abs=0.05)


def test_one_steady_sound_has_neighbouring_periods_alike() -> None:
    measured = measure_breaks(windows_at(vowel(A), 2 * REACH))
    assert column(measured, "period_across") > 0.8
    assert column(measured, "across_20ms_db") < 4


def test_the_error_begins_at_the_splice_and_not_before_it(spliced: np.ndarray) -> None:
    at, early = measure_breaks(windows_at(spliced, 2 * REACH, 2 * REACH - 40))
    onset = [i for i, name in enumerate(MEASURES) if name.startswith("forward_onset")]
    assert at[onset[0]] - early[onset[0]] > 3
    assert np.argmax(early[onset]) == len(onset) - 1
