"""Numbers unwrapped, fates told, jitter estimated; the same in one piece and in many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.model import FATES, Fate
from forensics.streams.timeline import Rows, Timelines

CLOCK = 8000


def timed(sequence, *, timestamp=None, arrival=None, clock=CLOCK):
    sequence = np.asarray(sequence)
    timestamp = 160 * sequence if timestamp is None else np.asarray(timestamp)
    arrival = np.arange(len(sequence)) * 0.02 if arrival is None else np.asarray(arrival, float)
    lines = Timelines()
    lines.reserve(1)
    lines.clock_rate_hz[0] = clock
    rows = Rows(
        np.zeros(len(sequence), int),
        arrival,
        (sequence % 65536).astype(np.uint16),
        (timestamp % 2**32).astype(np.uint32),
    )
    return lines, lines.advance(rows)


def fates(result):
    return [FATES[code] for code in result.fate]


def test_wraps_are_unwrapped():
    sequence = np.arange(65_500, 200_000)
    _, result = timed(sequence, timestamp=sequence * 960 + 2**32 - 5)
    assert (result.ext_sequence_number == sequence).all()
    assert (np.diff(result.ext_timestamp) == 960).all()


def test_a_reordered_packet_is_no_loss():
    lines, result = timed([1, 2, 4, 3, 5])
    assert fates(result) == [Fate.IN_ORDER, Fate.IN_ORDER, Fate.IN_ORDER, Fate.REORDERED, Fate.IN_ORDER]
    assert lines.lost(0) == 0


def test_a_packet_that_was_overtaken_long_ago_is_late():
    _, result = timed([1, 2, 4, 5, 6, 7, 8, 9, 3])
    assert fates(result)[-1] == Fate.LATE


def test_a_packet_seen_twice_is_a_duplicate_and_hides_no_loss():
    lines, result = timed([1, 2, 2, 4, 4, 1])
    assert [f for f in fates(result) if f != Fate.IN_ORDER] == [Fate.DUPLICATE] * 3
    assert lines.lost(0) == 1


def test_packets_before_the_first_one_are_reordered():
    lines, result = timed([10, 8, 9, 11])
    assert fates(result) == [Fate.IN_ORDER, Fate.REORDERED, Fate.REORDERED, Fate.IN_ORDER]
    assert lines.lost(0) == 0


def test_a_restart_goes_on_without_a_loss():
    sequence = np.concatenate([np.arange(100, 200), np.arange(40_000, 40_100)])
    stamps = np.concatenate([160 * np.arange(100), 3_000_000_000 + 160 * np.arange(100)])
    lines, result = timed(sequence, timestamp=stamps)
    assert (np.diff(result.ext_sequence_number) == 1).all()
    assert (np.diff(result.ext_timestamp) == 160).all()
    assert lines.lost(0) == 0
    assert lines.state["restarts"][0] == 1
    assert result.jitter_s.max() < 1e-9


def test_a_long_outage_is_a_loss_and_no_restart():
    sequence = np.concatenate([np.arange(100), np.arange(5000, 5100)])
    lines, _ = timed(sequence, arrival=sequence * 0.02)
    assert lines.lost(0) == 4900
    assert lines.state["restarts"][0] == 0


def test_a_time_stamp_that_starts_anew_is_told():
    stamps = np.concatenate([160 * np.arange(50), 2_000_000_000 + 160 * np.arange(50)])
    lines, result = timed(np.arange(100), timestamp=stamps)
    assert (np.diff(result.ext_timestamp) == 160).all()
    assert lines.state["restarts"][0] == 1


def test_a_pause_is_no_restart():
    stamps = np.concatenate([160 * np.arange(50), 160 * np.arange(50) + 8000 * 300])
    arrival = np.concatenate([0.02 * np.arange(50), 0.02 * np.arange(50) + 300])
    lines, result = timed(np.arange(100), timestamp=stamps, arrival=arrival)
    assert lines.state["restarts"][0] == 0
    assert np.flatnonzero(result.resumes).tolist() == [50]


def jitter_by_the_book(arrival, timestamp, clock):
    jitter, out = 0.0, [0.0]
    for n in range(1, len(arrival)):
        d = (arrival[n] - arrival[n - 1]) - (timestamp[n] - timestamp[n - 1]) / clock
        jitter += (abs(d) - jitter) / 16
        out.append(jitter)
    return out


def test_jitter_is_that_of_rfc_3550():
    rng = np.random.default_rng(8)
    arrival = np.arange(5000) * 0.02 + rng.exponential(0.01, 5000)
    _, result = timed(np.arange(5000), arrival=arrival)
    np.testing.assert_allclose(
        result.jitter_s, jitter_by_the_book(arrival, 160 * np.arange(5000), CLOCK), rtol=1e-9, atol=1e-12
    )


arrivals = st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 8), st.floats(0, 0.2)), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(steps=arrivals, cuts=st.lists(st.integers(0, 120), max_size=5), start=st.integers(0, 65_535))
def test_pieces_give_the_same_as_the_whole(steps, cuts, start):
    stream = np.array([s for s, _, _ in steps])
    sequence = start + np.cumsum([d for _, d, _ in steps])
    arrival = np.cumsum([t for _, _, t in steps])
    whole = run(stream, sequence, arrival, [])
    parts = run(stream, sequence, arrival, sorted(cuts))
    for name, column in whole.items():
        np.testing.assert_allclose(parts[name], column, rtol=0, atol=1e-12, err_msg=name)


def run(stream, sequence, arrival, cuts):
    lines = Timelines()
    lines.reserve(4)
    names = ("ext_sequence_number", "ext_timestamp", "transit_s", "jitter_s", "delta_s", "fate", "begins", "resumes")
    out = {name: np.zeros(len(stream)) for name in names}
    for part in np.split(np.arange(len(stream)), cuts):
        order = part[np.argsort(stream[part], kind="stable")]
        if len(order):
            rows = Rows(
                stream[order],
                arrival[order],
                (sequence[order] % 65536).astype(np.uint16),
                (160 * sequence[order] % 2**32).astype(np.uint32),
            )
            result = lines.advance(rows)
            for name in names:
                out[name][order] = getattr(result, name)
    return out | {"lost": np.array([lines.lost(n) for n in range(4)])}


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(30)), st.sets(st.integers(1, 28), max_size=10), st.integers(0, 2**16 - 1))
def test_counts_add_up_in_any_order(order, lost, start):
    """Every number is received once, or lost, or a duplicate, whatever the order."""
    order = [n for n in order if n not in lost or n in (0, 29)]
    sequence = np.array(order + order[:5]) + start
    lines, result = timed(sequence)
    told = fates(result)
    assert told.count(Fate.DUPLICATE) == 5
    assert len(set(result.ext_sequence_number.tolist())) == len(order)
    assert lines.lost(0) == np.ptp(sequence) + 1 - len(order)


def test_a_source_that_loses_without_end_keeps_a_bounded_memory():
    sequence = np.cumsum(np.full(400, 1500))
    lines, _ = timed(sequence, arrival=sequence * 0.02)
    assert len(lines.fates.missing[0]) <= 2 * 32_768 + 1500
    assert lines.lost(0) == int(np.ptp(sequence)) + 1 - 400


def test_the_clock_scales_transit():
    _, result = timed(np.arange(10), timestamp=960 * np.arange(10), clock=48_000)
    np.testing.assert_allclose(result.transit_s, 0, atol=1e-12)
    assert result.jitter_s == pytest.approx(0)
