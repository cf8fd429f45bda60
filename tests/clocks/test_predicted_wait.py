import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, silent_stream

from forensics.clocks import estimate_recording_clock, refine_by_replay
from forensics.clocks.predicted_wait import HANDOVER_S
from forensics.model import ClockMap, Playout

CLOCK_S = 2.5
COUNT = 400


def heard_and_replayed(*, wait_s=0.09, astray_s=0.0):
    """A call whose buffer was `wait_s` deep all the time, and its replay, which goes `astray_s` in the second half."""
    arrival_s = 3.0 + np.arange(COUNT) * FRAME_S
    played_s = arrival_s + wait_s
    heard = pd.DataFrame({"row": np.arange(COUNT), "heard_s": played_s + HANDOVER_S - CLOCK_S})
    replayed = pd.DataFrame({"row": np.arange(COUNT), "heard_s": played_s + astray_s * (np.arange(COUNT) > COUNT / 2)})
    nothing = pd.DataFrame()
    return silent_stream(arrival_s), Playout(1, "heard", heard, nothing), Playout(1, "neteq", replayed, nothing)


def test_the_replay_knows_how_deep_the_buffer_was():
    stream, heard, replay = heard_and_replayed()
    blind = estimate_recording_clock(heard, stream)
    clock = refine_by_replay(blind, heard, replay)
    assert abs(blind.offset_s - CLOCK_S) > 0.05
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=1e-6)
    assert clock.method == "decoded-audio, replay"


def test_a_replay_that_went_another_way_is_not_believed_but_widens_the_error():
    stream, heard, replay = heard_and_replayed(astray_s=0.3)
    blind = estimate_recording_clock(heard, stream)
    clock = refine_by_replay(blind, heard, replay)
    assert (clock.offset_s, clock.method) == (blind.offset_s, blind.method)
    assert clock.error_s == pytest.approx(0.3, abs=1e-6)
    assert "did the card stand still" in clock.notes[-1]


def test_few_packets_tell_nothing():
    stream, heard, replay = heard_and_replayed()
    blind = estimate_recording_clock(heard, stream)
    few = Playout(1, "heard", heard.packets.head(20), heard.concealed)
    assert refine_by_replay(blind, few, replay) is blind


def test_a_clock_with_steps_is_left_alone():
    _, heard, replay = heard_and_replayed()
    stepped = ClockMap("recording", 1.0, 0.01, "decoded-audio", steps=((5.0, 0.2),))
    assert refine_by_replay(stepped, heard, replay) is stepped
