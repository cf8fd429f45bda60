import numpy as np
import pandas as pd
import pytest
from building import silent_stream

from forensics.clocks.statistics import choose_connection, estimate_stats_clock, place_stats
from forensics.errors import TelemetryError

ORIGIN_NS = 1_795_355_864_000_000_000


def readings(stream, *, every_s=0.937, offset_s=0.0, ssrc=None, connection="9-1", count=None):
    """What a browser that received `stream` would have counted, on a clock that is `offset_s` behind."""
    arrival_s = stream.packets["arrival_s"].to_numpy()
    at_s = np.arange(arrival_s[0] + 0.5, arrival_s[-1], every_s)
    counted = np.searchsorted(arrival_s, at_s) if count is None else np.full(len(at_s), count)
    return pd.DataFrame(
        {
            "time_s": at_s - offset_s + ORIGIN_NS * 1e-9,
            "connection": connection,
            "ssrc": stream.ssrc if ssrc is None else ssrc,
            "packets_received": counted.astype(float),
        }
    )


@pytest.fixture
def stream():
    return silent_stream(np.arange(600) * 0.02 + 2.0)


@pytest.mark.parametrize("offset_s", [0.0, 0.35, -7200.0])
def test_packet_counts_place_the_readings_whatever_the_clock_says(stream, offset_s):
    clock = estimate_stats_clock(readings(stream, offset_s=offset_s), stream, origin_ns=ORIGIN_NS)
    assert clock.method == "packet-count"
    assert clock.offset_s == pytest.approx(offset_s, abs=clock.error_s)
    assert clock.error_s < 0.03


def test_counts_that_do_not_fit_leave_the_wall_clock(stream):
    clock = estimate_stats_clock(readings(stream, count=10_000), stream, origin_ns=ORIGIN_NS)
    assert (clock.method, clock.offset_s, clock.error_s) == ("wall-clock", 0.0, 1.0)


def test_readings_of_another_time_are_refused_with_both_times(stream):
    wrong = readings(stream, count=10_000, offset_s=3600.0)
    with pytest.raises(
        TelemetryError, match=r"read from 2026-11-22 12:57.* stream ran from 2026-11-22 13:57.*another call"
    ):
        estimate_stats_clock(wrong, stream, origin_ns=ORIGIN_NS)


def test_readings_of_another_stream_are_refused_with_both_numbers(stream):
    with pytest.raises(
        TelemetryError, match=r"0x00000005.*the capture's stream is .*of another call or of another conn"
    ):
        estimate_stats_clock(readings(stream, ssrc=5), stream, origin_ns=ORIGIN_NS)


def test_one_connection_is_taken_as_it_is(stream):
    tables, notes = choose_connection({"inbound-rtp": readings(stream)}, ssrc=stream.ssrc)
    assert notes == ()
    assert len(tables["inbound-rtp"]) == len(readings(stream))


def test_of_several_connections_the_one_that_received_the_stream_is_taken_and_named(stream):
    inbound = pd.concat([readings(stream), readings(stream, ssrc=5, connection="9-2")], ignore_index=True)
    playout = pd.DataFrame({"connection": ["9-1", "9-2", "9-2"], "synthesized_samples_duration": [0.0, 1.0, 2.0]})
    codec = pd.DataFrame({"connection": ["9-2"]})
    tables, notes = choose_connection(
        {"inbound-rtp": inbound, "media-playout": playout, "codec": codec}, ssrc=stream.ssrc
    )
    assert set(tables) == {"inbound-rtp", "media-playout"}
    assert tables["media-playout"]["synthesized_samples_duration"].tolist() == [0.0]
    assert notes == (
        f"Of 2 peer connections 9-1 is taken: it received SSRC {stream.ssrc:#010x}; 9-2 received SSRC 0x00000005.",
    )


def test_of_two_connections_with_the_stream_the_longer_is_taken(stream):
    early = readings(stream, connection="9-1").iloc[:3]
    both = pd.concat([early, readings(stream, connection="9-2")], ignore_index=True)
    tables, notes = choose_connection({"inbound-rtp": both}, ssrc=stream.ssrc)
    assert set(tables["inbound-rtp"]["connection"]) == {"9-2"}
    assert "it received most packets of SSRC" in notes[0]


@pytest.mark.parametrize("tables", [{}, {"inbound-rtp": None}])
def test_statistics_of_another_connection_are_refused(stream, tables):
    tables = {kind: readings(stream, ssrc=5) for kind in tables}
    with pytest.raises(
        TelemetryError, match="They are of another call or of another connection; give those of this call"
    ):
        choose_connection(tables, ssrc=stream.ssrc)


def test_tables_are_placed_on_the_axis(stream):
    inbound = readings(stream, offset_s=0.35)
    clock = estimate_stats_clock(inbound, stream, origin_ns=ORIGIN_NS)
    placed = place_stats({"inbound-rtp": inbound}, clock, origin_ns=ORIGIN_NS)["inbound-rtp"]
    truth = 0.937 * np.arange(len(placed)) + stream.packets["arrival_s"].iat[0] + 0.5
    assert placed["capture_s"].to_numpy() == pytest.approx(truth, abs=0.03)
