import numpy as np
import pytest
from building import make_journey
from turns.events import answer, witnesses

from forensics.model import ClockMap
from forensics.turns.barge_in import find_barge_in
from forensics.turns.responses import find_responses

TURN = (2.0, 6.0)
TEXT = "one two three four five six seven eight nine ten"


def over(*phrases, rows=(), **known):
    seen = witnesses(*rows, **known)
    return find_barge_in(TURN, phrases, witnesses=seen, responses=find_responses(seen))


def test_an_agent_that_falls_silent():
    found = over((5.4, 8.0))
    assert found.to_silence_s == pytest.approx(0.6)
    assert found.talk_over_s == pytest.approx(0.6)
    assert (found.said_over, found.told_heard_s, found.heard_s) == ("", None, None)


@pytest.mark.parametrize("phrase", [(0.5, 1.9), (6.2, 7.0), (5.95, 7.0), (1.9, 2.05)])
def test_speech_before_after_and_at_the_edges_is_over_nothing(phrase):
    assert over(phrase) is None


def test_a_word_of_agreement_does_not_silence():
    found = over((3.0, 3.4))
    assert found.to_silence_s is None
    assert found.talk_over_s == pytest.approx(0.4)


def test_a_short_word_that_the_log_says_cancelled_the_answer():
    found = over((3.0, 3.4), rows=((5.9, "playback_cleared", {}),))
    assert found.to_silence_s == pytest.approx(3.0)


def test_an_answer_that_was_played_to_its_end_was_not_interrupted():
    found = over((5.4, 8.0), rows=((6.05, "playback_stopped", {}),))
    assert found.to_silence_s is None
    assert found.talk_over_s == pytest.approx(0.6)


def test_what_was_told_against_what_was_heard():
    journey = make_journey(400, heard_s=2.0 + 0.02 * np.arange(400))
    here = {"recording": ClockMap("recording", 0.0, 0.02, "decoded-audio")}
    found = over((5.4, 8.0), rows=((6.1, "truncated", {"audio_s": 5.5}),), journey=journey, clocks=here)
    assert found.told_heard_s == 5.5
    assert found.heard_s == pytest.approx(4.0, abs=0.05)


def test_the_words_that_were_said_meanwhile():
    rows = answer("r1", 2.0, made_s=10.0, text=TEXT)  # a word a second or so; one that was begun counts
    assert over((4.6, 7.0), rows=rows).said_over == "three four five"
    assert over((2.6, 2.9), (4.6, 7.0), rows=rows).said_over == "one two … three four five"


def test_without_the_length_of_the_answer_the_text_lasts_as_long_as_the_turn():
    rows = (
        (1.5, "response_started", {"response_id": "r1"}),
        (2.0, "agent_transcript", {"response_id": "r1", "text": TEXT}),
    )
    assert over((5.0, 7.0), rows=rows).said_over.split()[-1] == "ten"


def test_two_interruptions_of_one_turn_add_up():
    assert over((3.0, 3.4), (5.5, 7.0)).talk_over_s == pytest.approx(0.9)
