from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from building import make_journey, make_site, sender_reports, silent_stream, without

from forensics.causes import holding, receiver, sender_clock, timing
from forensics.model import DATAGRAM_COLUMNS, FLOW_COLUMNS, Capture, Cause, empty_table

COUNT, AT = 400, 200
NUMBER = np.arange(COUNT)
MEDIA_S = NUMBER * 0.02
STALL_S = 0.3
STAYS = np.where(NUMBER >= AT, STALL_S, 0.0)  # a source that stopped and resumed where it had stopped
RETURNS = np.where(NUMBER >= AT, np.maximum(STALL_S - 0.02 * (NUMBER - AT), 0.0), 0.0)  # a hold and its backlog
RELEASED = np.where((NUMBER >= AT) & (NUMBER < AT + 100), STALL_S, 0.0)  # held for two seconds, then given back


def site(late_s=STAYS, *, reports=None, **columns):
    journey = make_journey(COUNT, lateness_s=late_s, **columns)
    stream = silent_stream(journey["arrival_s"], timestamp=5000 + NUMBER * 960, reports=reports)
    return make_site(journey, AT, downlink=stream)


def left(late_s):
    """The column of a sender's tap that saw the packets leave so late."""
    return {"departure_s": MEDIA_S + late_s}


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def said(evidence):
    return " ".join(claim.statement for claim in evidence)


ALL = (*timing.RULES, *holding.RULES, *sender_clock.RULES)


@pytest.mark.parametrize("rule", ALL)
def test_packets_in_time_say_nothing(rule):
    assert rule(site(np.zeros(COUNT))) == []


@pytest.mark.parametrize("rule", ALL)
def test_a_loss_is_for_the_rules_about_losses(rule):
    journey = without(make_journey(COUNT, lateness_s=STAYS), range(AT, AT + 3))
    assert rule(make_site(journey, AT, kind="loss")) == []


def test_a_late_packet_speaks_for_the_path_and_for_the_source():
    evidence = timing.arrived_late(site())
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: True, Cause.LATE_MODEL_OUTPUT: True}
    assert "300 ms later than its timestamp says" in said(evidence)


@pytest.mark.parametrize(
    ("late_s", "swapped", "mechanism"),
    [
        (RETURNS, None, "delay_spike"),
        (np.where((NUMBER >= AT - 10) & (NUMBER % 3 == AT % 3), 0.06, 0.0), None, "jitter"),
        (np.where(AT == NUMBER, 0.03, 0.0), AT, "reordering"),
    ],
)
def test_lateness_has_a_shape(late_s, swapped, mechanism):
    frames = 2 * NUMBER + 11
    if swapped is not None:
        frames[[swapped, swapped + 1]] = frames[[swapped + 1, swapped]]
    assert timing.arrived_late(site(late_s, frame=frames))[0].mechanism == mechanism


def test_without_the_sender_capture_departures_cannot_be_seen():
    (claim,) = timing.departed_late(site())
    assert claim.supports is None
    assert "No capture from the sender's side" in claim.statement


def test_what_left_in_time_was_held_on_the_way():
    evidence = timing.departed_late(site(RETURNS, **left(0.0)))
    assert told(evidence) == {
        Cause.BUFFER_UNDERRUN: True,
        Cause.LATE_MODEL_OUTPUT: False,
        Cause.SENDER_POLICY: False,
    }
    assert "held on the way" in said(evidence)


def test_what_left_late_is_the_sender_s():
    evidence = timing.departed_late(site(STAYS, **left(STAYS)))
    assert told(evidence) == {
        Cause.BUFFER_UNDERRUN: False,
        Cause.LATE_MODEL_OUTPUT: True,
        Cause.SENDER_POLICY: True,
    }
    assert "At the sender the packet was 300 ms late, at the receiver 300 ms" in said(evidence)


CREEPS = np.interp(NUMBER, [AT - 150, AT - 1, AT], [0.0, 0.15, 0.15])


