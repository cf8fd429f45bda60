import numpy as np
import pytest

from forensics.playout.arrivals import arrange_packets
from forensics.playout.target import estimate_delay_path


def follow(stream, ticks=2500):
    arrivals = arrange_packets(stream)
    return estimate_delay_path(arrivals, np.ceil(arrivals.arrival_s / 0.01).astype(int) + 1, ticks=ticks)


def test_the_target_starts_at_80_ms_and_falls_to_one_bucket_in_a_quiet_network(make_stream, steady):
    wanted = follow(make_stream(steady)).wanted
    assert wanted[10] == 80
    assert wanted[200] == wanted[1900] == 20


def test_a_delay_spike_in_every_half_second_sets_the_target(make_stream, steady):
    steady[::20] += 0.09
    wanted = follow(make_stream(np.maximum.accumulate(steady))).wanted
    assert wanted[1900] in (100, 120)


def test_a_single_spike_is_forgotten(make_stream, steady):
    steady[100:120] = np.maximum(steady[100:120], steady[100] + 0.4)
    wanted = follow(make_stream(steady)).wanted
    assert wanted[300] > 300
    assert wanted[1900] == 20


def test_the_spread_of_the_history_ends_with_its_two_seconds(make_stream, steady):
    steady[100:110] = np.maximum(steady[100:110], steady[100] + 0.15)
    spread = follow(make_stream(steady)).spread
    assert spread[230] == pytest.approx(150, abs=10)
    assert spread[430] <= 10


def test_reordered_packets_raise_the_target_when_many_would_be_lost(make_stream, steady):
    steady[::10] += 0.065
    wanted = follow(make_stream(steady)).wanted
    assert wanted[1900] == 80


def test_a_later_start_forgets_what_was_before(make_stream, steady):
    steady[100:120] = np.maximum(steady[100:120], steady[100] + 0.4)
    arrivals = arrange_packets(make_stream(steady))
    available = np.ceil(arrivals.arrival_s / 0.01).astype(int)
    path = estimate_delay_path(arrivals, available, ticks=2500, since=600)
    assert path.wanted[620] == 80
    assert path.wanted[800] == 20


def test_what_is_released_out_of_order_counts_as_reordered(make_stream, steady):
    """Held for 300 ms and released within a tick: in order the target follows the hold, backwards it does not."""
    held = np.arange(700, 715)
    forwards, backwards = steady.copy(), steady.copy()
    forwards[held] = steady[715] + np.arange(15) * 1e-5
    backwards[held] = steady[715] + np.arange(15)[::-1] * 1e-5
    assert follow(make_stream(forwards)).wanted[1520] > 280
    assert follow(make_stream(backwards)).wanted[1520] < 100
