"""The model's log, its slack and the set-up on the axis."""

import math
from dataclasses import replace

import numpy as np
import pytest
from telemetry_of_call import STALL_ON_CAPTURE_S, with_telemetry

from forensics.views.axis import scene_axis
from forensics.views.model_log import audio_event_times, event_rows, setup_rows, slack_arrays


@pytest.fixture(scope="module")
def scene(diagnosis):
    return with_telemetry(diagnosis).scene


@pytest.fixture(scope="module")
def axis(scene):
    return scene_axis(scene)


def test_events_stand_on_the_axis_under_plain_names(scene, axis):
    rows = event_rows(scene, axis)
    assert [row["name"] for row in rows] == [
        "speech started", "speech stopped", "response started", "user transcript", "ttfb", "response done"
    ]  # fmt: skip
    assert rows[0]["at_s"] == pytest.approx(1.0 - 0.418, abs=1e-4)
    assert rows[3]["text"] == "What is the weather?"


def test_pieces_of_audio_come_as_times_only(scene, axis):
    times_s = audio_event_times(scene, axis)
    assert len(times_s) == (scene.events["kind"] == "audio_produced").sum()
    assert times_s.dtype == np.float64


def test_a_call_without_a_log_has_no_events(scene, axis):
    silent = replace(scene, events=None, slack=None)
    assert event_rows(silent, axis) == []
    assert len(audio_event_times(silent, axis)) == 0
    assert slack_arrays(silent, axis) == {}


def test_slack_falls_below_zero_where_the_model_stalled_and_breaks_between_answers(scene, axis):
    curve = slack_arrays(scene, axis)
    before = curve["at_s"] < axis.from_capture(STALL_ON_CAPTURE_S)
    assert np.nanmin(curve["slack_ms"][before]) > 0
    assert np.nanmin(curve["slack_ms"][~before]) == pytest.approx(-250, abs=1)
    assert np.isnan(curve["slack_ms"]).sum() == 2
    assert (np.diff(curve["at_s"]) >= 0).all()


def test_slack_of_a_log_without_a_place_is_not_drawn(scene, axis):
    lost = replace(scene, events=scene.events.assign(capture_s=math.nan))
    assert slack_arrays(lost, axis) == {}


def test_the_axis_begins_with_the_set_up(scene, axis):
    assert [row["phase"] for row in setup_rows(scene, axis)] == ["ice", "dtls", "first rtp"]
    assert axis.start_s == pytest.approx(-0.6 - 0.418, abs=1e-3)
