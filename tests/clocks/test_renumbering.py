from dataclasses import replace

import numpy as np
import pytest
from building import make_stream

from forensics.clocks import estimate_departures, estimate_sender_clock
from forensics.clocks.captures import find_twin
from forensics.clocks.renumbering import find_renumbering

COUNT = 600


def seen(*, first=100, first_tick=5000, ssrc=1, longer=0, skipped=0, sizes=None, lost=(), marker=()):
    """A stream as one tap saw it: under its own numbers, each payload `longer` by what another encryption adds."""
    sizes = np.random.default_rng(1).integers(60, 140, COUNT + 200) if sizes is None else sizes
    payloads = [b"\0" * int(size + longer) for size in sizes[skipped : skipped + COUNT]]
    stream = make_stream(
        payloads,
        arrival_s=skipped * 0.02 + np.arange(COUNT) * 0.02,
        sequence=first + skipped + np.arange(COUNT),
        timestamp=first_tick + 960 * (skipped + np.arange(COUNT)),
        ssrc=ssrc,
        lost=lost,
        readable=False,
    )
    packets = stream.packets.assign(marker=np.isin(np.arange(len(stream.packets)), marker))
    return replace(stream, packets=packets)


@pytest.mark.parametrize("longer", [0, 10, -4])
def test_other_ssrc_sequence_and_timestamps_are_found_through_another_encryption(longer):
    change = find_renumbering(seen(), seen(first=40_000, first_tick=3_000_000_000, ssrc=2, longer=longer))
    assert (change.sequence, change.timestamp) == (100 - 40_000, 5000 - 3_000_000_000)
    assert change.pairs == COUNT


def test_losses_between_the_taps_and_a_late_start_do_not_matter():
    change = find_renumbering(seen(lost=range(50, 70)), seen(first=900, ssrc=2, skipped=130))
    assert change.sequence == 100 - 900
    assert change.pairs == COUNT - 130


def test_another_stream_is_no_twin():
    assert find_renumbering(seen(), seen(ssrc=2, sizes=np.random.default_rng(5).integers(60, 140, COUNT))) is None


def test_packets_of_one_size_without_a_pause_could_be_anywhere():
    plain = np.full(COUNT + 200, 160)
    assert find_renumbering(seen(sizes=plain), seen(sizes=plain, ssrc=2, first=700)) is None


def test_markers_tell_packets_of_one_size_apart():
    plain, marker = np.full(COUNT + 200, 160), np.cumsum(np.random.default_rng(2).integers(9, 40, 24))
    assert find_renumbering(seen(sizes=plain, marker=marker), seen(sizes=plain, ssrc=2, first=700)) is None
    change = find_renumbering(seen(sizes=plain, marker=marker), seen(sizes=plain, marker=marker, ssrc=2, first=700))
    assert change.sequence == 100 - 700


def test_the_twin_bears_the_numbers_of_the_stream():
    twin = find_twin(seen(), [seen(ssrc=3, sizes=np.arange(COUNT) % 50 + 60), seen(first=40_000, ssrc=2)])
    assert twin.ssrc == 1
    assert twin.packets["sequence_number"].tolist() == seen().packets["sequence_number"].tolist()
    assert (twin.packets["timestamp"] == seen().packets["timestamp"]).all()


def test_departures_come_through_a_relay_that_renumbers():
    here, there = seen(), seen(first=9, first_tick=1, ssrc=2)
    here.packets["arrival_s"] += 7.03
    clock = estimate_sender_clock([here], [there])
    assert clock.offset_s == pytest.approx(7.03, abs=1e-6)
    assert estimate_departures(here, [there], clock=clock) == pytest.approx(here.packets["arrival_s"].to_numpy())
