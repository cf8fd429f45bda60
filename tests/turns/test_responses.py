import pytest
from turns.events import answer, log, witnesses

from forensics.turns.responses import find_responses, join_text, match_responses
from forensics.turns.witnesses import Witnesses


def test_answers_by_their_names():
    first, second = find_responses(witnesses(*answer("a", 2.0, made_s=4.0, text="Hello there."), *answer("b", 9.0)))
    assert (first.response_id, first.began_s, first.has_audio, first.text) == ("a", 2.0, True, "Hello there.")
    assert first.audio_s == pytest.approx(4.0)
    assert (second.response_id, second.text) == ("b", "")


def test_a_log_without_names_is_parted_where_answers_begin_and_end():
    rows = [*answer("", 2.0, text="First."), *answer("", 9.0, text="Second.")]
    assert [response.text for response in find_responses(witnesses(*rows))] == ["First.", "Second."]


@pytest.mark.parametrize(("kind", "began_s"), [("playback_started", 2.3), ("response_started", 1.6)])
def test_without_audio_an_answer_begins_with_its_playback_else_with_itself(kind, began_s):
    rows = [(1.6, "response_started", {"response_id": "a"})]
    rows += [(2.3, "playback_started", {"response_id": "a"})] if kind == "playback_started" else []
    (response,) = find_responses(witnesses(*rows))
    assert (response.began_s, response.has_audio) == (began_s, False)


def test_no_log_and_a_log_that_was_not_placed_hold_no_answers():
    unplaced = log(*answer("a", 2.0)).assign(capture_s=float("nan"))
    assert find_responses(Witnesses()) == find_responses(Witnesses(events=unplaced)) == ()


def test_an_answer_belongs_to_the_first_turn_that_had_not_ended():
    responses = find_responses(
        witnesses(*answer("a", 0.5), *answer("b", 6.0), *answer("c", 7.0), *answer("late", 30.0))
    )
    of_turns = match_responses(responses, [(1.0, 4.0), (6.5, 9.0)])
    assert [[response.response_id for response in turn] for turn in of_turns] == [["a"], ["b", "c"]]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [(["Good", " morning", "."], "Good morning."), (["Good", "morning"], "Good morning"), ([" ", ""], ""), ([], "")],
)
def test_pieces_of_a_transcript(pieces, text):
    assert join_text(pieces) == text