def test_a_delay_that_crept_up_has_two_explanations():
    assert told(timing.fell_behind(site(CREEPS))) == {Cause.LATE_MODEL_OUTPUT: True, Cause.BUFFER_UNDERRUN: True}


@pytest.mark.parametrize(("hole_at", "crept_s"), [(AT - 190, 0.135), (AT - 75, 0.07), (AT - 25, 0.02), (AT - 5, 0.135)])
def test_what_crept_up_before_an_earlier_hole_was_made_up_for_by_it(hole_at, crept_s):
    heard_s = MEDIA_S + 0.065 + np.where(hole_at <= NUMBER, 0.1, 0.0)
    refilled = site(CREEPS, heard_s=heard_s)
    assert refilled.crept_s == pytest.approx(crept_s, abs=0.01)
    assert bool(timing.fell_behind(refilled)) == (crept_s > 0)


def test_a_source_that_had_stood_still_does_not_account_for_a_later_hole():
    """The buffer was filled anew behind the stall; when it went silent for 200 ms, everything came in time."""
    stalled_s = np.where(NUMBER >= AT - 60, 0.3, 0.0)
    heard_s = MEDIA_S + 0.065 + stalled_s + np.where(NUMBER >= AT, 0.2, 0.0)
    journey = make_journey(COUNT, lateness_s=stalled_s, heard_s=heard_s, departure_s=MEDIA_S + stalled_s)
    hole = make_site(journey, AT, kind="hole", downlink=silent_stream(journey["arrival_s"]))
    assert timing.fell_behind(hole) == []
    assert told(receiver.on_time_but_silent(hole))[Cause.BUFFER_UNDERRUN] is True


def test_a_delay_that_ends_in_a_jump_of_the_timestamps_did_not_empty_the_buffer():
    assert timing.fell_behind(site(CREEPS, media_s=NUMBER * 0.02 + np.where(NUMBER >= AT, 0.3, 0.0))) == []


def test_audio_that_was_passed_over_did_not_empty_the_buffer():
    journey = make_journey(COUNT, lateness_s=CREEPS)
    assert timing.fell_behind(make_site(journey, AT, kind="skip", downlink=site(CREEPS).stream)) == []


@pytest.mark.parametrize(
    ("departed", "guilty", "mechanism"),
    [(CREEPS, Cause.LATE_MODEL_OUTPUT, "slow_generation"), (0.0 * CREEPS, Cause.BUFFER_UNDERRUN, "jitter")],
    ids=["at the sender", "on the way"],
)
def test_the_sender_capture_shows_where_it_crept_up(departed, guilty, mechanism):
    evidence = timing.fell_behind(site(CREEPS, **left(departed)))
    assert {claim.cause: claim.supports for claim in evidence} == {
        cause: cause is guilty for cause in (Cause.LATE_MODEL_OUTPUT, Cause.BUFFER_UNDERRUN)
    }
    assert evidence[0].mechanism == mechanism


@pytest.mark.parametrize(
    ("grew", "guilty"),
    [(1.0, Cause.LATE_MODEL_OUTPUT), (0.0, Cause.BUFFER_UNDERRUN)],
    ids=["the media clock fell behind", "the media clock ran on"],
)
def test_without_that_capture_the_sender_s_clock_shows_it(grew, guilty):
    at_s = np.array([0.5, 2.0, 3.0, 5.0])
    late_s = np.interp(at_s / 0.02, NUMBER, CREEPS)
    rows = [(t + late, t + grew * late, t, 0) for t, late in zip(at_s, late_s, strict=True)]
    evidence = timing.fell_behind(site(CREEPS, reports=sender_reports(rows)))
    assert told(evidence)[guilty] is True
    assert set(told(evidence).values()) == {True, False}


