"""What-if: the replay under other conditions, and what the timeline is told of it."""

import numpy as np
import pytest
from synthetic_call import FRAME_S, LOST, STALL_S, STALLED_AT

from forensics.views import what_if, workbench
from forensics.views.predictions import (
    Settings,
    compare_holes,
    cut_stream,
    holes_of,
    prediction_rows,
    replay_what_if,
)

LOST_AT_S = 0.37 + LOST.start * FRAME_S + 0.05


@pytest.fixture(scope="module")
def stream(diagnosis):
    return diagnosis.scene.downlink


@pytest.fixture(scope="module")
def before(stream):
    return holes_of(replay_what_if(stream))


@pytest.fixture
def panel(diagnosis):
    return workbench(diagnosis).what_if


def holes(stream, **settings):
    return holes_of(replay_what_if(stream, Settings(**settings)))


def longest_s(holes):
    return np.diff(holes).max()


def near(holes, capture_s):
    return holes[np.abs(holes[:, 0] - capture_s) < 0.4]


def test_the_call_as_it_was_has_the_loss_and_the_stall(before):
    assert len(near(before, LOST_AT_S)) == 1
    assert longest_s(before) > STALL_S - 0.12


def test_repaired_losses_leave_no_hole(stream):
    assert len(near(holes(stream, repaired=True), LOST_AT_S)) == 0


def test_a_prompt_sender_leaves_no_stall(stream):
    assert longest_s(holes(stream, prompt=True)) < STALL_S - 0.12


@pytest.mark.parametrize("lead_s", [0.1, 0.2, 0.4])
def test_a_send_lead_covers_at_least_as_much_of_the_stall(stream, before, lead_s):
    mended = holes(stream, lead_s=lead_s, repaired=True)
    left_s = np.diff(near(mended, 0.35 + STALLED_AT * FRAME_S + lead_s)).sum()
    assert left_s <= max(longest_s(before) - lead_s, 0) + 0.03


def test_a_lead_that_the_sender_took_covers_no_delay_of_the_path(stream):
    sent_s = stream.packets["ext_timestamp"].to_numpy() / 48_000 + 0.3  # never behind: all delay is the path's
    with_departures = holes_of(replay_what_if(stream, Settings(lead_s=0.4), sent_s=sent_s))
    assert longest_s(with_departures) > longest_s(holes(stream, lead_s=0.4, repaired=True)) + 0.1


def test_everything_mended_conceals_next_to_nothing(stream):
    mended = holes(stream, repaired=True, prompt=True, steady=True)
    assert np.diff(mended).sum() < 0.05


def test_rows_stand_on_the_axis(before, view):
    (row,) = prediction_rows({"as it was": before}, view.axis)
    assert row["name"] == "as it was"
    assert row["holes"][0][0] == pytest.approx(before[0, 0] - 0.418, abs=0.001)


def test_the_difference_is_said_in_a_sentence(before, stream):
    assert "less than" in compare_holes(before, holes(stream, repaired=True))
    assert "1 hole," in compare_holes(before, before[:1])


def test_a_stretch_is_replayed_like_the_whole(stream, before):
    stalled_at_s = 0.35 + STALLED_AT * FRAME_S
    span_s = (stalled_at_s - 1, stalled_at_s + 2)
    part, rows = cut_stream(stream, span_s)
    assert len(part.packets) == len(rows) < len(stream.packets)
    (found,) = near(holes_of(replay_what_if(part), span_s), stalled_at_s)
    (expected,) = near(before, stalled_at_s)
    np.testing.assert_allclose(found, expected, atol=0.03)


@pytest.mark.parametrize("control", ["target_ms", "lead_ms"])
def test_moving_a_slider_tells_the_timeline(diagnosis, control):
    bench = workbench(diagnosis)
    setattr(bench.what_if, control, 300)
    assert [row["name"] for row in bench.timeline.predicted] == ["as it was", "what if"]
    assert "With these settings" in bench.what_if.said


def test_nothing_changed_conceals_as_much(panel):
    panel.repaired = True
    panel.repaired = False
    assert "as much as" in panel.said


def test_of_a_long_call_the_stretch_in_view_comes_first_and_then_all(diagnosis, monkeypatch):
    monkeypatch.setattr(what_if, "QUICK_PACKETS", 200)
    panel, shown = workbench(diagnosis).what_if, []
    monkeypatch.setattr(panel, "_show", lambda span_s, before, after: shown.append((span_s, len(before))))
    panel.repaired = True
    (stretch, _), (whole, most) = shown
    assert stretch[1] - stretch[0] < 5
    assert whole is None
    assert most > 1
