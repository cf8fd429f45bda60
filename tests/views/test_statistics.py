"""The browser's statistics, interval by interval."""

from dataclasses import replace

import pandas as pd
import pytest
from telemetry_of_call import STALL_ON_CAPTURE_S, with_telemetry

from forensics.views.statistics import buffer_arrays


@pytest.fixture(scope="module")
def scene(diagnosis):
    return with_telemetry(diagnosis).scene


def test_delay_and_target_are_means_over_each_interval(scene, view):
    arrays = buffer_arrays(scene, view.axis)
    assert arrays["delay_ms"] == pytest.approx(80)
    assert arrays["target_ms"] == pytest.approx(60)


def test_concealment_stands_in_its_interval(scene, view):
    arrays = buffer_arrays(scene, view.axis)
    ends_s = arrays["at_s"][arrays["concealed_ms"] > 0]
    assert arrays["concealed_ms"].max() == pytest.approx(300)
    assert len(ends_s) == 1
    assert 0 <= ends_s[0] - view.axis.from_capture(STALL_ON_CAPTURE_S) < 1


def test_statistics_of_another_stream_are_left_out(scene, view):
    stranger = scene.stats["inbound-rtp"].assign(ssrc=1)
    mixed = pd.concat([scene.stats["inbound-rtp"], stranger.assign(jitter_buffer_delay=0)])
    arrays = buffer_arrays(replace(scene, stats={"inbound-rtp": mixed}), view.axis)
    assert arrays["delay_ms"] == pytest.approx(80)
    assert buffer_arrays(replace(scene, stats={"inbound-rtp": stranger}), view.axis) == {}


@pytest.mark.parametrize("drop", ["capture_s", "jitter_buffer_emitted_count"])
def test_statistics_without_place_or_counter_are_not_drawn(scene, view, drop):
    assert (
        buffer_arrays(replace(scene, stats={"inbound-rtp": scene.stats["inbound-rtp"].drop(columns=drop)}), view.axis)
        == {}
    )


def test_nothing_was_emitted_in_an_interval(scene, view):
    stopped = scene.stats["inbound-rtp"].assign(jitter_buffer_emitted_count=48_000.0)
    arrays = buffer_arrays(replace(scene, stats={"inbound-rtp": stopped}), view.axis)
    assert pd.isna(arrays["delay_ms"]).all()
