"""Packets that were located before they came: single ones are taken back, a clock that is off is left alone."""

import numpy as np
import pandas as pd
import pytest
from building import silent_stream

from forensics.model import ClockMap, Playout
from forensics.playout.causality import take_back_early

COUNT, WAIT_S, ERROR_S = 100, 0.06, 0.01
NUMBER = np.arange(COUNT)
CLOCK = ClockMap("recording", 3.0, ERROR_S, "given")


def located(early_s, *, packets=()):
    """A stream that came regularly, and its packets heard `WAIT_S` later; some of them `early_s` before they came."""
    stream = silent_stream(NUMBER * 0.02)
    heard_s = stream.packets["arrival_s"].to_numpy() + WAIT_S - CLOCK.offset_s
    heard_s[list(packets)] -= WAIT_S + early_s
    table = pd.DataFrame({"row": NUMBER, "media_s": NUMBER * 0.02, "duration_s": 0.02, "heard_s": heard_s})
    return Playout(stream.ssrc, "heard", table, pd.DataFrame()), stream


@pytest.mark.parametrize(("early_s", "taken"), [(0.3, True), (0.03, True), (0.015, False), (-0.03, False)])
def test_a_packet_is_not_heard_before_it_came_as_far_as_the_clock_knows(early_s, taken):
    playout, stream = located(early_s, packets=[40, 41])
    told = take_back_early(playout, stream, clock=CLOCK)
    assert np.flatnonzero(told.packets["heard_s"].isna()).tolist() == ([40, 41] if taken else [])
    assert (told is playout) is not taken


@pytest.mark.parametrize("packets", [range(40, 60), range(COUNT)])
def test_a_clock_that_is_off_takes_nothing_back(packets):
    playout, stream = located(0.3, packets=packets)
    assert take_back_early(playout, stream, clock=CLOCK) is playout


def test_what_was_not_located_stays_so():
    playout, stream = located(0.3, packets=[40])
    playout.packets.loc[[10, 11], "heard_s"] = np.nan
    told = take_back_early(playout, stream, clock=CLOCK)
    assert np.flatnonzero(told.packets["heard_s"].isna()).tolist() == [10, 11, 40]
