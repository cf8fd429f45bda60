import numpy as np
import pytest
from building import make_journey, make_scene, without

from forensics.glitches import find_late_packets, find_losses, find_timestamp_jumps
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.packets import LATE_S

COUNT = 200
AT = 100  # journey position of the packet behind the fault
NUMBER = np.arange(COUNT)


def late_from(at=AT, late_s=0.3, *, until=COUNT):
    return np.where((at <= NUMBER) & (until > NUMBER), late_s, 0.0)


def jumped(at=AT, jump_s=0.3):
    """Media times that jump ahead."""
    return NUMBER * 0.02 + np.where(at <= NUMBER, jump_s, 0.0)


def find(find_some, journey):
    return find_some(make_scene(journey=journey), boundaries=measure_boundaries(journey))


@pytest.mark.parametrize("find_some", [find_losses, find_timestamp_jumps, find_late_packets])
def test_a_faultless_call_shows_nothing(find_some):
    assert find(find_some, make_journey(COUNT)) == []


@pytest.mark.parametrize("lost", [1, 2, 11])
def test_missing_sequence_numbers_are_a_loss(lost):
    journey = without(make_journey(COUNT), range(AT, AT + lost))
    (glitch,) = find(find_losses, journey)
    assert (glitch.kind, glitch.found_by) == ("loss", ("sequence",))
    assert glitch.measurements["lost_packets"] == lost
    assert glitch.measurements["media_gap_s"] == pytest.approx(lost * 0.02)
    assert glitch.frames == (journey["frame"][AT - 1], journey["frame"][AT])


def test_a_loss_extends_from_the_end_of_one_packet_as_heard_to_the_start_of_the_other():
    (glitch,) = find(find_losses, without(make_journey(COUNT), range(AT, AT + 5)))
    assert (glitch.start_s, glitch.end_s) == pytest.approx((AT * 0.02 + 0.065, (AT + 5) * 0.02 + 0.065))
    assert (glitch.capture_start_s, glitch.capture_end_s) == pytest.approx(
        ((AT - 1) * 0.02 + 0.005, (AT + 5) * 0.02 + 0.005)
    )


def test_each_run_of_losses_is_one():
    assert len(find(find_losses, without(make_journey(COUNT), [50, 51, 90, 130, 131, 132]))) == 3


@pytest.mark.parametrize(("late_for", "kind"), [(20, "late"), (300, "loss")], ids=["a queue", "a burst long ago"])
def test_a_loss_before_a_late_packet_is_late_against_the_last_seconds_only(late_for, kind):
    """300 ms are inserted for four lost packets; what follows is 200 ms later than it was `late_for` packets before."""
    count, at = 500, 400
    number = np.arange(count)
    steps = {"lateness_s": np.where(number >= at - late_for, 0.2, 0.0)}
    heard_s = number * 0.02 + 0.065 + np.where(number >= at, 0.3, 0.0)
    journey = without(make_journey(count, heard_s=heard_s, **steps), range(at, at + 4))
    (glitch,) = find(find_losses, journey)
    assert glitch.kind == kind


def test_a_wrap_of_the_sequence_is_no_loss():
    assert find(find_losses, make_journey(COUNT, ext_sequence_number=65_436 + NUMBER)) == []


def test_a_jump_of_the_timestamps_over_a_pause_of_the_packets_is_a_stall():
    (glitch,) = find(find_timestamp_jumps, make_journey(COUNT, media_s=jumped()))
    assert (glitch.kind, glitch.found_by) == ("stall", ("timestamp",))
    assert glitch.measurements["media_gap_s"] == pytest.approx(0.3)
    assert glitch.measurements["arrival_gap_s"] == pytest.approx(0.3)


def test_a_jump_while_packets_keep_coming_is_a_skip():
    journey = make_journey(COUNT, media_s=jumped(), lateness_s=late_from(late_s=-0.3))
    (glitch,) = find(find_timestamp_jumps, journey)
    assert glitch.kind == "skip"
    assert glitch.measurements["arrival_gap_s"] == pytest.approx(0.0, abs=1e-9)


def test_a_jump_after_a_sound_that_had_ended_is_a_pause():
    tail_dbfs = np.where(NUMBER == AT - 1, -70.0, -20.0)
    assert find(find_timestamp_jumps, make_journey(COUNT, media_s=jumped(), tail_dbfs=tail_dbfs)) == []


def test_where_payloads_are_closed_the_marker_tells_a_pause():
    closed = {"media_s": jumped(), "tail_dbfs": np.full(COUNT, np.nan)}
    assert find(find_timestamp_jumps, make_journey(COUNT, **closed, marker=NUMBER == AT)) == []
    assert len(find(find_timestamp_jumps, make_journey(COUNT, **closed))) == 1


