"""What-if: the replay under other conditions, and what the timeline is told of it."""

import pytest
from synthetic_call import FRAME_S, LOST, STALL_S

from forensics.views import workbench
from forensics.views.what_if import compare_replays, prediction_rows, replay_what_if


@pytest.fixture(scope="module")
def stream(diagnosis):
    return diagnosis.scene.downlink


@pytest.fixture(scope="module")
def before(stream):
    return replay_what_if(stream)


def longest_s(replay):
    return (replay.concealed["end_s"] - replay.concealed["start_s"]).max()


def holes_near(replay, capture_s):
    return replay.concealed[(replay.concealed["start_s"] - capture_s).abs() < 0.4]


def test_the_call_as_it_was_has_the_loss_and_the_stall(before):
    assert len(holes_near(before, 0.37 + LOST.start * FRAME_S + 0.05)) == 1
    assert longest_s(before) > STALL_S - 0.12


def test_repaired_losses_leave_no_hole(stream):
    repaired = replay_what_if(stream, repaired=True)
    assert len(holes_near(repaired, 0.37 + LOST.start * FRAME_S + 0.05)) == 0


def test_a_prompt_sender_leaves_no_stall(stream):
    assert longest_s(replay_what_if(stream, prompt=True)) < STALL_S - 0.12


def test_everything_mended_conceals_next_to_nothing(stream):
    mended = replay_what_if(stream, repaired=True, prompt=True, steady=True)
    assert (mended.concealed["end_s"] - mended.concealed["start_s"]).sum() < 0.05


def test_rows_stand_on_the_axis(before, view):
    (row,) = prediction_rows({"as it was": before}, view.axis)
    assert row["name"] == "as it was"
    assert row["holes"][0][0] == pytest.approx(before.concealed["start_s"].iloc[0] - 0.418, abs=0.001)


def test_the_difference_is_said_in_a_sentence(before, stream):
    said = compare_replays(before, replay_what_if(stream, repaired=True))
    assert "less than" in said


def test_moving_the_slider_tells_the_timeline(diagnosis):
    bench = workbench(diagnosis)
    panel = bench.children[1].children[0]
    panel.target_ms.value = 300
    assert [row["name"] for row in bench.timeline.predicted] == ["as it was", "what if"]
    assert "With these settings" in panel._said.value
