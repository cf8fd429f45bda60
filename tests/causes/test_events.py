import numpy as np
import pytest
from building import logged, make_glitch, make_journey, make_scene, make_site, silent_stream

from forensics.causes.events import account_of_answer, first_audio_of_answer, in_hand, slack_of_model
from forensics.model import Cause

COUNT, AT, STALL_S = 400, 200, 0.3
NUMBER = np.arange(COUNT)
STAYS = np.where(NUMBER >= AT, STALL_S, 0.0)
DUE_S = AT * 0.02 + 0.005
STALLED = [(0.2 * i + (STALL_S if i >= 20 else 0.0), 0.2) for i in range(40)]  # just in time, and once late
FAST = [(0.1 * i, 0.2) for i in range(40)]  # twice real time


def claims(pieces, late_s=STAYS, *, kind="late", departure_s=None, **more):
    columns = {} if departure_s is None else {"departure_s": NUMBER * 0.02 + departure_s}
    journey = make_journey(COUNT, lateness_s=late_s, **columns)
    stream = silent_stream(journey["arrival_s"], timestamp=5000 + NUMBER * 960)
    site = make_site(journey, AT, kind=kind, downlink=stream, **logged(pieces, **more))
    return slack_of_model(site.glitch, site.scene)


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def test_a_gap_between_deltas_where_the_packets_paused_confirms_a_late_model():
    evidence = claims(STALLED)
    assert told(evidence) == {
        Cause.LATE_MODEL_OUTPUT: True, Cause.BUFFER_UNDERRUN: False, Cause.SENDER_POLICY: False
    }  # fmt: skip
    late = evidence[0]
    assert late.mechanism == "stall"
    assert late.measurements["slack_s"] == pytest.approx(-STALL_S)
    assert late.measurements["lead_s"] == pytest.approx(STALL_S)
    assert "A send lead of 300 ms would have covered this" in late.statement
    assert "line 22 of the log" in late.statement


def test_silence_that_was_sent_meanwhile_is_a_fill():
    assert claims(STALLED, kind="silence")[0].mechanism == "silence_fill"


def test_many_shortages_are_a_slow_model():
    slow = [(0.2 * i + 0.1 * max(0, i - 17), 0.2) for i in range(40)]
    late_s = np.interp(NUMBER, [0, 170, 400], [0, 0, 1.2]) + np.where(NUMBER >= AT, 0.06, 0.0)
    assert claims(slow, late_s)[0].mechanism == "slow_generation"


def test_a_model_that_stands_still_three_times_is_not_slow():
    often = [(0.2 * i + sum(0.3 for at in (6, 12, 20) if i >= at), 0.2) for i in range(40)]
    late_s = 0.3 * np.searchsorted([60, 120, AT], NUMBER, side="right")
    assert claims(often, late_s)[0].mechanism == "stall"


def test_a_shortage_that_made_an_earlier_hole_does_not_account_for_a_later_one():
    """The model stood still at 2.8 s and the listener heard it then; the hole at 4 s came with every packet in time."""
    stalled = [(0.2 * i + (STALL_S if i >= 14 else 0.0), 0.2) for i in range(40)]
    late_s = np.where(NUMBER >= 140, STALL_S, 0.0)
    for heard_then, guilty in ((STALL_S, None), (0.0, True)):
        heard_s = NUMBER * 0.02 + 0.065 + np.where(NUMBER >= 140, heard_then, 0.0) + np.where(NUMBER >= AT, 0.25, 0.0)
        journey = make_journey(COUNT, lateness_s=late_s, heard_s=heard_s)
        site = make_site(journey, AT, kind="hole", **logged(stalled))
        assert told(slack_of_model(site.glitch, site.scene))[Cause.LATE_MODEL_OUTPUT] is guilty


def test_positive_slack_refutes_it():
    evidence = claims(FAST)
    assert told(evidence)[Cause.LATE_MODEL_OUTPUT] is False
    assert "more of a1 than was due" in evidence[0].statement


def test_what_left_late_although_it_was_there_was_held_back():
    evidence = claims(FAST, departure_s=STAYS)
    assert told(evidence) == {Cause.LATE_MODEL_OUTPUT: False, Cause.SENDER_POLICY: True}
    assert evidence[1].mechanism == "artificial_delay"
    assert evidence[1].weight == 25.0


def test_what_left_in_time_was_held_by_the_path():
    assert told(claims(FAST, departure_s=0.0)) == {Cause.LATE_MODEL_OUTPUT: False}


def test_without_the_sender_s_tap_nobody_knows_who_held_it():
    assert told(claims(FAST)) == {Cause.LATE_MODEL_OUTPUT: False}


