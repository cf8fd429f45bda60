import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, silent_stream

from forensics.clocks import estimate_recording_clock, refine_recording_clock
from forensics.clocks.counted_delay import HANDOVER_S
from forensics.model import Playout

CLOCK_S = 2.5  # recording zero on the capture's clock


def call(*, wait_s=0.14, stood_still=None, seconds=20):
    """A stream whose packets wait `wait_s`, heard by a recorder that may have stood still, and the browser's counts."""
    arrival_s = 3.0 + np.arange(seconds * 50) * FRAME_S
    stream = silent_stream(arrival_s)
    heard_s = arrival_s + wait_s + HANDOVER_S - CLOCK_S
    if stood_still is not None:
        heard_s = np.where(heard_s > stood_still[0], heard_s - stood_still[1], heard_s)
    packets = pd.DataFrame({"row": np.arange(len(arrival_s)), "heard_s": heard_s})
    at_s = np.arange(3.5, 3.0 + seconds)
    emitted = np.searchsorted(arrival_s + wait_s, at_s) * 960.0
    inbound = pd.DataFrame(
        {
            "ssrc": stream.ssrc,
            "capture_s": at_s,
            "jitter_buffer_delay": emitted * wait_s,
            "jitter_buffer_emitted_count": emitted,
        }
    )
    return stream, Playout(stream.ssrc, "heard", packets, pd.DataFrame()), inbound


def refined(stream, playout, inbound):
    return refine_recording_clock(estimate_recording_clock(playout, stream), playout, stream, inbound=inbound)


def test_a_deep_buffer_is_seen_in_the_counts_alone():
    stream, playout, inbound = call(wait_s=0.14)
    blind = estimate_recording_clock(playout, stream)
    clock = refined(stream, playout, inbound)
    assert abs(blind.offset_s - CLOCK_S) > 0.1
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=0.001)
    assert clock.method == "decoded-audio, jitterBufferDelay"
    assert (clock.steps, clock.drift_ppm) == ((), 0.0)


def test_a_recorder_that_stood_still_shows_a_step():
    stream, playout, inbound = call(stood_still=(9.0, 0.4))
    clock = refined(stream, playout, inbound)
    ((at_s, change_s),) = clock.steps
    assert change_s == pytest.approx(0.4, abs=0.01)
    assert at_s == pytest.approx(9.0, abs=1.0)
    assert clock.to_capture_s(15.0) == pytest.approx(15.0 + CLOCK_S + 0.4, abs=0.005)


def test_in_a_long_call_the_drift_is_seen():
    stream, playout, inbound = call(seconds=400)
    playout.packets["heard_s"] *= 1 + 50e-6
    clock = refined(stream, playout, inbound)
    assert clock.drift_ppm == pytest.approx(-50, abs=2)


def test_few_readings_change_nothing():
    stream, playout, inbound = call()
    clock = estimate_recording_clock(playout, stream)
    assert refine_recording_clock(clock, playout, stream, inbound=inbound.head(4)) is clock


def test_statistics_without_the_counter_change_nothing():
    stream, playout, inbound = call()
    clock = estimate_recording_clock(playout, stream)
    bare = inbound.drop(columns="jitter_buffer_delay")
    assert refine_recording_clock(clock, playout, stream, inbound=bare) is clock


def test_readings_of_another_stream_are_passed_over():
    stream, playout, inbound = call()
    clock = estimate_recording_clock(playout, stream)
    assert refine_recording_clock(clock, playout, stream, inbound=inbound.assign(ssrc=1)) is clock
