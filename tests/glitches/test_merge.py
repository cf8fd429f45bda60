import pytest
from building import make_glitch
from hypothesis import example, given
from hypothesis import strategies as st

from forensics.glitches import merge_glitches
from forensics.glitches.audibility import judge_audibility
from forensics.glitches.merge import KIND_ORDER, REFILL_S


def test_nothing_stays_nothing():
    assert merge_glitches([]) == []


def test_what_stands_apart_stays_apart_and_comes_in_the_order_of_time():
    glitches = [make_glitch("hole", 7.0, 7.1), make_glitch("loss", 2.0, 2.1), make_glitch("late", 4.0, 4.1)]
    assert [g.kind for g in merge_glitches(glitches)] == ["loss", "late", "hole"]


def test_two_sights_between_the_same_packets_are_one_of_the_more_specific_kind():
    late = make_glitch("late", 2.0, 2.3, frames=(11, 13), found_by=("arrival",), measurements={"a": 1.0, "b": 1.0})
    hole = make_glitch("hole", 2.0, 2.3, frames=(11, 13), found_by=("playout",), measurements={"b": 2.0, "c": 2.0})
    (glitch,) = merge_glitches([hole, late])
    assert glitch.kind == "late"
    assert set(glitch.found_by) == {"arrival", "playout"}
    assert glitch.measurements == {"a": 1.0, "b": 1.0, "c": 2.0}


def test_a_hole_within_another_glitch_belongs_to_it():
    (glitch,) = merge_glitches(
        [make_glitch("loss", 2.0, 2.5, frames=(1, 2)), make_glitch("hole", 2.1, 2.2, frames=(3, 4))]
    )
    assert (glitch.kind, glitch.end_s) == ("loss", 2.5)


def test_a_loss_within_a_hole_is_not_swallowed():
    kinds = [g.kind for g in merge_glitches([make_glitch("hole", 2.0, 2.5), make_glitch("loss", 2.1, 2.2)])]
    assert kinds == ["hole", "loss"]


def test_a_buffer_that_fills_up_again_prolongs_the_glitch_before():
    late = make_glitch("late", 2.0, 2.3)
    refill = make_glitch("hole", 2.5, 2.66, measurements={"lateness_step_s": 0.0}, found_by=("playout",))
    (glitch,) = merge_glitches([late, refill])
    assert (glitch.kind, glitch.start_s, glitch.end_s) == ("late", 2.0, 2.66)
    assert "playout" in glitch.found_by


def discarded(start_s, end_s):
    return make_glitch("late", start_s, end_s, measurements={"discarded_packets": 1.0, "lateness_step_s": 0.12})


def test_holes_for_discarded_packets_with_a_fragment_of_speech_between_them_are_one():
    (glitch,) = merge_glitches([discarded(2.0, 2.02), discarded(2.06, 2.08), discarded(2.1, 2.12)])
    assert (glitch.start_s, glitch.end_s) == (2.0, 2.12)


def test_holes_for_discarded_packets_with_speech_between_them_stay_two():
    assert len(merge_glitches([discarded(2.0, 2.02), discarded(2.12, 2.14)])) == 2


def covered(at_s, late_s):
    return make_glitch("late", at_s, at_s, frames=(round(at_s * 100),), measurements={"lateness_step_s": late_s})


def test_late_packets_that_the_buffer_covered_are_one_episode_and_the_latest_stands_for_it():
    (glitch,) = merge_glitches([covered(2.0, 0.05), covered(2.4, 0.11), covered(3.1, 0.06)])
    assert (glitch.start_s, glitch.end_s, glitch.frames) == (2.0, 3.1, (240,))
    assert (glitch.measurements["late_packets"], glitch.measurements["lateness_step_s"]) == (3, 0.11)
    assert not judge_audibility(glitch).audible


def test_episodes_of_covered_packets_end_where_none_comes_for_a_second_or_a_hole_is_heard():
    assert len(merge_glitches([covered(2.0, 0.05), covered(3.2, 0.05)])) == 2
    kinds = [
        g.end_s - g.start_s > 0 for g in merge_glitches([covered(2.0, 0.05), discarded(2.2, 2.3), covered(2.5, 0.05)])
    ]
    assert kinds == [False, True, False]


@pytest.mark.parametrize(
    "apart",
    [
        make_glitch("hole", 2.3 + REFILL_S + 0.01, 3.0),
        make_glitch("hole", 2.5, 2.66, measurements={"lateness_step_s": 0.1}),
        make_glitch("late", 2.5, 2.66),
    ],
    ids=["too late after it", "by a packet that was late itself", "no hole"],
)
def test_what_has_a_cause_of_its_own_stays_apart(apart):
    assert len(merge_glitches([make_glitch("late", 2.0, 2.3), apart])) == 2


def test_a_hole_in_the_first_words_of_a_late_answer_is_a_glitch_of_its_own():
    answer, hole = make_glitch("late_answer", 1.0, 4.0), make_glitch("hole", 4.2, 4.4)
    assert merge_glitches([answer, hole]) == [answer, hole]


def test_a_late_answer_swallows_nothing_and_is_not_swallowed():
    answer = make_glitch("late_answer", 1.0, 4.0, frames=(5, 7))
    glitches = [answer, make_glitch("hole", 2.0, 2.2), make_glitch("late", 3.0, 3.5, frames=(5, 7))]
    assert len(merge_glitches(glitches)) == 3


def test_the_other_direction_is_another_glitch():
    glitches = [make_glitch("late", 1.0, 1.2, frames=(5, 7), direction=way) for way in ("uplink", "downlink")]
    assert len(merge_glitches(glitches)) == 2


@st.composite
def any_glitch(draw):
    start_s = draw(st.integers(0, 60)) * 0.05
    frame = draw(st.integers(1, 8))
    return make_glitch(
        draw(st.sampled_from(KIND_ORDER)),
        start_s,
        start_s + draw(st.integers(0, 10)) * 0.05,
        frames=draw(st.sampled_from([(), (frame, frame + 2)])),
        measurements={"lateness_step_s": draw(st.sampled_from([0.0, 0.3]))},
        found_by=(draw(st.sampled_from(["a", "b"])),),
    )


@given(st.lists(any_glitch(), max_size=12))
@example([make_glitch("hole", 1.0, frames=(1, 3)), make_glitch("late", 1.1), make_glitch("loss", 1.2, frames=(1, 3))])
def test_merging_keeps_the_order_of_time_and_invents_nothing(glitches):
    merged = merge_glitches(glitches)
    assert len(merged) <= len(glitches)
    assert [g.start_s for g in merged] == sorted(g.start_s for g in merged)
    assert {g.start_s for g in merged} <= {g.start_s for g in glitches}
    assert {g.end_s for g in merged} <= {g.end_s for g in glitches}
    assert {source for g in merged for source in g.found_by} == {source for g in glitches for source in g.found_by}


@given(st.lists(any_glitch(), max_size=12), st.randoms())
def test_the_order_in_which_detectors_ran_does_not_matter(glitches, random):
    shuffled = random.sample(glitches, len(glitches))
    assert [(g.kind, g.start_s, g.end_s) for g in merge_glitches(shuffled)] == [
        (g.kind, g.start_s, g.end_s) for g in merge_glitches(glitches)
    ]
