import numpy as np
import pytest

from forensics.clocks.stepped_line import fit_stepped_line


@pytest.fixture
def t():
    return np.linspace(0, 3600, 48)


def noise(count, *, seed=1):
    return np.random.default_rng(seed).normal(0, 2e-5, count)


@pytest.mark.parametrize("ppm", [0.0, 80.0, -80.0, 500.0, -500.0])
def test_the_slope_of_an_hour_is_known_to_hundredths_of_a_ppm(t, ppm):
    line = fit_stepped_line(t, 1.5 + ppm * 1e-6 * t + noise(48))
    assert line.offset == pytest.approx(1.5, abs=2e-5)
    assert line.slope * 1e6 == pytest.approx(ppm, abs=0.02)
    assert line.steps == ()


def test_a_step_stays_a_step(t):
    line = fit_stepped_line(t, 1.5 - 40e-6 * t + 0.12 * (t > 1700) + noise(48))
    ((at_s, change_s),) = line.steps
    assert 1600 < at_s < 1800
    assert change_s == pytest.approx(0.12, abs=2e-5)
    assert line.slope * 1e6 == pytest.approx(-40.0, abs=0.03)


def test_two_steps_there_and_back(t):
    line = fit_stepped_line(t, 0.05 * ((t > 1000) & (t < 2500)) + noise(48))
    assert [change for _, change in line.steps] == pytest.approx([0.05, -0.05], abs=5e-5)


def test_wrong_points_move_nothing(t):
    y = 80e-6 * t + noise(48)
    y[[5, 17, 18, 40]] += [0.01, -0.004, 0.3, 0.008]
    line = fit_stepped_line(t, y)
    assert line.steps == ()
    assert line.slope * 1e6 == pytest.approx(80.0, abs=0.02)
    assert not line.kept[[5, 17, 18, 40]].any()


def test_the_line_can_be_asked_anywhere(t):
    line = fit_stepped_line(t, 2.0 + 0.12 * (t > 1700) + noise(48))
    assert line(np.array([0.0, 3600.0])) == pytest.approx([2.0, 2.12], abs=1e-4)
    assert line(100.0) == pytest.approx(2.0, abs=1e-4)


def test_few_points_make_a_plain_line():
    line = fit_stepped_line(np.array([0.0, 10.0]), np.array([1.0, 1.001]))
    assert line.slope == pytest.approx(1e-4)
    assert line.steps == ()
