import numpy as np
import pandas as pd
import pytest

from forensics.model import ClockMap

STEPPED = ClockMap("recording", 2.0, 0.001, "decoded-audio", drift_ppm=100.0, steps=((10.0, 0.5), (20.0, -0.2)))


def test_a_clock_without_steps_is_a_line():
    clock = ClockMap("recording", 2.0, 0.001, "decoded-audio", drift_ppm=100.0)
    assert clock.to_capture_s(10_000.0) == pytest.approx(10_003.0)
    assert clock.from_capture_s(clock.to_capture_s(1234.5)) == pytest.approx(1234.5)


def test_a_step_holds_from_its_place_on():
    at_s = np.array([9.999, 10.0, 15.0, 20.0, 25.0])
    line_s = at_s * (1 + 100e-6) + 2.0
    assert STEPPED.to_capture_s(at_s) - line_s == pytest.approx([0.0, 0.5, 0.5, 0.3, 0.3])


@pytest.mark.parametrize("local_s", [0.0, 9.9, 10.0, 19.7, 20.1, 1000.0])
def test_there_and_back(local_s):
    assert STEPPED.from_capture_s(STEPPED.to_capture_s(local_s)) == pytest.approx(local_s)


def test_what_the_clock_jumped_over_is_at_the_jump():
    assert STEPPED.from_capture_s(np.array([12.1, 12.3, 12.49])) == pytest.approx([10.0, 10.0, 10.0])


def test_columns_of_tables_are_mapped_too():
    local_s = pd.Series([1.0, np.nan, 15.0])
    there = STEPPED.to_capture_s(local_s)
    assert there.isna().tolist() == [False, True, False]
    assert np.asarray(STEPPED.from_capture_s(there))[[0, 2]] == pytest.approx([1.0, 15.0])
