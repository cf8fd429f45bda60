from dataclasses import replace

import numpy as np
import pytest
from building import AGENT, LISTENER, silent_stream

from forensics.clocks import estimate_departures, estimate_sender_clock
from forensics.clocks.captures import MIN_PAIRS, ONE_WAY_ERROR_S, find_twin
from forensics.errors import ClockError

CLOCK_S = 5.25  # the receiver's clock less the sender's
PATH_S = 0.02


def seen(count=400, *, ssrc=1, to_listener=True, jitter_s=0.003, drift_ppm=0.0, path_s=PATH_S, spikes=(), seed=1):
    """One stream at both taps: (receiver's view, sender's view)."""
    rng = np.random.default_rng(seed)
    begin_s = np.arange(count) * 0.02
    end_s = begin_s + path_s + rng.gamma(1.0, jitter_s, count)
    end_s[list(spikes)] += 0.3
    at_sender, at_receiver = (begin_s, end_s) if to_listener else (end_s, begin_s)
    route = (AGENT, LISTENER) if to_listener else (LISTENER, AGENT)
    receiver = silent_stream(at_receiver * (1 + drift_ppm * 1e-6) + CLOCK_S, ssrc=ssrc, route=route)
    return receiver, silent_stream(at_sender, ssrc=ssrc, route=route)


def both_ways(**changes):
    down, up = seen(ssrc=1, **changes), seen(ssrc=2, to_listener=False, seed=2, **changes)
    return (down[0], up[0]), (down[1], up[1])


def test_two_directions_give_the_middle_of_the_two_minimum_delays():
    clock = estimate_sender_clock(*both_ways())
    assert clock.method == "two-way minimum delay"
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=0.001)
    assert clock.error_s == pytest.approx(PATH_S, abs=0.001)


def test_delay_spikes_of_either_direction_do_not_move_it():
    clock = estimate_sender_clock(*both_ways(spikes=(50, 120, 121, 300)))
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=0.001)


def test_the_order_of_the_streams_does_not_matter():
    here, there = both_ways()
    assert estimate_sender_clock(here[::-1], there[::-1]).offset_s == estimate_sender_clock(here, there).offset_s


def test_one_direction_takes_the_path_for_instant_and_says_what_that_may_cost():
    here, there = seen()
    clock = estimate_sender_clock([here], [there])
    assert (clock.method, clock.error_s) == ("one-way minimum delay", ONE_WAY_ERROR_S)
    assert clock.offset_s == pytest.approx(CLOCK_S + PATH_S, abs=0.001)


def test_two_streams_of_the_same_direction_are_one_way():
    audio, other = seen(ssrc=1), seen(ssrc=3, path_s=0.05, seed=3)
    clock = estimate_sender_clock([audio[0], other[0]], [audio[1], other[1]])
    assert clock.method == "one-way minimum delay"
    assert clock.offset_s == pytest.approx(CLOCK_S + PATH_S, abs=0.001)


def test_a_long_call_shows_the_drift():
    clock = estimate_sender_clock(*both_ways(count=6000, drift_ppm=80.0))
    assert clock.drift_ppm == pytest.approx(80.0, abs=5.0)
    assert clock.to_capture_s(60.0) == pytest.approx(60.0 * (1 + 80e-6) + CLOCK_S, abs=0.002)


def test_a_short_call_is_not_given_a_drift():
    assert estimate_sender_clock(*both_ways()).drift_ppm == 0.0


@pytest.mark.parametrize("count", [1, MIN_PAIRS - 1])
def test_too_few_packets_in_common_are_refused(count):
    here, there = seen(count)
    with pytest.raises(ClockError, match=rf"{count} RTP packets in common, at least {MIN_PAIRS}"):
        estimate_sender_clock([here], [there])


def test_captures_of_two_calls_are_refused():
    here, _ = seen(ssrc=1)
    _, there = seen(ssrc=9)
    with pytest.raises(ClockError, match=r"0 RTP packets in common.*same call"):
        estimate_sender_clock([here], [there])


def test_departures_are_on_the_clock_of_the_capture():
    here, there = seen()
    clock = estimate_sender_clock(*both_ways())
    travelled_s = here.packets["arrival_s"] - estimate_departures(here, [there], clock=clock)
    assert travelled_s.min() == pytest.approx(PATH_S, abs=0.002)


def test_a_packet_that_the_sender_did_not_capture_has_no_departure():
    here, there = seen()
    gap = replace(there, packets=there.packets.drop(index=range(100, 110)).reset_index(drop=True))
    departures_s = estimate_departures(here, [gap], clock=estimate_sender_clock([here], [gap]))
    assert np.flatnonzero(np.isnan(departures_s)).tolist() == list(range(100, 110))


def test_a_retransmission_at_the_sender_departs_when_it_departed_first():
    here, there = seen()
    again = there.packets.iloc[[50]].assign(arrival_s=99.0)
    import pandas as pd

    doubled = replace(there, packets=pd.concat([there.packets, again], ignore_index=True))
    departures_s = estimate_departures(here, [doubled], clock=estimate_sender_clock([here], [there]))
    assert len(departures_s) == len(here.packets)
    assert departures_s[50] < here.packets["arrival_s"][50]


def test_a_stream_without_its_twin_has_no_departures():
    here, there = seen()
    _, stranger = seen(ssrc=9)
    clock = estimate_sender_clock([here], [there])
    assert np.isnan(estimate_departures(here, [stranger], clock=clock)).all()
    assert find_twin(here, [stranger]) is None


def test_the_twin_is_the_one_with_the_same_packets_where_ssrcs_collide():
    here, there = seen()
    stranger = replace(there, packets=there.packets.assign(timestamp=np.uint32(3)))
    assert find_twin(here, [stranger, there]) is there
