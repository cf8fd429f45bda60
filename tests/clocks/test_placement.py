from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, silent_stream

from forensics.clocks import estimate_recording_clock
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
