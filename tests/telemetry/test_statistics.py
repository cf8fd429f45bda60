import gzip
import json

import numpy as np
import pytest

from forensics.errors import TelemetryError
from forensics.telemetry import read_stats


def series(kind, values, *, start="2026-11-22T14:12:08.000Z", end="2026-11-22T14:12:10.000Z", **changes):
    return {"startTime": start, "endTime": end, "statsType": kind, "values": json.dumps(values)} | changes


def dump(stats, *, connection="9-1"):
    """A chrome://webrtc-internals dump of one connection."""
    return {"UserAgent": "Chrome", "PeerConnections": {connection: {"pid": 1, "stats": stats}}}


INBOUND = {
    "IT01A7-packetsReceived": series("inbound-rtp", [50, 100, 150]),
    "IT01A7-concealedSamples": series("inbound-rtp", [0, 960]),
    "IT01A7-timestamp": series("inbound-rtp", [1000.0, 2000.5, 3000.0]),
    "IT01A7-[packetsReceived/s]": series("inbound-rtp", [0, 50, 50]),
    "AP-synthesizedSamplesDuration": series("media-playout", [0, 0.1, 0.1]),
    "T01-dtlsState": series("transport", ["connected"] * 3),
}


def getstats(*, timestamp=1000.0, lost=0):
    """One statistics object as `getStats` gives it."""
    return {
        "id": "IT01A7",
        "type": "inbound-rtp",
        "timestamp": timestamp,
        "ssrc": 7,
        "packetsLost": lost,
        "qos": {"a": 1},
    }


@pytest.fixture
def write(tmp_path):
    def file(content, name="stats.json"):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return file


def test_a_dump_is_a_table_per_type_with_w3c_names(write):
    tables = read_stats(write(dump(INBOUND)))
    assert list(tables) == ["inbound-rtp", "media-playout"]
    inbound = tables["inbound-rtp"]
    assert list(inbound) == ["id", "time_s", "packets_received", "concealed_samples"]
    assert inbound["id"].tolist() == ["9-1/IT01A7"] * 3
    assert inbound["packets_received"].tolist() == [50, 100, 150]


def test_each_row_has_the_time_of_its_report(write):
    assert read_stats(write(dump(INBOUND)))["inbound-rtp"]["time_s"].tolist() == [1.0, 2.0005, 3.0]


def test_without_timestamps_the_rows_are_spread_over_the_span(write):
    playout = read_stats(write(dump(INBOUND)))["media-playout"]
    assert np.diff(playout["time_s"]).tolist() == [1.0, 1.0]
    assert playout["time_s"].iat[0] == 1795356728.0


def test_a_member_that_came_later_is_missing_before(write):
    concealed = read_stats(write(dump(INBOUND)))["inbound-rtp"]["concealed_samples"]
    assert np.isnan(concealed[0])
    assert concealed[1:].tolist() == [0, 960]


def test_a_gzipped_dump(tmp_path):
    path = tmp_path / "stats.json.gz"
    path.write_bytes(gzip.compress(json.dumps(dump(INBOUND)).encode()))
    assert len(read_stats(path)["inbound-rtp"]) == 3


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_a_dump_may_be_indented(write, indent):
    assert len(read_stats(write(json.dumps(dump(INBOUND), indent=indent)))["inbound-rtp"]) == 3


def test_values_may_be_a_list_as_in_old_dumps(write):
    old = {"IT01A7-packetsReceived": series("inbound-rtp", [], startTime=1000, endTime=2000) | {"values": [1, 2]}}
    inbound = read_stats(write(dump(old)))["inbound-rtp"]
    assert inbound["packets_received"].tolist() == [1, 2]
    assert inbound["time_s"].tolist() == [1.0, 2.0]


def test_an_old_dump_without_types_says_that_it_holds_nothing(write):
    old = {"ssrc_7_recv-googJitterReceived": {"startTime": 0, "endTime": 1, "values": "[1, 2]"}}
    with pytest.raises(TelemetryError, match=r"stats\.json holds no statistics of a call"):
        read_stats(write(dump(old)))


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(
    "line",
    [
        lambda report: {"t": 1.0, "reports": [report]},
        lambda report: {"stats": {report["id"]: report}},
        lambda report: [report],
    ],
    ids=["reports", "map", "list"],
)
def test_a_getstats_series_of_lines(write, line, count):
    lines = [json.dumps(line(getstats(timestamp=1000.0 * at, lost=at))) for at in range(count)]
    inbound = read_stats(write("\n".join(lines) + "\n\n"))["inbound-rtp"]
    assert inbound["packets_lost"].tolist() == list(range(count))
    assert inbound["time_s"].tolist() == [float(at) for at in range(count)]
    assert "qos" not in inbound


def test_rows_are_in_the_order_of_time(write):
    lines = [json.dumps([getstats(timestamp=at)]) for at in (3000.0, 1000.0, 2000.0)]
    assert read_stats(write("\n".join(lines)))["inbound-rtp"]["time_s"].tolist() == [1, 2, 3]


def test_a_series_that_breaks_off_in_its_last_line_is_read_up_to_there_and_says_so(write):
    lines = [json.dumps([getstats(timestamp=at)]) for at in (1000.0, 2000.0, 3000.0)]
    inbound = read_stats(write("\n".join(lines)[:-20], "getstats.jsonl"))["inbound-rtp"]
    assert len(inbound) == 2
    assert inbound.attrs["notes"] == ("getstats.jsonl breaks off in line 3; read up to there",)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "not JSON",
        json.dumps(dump(INBOUND))[:-40],
        json.dumps(dump(INBOUND), indent=1)[:-40],
        '[1]\n{"reports": 3}',
    ],
)
def test_what_is_no_statistics_file_is_said(write, text):
    with pytest.raises(TelemetryError, match=r"stats\.json is no statistics file: .*webrtc-internals dump or getStats"):
        read_stats(write(text))


@pytest.mark.parametrize("content", ["", "[]", {"PeerConnections": {}}, {"PeerConnections": {"1": {}}}])
def test_a_file_without_a_call_is_said(write, content):
    with pytest.raises(TelemetryError, match=r"holds no statistics of a call\. Save the dump while the call is open"):
        read_stats(write(content))


@pytest.mark.parametrize("damage", ["cut", "flipped", "binary"])
def test_damaged_octets_are_said(tmp_path, damage):
    whole = bytearray(gzip.compress(json.dumps(dump(INBOUND)).encode()))
    if damage == "flipped":
        whole[20:40] = bytes(20)
    path = tmp_path / "stats.json.gz"
    path.write_bytes({"cut": whole[:-30], "flipped": whole, "binary": b"\xff\xfe\x00"}[damage])
    with pytest.raises(TelemetryError, match=r"stats\.json\.gz is neither text nor gzipped text"):
        read_stats(path)