def test_a_sender_s_clock_that_moved_by_far_more_was_moved_by_something_else():
    at_s = np.array([0.5, 2.0, 3.0, 5.0])
    late_s = np.interp(at_s / 0.02, NUMBER, CREEPS)
    rows = [(t + late, t + 5 * late, t, 0) for t, late in zip(at_s, late_s, strict=True)]
    (claim,) = timing.fell_behind(site(CREEPS, reports=sender_reports(rows)))
    assert claim.supports is None
    assert "something else, at another time" in claim.statement


JUMPED_S = MEDIA_S + np.where(NUMBER >= AT, STALL_S, 0.0)


def test_timestamps_that_ran_on_over_a_pause_had_nothing_to_send():
    (claim,) = timing.timestamps_followed_clock(site(0.0, media_s=JUMPED_S))
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.LATE_MODEL_OUTPUT, True, "stall")
    assert "jump by 300 ms while no packet came for 300 ms" in claim.statement


def test_timestamps_that_jumped_without_a_pause_passed_over_audio():
    evidence = timing.timestamps_followed_clock(site(-STAYS, media_s=JUMPED_S))
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.LATE_MODEL_OUTPUT: False}
    assert evidence[0].mechanism == "deliberate_drop"


def test_a_delay_that_comes_back_was_a_backlog():
    evidence = timing.step_or_return(site(RETURNS, reports=clock(0.0)))
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: True, Cause.SENDER_POLICY: False}
    assert "a backlog arrived at once" in said(evidence)


def test_a_delay_that_stays_is_no_backlog():
    evidence = timing.step_or_return(site(STAYS, reports=clock(0.0)))
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: False, Cause.LATE_MODEL_OUTPUT: True}
    assert "stays 300 ms above its baseline" in said(evidence)


def test_a_delay_that_stays_but_wanders_is_a_queue():
    wave_s = np.where(NUMBER >= AT, STALL_S + 0.04 * np.abs(np.sin(NUMBER / 3)), 0.0)
    evidence = timing.step_or_return(site(wave_s, reports=clock(0.0)))
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: True}
    assert "a queue fills and drains" in said(evidence)


@pytest.mark.parametrize("late_s", [STAYS, RETURNS], ids=["stays", "returns at once"])
def test_the_voice_alone_does_not_tell_a_sender_from_a_path(late_s):
    (claim,) = timing.step_or_return(site(late_s))
    assert claim.supports is None
    assert "besides the voice itself" in claim.statement


def test_a_stream_that_ends_too_soon_cannot_be_asked():
    journey = make_journey(COUNT, lateness_s=STAYS).iloc[: AT + 3]
    (claim,) = timing.step_or_return(make_site(journey, AT))
    assert claim.supports is None
    assert "ends too soon" in claim.statement


def test_a_delay_that_was_held_and_given_back_was_policy():
    evidence = holding.released_later(site(RELEASED))
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.LATE_MODEL_OUTPUT: False}
    assert evidence[0].mechanism == "artificial_delay"
    assert "held level for 2.0 s" in said(evidence)


@pytest.mark.parametrize("late_s", [STAYS, RETURNS], ids=["stays", "returns at once"])
def test_what_was_not_held_was_not_released(late_s):
    assert holding.released_later(site(late_s)) == []


def test_a_delay_that_fades_was_not_held():
    fades = np.where(NUMBER >= AT, np.maximum(STALL_S - 0.002 * (NUMBER - AT), 0.0), 0.0)
    assert holding.released_later(site(fades)) == []


def test_a_full_queue_is_level_too_but_drops():
    journey = without(make_journey(COUNT, lateness_s=RELEASED), [AT + 30])
    full = make_site(journey, AT, downlink=silent_stream(journey["arrival_s"]))
    assert holding.released_later(full) == []


def test_a_full_queue_is_level_too_but_filled():
    filled_s = np.where(
        NUMBER < AT, np.interp(NUMBER, [AT - 100, AT - 1], [0.0, STALL_S]), RELEASED + 0.05 * (RELEASED > 0)
    )
    assert holding.released_later(site(filled_s)) == []


