"""The view: header, arrays and tiles that the browser asks for."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_call import FRAME_S, LOST, synthetic_diagnosis
from telemetry_of_call import with_telemetry

from forensics.model import EVENT_COLUMNS, SLACK_COLUMNS, Playout, empty_table
from forensics.views.view import make_view


def lanes(view):
    return [lane["id"] for lane in view.header["lanes"]]


def test_the_header_is_json_without_nan(view):
    assert json.loads(json.dumps(view.header, allow_nan=False)) == view.header


def test_lanes_follow_what_there_is(view):
    assert lanes(view) == ["verdicts", "turns", "speech", "downlink", "sent-wave", "heard-wave", "sent-spectrogram",
                           "heard-spectrogram", "microphone-wave", "microphone-spectrogram"]  # fmt: skip


def test_telemetry_has_its_lanes(diagnosis):
    shown = lanes(make_view(with_telemetry(diagnosis)))
    assert [lane for lane in shown if lane in ("events", "slack", "setup", "statistics")] == [
        "events", "slack", "setup", "statistics"
    ]  # fmt: skip


def test_an_empty_log_has_no_lane(diagnosis):
    scene = replace(diagnosis.scene, events=empty_table(EVENT_COLUMNS), slack=empty_table(SLACK_COLUMNS))
    assert {"events", "slack"}.isdisjoint(lanes(make_view(replace(diagnosis, scene=scene))))


def test_without_a_recording_the_sent_sound_stands_open(diagnosis):
    scene = replace(diagnosis.scene, recording=None, microphone=None, heard=None, clocks={})
    view = make_view(replace(diagnosis, scene=scene))
    assert view.axis.name == "capture"
    assert [lane["folded"] for lane in view.header["lanes"] if lane.get("sound") == "sent"] == [False, False]


def test_without_a_capture_there_is_no_packet_lane(diagnosis):
    scene = replace(diagnosis.scene, streams=(), downlink=None, sent=None, heard=None, clocks={})
    view = make_view(replace(diagnosis, scene=scene))
    assert "downlink" not in lanes(view)
    assert view.arrays == {}


def test_tiles_are_made_by_their_key(view):
    assert view.tile("heard/wave/2/0").dtype == np.int16
    assert view.tile("sent/linear/1/0").dtype == np.uint8


def test_an_unknown_kind_of_tile_is_named():
    with pytest.raises(KeyError, match="No kind of tile 'hexagon'"):
        make_view(synthetic_diagnosis(seconds=20.0)).tile("heard/hexagon/0/0")


def test_a_clip_is_the_sound_at_its_place(view):
    heard = view.diagnosis.scene.recording
    np.testing.assert_array_equal(view.clip("heard", start_s=2.0, seconds=0.01), heard.samples[96_000:96_480])


def test_the_lost_packets_hole_is_in_the_recording(view):
    lost = view.clip("heard", start_s=LOST.start * FRAME_S + 0.02, seconds=0.18)
    assert np.abs(lost).max() < 0.01


def test_the_replayed_buffer_stands_on_the_axis_in_milliseconds(diagnosis):
    curve = pd.DataFrame({"tick_s": [1.0, 1.01], "target_delay_s": [0.08, 0.08], "buffer_s": [0.06, 0.05]})
    replay = Playout(1, "neteq", pd.DataFrame(), pd.DataFrame(), {}, curve)
    arrays = make_view(replace(diagnosis, scene=replace(diagnosis.scene, replay=replay))).arrays
    assert arrays["downlink/buffer/level_ms"].tolist() == pytest.approx([60, 50])
    assert arrays["downlink/buffer/at_s"][0] == pytest.approx(1.0 - 0.418, abs=1e-4)
