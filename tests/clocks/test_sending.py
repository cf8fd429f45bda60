import numpy as np
import pytest
from building import sender_reports, silent_stream

from forensics.clocks import estimate_sending_clock
from forensics.errors import ClockError

ORIGIN_NS = 1_700_000_000_000_000_000


def stamped(*, seconds=120, ppm=0.0, column="abs_send_time_s", step=None):
    """Packets on their way for 20 ms or more, each stamped by a sender whose clock shows 1000 s at the start."""
    rng = np.random.default_rng(3)
    sent_s = np.arange(seconds * 50) * 0.02
    stream = silent_stream(sent_s + 0.02 + rng.gamma(1.0, 0.004, len(sent_s)))
    shown_s = (1000.0 + sent_s * (1 + ppm * 1e-6))[np.argsort(sent_s + 0)]
    if step is not None:
        shown_s = np.where(sent_s > step[0], shown_s + step[1], shown_s)
    order = stream.packets["ext_sequence_number"].to_numpy() - 100
    value = shown_s[order] if column == "abs_send_time_s" else (ORIGIN_NS + shown_s[order] * 1e9).astype("int64")
    stream.packets[column] = value
    return stream


def test_the_quickest_packets_place_the_stamps():
    clock = estimate_sending_clock(stamped(), origin_ns=ORIGIN_NS)
    assert (clock.local, clock.method) == ("sender", "abs-send-time")
    assert clock.to_capture_s(1060.0) == pytest.approx(60.0 + 0.02, abs=0.001)
    assert abs(clock.to_capture_s(1060.0) - 60.0) < clock.error_s


@pytest.mark.parametrize("ppm", [40.0, -150.0])
def test_drift_of_the_sender_is_told(ppm):
    clock = estimate_sending_clock(stamped(seconds=600, ppm=ppm), origin_ns=ORIGIN_NS)
    assert clock.drift_ppm == pytest.approx(-ppm, abs=2.0)


def test_a_sender_that_set_its_clock_shows_a_step():
    ((at_s, change_s),) = estimate_sending_clock(stamped(seconds=300, step=(150.0, 2.0)), origin_ns=ORIGIN_NS).steps
    assert change_s == pytest.approx(-2.0, abs=0.005)
    assert at_s == pytest.approx(1150.0, abs=11.0)


def test_capture_times_serve_where_send_times_are_missing():
    clock = estimate_sending_clock(stamped(column="abs_capture_time_ns"), origin_ns=ORIGIN_NS)
    assert clock.method == "abs-capture-time"
    assert clock.to_capture_s(1060.0) == pytest.approx(60.02, abs=0.002)


def test_sender_reports_serve_where_packets_bear_nothing():
    reports = sender_reports([(5.0 * k + 0.03, 5.0 * k, 5.0 * k, 250 * k) for k in range(1, 10)])
    stream = silent_stream(np.arange(2500) * 0.02, reports=reports)
    clock = estimate_sending_clock(stream, origin_ns=ORIGIN_NS)
    assert clock.method == "sender-reports"
    assert clock.to_capture_s(20.0) == pytest.approx(20.03, abs=1e-3)


def test_without_any_stamp_there_is_no_clock():
    with pytest.raises(ClockError, match="bears no abs-send-time and no abs-capture-time"):
        estimate_sending_clock(silent_stream(np.arange(100) * 0.02), origin_ns=ORIGIN_NS)
