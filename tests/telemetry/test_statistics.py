import gzip
import json

import numpy as np
import pytest
import zstandard

from forensics.errors import TelemetryError
from forensics.model import STATISTICS_COLUMNS
from forensics.telemetry import read_stats


def getstats(*, timestamp=1000.0, lost=0, **changes):
    """One statistics object as `getStats` gives it."""
    given = {"id": "IT01A7", "type": "inbound-rtp", "timestamp": timestamp, "ssrc": 7, "packetsLost": lost}
    return {**given, "qos": {"a": 1}, **changes}


def lines(*documents):
    return "\n".join(json.dumps(document) for document in documents) + "\n\n"


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize(
    "line",
    [
        lambda report: {"t": 1.0, "reports": [report]},
        lambda report: {"stats": {report["id"]: report}},
        lambda report: {report["id"]: report},
        lambda report: [report],
    ],
    ids=["reports", "stats", "map", "list"],
)
def test_a_getstats_series_of_lines(write, line, count):
    statistics = read_stats(
        write(lines(*(line(getstats(timestamp=1000.0 * (at + 1), lost=at)) for at in range(count))))
    )
    inbound = statistics.tables["inbound-rtp"]
    assert statistics.layout == "getStats"
    assert inbound["packets_lost"].tolist() == list(range(count))
    assert inbound["time_s"].tolist() == [at + 1.0 for at in range(count)]
    assert "qos" not in inbound


def test_a_series_in_one_list(write):
    samples = [[getstats(timestamp=1000.0 * at)] for at in (1, 2, 3)]
    assert len(read_stats(write(samples)).tables["inbound-rtp"]) == 3


def test_every_table_keeps_its_contract(write):
    kinds = [getstats(type=kind, id=kind) for kind in STATISTICS_COLUMNS]
    statistics = read_stats(write(lines([*kinds, getstats(type="certificate")])))
    for kind, contract in STATISTICS_COLUMNS.items():
        table = statistics.tables[kind]
        assert list(table)[: len(contract)] == list(contract), kind
        assert {column: str(table[column].dtype) for column in contract if contract[column] != "str"} == {
            column: dtype for column, dtype in contract.items() if dtype != "str"
        }
    assert statistics.other == 1
    assert not statistics.skipped


def test_what_the_contract_does_not_name_stands_behind_it(write):
    inbound = read_stats(write(lines([getstats(audioLevel=0.5)]))).tables["inbound-rtp"]
    assert inbound["audio_level"].tolist() == [0.5]
    assert np.isnan(inbound["concealed_samples"][0])
    assert inbound["codec_id"].tolist() == [""]


def test_an_ssrc_that_is_missing_is_no_number_of_a_stream(write):
    report = getstats()
    del report["ssrc"]
    assert read_stats(write(lines([report]))).tables["inbound-rtp"]["ssrc"].tolist() == [-1]


def test_rows_are_in_the_order_of_time(write):
    text = lines(*([getstats(timestamp=at)] for at in (3000.0, 1000.0, 2000.0)))
    assert read_stats(write(text)).tables["inbound-rtp"]["time_s"].tolist() == [1, 2, 3]


def test_remote_statistics_of_before_2018(write):
    report = getstats(type="inboundrtp", isRemote=True)
    assert list(read_stats(write(lines([report]))).tables) == ["remote-inbound-rtp"]


def test_members_of_a_track_belong_to_the_stream_that_names_it(write):
    track = {"id": "T", "type": "track", "timestamp": 1000.0, "concealedSamples": 960, "packetsLost": 3}
    inbound = read_stats(write(lines([getstats(trackId="T", lost=1), track]))).tables["inbound-rtp"]
    assert inbound["concealed_samples"].tolist() == [960]
    assert inbound["packets_lost"].tolist() == [1]


def test_a_series_that_breaks_off_in_its_last_line_is_read_up_to_there_and_says_so(write):
    text = lines(*([getstats(timestamp=at)] for at in (1000.0, 2000.0, 3000.0))).strip()
    statistics = read_stats(write(text[:-20], "getstats.jsonl"))
    assert len(statistics.tables["inbound-rtp"]) == 2
    assert statistics.notes == ("getstats.jsonl breaks off in line 3; read up to there",)


def test_a_gzipped_series_that_breaks_off_is_read_up_to_there(tmp_path):
    text = lines(*([getstats(timestamp=1000.0 + at, lost=at**3 % 97)] for at in range(500)))
    whole = gzip.compress(text.encode())
    path = tmp_path / "stats.json.gz"
    path.write_bytes(whole[: len(whole) // 2])
    statistics = read_stats(path)
    assert 100 < len(statistics.tables["inbound-rtp"]) < 500
    assert "stats.json.gz breaks off while it is unpacked; read up to there" in statistics.notes


@pytest.mark.parametrize(
    ("broken", "reason", "count"),
    [
        ("{oops\n[1,\n", "lines that are no JSON", 2),
        (json.dumps([{"id": "x", "timestamp": 1.0}]) + "\n", "statistics without a type", 1),
        (json.dumps([getstats(timestamp=0)]) + "\n", "statistics without a time", 1),
        ("3\n", "samples of no known layout", 1),
        (json.dumps([getstats(packetsReceived="many")]) + "\n", "values that are no numbers", 1),
    ],
)
def test_what_cannot_be_read_is_counted(write, broken, reason, count):
    good = lines(*([getstats(timestamp=at)] for at in (1000.0, 2000.0, 3000.0)))
    statistics = read_stats(write(good.strip() + "\n" + broken + good))
    assert statistics.skipped == {reason: count}
    assert len(statistics.tables["inbound-rtp"]) >= 6


@pytest.mark.parametrize("text", ["{", "not JSON", '{"a": [1, 2', "{]}"])
def test_what_is_no_statistics_file_is_said(write, text):
    with pytest.raises(
        TelemetryError, match=r"stats\.json (is no|holds no) statistics.*webrtc-internals dump or getSt"
    ):
        read_stats(write(text))


@pytest.mark.parametrize("content", ["", "[]", "[1]\n[2]", {"PeerConnections": {}}, {"PeerConnections": {"1": {}}}])
def test_a_file_without_a_call_is_said(write, content):
    with pytest.raises(TelemetryError, match=r"holds no statistics of a call.*Save the dump while the call is open"):
        read_stats(write(content))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_packed_files_are_unpacked(tmp_path, pack):
    path = tmp_path / "stats.json"
    path.write_bytes(pack(lines([getstats()]).encode()))
    statistics = read_stats(path)
    assert len(statistics.tables["inbound-rtp"]) == 1
    assert statistics.notes == ()


@pytest.mark.parametrize("damage", ["gzip", "zstandard", "binary"])
def test_damaged_octets_are_said(tmp_path, damage):
    text = lines([getstats()]).encode()
    whole = bytearray(zstandard.ZstdCompressor().compress(text) if damage == "zstandard" else gzip.compress(text))
    whole[8:40] = bytes(32)
    path = tmp_path / "stats.json.gz"
    path.write_bytes(b"\xff\xfe\x00" if damage == "binary" else whole)
    with pytest.raises(TelemetryError, match=r"stats\.json\.gz is neither text nor packed text"):
        read_stats(path)


def test_nesting_without_end_is_no_statistics_file(write):
    with pytest.raises(TelemetryError, match="is no statistics file"):
        read_stats(write("[" * 200_000))
