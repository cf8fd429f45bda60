import numpy as np
import pytest
from building import make_glitch

from forensics.glitches.audibility import HOLE_S, LOST_SPEECH_S, SKIPPED_SPEECH_S, judge_audibility
from forensics.glitches.merge import KIND_ORDER


def audible(kind, seconds, **measurements):
    return judge_audibility(make_glitch(kind, 1.0, 1.0 + seconds, measurements=measurements)).audible


@pytest.mark.parametrize("kind", ["hole", "stall", "late", "silence", "blank"])
@pytest.mark.parametrize(("seconds", "heard"), [(HOLE_S - 0.002, False), (HOLE_S, True), (0.5, True)])
def test_a_hole_is_heard_from_its_threshold_on(kind, seconds, heard):
    assert audible(kind, seconds) is heard


@pytest.mark.parametrize("side", ["speech_before", "speech_after"])
@pytest.mark.parametrize("kind", ["hole", "late", "skip"])
def test_it_takes_speech_on_both_sides(kind, side):
    assert audible(kind, 0.5, skipped_s=0.5, **{side: 0.0}) is False


@pytest.mark.parametrize(
    ("lost_s", "seconds", "heard"),
    [
        (LOST_SPEECH_S, 0.04, True),
        (LOST_SPEECH_S - 0.002, 0.04, False),
        (0.2, 0.003, False),
        (0.2, 0.005, True),
    ],
    ids=["two packets", "a little less", "passed over", "concealed"],
)
def test_a_loss_is_heard_when_speech_is_gone_and_something_stands_in_its_place(lost_s, seconds, heard):
    assert audible("loss", seconds, media_gap_s=lost_s) is heard


@pytest.mark.parametrize(("hole_s", "after", "heard"), [(0.05, 1, True), (0.035, 1, False), (0.05, 0, False)])
def test_one_lost_packet_is_heard_where_the_hole_for_it_is_longer(hole_s, after, heard):
    measured = {"media_gap_s": 0.02, "inserted_s": hole_s - 0.02, "lost_speech_s": 0.02, "speech_after": after}
    assert audible("loss", hole_s, **measured) is heard


@pytest.mark.parametrize(("before", "after", "heard"), [(1, 1, True), (1, 0, False), (0, 0, False)])
def test_only_lost_speech_counts(before, after, heard):
    assert audible("loss", 0.06, media_gap_s=0.06, speech_before=before, speech_after=after) is heard


@pytest.mark.parametrize("measure", ["skipped_s", "media_gap_s"])
@pytest.mark.parametrize(("skipped_s", "heard"), [(SKIPPED_SPEECH_S - 0.001, False), (SKIPPED_SPEECH_S, True)])
def test_a_skip_is_heard_from_half_a_syllable_on(measure, skipped_s, heard):
    assert audible("skip", 0.0, **{measure: skipped_s}) is heard


@pytest.mark.parametrize("kind", ["late_answer", "splice"])
def test_some_kinds_are_always_heard(kind):
    assert audible(kind, 0.0) is True


@pytest.mark.parametrize("kind", KIND_ORDER)
def test_the_rule_changes_nothing_else(kind):
    glitch = make_glitch(kind, 1.0, 1.5, measurements={"media_gap_s": np.float64(0.5)})
    judged = judge_audibility(glitch)
    assert (judged.kind, judged.start_s, judged.end_s, judged.measurements) == (kind, 1.0, 1.5, glitch.measurements)
