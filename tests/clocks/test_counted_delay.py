import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, silent_stream

from forensics.clocks import estimate_recording_clock, refine_recording_clock
from forensics.clocks.counted_delay import BLOCK_S, HELD_BACK_S
from forensics.model import Playout

CLOCK_S = 2.5  # when the listener's jitter buffer gave out its first block, on the capture's clock
READING_S = 1.0


def call(*, wait_s=0.14, seconds=20, froze=None, left_out=None, began_s=0.0):
    """A stream through a jitter buffer that gives out blocks of 10 ms, what was recorded of it, and what it counted.

    The sound card `froze` (at_s, for_s) in the call; the recorder left out (at_s, for_s) of what it was given, and
    began `began_s` into a block. Time scaling moves the packets against the blocks every two seconds.
    """
    rng = np.random.default_rng(3)
    index = np.arange(seconds * 50)
    arrival_s = 3.0 + index * FRAME_S + rng.uniform(0, BLOCK_S, len(index))
    stream = silent_stream(arrival_s)
    block_s = CLOCK_S + BLOCK_S * np.arange((seconds + 2) * 100)
    if froze is not None:
        block_s = np.where(block_s >= froze[0], block_s + froze[1], block_s)
    decoded = int(np.ceil((3.0 + wait_s - CLOCK_S) / BLOCK_S)) + 2 * index
    last_before = np.searchsorted(block_s, arrival_s) - 1
    within_s = (0.0037 * (index // 100)) % BLOCK_S
    heard_s = decoded * BLOCK_S + HELD_BACK_S + within_s - began_s
    if left_out is not None:
        heard_s = np.where(heard_s > left_out[0], heard_s - left_out[1], heard_s)
    packets = pd.DataFrame({"row": index, "heard_s": heard_s})
    at_s = np.arange(3.5, 3.0 + seconds, READING_S)
    emitted = np.searchsorted(block_s[decoded], at_s)
    waited_s = np.concatenate([[0.0], np.cumsum((decoded - last_before) * BLOCK_S)])
    inbound = pd.DataFrame(
        {
            "ssrc": stream.ssrc,
            "capture_s": at_s,
            "jitter_buffer_delay": 960.0 * waited_s[emitted],
            "jitter_buffer_emitted_count": 960.0 * emitted,
            "total_samples_received": 480.0 * np.searchsorted(block_s, at_s),
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


def test_a_recorder_that_began_within_a_block_is_placed_by_what_time_scaling_moved():
    clock = refined(*call(began_s=0.004))
    assert clock.offset_s == pytest.approx(CLOCK_S + 0.004, abs=0.001)


def test_a_recorder_that_left_something_out_shows_a_step():
    clock = refined(*call(left_out=(9.0, 0.4)))
    ((at_s, change_s),) = clock.steps
    assert change_s == pytest.approx(0.4, abs=0.001)
    assert at_s == pytest.approx(9.0, abs=READING_S)
    assert clock.to_capture_s(15.0) == pytest.approx(15.0 + CLOCK_S + 0.4, abs=0.001)


def test_a_sound_card_that_froze_shows_a_step_though_the_recording_goes_on():
    clock = refined(*call(froze=(11.0, 0.26)))
    ((at_s, change_s),) = clock.steps
    assert change_s == pytest.approx(0.26, abs=0.001)
    assert at_s == pytest.approx(11.0 - CLOCK_S, abs=READING_S)
    assert clock.to_capture_s(14.0) == pytest.approx(14.0 + CLOCK_S + 0.26, abs=0.001)


def test_a_standstill_between_the_last_readings_is_seen():
    clock = refined(*call(froze=(20.9, 0.06)))
    ((at_s, change_s),) = clock.steps
    assert change_s == pytest.approx(0.06, abs=0.01)
    assert at_s == pytest.approx(20.9 - CLOCK_S, abs=READING_S)


def test_a_recording_that_goes_on_through_a_standstill_has_no_step():
    stream, playout, inbound = call(froze=(11.0, 0.26))
    playout.packets["heard_s"] += np.where(playout.packets["heard_s"] >= 11.0 - CLOCK_S, 0.26, 0.0)
    clock = refined(stream, playout, inbound)
    assert clock.to_capture_s(np.array([5.0, 15.0])) == pytest.approx(np.array([5.0, 15.0]) + CLOCK_S, abs=0.005)


def test_without_the_samples_given_out_the_waits_tell_the_step():
    stream, playout, inbound = call(froze=(11.0, 0.26))
    clock = refined(stream, playout, inbound.drop(columns="total_samples_received"))
    assert clock.to_capture_s(14.0) == pytest.approx(14.0 + CLOCK_S + 0.26, abs=0.005)


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