def test_a_log_without_audio_cannot_be_checked_and_says_why():
    journey = make_journey(COUNT, lateness_s=STAYS)
    known = logged(FAST, playback=True)
    known["events"] = known["events"][known["events"]["kind"] != "audio_produced"]
    known["slack"] = known["slack"].iloc[:0]
    site = make_site(journey, AT, **known)
    (claim,) = slack_of_model(site.glitch, site.scene)
    assert claim.supports is None
    assert "playback alone, as over WebRTC" in claim.statement


def test_outside_of_every_answer_it_says_nothing():
    (claim,) = claims([(0.0, 0.2), (0.1, 0.2)])
    assert claim.supports is None
    assert "No answer was being spoken" in claim.statement


def test_what_the_clock_leaves_open_decides_nothing():
    close = [(0.2 * i, 0.22) for i in range(40)]
    (claim,) = claims(close, error_s=0.6)
    assert claim.supports is None
    assert "within what the log's clock leaves open" in claim.statement


@pytest.mark.parametrize("known", [{}, logged(STALLED)])
def test_losses_and_calls_without_a_log_are_not_for_this_rule(known):
    journey = make_journey(COUNT)
    site = make_site(journey, AT, kind="loss" if known else "late", measured={"lost_packets": 3.0}, **known)
    assert slack_of_model(site.glitch, site.scene) == []


def test_a_hole_in_a_recording_is_explained_without_a_packet():
    scene = make_scene(**logged(STALLED))
    hole = make_glitch("hole", start_s=DUE_S + 0.15, end_s=DUE_S + 0.15 + STALL_S)
    assert told(slack_of_model(hole, scene))[Cause.LATE_MODEL_OUTPUT] is True
    elsewhere = make_glitch("hole", start_s=2.0, end_s=2.3)
    assert told(slack_of_model(elsewhere, scene)).get(Cause.LATE_MODEL_OUTPUT) is not True


def test_what_the_model_had_in_hand():
    slack = logged(FAST)["slack"]
    assert in_hand(slack, due_s=2.0, error_s=0.0).ahead_s == pytest.approx(4.2 - 2.0)
    assert in_hand(slack, due_s=-1.0, error_s=0.0) is None
    assert in_hand(slack, due_s=9.0, error_s=0.0) is None


def test_what_was_thrown_away_is_not_in_hand():
    slack = logged(FAST)["slack"]
    passed_over = np.array([[1.0, 0.5], [2.5, 0.4]])  # the second one later than asked
    hand = in_hand(slack, due_s=2.0, error_s=0.0, passed_over=passed_over)
    assert hand.ahead_s == pytest.approx(4.2 - 2.0 - 0.5)


def test_where_more_was_thrown_away_than_was_in_hand_the_log_refutes_nothing():
    journey = make_journey(COUNT, lateness_s=STAYS)
    stream = silent_stream(journey["arrival_s"], timestamp=5000 + NUMBER * 960)
    for missing_s, answer in ((0.0, False), (6.0, None)):
        measured = {"missing_s": missing_s}
        site = make_site(journey, AT, downlink=stream, measured=measured, **logged(FAST))
        claim = slack_of_model(site.glitch, site.scene)[0]
        assert claim.supports is answer
    assert "6000 ms of the answer were made and never sent" in claim.statement


def account(missing_s, *, kind="splice"):
    numbers = {"missing_s": missing_s, "made_s": 3.0, "sent_s": 3.0 - missing_s}
    return account_of_answer(make_glitch(kind, measurements=numbers), make_scene())


def test_audio_that_was_never_sent_is_deliberate_and_its_absence_speaks_against_a_splice():
    (claim,) = account(0.28)
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.SENDER_POLICY, True, "deliberate_drop")
    assert "280 ms were never sent" in claim.statement
    assert account(0.0)[0].supports is False
    assert account(0.05) == []
    assert "cannot be told" in account(0.5, kind="unsent")[0].statement
    assert account_of_answer(make_glitch("splice"), make_scene()) == []


def late_answer(first_audio_s, **more):
    """A question that ended at 1 s and was answered at 4 s."""
    known = logged([(first_audio_s, 0.2), (first_audio_s + 0.1, 0.2)], **more)
    return first_audio_of_answer(make_glitch("late_answer", start_s=1.0, end_s=4.0), make_scene(**known))


def test_a_first_audio_that_came_late_confirms_the_model():
    (claim,) = late_answer(3.8)
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.LATE_MODEL_OUTPUT, True, "late_first_audio")
    assert "made 2800 ms after the user's last sound (2500 ms until its turn was taken for ended)" in claim.statement
    assert "heard 200 ms after that" in claim.statement


def test_a_first_audio_that_was_there_and_waited_refutes_it():
    (claim,) = late_answer(1.5)
    assert claim.supports is False
    assert claim.measurements["from_first_audio_s"] == pytest.approx(2.5)


def test_answers_at_other_times_say_nothing_of_this_one():
    (claim,) = late_answer(7.0)
    assert claim.supports is None
    assert first_audio_of_answer(make_glitch("late_answer"), make_scene()) == []
