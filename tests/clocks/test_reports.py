import numpy as np
import pytest
from building import sender_reports, silent_stream

from forensics.clocks import read_sender_clock

ARRIVALS_S = np.arange(500) * 0.02


def offsets(rows, *, first=5000, **stream):
    timestamp = first + np.arange(500) * 960
    reports = sender_reports(rows, first=first)
    return read_sender_clock(silent_stream(ARRIVALS_S, timestamp=timestamp, reports=reports, **stream))


def test_a_sender_that_keeps_time_shows_a_flat_line():
    clock = offsets([(t, t, t, round(t * 50)) for t in (1.0, 3.0, 5.0, 9.0)])
    assert clock["offset_s"].tolist() == pytest.approx([0, 0, 0, 0], abs=1e-4)
    assert clock["media_s"].tolist() == pytest.approx([1, 3, 5, 9], abs=1e-4)
    assert clock["packet_count"].tolist() == [50, 150, 250, 450]


def test_a_source_that_stood_still_steps_up():
    clock = offsets([(1, 1, 1, 0), (3, 3, 3, 0), (5, 5, 4.6, 0), (7, 7, 6.6, 0)])
    assert np.diff(clock["offset_s"]).tolist() == pytest.approx([0, 0.4, 0], abs=1e-4)


def test_media_that_was_thrown_away_steps_down():
    clock = offsets([(1, 1, 1, 0), (5, 5, 5.3, 0)])
    assert np.diff(clock["offset_s"]).tolist() == pytest.approx([-0.3], abs=1e-4)


def test_the_timestamp_may_wrap_between_reports():
    clock = offsets([(1, 1, 1, 0), (3, 3, 3, 0), (9, 9, 9, 0)], first=2**32 - 96_000)
    assert clock["offset_s"].tolist() == pytest.approx([0, 0, 0], abs=1e-4)
    assert clock["media_s"].tolist() == pytest.approx([1, 3, 9], abs=1e-4)


def test_media_time_is_that_of_the_stream_also_where_its_first_packets_were_swapped():
    arrival_s = ARRIVALS_S.copy()
    arrival_s[[0, 1, 2]] = arrival_s[[1, 2, 0]]
    stream = silent_stream(arrival_s, timestamp=5000 + np.arange(500) * 960, reports=sender_reports([(1, 1, 1, 0)]))
    assert read_sender_clock(stream)["media_s"].tolist() == pytest.approx([1.0], abs=1e-4)


def test_reports_come_in_the_order_of_arrival_and_once():
    reports = sender_reports([(5, 5, 5, 0), (1, 1, 1, 0)])
    clock = read_sender_clock(silent_stream(ARRIVALS_S, timestamp=5000 + np.arange(500) * 960, reports=reports))
    assert clock["arrival_s"].tolist() == [1, 5]
    assert clock["ntp_s"].tolist() == pytest.approx([0, 4])


@pytest.mark.parametrize("rows", [[], [(1, -1_700_000_000, 1, 0)]], ids=["none", "without a wall clock"])
def test_without_sender_reports_the_table_is_empty(rows):
    clock = offsets(rows)
    assert len(clock) == 0
    assert {"media_s", "offset_s", "packet_count"} <= set(clock)


def test_reports_of_another_source_are_not_taken():
    reports = sender_reports([(1, 1, 1, 0)]).assign(sender_ssrc=np.uint32(4))
    assert len(read_sender_clock(silent_stream(ARRIVALS_S, reports=reports))) == 0
