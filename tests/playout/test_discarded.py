import numpy as np
import pytest
from building import make_journey

from forensics.model import ClockMap
from forensics.playout.discarded import find_discarded, find_overtaken

COUNT, AT = 60, 30
AXIS_S = ClockMap("recording", offset_s=100.0, drift_ppm=0.0, error_s=0.01, method="built")


def overtaking(late_s, *, located=False, at=AT):
    """Return a journey on a path that holds one packet back for `late_s`; its turn is 60 ms after it is due."""
    journey = make_journey(COUNT, lateness_s=np.where(np.arange(COUNT) == at, late_s, 0.0))
    order = np.argsort(journey["arrival_s"].to_numpy(), kind="stable")
    journey["row"] = np.argsort(order)
    journey.loc[at, "located"] = located
    return journey


def test_an_overtaken_packet_came_behind_one_that_follows_it():
    assert np.flatnonzero(find_overtaken(np.array([0, 3, 1, 2, 4, 6, 5]))).tolist() == [1, 5]
    assert not find_overtaken(np.arange(9)).any()


@pytest.mark.parametrize("late_s", [0.07, 0.12, 0.4])
def test_a_packet_is_discarded_whose_turn_had_passed_when_it_came(late_s):
    discarded = find_discarded(overtaking(late_s), to_recording=None)
    assert np.flatnonzero(discarded).tolist() == [AT]


def test_a_packet_that_came_before_its_turn_was_played():
    assert not find_discarded(overtaking(0.05), to_recording=None).any()


def test_a_packet_that_was_found_in_the_recording_was_played():
    assert not find_discarded(overtaking(0.12, located=True), to_recording=None).any()


def test_the_last_packet_of_a_call_can_always_be_played():
    assert not find_discarded(overtaking(0.4, at=COUNT - 1), to_recording=None).any()


def test_turns_are_told_on_the_clock_of_the_recording():
    journey = overtaking(0.12).assign(heard_s=lambda table: table["heard_s"] - 100.0)
    assert np.flatnonzero(find_discarded(journey, to_recording=AXIS_S)).tolist() == [AT]


def test_nothing_is_discarded_where_nothing_was_played():
    assert not find_discarded(overtaking(0.12).assign(heard_s=np.nan), to_recording=None).any()