def test_a_jump_between_two_sounds_is_a_skip_where_the_next_packet_came_at_once():
    tail_dbfs = np.where(NUMBER == AT - 1, -60.0, -20.0)
    known = {"media_s": jumped(), "lateness_s": late_from(late_s=-0.3), "tail_dbfs": tail_dbfs}
    assert [glitch.kind for glitch in find(find_timestamp_jumps, make_journey(COUNT, **known))] == ["skip"]
    quiet = np.abs(NUMBER - AT) > 5
    assert find(find_timestamp_jumps, make_journey(COUNT, **known, speech=quiet)) == []


def test_where_payloads_are_closed_a_jump_in_silence_is_a_pause():
    closed = {"media_s": jumped(), "tail_dbfs": np.full(COUNT, np.nan), "speech": NUMBER != AT - 1}
    assert find(find_timestamp_jumps, make_journey(COUNT, **closed)) == []


def test_irregular_framing_is_no_jump():
    assert find(find_timestamp_jumps, make_journey(COUNT, media_s=jumped(jump_s=0.01))) == []


def test_a_jump_that_losses_explain_is_for_the_loss_detector():
    journey = without(make_journey(COUNT), range(AT, AT + 5))
    assert find(find_timestamp_jumps, journey) == []


def test_a_packet_behind_a_hold_is_late():
    journey = make_journey(COUNT, lateness_s=late_from())
    (glitch,) = find(find_late_packets, journey)
    assert (glitch.kind, glitch.found_by) == ("late", ("arrival",))
    assert glitch.measurements["lateness_step_s"] == pytest.approx(0.3)
    assert glitch.frames == (journey["frame"][AT - 1], journey["frame"][AT])


def test_only_the_first_of_a_backlog_is_late():
    backlog = np.where((NUMBER >= AT) & (NUMBER < AT + 15), 0.3 - 0.02 * (NUMBER - AT), 0.0)
    assert len(find(find_late_packets, make_journey(COUNT, lateness_s=backlog))) == 1


@pytest.mark.parametrize(
    ("pause", "marked", "found"),
    [((20, 90), False, ["stall"]), ((20, 90), True, []), ((20, 30), False, [])],
    ids=["it sends its pauses", "a talkspurt begins", "it sends hardly any"],
)
def test_a_sender_that_sends_its_pauses_does_not_stop_for_a_consonant(pause, marked, found):
    speech = ((pause[0] > NUMBER) | (pause[1] <= NUMBER)) & (NUMBER != AT - 1)
    journey = make_journey(
        COUNT,
        media_s=jumped(),
        arrival_s=jumped() + 0.005,
        tail_dbfs=np.where(NUMBER == AT - 1, -70.0, -20.0),
        speech=speech,
        marker=marked & (NUMBER == AT),
    )
    assert [glitch.kind for glitch in find(find_timestamp_jumps, journey)] == found


@pytest.mark.parametrize(("late_s", "count"), [(LATE_S - 0.002, 0), (LATE_S + 0.002, 1)])
def test_the_edge_of_being_late(late_s, count):
    assert len(find(find_late_packets, make_journey(COUNT, lateness_s=late_from(late_s=late_s)))) == count


def test_what_came_late_behind_a_loss_is_for_the_loss_detector():
    journey = without(make_journey(COUNT, lateness_s=late_from(AT + 1)), [AT])
    assert find(find_late_packets, journey) == []


def test_boundaries_measure_what_lies_between_two_packets():
    journey = make_journey(COUNT, lateness_s=late_from(), heard_s=NUMBER * 0.02 + 0.065 + late_from(late_s=0.25))
    edge = measure_boundaries(journey).loc[AT]
    assert edge["lost_packets"] == 0
    assert edge["media_gap_s"] == pytest.approx(0, abs=1e-9)
    assert edge["arrival_gap_s"] == pytest.approx(0.3)
    assert edge["lateness_step_s"] == pytest.approx(0.3)
    assert edge["inserted_s"] == pytest.approx(0.25)
    assert np.isnan(edge["departure_step_s"])


def test_boundaries_know_speech_on_either_side():
    speech = (NUMBER < 50) | (NUMBER >= 60)
    boundaries = measure_boundaries(make_journey(COUNT, speech=speech))
    assert boundaries.loc[55, ["speech_before", "speech_after"]].tolist() == [False, False]
    assert boundaries.loc[52, ["speech_before", "speech_after"]].tolist() == [True, False]
    assert boundaries.loc[58, ["speech_before", "speech_after"]].tolist() == [False, True]


@pytest.mark.parametrize(("packet_s", "near"), [(0.01, 6), (0.02, 3), (0.04, 2), (0.06, 2)])
def test_either_side_is_about_as_long_whatever_the_packets_are(packet_s, near):
    frames = {"media_s": NUMBER * packet_s, "duration_s": np.full(COUNT, packet_s)}
    boundaries = measure_boundaries(make_journey(COUNT, speech=NUMBER < 50, **frames))
    assert np.flatnonzero(boundaries["speech_before"])[-1] + 1 == 49 + near


def test_boundaries_show_where_the_sender_was_late():
    departure_s = NUMBER * 0.02 + late_from(late_s=0.2)
    assert measure_boundaries(make_journey(COUNT, departure_s=departure_s))["departure_step_s"][AT] == pytest.approx(
        0.2
    )
