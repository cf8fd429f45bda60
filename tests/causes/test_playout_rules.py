"""Rules about the receiver, the recorder, what was sent, and answers that came late."""

import numpy as np
import pytest
from building import make_glitch, make_journey, make_scene, make_site

from forensics.causes import answers, content, receiver, recorder
from forensics.causes.verdict import decide
from forensics.model import Cause

COUNT, AT = 200, 100
NUMBER = np.arange(COUNT)


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def hole(**columns):
    heard_s = NUMBER * 0.02 + 0.065 + np.where(NUMBER >= AT, 0.2, 0.0)
    return make_site(make_journey(COUNT, heard_s=heard_s, **columns), AT, kind="hole")


def test_packets_in_time_that_were_not_played_are_a_playout_stall():
    evidence = receiver.on_time_but_silent(hole())
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: True, Cause.LATE_MODEL_OUTPUT: False}
    assert evidence[0].mechanism == "playout_stall"
    assert "hole of 200 ms came in time" in evidence[0].statement


@pytest.mark.parametrize("late_s", [np.where(NUMBER >= AT, 0.2, 0.0), np.interp(NUMBER, [0, AT], [0.0, 0.2])])
def test_packets_that_came_late_or_later_and_later_are_none(late_s):
    assert receiver.on_time_but_silent(hole(lateness_s=late_s)) == []


@pytest.mark.parametrize(
    "rule", [receiver.on_time_but_silent, receiver.passed_over, content.silence_sent, content.spliced]
)
def test_rules_keep_to_their_kind_of_glitch(rule):
    assert rule(make_site(make_journey(COUNT), AT, kind="late")) == []


def skip(*, burst=False, held_s=0.3, skipped_s=0.2, late_s=0.0):
    """Ten packets that arrived, so late, and were never heard, out of a buffer that held `held_s`."""
    journey = make_journey(COUNT + 100)
    number = np.arange(len(journey))
    journey.loc[AT : AT + 10, ["arrival_s", "lateness_s"]] += late_s
    if burst:
        journey["arrival_s"] -= np.where(number >= AT, 0.019 * np.minimum(number - AT, 10), 0.0)
    journey["heard_s"] += np.where((number >= 50) & (number <= AT), held_s, 0.0)
    site = make_site(journey, AT, kind="skip", measured={"skipped_s": skipped_s})
    object.__setattr__(site, "after", AT + 10)
    return site


def test_a_buffer_that_threw_audio_away_was_catching_up():
    (claim,) = receiver.passed_over(skip(late_s=0.35))
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.BUFFER_UNDERRUN, True, "delay_spike")
    assert "200 ms of audio arrived and were never heard" in claim.statement


def test_a_buffer_that_was_full_threw_audio_away():
    (claim,) = receiver.passed_over(skip(held_s=1.2))
    assert (claim.cause, claim.supports) == (Cause.BUFFER_UNDERRUN, True)


def test_a_buffer_that_had_it_in_time_and_was_not_full_throws_nothing_away():
    (claim,) = receiver.passed_over(skip())
    assert claim.supports is None
    (claim,) = recorder.more_than_was_buffered(skip())
    assert (claim.cause, claim.supports) == (Cause.RECORDING_ARTEFACT, True)
    assert "no reason to pass over" in claim.statement


def test_audio_that_came_ahead_of_its_time_was_not_paced():
    (claim,) = receiver.passed_over(skip(burst=True))
    assert (claim.cause, claim.mechanism) == (Cause.SENDER_POLICY, "unpaced_burst")


def test_more_than_the_buffer_held_is_missing_in_the_recording_alone():
    (claim,) = recorder.more_than_was_buffered(skip(held_s=0.05))
    assert (claim.cause, claim.supports) == (Cause.RECORDING_ARTEFACT, True)
    assert "the recorder lost them" in claim.statement


def test_what_the_buffer_held_it_could_pass_over():
    (claim,) = recorder.more_than_was_buffered(skip(held_s=0.3, late_s=0.35))
    assert (claim.cause, claim.supports) == (Cause.RECORDING_ARTEFACT, False)


def test_a_blank_is_the_recorder_s():
    (claim,) = recorder.only_recorder_silent(make_site(make_journey(COUNT), AT, kind="blank"))
    assert (claim.cause, claim.supports) == (Cause.RECORDING_ARTEFACT, True)


def test_silence_in_regular_packets_was_sent_for_want_of_audio():
    edges = {"edge_before_db": -2.0, "edge_after_db": -3.0}
    (claim,) = content.silence_sent(make_site(make_journey(COUNT), AT, kind="silence", measured=edges))
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.LATE_MODEL_OUTPUT, True, "silence_fill")
    assert "(-2 and -3 dB" in claim.statement


@pytest.mark.parametrize(
    ("score_db", "account_s", "cause"),
    [(50.0, None, Cause.SENDER_POLICY), (38.0, None, Cause.UNDETERMINED), (38.0, 0.2, Cause.SENDER_POLICY)],
    ids=["certain", "one edge of a thousand", "and missing by the log"],
)
def test_a_break_accuses_as_far_as_chance_among_so_many_edges_leaves_it(score_db, account_s, cause):
    measured = {"break_db": 20.0, "log_likelihood_ratio": score_db}
    measured |= {} if account_s is None else {"missing_s": account_s, "made_s": 9.0, "sent_s": 9.0 - account_s}
    site = make_site(make_journey(COUNT), AT, kind="splice", measured=measured)
    assert decide(site.glitch, site.scene).cause is cause


def answer(**parts):
    return make_glitch("late_answer", 2.0, 4.0, measurements={"latency_s": 2.0, **parts})


@pytest.mark.parametrize(
    ("sender_s", "cause", "mechanism"),
    [(1.8, Cause.LATE_MODEL_OUTPUT, "late_first_audio"), (0.4, Cause.BUFFER_UNDERRUN, "playout_stall")],
)
def test_a_late_answer_is_due_to_the_longer_part(sender_s, cause, mechanism):
    (claim,) = answers.answered_late(answer(sender_s=sender_s), make_scene())
    assert (claim.cause, claim.supports, claim.mechanism) == (cause, True, mechanism)
    assert claim.statement.startswith("Of the 2000 ms")


def test_without_packets_the_latency_cannot_be_split():
    (claim,) = answers.answered_late(answer(), make_scene())
    assert claim.supports is None
    assert "without packets on the recording's clock" in claim.statement
