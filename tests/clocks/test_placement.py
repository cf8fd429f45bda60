from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, silent_stream

from forensics.clocks import Course, estimate_recording_clock, place_course
from forensics.clocks.placement import LEAST_WAIT_S
from forensics.errors import ClockError
from forensics.model import Playout

CLOCK_S = 2.5  # recording zero on the capture's clock


@pytest.fixture
def call():
    """A stream and where it was heard: each packet waited between 20 and 90 ms."""
    rng = np.random.default_rng(3)
    arrival_s = 3.0 + np.arange(500) * FRAME_S
    stream = silent_stream(arrival_s)
    wait_s = LEAST_WAIT_S + np.r_[np.zeros(50), rng.uniform(0, 0.07, 450)]
    packets = pd.DataFrame({"row": np.arange(500), "heard_s": arrival_s + wait_s - CLOCK_S})
    return stream, Playout(stream.ssrc, "heard", packets, pd.DataFrame())


def test_the_packet_that_waited_least_places_the_recording(call):
    stream, playout = call
    clock = estimate_recording_clock(playout, stream)
    assert (clock.local, clock.method) == ("recording", "decoded-audio")
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=1e-6)
    assert clock.to_capture_s(1.0) == pytest.approx(1.0 + CLOCK_S)
    assert "500 of 500 packets (100%)" in clock.notes[0]


def test_a_few_wrong_matches_do_not_move_it(call):
    stream, playout = call
    playout.packets.loc[[100, 200, 300], "heard_s"] -= 1.0
    assert estimate_recording_clock(playout, stream).offset_s == pytest.approx(CLOCK_S, abs=0.001)


def test_packets_that_were_not_located_are_counted(call):
    stream, playout = call
    playout.packets.loc[100:299, "heard_s"] = np.nan
    assert "300 of 500 packets (60%)" in estimate_recording_clock(playout, stream).notes[0]


def test_without_a_located_packet_there_is_no_clock(call):
    stream, playout = call
    nowhere = replace(playout, packets=playout.packets.assign(heard_s=np.nan))
    with pytest.raises(ClockError, match="None of 500 packets was located in the recording"):
        estimate_recording_clock(nowhere, stream)


def long_call(*, ppm=0.0, step=None):
    """Ten minutes; now and then the buffer runs nearly empty."""
    rng = np.random.default_rng(4)
    arrival_s = 3.0 + np.arange(30_000) * FRAME_S
    stream = silent_stream(arrival_s)
    wait_s = LEAST_WAIT_S + rng.uniform(0, 0.07, 30_000) * (np.arange(30_000) % 400 > 50)
    heard_s = (arrival_s + wait_s - CLOCK_S) * (1 + ppm * 1e-6)
    if step is not None:
        heard_s = np.where(heard_s > step[0], heard_s - step[1], heard_s)
    packets = pd.DataFrame({"row": np.arange(30_000), "heard_s": heard_s})
    return stream, Playout(stream.ssrc, "heard", packets, pd.DataFrame())


@pytest.mark.parametrize("ppm", [80.0, -200.0])
def test_a_long_call_shows_the_drift_of_the_recorder(ppm):
    stream, playout = long_call(ppm=ppm)
    clock = estimate_recording_clock(playout, stream)
    assert clock.drift_ppm == pytest.approx(-ppm, abs=2.0)
    assert clock.to_capture_s(600.0 * (1 + ppm * 1e-6)) == pytest.approx(600.0 + CLOCK_S, abs=0.002)


def test_a_long_call_shows_where_the_recorder_stood_still():
    stream, playout = long_call(step=(200.0, 0.5))
    ((at_s, change_s),) = estimate_recording_clock(playout, stream).steps
    assert change_s == pytest.approx(0.5, abs=0.005)
    assert at_s == pytest.approx(200.0, abs=21.0)


def test_the_course_of_a_recording_becomes_its_clock():
    stream = silent_stream(3.0 + np.arange(20_000) * FRAME_S * (1 + 30e-6))
    windows = pd.DataFrame({"media_s": [1.0], "lag_s": [0.0], "sharpness": [20.0], "kept": [True]})
    course = Course(0.75, 80.0, ((100.0, 0.12),), 1e-5, 0.01, windows)
    clock = place_course(course, stream)
    assert clock.drift_ppm == pytest.approx(30 - 80, abs=0.5)
    for media_s in (10.0, 390.0):
        arrived_s = 3.0 + media_s * (1 + 30e-6)
        assert clock.to_capture_s(course.recording_s(media_s)) == pytest.approx(arrived_s + LEAST_WAIT_S, abs=1e-4)
