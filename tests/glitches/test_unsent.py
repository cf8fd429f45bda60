import numpy as np
import pytest
from building import logged, make_glitch, make_journey, make_scene

from forensics.glitches.unsent import account_for_answers, find_unsent, tell_account

COUNT = 800
FIRST, SECOND = slice(50, 200), slice(350, 700)  # 3 s and 7 s of speech
QUIET = -70.0


def pieces(start_s, audio_s):
    """Pieces of an answer, made at twice real time."""
    lengths = np.diff(np.r_[np.arange(0, audio_s, 0.2), audio_s])
    return [(start_s + 0.1 * i, float(length)) for i, length in enumerate(lengths)]


def scene(*audio_s, speech=(FIRST, SECOND), known=None, **columns):
    """A call of two answers of which so much audio was made."""
    level_dbfs = np.full(COUNT, QUIET)
    for span in speech:
        level_dbfs[span] = -20.0
    journey = make_journey(COUNT, level_dbfs=level_dbfs, speech=level_dbfs > -40, **columns)
    answers = [pieces(span.start * 0.02 - 0.05, length) for span, length in zip(speech, audio_s, strict=True)]
    return make_scene(journey=journey, **(known or logged(*answers)))


def missing(scene, found=()):
    return [sent.missing_s for sent in account_for_answers(scene, found=found)]


def test_what_was_made_was_sent():
    assert missing(scene(3.0, 7.0)) == pytest.approx([0.0, 0.0], abs=0.03)
    assert find_unsent(scene(3.0, 7.0), found=[]) == []


def test_an_answer_left_short_is_found_as_a_whole_where_no_sound_tells_where():
    (glitch,) = find_unsent(scene(3.0, 7.3), found=[])
    assert glitch.kind == "unsent"
    assert glitch.found_by == ("event log",)
    assert glitch.capture_start_s == pytest.approx(SECOND.start * 0.02, abs=0.03)
    assert glitch.capture_end_s == pytest.approx(SECOND.stop * 0.02, abs=0.03)


def test_silence_that_every_answer_is_padded_with_is_not_missing():
    assert missing(scene(3.25, 7.25)) == pytest.approx([0.0, 0.0], abs=0.03)
    assert missing(scene(3.25, 7.65)) == pytest.approx([0.0, 0.4], abs=0.03)


def test_a_single_answer_may_be_padded_with_anything_up_to_half_a_second():
    one = (slice(50, 200),)
    assert find_unsent(scene(3.4, speech=one), found=[]) == []
    assert len(find_unsent(scene(3.8, speech=one), found=[])) == 1


def test_what_the_sender_waited_for_is_not_speech():
    late = pieces(SECOND.start * 0.02 - 0.05, 6.6)
    late = [(at_s + (0.4 + 0.1 * 18 if i >= 18 else 0.0), length) for i, (at_s, length) in enumerate(late)]
    known = logged(pieces(FIRST.start * 0.02 - 0.05, 3.0), late)
    waiting = scene(3.0, 6.6, known=known)
    frames = tuple(int(frame) for frame in waiting.journey["frame"].iloc[[529, 550]])
    silence = make_glitch("silence", 10.6, 11.0, frames=frames)
    assert missing(waiting)[1] == pytest.approx(-0.4, abs=0.03)
    assert missing(waiting, [silence])[1] == pytest.approx(0.0, abs=0.03)


def test_silence_that_the_model_did_not_cause_is_not_taken_for_waiting():
    call = scene(3.0, 7.0)
    frames = tuple(int(frame) for frame in call.journey["frame"].iloc[[529, 550]])
    assert missing(call, [make_glitch("silence", 10.6, 11.0, frames=frames)])[1] == pytest.approx(0.0, abs=0.03)


def test_answers_that_run_into_each_other_or_out_of_the_capture_are_not_measured():
    assert missing(scene(3.0, 7.0, speech=(slice(50, 200), slice(203, 553)))) == []
    assert len(missing(scene(3.0, 7.0, speech=(slice(50, 200), slice(450, 800))))) == 1


def test_an_answer_that_was_cut_short_is_not_measured():
    known = logged(pieces(0.95, 3.0), pieces(6.95, 7.9))
    events = known["events"]
    events.loc[(events["kind"] == "response_done") & (events["response_id"] == "a2"), "text"] = "cancelled"
    assert len(missing(scene(3.0, 7.9, known=known))) == 1


def test_closed_payloads_are_measured_by_what_packets_their_sizes_call_speech():
    closed = scene(3.0, 7.5, tail_dbfs=np.full(COUNT, np.nan))
    closed = make_scene(
        journey=closed.journey.assign(level_dbfs=np.nan), events=closed.events, slack=closed.slack, clocks=closed.clocks
    )
    assert missing(closed) == pytest.approx([0.0, 0.5], abs=0.03)
    assert len(find_unsent(closed, found=[])) == 1


def test_a_splice_in_an_answer_left_short_bears_the_account():
    call = scene(3.0, 7.3)
    frames = tuple(int(frame) for frame in call.journey["frame"].iloc[[500, 501]])
    splice = make_glitch("splice", 10.0, 10.0, frames=frames)
    assert find_unsent(call, found=[splice]) == []
    (told,) = tell_account([splice], call)
    assert told.measurements["missing_s"] == pytest.approx(0.3, abs=0.03)
    elsewhere = make_glitch("splice", 5.0, 5.0, frames=(1, 3))
    assert tell_account([elsewhere], call) == [elsewhere]


def test_without_a_log_nothing_is_held_against_anything():
    assert account_for_answers(make_scene(journey=make_journey(COUNT)), found=[]) == ()
    assert find_unsent(make_scene(), found=[]) == []
