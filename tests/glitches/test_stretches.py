"""Stretches: pitch periods put into a playout curve, or taken out, and looked for."""

import numpy as np
import pytest
from building import make_journey, make_scene, without

from forensics.glitches import find_glitches, find_heard_stretches, find_stretches
from forensics.glitches.boundaries import measure_boundaries

COUNT, AT, EVERY = 400, 100, 3
NUMBER = np.arange(COUNT)


def scaled(period_s, times, *, every=EVERY, **columns):
    """A journey into whose playout so many periods were put (or taken out), one every few packets from `AT` on."""
    steps = np.clip((NUMBER - AT) // every + 1, 0, times) * period_s
    return make_journey(COUNT, heard_s=NUMBER * 0.02 + 0.365 + steps, **columns)


@pytest.mark.parametrize(("period_s", "times"), [(0.01, 12), (-0.01, 12), (0.0045, 10), (-0.014, 5)])
def test_what_was_put_in_or_taken_out_is_measured_and_placed(period_s, times):
    journey = scaled(period_s, times)
    (stretch,) = find_stretches(journey).itertuples()
    assert stretch.inserted_s == pytest.approx(period_s * times)
    assert stretch.scalings == times
    assert stretch.start_s == pytest.approx(journey["heard_s"][AT], abs=0.02)
    assert stretch.end_s == pytest.approx(journey["heard_s"][AT + EVERY * (times - 1)], abs=0.02)


def test_a_stretch_that_a_buffer_makes_is_no_glitch():
    for period_s in (0.01, -0.01):
        assert find_glitches(make_scene(journey=scaled(period_s, 20))) == []


def test_two_directions_are_two_stretches():
    up, down = (np.clip((NUMBER - at) // EVERY + 1, 0, 6) * by for at, by in ((AT, 0.01), (AT + 18, -0.01)))
    journey = make_journey(COUNT, heard_s=NUMBER * 0.02 + 0.065 + up + down)
    assert find_stretches(journey)["inserted_s"].tolist() == pytest.approx([0.06, -0.06])


def test_stretches_far_apart_are_two():
    journey = make_journey(COUNT, heard_s=NUMBER * 0.02 + np.where(NUMBER >= AT, 0.012, 0) * 2)
    assert len(find_stretches(journey)) == 0  # 24 ms at once: no time scaling
    parts = [np.clip((NUMBER - at) // EVERY + 1, 0, 4) * 0.01 for at in (AT, AT + 100)]
    assert len(find_stretches(make_journey(COUNT, heard_s=NUMBER * 0.02 + sum(parts)))) == 2


def test_a_hole_a_loss_and_a_drifting_clock_are_no_stretches():
    hole = make_journey(COUNT, heard_s=NUMBER * 0.02 + np.where(NUMBER >= AT, 0.12, 0.0))
    assert len(find_stretches(hole)) == 0
    lost = without(make_journey(COUNT, heard_s=NUMBER * 0.02 + np.where(NUMBER >= AT, 0.012, 0.0)), [AT - 1])
    assert len(find_stretches(lost)) == 0
    assert len(find_stretches(make_journey(COUNT, heard_s=NUMBER * 0.02 * 1.0003))) == 0
    assert len(find_stretches(make_journey(COUNT, located=np.zeros(COUNT, bool)))) == 0


@pytest.mark.parametrize(("period_s", "direction"), [(-0.008, "faster"), (0.009, "slower")])
def test_speech_that_is_much_faster_or_slower_for_long_is_heard(period_s, direction):
    """A period in every packet: 40 % and more, which NetEq does not do but when it is in a great hurry."""
    journey = scaled(period_s, 60, every=1)
    (glitch,) = find_heard_stretches(make_scene(journey=journey), boundaries=measure_boundaries(journey))
    assert glitch.kind == "stretch"
    assert glitch.measurements["inserted_s"] == pytest.approx(60 * period_s)
    assert glitch.frames == (journey["frame"][AT - 1], journey["frame"][AT + 59])


def test_the_same_for_a_moment_is_not_heard():
    journey = scaled(-0.008, 12, every=1)
    assert find_heard_stretches(make_scene(journey=journey), boundaries=measure_boundaries(journey)) == []
