import numpy as np
import pytest
from building import SSRC, make_journey, make_scene

from forensics.glitches import find_glitches, find_late_answers
from forensics.glitches.answers import LATE_ANSWER_S
from forensics.model import ClockMap, Turn

ANSWER_S = 5.0


def scene(latency_s, **known):
    turns = (Turn("user", 1.0, ANSWER_S - (latency_s or 0)), Turn("agent", ANSWER_S, 8.0, latency_s, {"sender_s": 1.5}))
    return make_scene(turns=turns, **known)


def test_a_late_answer_lasts_from_the_question_to_the_first_word():
    (glitch,) = find_late_answers(scene(2.4))
    assert (glitch.kind, glitch.found_by) == ("late_answer", ("turns",))
    assert (glitch.start_s, glitch.end_s) == pytest.approx((2.6, 5.0))
    assert glitch.measurements == pytest.approx({"latency_s": 2.4, "sender_s": 1.5})


@pytest.mark.parametrize("latency_s", [None, 0.6, LATE_ANSWER_S])
def test_what_came_in_time_or_answers_nothing_is_none(latency_s):
    assert find_late_answers(scene(latency_s)) == []


def test_times_on_the_capture_are_those_of_the_recording_clock():
    clock = ClockMap("recording", 10.0, 0.01, "given")
    (glitch,) = find_late_answers(scene(2.4, clocks={"recording": clock}))
    assert (glitch.capture_start_s, glitch.capture_end_s) == pytest.approx((12.6, 15.0))


def test_the_frames_are_those_around_the_first_word():
    journey = make_journey(100, heard_s=ANSWER_S - 0.51 + np.arange(100) * 0.02)
    (glitch,) = find_late_answers(scene(2.4, journey=journey))
    assert glitch.ssrc == SSRC
    assert glitch.frames == (journey["frame"][24], journey["frame"][25])


def test_without_a_journey_there_are_no_frames():
    (glitch,) = find_late_answers(scene(2.4))
    assert glitch.frames == ()


def test_late_answers_are_found_without_a_capture():
    (glitch,) = find_glitches(scene(2.4))
    assert glitch.audible
