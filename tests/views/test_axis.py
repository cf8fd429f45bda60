"""The axis: the recording's clock where it can be placed, else the capture's."""

from dataclasses import replace

import pytest

from forensics.model import Capture, ClockMap
from forensics.views.axis import SPILL_S, scene_axis


def a_capture():
    return Capture(None, 1_795_356_000_000_000_000, None, None, None)


def test_a_recording_with_a_clock_gives_the_axis(diagnosis):
    axis = scene_axis(diagnosis.scene)
    assert axis.name == "recording"
    assert axis.to_capture(0.0) == pytest.approx(0.418)
    assert axis.from_capture(axis.to_capture(7.0)) == pytest.approx(7.0)


def test_the_axis_begins_with_the_first_packet_where_that_was_before_the_recording(diagnosis):
    first_s = diagnosis.scene.downlink.packets["arrival_s"].min()
    assert scene_axis(diagnosis.scene).start_s == pytest.approx(first_s - 0.418, abs=1e-4)


def test_a_capture_that_goes_on_long_after_the_recording_does_not_widen_the_axis(diagnosis):
    packets = diagnosis.scene.downlink.packets
    late = replace(diagnosis.scene.downlink, packets=packets.assign(arrival_s=packets["arrival_s"] * 60))
    axis = scene_axis(replace(diagnosis.scene, streams=(late,)))
    assert axis.end_s == diagnosis.scene.recording.duration_s + SPILL_S


def test_without_a_recording_the_axis_is_the_captures(diagnosis):
    axis = scene_axis(replace(diagnosis.scene, recording=None, clocks={}, capture=a_capture()))
    assert axis.name == "capture"
    assert axis.from_capture(3.0) == 3.0
    assert axis.origin_ns == 1_795_356_000_000_000_000


def test_a_recording_that_could_not_be_placed_leaves_the_axis_to_the_capture(diagnosis):
    assert scene_axis(replace(diagnosis.scene, clocks={}, capture=a_capture())).name == "capture"


def test_a_recording_alone_has_no_capture_time(diagnosis):
    axis = scene_axis(replace(diagnosis.scene, clocks={}, streams=(), downlink=None))
    assert (axis.name, axis.clock) == ("recording", None)
    assert axis.as_data()["capture"] is None


def test_drift_is_kept_for_the_browser(diagnosis):
    clock = ClockMap("recording", 1.0, 0.002, "decoded-audio", drift_ppm=40.0, steps=((9.0, 0.2),))
    data = scene_axis(replace(diagnosis.scene, clocks={"recording": clock})).as_data()
    known = {"offset_s": 1.0, "drift_ppm": 40.0, "error_s": 0.002, "method": "decoded-audio", "steps": [[9.0, 0.2]]}
    assert data["capture"] == known


def test_a_glitch_is_shown_where_it_was_captured_also_after_a_jump_of_the_clock(diagnosis):
    glitch = diagnosis.verdicts[0].glitch
    jump_s = glitch.start_s - 1.0
    clock = ClockMap("recording", 1.0, 0.002, "decoded-audio", drift_ppm=40.0, steps=((jump_s, 0.2),))
    seen = replace(
        glitch, capture_start_s=clock.to_capture_s(glitch.start_s), capture_end_s=clock.to_capture_s(glitch.end_s)
    )
    axis = scene_axis(replace(diagnosis.scene, clocks={"recording": clock}))
    assert axis.captured_s(seen) == pytest.approx((glitch.start_s, glitch.end_s), abs=1e-9)
    assert axis.captured_s(replace(glitch, capture_start_s=float("nan"))) is None
