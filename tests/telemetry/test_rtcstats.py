import json

import pytest

from forensics.errors import TelemetryError
from forensics.telemetry import read_stats

AT = 1640046715021
"""When the first reading came, ms since 1970."""


def old_dump(*events, header=None):
    """Lines as servers wrote them before version 3."""
    rows = [header or ["connectionInfo", None, '{"path": "/"}', AT - 80], ["create", "PC_0", {}, AT - 50], *events]
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def new_dump(*events):
    """Lines of version 3: a magic line, an object with metadata, steps in time."""
    rows = [{"fileFormat": 3, "userAgent": "Chrome"}, [39, "0-a", {}, AT - 50], *events, ["close", None, None, 5]]
    return "RTCStatsDump\n" + "\n".join(json.dumps(row) for row in rows) + "\n"


FIRST = {
    "IT7": {"type": "inbound-rtp", "timestamp": 0, "ssrc": 7, "kind": "audio", "packetsReceived": 50, "packetsLost": 0},
    "P": {"type": "media-playout", "timestamp": 0, "synthesizedSamplesDuration": 0},
    "timestamp": AT + 0.5,
}


def test_changes_are_laid_over_what_was_there(write):
    changes = {"IT7": {"packetsReceived": 100, "timestamp": 0}, "timestamp": AT + 1000.5}
    text = old_dump(["getstats", "PC_0", FIRST, AT], ["getstats", "PC_0", changes, AT + 1000])
    statistics = read_stats(write(text))
    assert statistics.layout == "rtcstats"
    assert not statistics.skipped
    inbound = statistics.tables["inbound-rtp"]
    assert inbound["packets_received"].tolist() == [50, 100]
    assert inbound["ssrc"].tolist() == [7, 7]
    assert inbound["kind"].tolist() == ["audio", "audio"]
    assert inbound["time_s"].tolist() == pytest.approx([(AT + 0.5) / 1000, (AT + 1000.5) / 1000], abs=1e-4)
    assert inbound["connection"].tolist() == ["PC_0"] * 2


def test_what_did_not_change_at_all_is_as_it_was(write):
    text = old_dump(["getstats", "PC_0", FIRST, AT], ["getstats", "PC_0", {"timestamp": AT + 1000.0}, AT + 1000])
    playout = read_stats(write(text)).tables["media-playout"]
    assert playout["synthesized_samples_duration"].tolist() == [0, 0]
    assert playout["time_s"].iat[1] == pytest.approx((AT + 1000) / 1000)


def test_changes_belong_to_their_connection(write):
    changes = {"IT7": {"packetsReceived": 60}}
    text = old_dump(
        ["getstats", "PC_0", FIRST, AT], ["getstats", "PC_1", FIRST, AT + 1], ["getstats", "PC_1", changes, AT + 1000]
    )
    inbound = read_stats(write(text)).tables["inbound-rtp"]
    assert inbound.groupby("connection")["packets_received"].max().to_dict() == {"PC_0": 50, "PC_1": 60}


def test_without_a_time_in_it_a_reading_has_that_of_its_line(write):
    first = {name: value for name, value in FIRST.items() if name != "timestamp"}
    inbound = read_stats(write(old_dump(["getstats", "PC_0", first, AT]))).tables["inbound-rtp"]
    assert inbound["time_s"].tolist() == [AT / 1000]


def test_chromes_old_names_in_an_old_dump(write):
    first = {"ssrc_7_recv": {"type": "ssrc", "timestamp": 0, "ssrc": "7", "mediaType": "audio", "packetsLost": "4"}}
    inbound = read_stats(write(old_dump(["getstats", "PC_0", first, AT]))).tables["inbound-rtp"]
    assert inbound[["ssrc", "packets_lost"]].to_numpy().tolist() == [[7, 4]]


def test_a_reading_may_be_a_text_within_its_line(write):
    inbound = read_stats(write(old_dump(["getstats", "PC_0", json.dumps(FIRST), AT]))).tables["inbound-rtp"]
    assert inbound["ssrc"].tolist() == [7]


def test_a_dump_in_one_object(write):
    events = [
        {"time": "2021-12-21T00:31:55.021Z", "type": "getStats", "value": FIRST},
        {"time": "2021-12-21T00:31:56.021Z", "type": "getStats", "value": {"IT7": {"packetsLost": 2}}},
        {"time": "2021-12-21T00:31:56.500Z", "type": "close", "value": None},
    ]
    inbound = read_stats(write(json.dumps({"peerConnections": {"PC_0": events}, "url": "x"}))).tables["inbound-rtp"]
    assert inbound["packets_lost"].tolist() == [0, 2]


def test_version_3_numbers_its_names_and_steps_its_times(write):
    first = {"0": {"type": 1, "10": 7, "11": "audio", "14": 50, "15": 0, "52": 480}, "1": {"type": 13, "109": 0.02},
             "t": AT + 10.25}  # fmt: skip
    second = {"0": {"14": 100, "t": AT + 1009.0}, "t": AT + 1010.25}
    statistics = read_stats(
        write(new_dump(["g", "0-a", first, 50], [24, "0-a", "connected", 7], [1, "0-a", second, 993]))
    )
    inbound, playout = statistics.tables["inbound-rtp"], statistics.tables["media-playout"]
    assert inbound["packets_received"].tolist() == [50, 100]
    assert inbound["concealed_samples"].tolist() == [480, 480]
    assert inbound["time_s"].tolist() == pytest.approx([(AT + 10.25) / 1000, (AT + 1009) / 1000], abs=1e-5)
    assert playout["time_s"].tolist() == pytest.approx([(AT + 10.25) / 1000, (AT + 1010.25) / 1000], abs=1e-5)
    assert not statistics.skipped


def test_version_3_takes_objects_away(write):
    first = {"0": {"type": 1, "10": 7}, "1": {"type": 1, "10": 8}, "t": AT + 0.5}
    text = new_dump(["g", "0-a", first, 50], ["g", "0-a", {"0": None, "1": {"14": 5}, "t": AT + 1000.5}, 1000])
    assert read_stats(write(text)).tables["inbound-rtp"]["ssrc"].tolist() == [7, 8, 8]


def test_version_3_without_a_common_time_goes_by_its_steps(write):
    inbound = read_stats(write(new_dump(["g", "0-a", {"0": {"type": 1, "10": 7}}, 50]))).tables["inbound-rtp"]
    assert inbound["time_s"].tolist() == [AT / 1000]


def test_a_dump_that_breaks_off_is_read_up_to_there(write):
    text = old_dump(["getstats", "PC_0", FIRST, AT], ["getstats", "PC_0", FIRST, AT + 1000])
    statistics = read_stats(write(text[:-30]))
    assert len(statistics.tables["inbound-rtp"]) == 1
    assert statistics.notes == ("stats.json breaks off in line 4; read up to there",)


@pytest.mark.parametrize("dump", [old_dump, new_dump])
def test_what_cannot_be_read_is_counted(write, dump):
    step = 10 if dump is new_dump else AT
    text = dump(["g" if dump is new_dump else "getstats", "PC_0", FIRST, step], ["getstats", "PC_0", "error", step])
    assert read_stats(write(text)).skipped == {"readings without statistics": 1}


def test_a_dump_without_readings_holds_nothing(write):
    with pytest.raises(TelemetryError, match=r"stats\.json holds no statistics of a call"):
        read_stats(write(new_dump()))
