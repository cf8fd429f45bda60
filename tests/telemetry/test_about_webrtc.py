import json

import pytest

from forensics.errors import TelemetryError
from forensics.telemetry import read_stats

PCID = "1718000000000001 (id=2147483649 url=https://voice.example/)"


def report(at_ms, *, lost=0, collection="inboundRtpStreamStats", pcid=PCID):
    """What "Copy report" puts into the clipboard, cut to its bones."""
    return {
        "pcid": pcid,
        "browserId": 7,
        "timestamp": at_ms,
        "closed": False,
        "iceRestarts": 0,
        "jsepSessionErrors": "",
        "sdpHistory": [{"timestamp": at_ms, "isLocal": True, "sdp": "v=0\r\n", "errors": []}],
        collection: [
            {"id": "inbound_rtp_audio_0", "timestamp": at_ms, "type": "inbound-rtp", "ssrc": 7, "kind": "audio",
             "packetsReceived": 50, "packetsLost": lost, "jitterBufferDelay": 2.5, "jitterBufferEmittedCount": 48000,
             "codecId": "c1"}
        ],
        "remoteOutboundRtpStreamStats": [
            {"id": "remote_1", "timestamp": at_ms - 40, "type": "remote-outbound-rtp", "ssrc": 7, "packetsSent": 51}
        ],
        "iceCandidatePairStats": [
            {"id": "p1", "type": "candidate-pair", "state": "succeeded", "nominated": True, "currentRoundTripTime": 0.1}
        ],
        "codecStats": [{"id": "c1", "timestamp": at_ms, "type": "codec", "mimeType": "audio/opus", "payloadType": 109}],
        "rawLocalCandidates": ["candidate:0 1 UDP 1 192.0.2.1 9 typ host"],
    }  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def file(content):
        (tmp_path / "stats.json").write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return tmp_path / "stats.json"

    return file


def test_a_copied_report(write):
    statistics = read_stats(write(report(1718000001000.0, lost=3)))
    assert statistics.layout == "about:webrtc"
    assert not statistics.skipped
    assert set(statistics.tables) == {"inbound-rtp", "remote-outbound-rtp", "candidate-pair", "codec"}
    inbound = statistics.tables["inbound-rtp"].iloc[0]
    assert (inbound["ssrc"], inbound["packets_lost"], inbound["connection"]) == (7, 3, "2147483649")
    assert inbound["time_s"] == 1718000001.0
    assert statistics.tables["remote-outbound-rtp"]["time_s"].tolist() == [1718000000.96]
    assert statistics.tables["codec"]["mime_type"].tolist() == ["audio/opus"]


def test_what_has_no_time_of_its_own_has_that_of_its_report(write):
    pair = read_stats(write(report(1718000001000.0))).tables["candidate-pair"]
    assert pair["time_s"].tolist() == [1718000001.0]
    assert pair["nominated"].tolist() == [True]


def test_a_history_is_a_series(write):
    history = {"reports": [report(1718000000000.0 + 500 * i, lost=i) for i in range(5)], "sdpHistories": []}
    inbound = read_stats(write(history)).tables["inbound-rtp"]
    assert inbound["packets_lost"].tolist() == [0, 1, 2, 3, 4]
    assert inbound["time_s"].iat[-1] == 1718000002.0


def test_reports_one_a_line(write):
    text = "\n".join(json.dumps(report(1718000000000.0 + i)) for i in range(3))
    assert len(read_stats(write(text)).tables["inbound-rtp"]) == 3


def test_lists_as_they_were_called_until_firefox_68(write):
    old = report(1718000001000.0, collection="inboundRTPStreamStats")
    assert read_stats(write({"reports": [old]})).tables["inbound-rtp"]["ssrc"].tolist() == [7]


def test_reports_of_two_connections(write):
    other = report(1718000001000.0, pcid="2 (id=4 url=https://other.example/)")
    inbound = read_stats(write([report(1718000001000.0), other])).tables["inbound-rtp"]
    assert sorted(inbound["connection"]) == ["2147483649", "4"]


def test_what_is_no_report_is_counted(write):
    statistics = read_stats(write({"reports": [report(1718000001000.0), {"pcid": "empty"}, None]}))
    assert statistics.skipped == {"reports of no known layout": 2}


def test_a_report_that_breaks_off_is_read_up_to_there(write):
    text = json.dumps(report(1718000001000.0), indent=2)
    statistics = read_stats(write(text[: text.index("codecStats")]))
    assert len(statistics.tables["inbound-rtp"]) == 1
    assert statistics.notes == ("stats.json breaks off; read up to there",)


def test_a_saved_page_is_refused_with_what_to_do(write):
    with pytest.raises(TelemetryError, match=r"is a page, with numbers rounded.*button \"Copy report\" instead"):
        read_stats(write('<div id="content"><h3>RTCPeerConnections</h3></div>'))