def clock(step_s):
    """Sender reports each second; the wall clock steps against the media clock over the glitch."""
    at_s = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])
    late_s = np.where(at_s > AT * 0.02, STALL_S, 0.0)
    stepped_s = np.where(at_s > AT * 0.02, step_s, 0.0)
    return sender_reports([(t + late, t + step, t, 0) for t, late, step in zip(at_s, late_s, stepped_s, strict=True)])


def test_a_media_clock_that_stood_still_is_a_source_that_stood_still():
    evidence = sender_clock.sender_clock_stood(site(STAYS, reports=clock(STALL_S)))
    assert told(evidence) == {
        Cause.LATE_MODEL_OUTPUT: True,
        Cause.BUFFER_UNDERRUN: False,
        Cause.SENDER_POLICY: False,
    }
    assert "moved by 300 ms" in said(evidence)


def test_a_media_clock_that_stood_for_good_did_not_stand_for_a_delay_that_was_given_back():
    (claim,) = sender_clock.sender_clock_stood(site(RETURNS, reports=clock(STALL_S)))
    assert claim.supports is None
    assert "it was not for this" in claim.statement


def test_a_media_clock_that_ran_on_speaks_against_the_source():
    answers = told(sender_clock.sender_clock_stood(site(STAYS, reports=clock(0.0))))
    assert answers == {Cause.LATE_MODEL_OUTPUT: False, Cause.BUFFER_UNDERRUN: True, Cause.SENDER_POLICY: True}


def test_a_media_clock_that_ran_on_while_packets_left_late_is_policy():
    evidence = sender_clock.sender_clock_stood(site(STAYS, reports=clock(0.0), **left(STAYS)))
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.LATE_MODEL_OUTPUT: False}


def test_a_media_clock_that_ran_on_over_a_caught_up_delay_is_a_loop_that_stood():
    evidence = sender_clock.sender_clock_stood(site(RETURNS, reports=clock(0.0), **left(RETURNS)))
    assert told(evidence) == {Cause.LATE_MODEL_OUTPUT: True}


def test_a_step_in_between_fits_neither():
    (claim,) = sender_clock.sender_clock_stood(site(STAYS, reports=clock(0.4 * STALL_S)))
    assert claim.supports is None
    assert "fits neither" in claim.statement


@pytest.mark.parametrize("keep", [slice(0, 3), slice(3, 6), slice(0, 0)])
def test_without_reports_on_both_sides_clocks_cannot_be_compared(keep):
    (claim,) = sender_clock.sender_clock_stood(site(STAYS, reports=clock(0.0).iloc[keep]))
    assert claim.supports is None
    assert "No readable sender reports on both sides" in claim.statement


def test_a_media_clock_that_ran_ahead_over_a_jump_passed_over_audio():
    reports = sender_reports([(t, t, t + (STALL_S if t > 4 else 0), 0) for t in (1.0, 2.0, 3.0, 5.0, 6.0)])
    journey = make_journey(COUNT, media_s=JUMPED_S, lateness_s=-STAYS)
    stream = silent_stream(
        journey["arrival_s"], timestamp=5000 + np.round(JUMPED_S * 48_000).astype(int), reports=reports
    )
    evidence = sender_clock.sender_clock_stood(make_site(journey, AT, kind="skip", downlink=stream))
    assert told(evidence) == {Cause.SENDER_POLICY: True}


def datagrams(*extra_s, swapped=(), **known):
    """The audio of a held stream as datagrams of flow 0, and other datagrams of that flow at these times."""
    frame = np.arange(COUNT) + 1
    frame[list(swapped)] = frame[list(swapped)[::-1]]
    journey = make_journey(COUNT, lateness_s=RETURNS, frame=frame)
    arrival_s = np.r_[journey["arrival_s"], extra_s]
    table = {name: np.zeros(len(arrival_s)) for name in DATAGRAM_COLUMNS}
    table |= {"arrival_s": arrival_s, "frame": np.r_[journey["frame"], 90_000 + np.arange(len(extra_s))]}
    frame = pd.DataFrame(table).astype(dict(DATAGRAM_COLUMNS))
    capture = Capture(Path("call.pcap"), 0, frame, empty_table(FLOW_COLUMNS), np.zeros(0, np.uint8))
    return make_site(journey, AT, capture=capture, **known)


