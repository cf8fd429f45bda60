from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from building import RATE_HZ, make_journey, track, voice

from forensics.model import ClockMap
from forensics.turns.finding import ANSWER_WITHIN_S, find_turns

SECONDS = 20.0
EDGE_S = 0.06  # as well as speech edges are known


def speaks(*spans, seed=1):
    """A track of `SECONDS` in which somebody speaks over these spans."""
    samples = np.random.default_rng(seed).normal(0, 1e-4, round(SECONDS * RATE_HZ))
    for start_s, stop_s in spans:
        phrase = voice(stop_s - start_s + 0.1, seed=seed, pauses=False)[round(0.05 * RATE_HZ) :]
        phrase = phrase[: round((stop_s - start_s) * RATE_HZ)]
        samples[round(start_s * RATE_HZ) :][: len(phrase)] += phrase
    return track(samples)


def turns_of(agent, user=None, *, journey=None, clock=None):
    microphone = None if user is None else speaks(*user, seed=2)
    clocks = {} if clock is None else {"recording": clock}
    return find_turns(None if agent is None else speaks(*agent), microphone, journey=journey, clocks=clocks)


def told(turns):
    """Speakers and times; latencies where there are any."""
    return [turn.speaker for turn in turns], np.array([(turn.start_s, turn.end_s) for turn in turns])


def test_a_question_and_its_answer():
    turns = turns_of([(4.0, 8.0)], [(1.0, 3.0)])
    speakers, times_s = told(turns)
    assert speakers == ["user", "agent"]
    assert times_s == pytest.approx(np.array([(1.0, 3.0), (4.0, 8.0)]), abs=EDGE_S)
    assert turns[1].latency_s == pytest.approx(1.0, abs=2 * EDGE_S)
    assert (turns[0].latency_s, turns[0].latency_error_s) == (None, None)


def test_a_latency_out_of_packets_is_told_with_a_larger_error_than_one_that_was_recorded():
    agent, user = speaks((4.0, 8.0)), speaks((1.0, 3.0), seed=2)
    recorded = find_turns(replace(agent, path=Path("recording.flac")), replace(user, path=Path("mic.flac")))
    decoded = find_turns(replace(agent, path=Path("recording.flac")), user)
    assert 0 < recorded[1].latency_error_s < decoded[1].latency_error_s


def test_phrases_of_one_speaker_are_one_turn():
    speakers, times_s = told(turns_of([(1.0, 2.0), (3.0, 4.0), (5.2, 6.0)]))
    assert speakers == ["agent"]
    assert times_s[0] == pytest.approx((1.0, 6.0), abs=EDGE_S)


def test_a_long_pause_makes_two_turns_of_which_the_second_answers_nothing():
    turns = turns_of([(4.0, 6.0), (9.0, 10.0)], [(1.0, 3.0)])
    assert [turn.speaker for turn in turns] == ["user", "agent", "agent"]
    assert turns[2].latency_s is None


def test_a_short_question_in_between_parts_two_turns():
    turns = turns_of([(1.0, 4.0), (5.0, 8.0)], [(4.2, 4.6)])
    assert [turn.speaker for turn in turns] == ["agent", "user", "agent"]
    assert turns[2].latency_s == pytest.approx(0.4, abs=2 * EDGE_S)


def test_an_agent_that_is_interrupted_and_answers():
    turns = turns_of([(1.0, 5.0), (7.0, 9.0)], [(4.5, 6.5)])
    assert [turn.speaker for turn in turns] == ["agent", "user", "agent"]
    assert turns[2].latency_s == pytest.approx(0.5, abs=2 * EDGE_S)


def test_a_word_of_agreement_while_the_agent_speaks_does_not_end_its_turn():
    turns = turns_of([(1.0, 8.0)], [(3.0, 3.4)])
    assert sorted(turn.speaker for turn in turns) == ["agent", "user"]
    assert turns[0].latency_s is None


def test_a_greeting_answers_nobody():
    turns = turns_of([(1.0, 3.0)], [(5.0, 6.0)])
    assert [(turn.speaker, turn.latency_s) for turn in turns] == [("agent", None), ("user", None)]


def test_what_comes_too_late_is_no_answer():
    turns = turns_of([(3.0 + ANSWER_WITHIN_S + 0.5, 16.0)], [(1.0, 3.0)])
    assert turns[1].latency_s is None


def test_without_the_user_there_is_no_latency():
    turns = turns_of([(4.0, 8.0)])
    assert [(turn.speaker, turn.latency_s, turn.parts) for turn in turns] == [("agent", None, {})]


@pytest.mark.parametrize(("agent", "user", "speakers"), [(None, None, []), (None, [(1.0, 3.0)], ["user"])])
def test_without_a_recording_the_agent_is_not_heard(agent, user, speakers):
    assert [turn.speaker for turn in turns_of(agent, user)] == speakers


def test_the_latency_is_split_where_the_packet_that_was_heard_first_arrived():
    journey = make_journey(100, media_s=np.arange(100) * 0.02, heard_s=4.0 + np.arange(100) * 0.02)
    journey["arrival_s"] = journey["heard_s"] + 10.0 - 0.15  # it waited for 150 ms
    answer = turns_of([(4.0, 5.9)], [(1.0, 3.0)], journey=journey, clock=ClockMap("recording", 10.0, 0.01, "given"))[1]
    assert answer.parts["buffer_s"] == pytest.approx(0.15, abs=0.03)
    assert sum(answer.parts.values()) == pytest.approx(answer.latency_s)
    assert answer.frame == int(journey["frame"].iat[0])


def test_packets_that_were_not_found_in_the_recording_split_it_by_inference():
    journey = make_journey(100, heard_s=4.0 + np.arange(100) * 0.02, located=np.zeros(100, bool))
    journey["arrival_s"] = journey["heard_s"] - 0.15
    answer = turns_of([(4.0, 5.9)], [(1.0, 3.0)], journey=journey, clock=ClockMap("recording", 0.0, 0.1, "envelope"))[1]
    assert answer.parts["buffer_s"] == pytest.approx(0.15, abs=0.03)
    assert answer.measured == ()


@pytest.mark.parametrize("lacking", ["clock", "packets"])
def test_without_packets_on_the_clock_of_the_recording_it_is_not_split(lacking):
    journey = make_journey(100, heard_s=4.0 + np.arange(100) * 0.02)
    journey = journey.iloc[:0] if lacking == "packets" else journey
    clock = None if lacking == "clock" else ClockMap("recording", 0.0, 0.01, "given")
    answer = turns_of([(4.0, 5.9)], [(1.0, 3.0)], journey=pd.DataFrame(journey), clock=clock)[1]
    assert answer.parts == {}