def test_other_datagrams_that_came_through_show_an_open_path():
    evidence = timing.path_was_open(datagrams(4.1, 4.2))
    sender = {Cause.LATE_MODEL_OUTPUT: True, Cause.SENDER_POLICY: True}
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: False, **sender}
    assert "2 other datagrams from the same sender (frame 90000)" in said(evidence)


def test_a_backlog_behind_an_open_path_had_waited_at_the_sender():
    stream = silent_stream(NUMBER * 0.02 + RETURNS, timestamp=5000 + NUMBER * 960, reports=clock(0.0))
    evidence = timing.step_or_return(datagrams(4.1, 4.2, downlink=stream))
    assert told(evidence) == {Cause.LATE_MODEL_OUTPUT: True, Cause.SENDER_POLICY: False}
    assert "as the path was open meanwhile, it had waited at the sender" in said(evidence)


def test_where_packets_overtake_each_other_one_that_came_through_says_nothing():
    (claim,) = timing.path_was_open(datagrams(4.1, 4.2, swapped=(AT + 2, AT + 3)))
    assert claim.supports is None
    assert "overtook each other" in claim.statement


@pytest.mark.parametrize("outside_s", [3.9, 4.9])
def test_silence_of_the_sender_says_nothing_of_the_path(outside_s):
    (claim,) = timing.path_was_open(datagrams(outside_s))
    assert claim.supports is None
    assert "may have been held or not" in claim.statement


def test_without_a_capture_the_path_is_not_asked():
    assert timing.path_was_open(site()) == []


# -- ahead of its time ------------------------------------------------------------------------------------------------

AHEAD = 60
BURST = np.where((NUMBER >= AT - AHEAD) & (NUMBER < AT), -0.0195 * (NUMBER - AT + AHEAD), 0.0)  # one after another


def test_audio_sent_ahead_of_its_time_leaves_nobody_late_behind_it():
    ahead = site(BURST)
    assert ahead.ahead is not None
    assert ahead.lateness_s == pytest.approx(0.0)
    assert timing.arrived_late(ahead) == timing.step_or_return(ahead) == sender_clock.sender_clock_stood(ahead) == []
    evidence = receiver.ran_dry_ahead(ahead)
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.LATE_MODEL_OUTPUT: False}
    assert evidence[0].mechanism == "unpaced_burst"
    assert "the last by 1150 ms" in said(evidence)


def test_a_stall_behind_audio_sent_ahead_is_as_long_as_it_was():
    stalled = site(BURST + STAYS)
    assert stalled.lateness_s == pytest.approx(STALL_S)
    assert receiver.ran_dry_ahead(stalled) == []
    assert told(timing.arrived_late(stalled))[Cause.LATE_MODEL_OUTPUT] is True


def test_a_backlog_that_came_at_once_was_not_ahead():
    held = np.where((NUMBER >= AT - 100) & (NUMBER < AT - 20), STALL_S, 0.0)  # level for 1.6 s, then let go
    let_go = np.where((NUMBER >= AT - 20) & (NUMBER < AT), np.maximum(STALL_S - 0.0195 * (NUMBER - AT + 20), 0), 0.0)
    late = site(held + let_go + STAYS)
    assert late.ahead is None
    assert late.lateness_s == pytest.approx(STALL_S, abs=0.02)


def test_packets_at_their_pace_are_not_ahead():
    assert site(np.zeros(COUNT)).ahead is None
    assert receiver.ran_dry_ahead(site(np.zeros(COUNT))) == []
