import gzip
import json

import numpy as np
import pytest

from forensics.telemetry import read_stats


def series(kind, values, *, start="2026-11-22T14:12:08.000Z", end="2026-11-22T14:12:10.000Z", **changes):
    return {"startTime": start, "endTime": end, "statsType": kind, "values": json.dumps(values)} | changes


def dump(stats, *, connection="9-1", **more):
    """A chrome://webrtc-internals dump of one connection."""
    connections = {connection: {"pid": 1, "stats": stats}, **more}
    return {"UserAgent": "Chrome", "getUserMedia": [{"pid": 1}], "PeerConnections": connections}


INBOUND = {
    "IT01A7-packetsReceived": series("inbound-rtp", [50, 100, 150]),
    "IT01A7-concealedSamples": series("inbound-rtp", [0, 960], start="2026-11-22T14:12:09.000Z"),
    "IT01A7-timestamp": series("inbound-rtp", [1000.0, 2000.5, 3000.0]),
    "IT01A7-[packetsReceived/s]": series("inbound-rtp", [0, 50, 50]),
    "AP-synthesizedSamplesDuration": series("media-playout", [0, 0.1, 0.1]),
    "T01-dtlsState": series("transport", ["connected"] * 3),
}


def inbound_of(path):
    return read_stats(path).tables["inbound-rtp"]


def test_a_dump_is_a_table_per_type_with_w3c_names(write):
    statistics = read_stats(write(dump(INBOUND)))
    assert statistics.layout == "webrtc-internals"
    assert list(statistics.tables) == ["inbound-rtp", "media-playout"]
    assert statistics.other == 3
    inbound = statistics.tables["inbound-rtp"]
    assert inbound["connection"].tolist() == ["9-1"] * 3
    assert inbound["id"].tolist() == ["IT01A7"] * 3
    assert inbound["packets_received"].tolist() == [50, 100, 150]
    assert not any("/s" in column for column in inbound)


def test_each_row_has_the_time_of_its_report(write):
    assert inbound_of(write(dump(INBOUND)))["time_s"].tolist() == [1.0, 2.0005, 3.0]


def test_without_timestamps_the_rows_are_spread_over_the_span(write):
    playout = read_stats(write(dump(INBOUND))).tables["media-playout"]
    assert np.diff(playout["time_s"]).tolist() == [1.0, 1.0]
    assert playout["time_s"].iat[0] == 1795356728.0


@pytest.mark.parametrize(
    ("start", "end", "row"),
    [("08", "09", 0), ("09", "10", 1)],
    ids=["it ended before", "it came later"],
)
def test_a_member_that_is_shorter_stands_where_it_was(write, start, end, row):
    times = {"start": f"2026-11-22T14:12:{start}.000Z", "end": f"2026-11-22T14:12:{end}.000Z"}
    stats = {**INBOUND, "IT01A7-concealedSamples": series("inbound-rtp", [480, 960], **times)}
    concealed = inbound_of(write(dump(stats)))["concealed_samples"].tolist()
    assert concealed[row : row + 2] == [480, 960]
    assert np.isnan(concealed[2 - 2 * row])


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_a_dump_may_be_indented(write, indent):
    assert len(inbound_of(write(json.dumps(dump(INBOUND), indent=indent)))) == 3


def test_a_gzipped_dump(tmp_path):
    path = tmp_path / "stats.json.gz"
    path.write_bytes(gzip.compress(json.dumps(dump(INBOUND)).encode()))
    assert len(inbound_of(path)) == 3


def test_two_connections_are_told_apart(write):
    whole = dump(INBOUND, **{"9-2": {"stats": INBOUND}, "9-3": {"url": "nothing was read"}, "9-4": None})
    statistics = read_stats(write(whole))
    assert statistics.tables["inbound-rtp"]["connection"].value_counts().to_dict() == {"9-1": 3, "9-2": 3}
    assert statistics.skipped == {"peer connections without statistics": 1}


@pytest.mark.parametrize("fault", [{"values": "[1, 2"}, {"values": 3}, {"startTime": "once"}])
def test_a_series_that_cannot_be_read_is_counted_and_the_others_are_read(write, fault):
    stats = {**INBOUND, "IT01A7-packetsLost": series("inbound-rtp", [0, 0, 0]) | fault}
    statistics = read_stats(write(dump(stats)))
    assert statistics.skipped == {"series that cannot be read": 1}
    assert len(statistics.tables["inbound-rtp"]) == 3


@pytest.mark.parametrize("indent", [None, 1])
def test_a_dump_that_breaks_off_is_read_up_to_there_and_says_so(write, indent):
    text = json.dumps(dump(INBOUND), indent=indent)
    statistics = read_stats(write(text[: text.index("AP-synth")]))
    assert list(statistics.tables) == ["inbound-rtp"]
    assert statistics.notes == ("stats.json breaks off; read up to there",)


# -- older layouts -----------------------------------------------------------------------------------------------------


def untyped(values, **changes):
    """A series as it was before 2019: no type, values that are texts."""
    entry = series("", [str(value) for value in values], **changes)
    return {name: value for name, value in entry.items() if name != "statsType"}


LEGACY = {
    "ssrc_7_recv-ssrc": untyped([7, 7, 7]),
    "ssrc_7_recv-mediaType": untyped(["audio"] * 3),
    "ssrc_7_recv-packetsReceived": untyped([50, 100, 150]),
    "ssrc_7_recv-packetsLost": untyped([0, 1, 1]),
    "ssrc_7_recv-googJitterReceived": untyped([3, 4, 4]),
    "ssrc_7_recv-googJitterBufferMs": untyped([60, 61, 62]),
    "ssrc_7_recv-googCodecName": untyped(["opus"] * 3),
    "ssrc_9_send-packetsSent": untyped([49, 99, 149]),
    "ssrc_9_send-packetsLost": untyped([0, 0, 2]),
    "ssrc_9_send-googRtt": untyped([40, 42, 41]),
    "Conn-audio-1-0-googRtt": untyped([40, 41, 40]),
    "Conn-audio-1-0-googActiveConnection": untyped(["true"] * 3),
    "Conn-audio-1-0-bytesReceived": untyped([100, 200, 300]),
    "bweforvideo-googTransmitBitrate": untyped([0, 0, 0]),
}


def test_chromes_old_names_are_read_as_todays(write):
    tables = read_stats(write(dump(LEGACY))).tables
    inbound, sent, told, pair = (
        tables[kind] for kind in ("inbound-rtp", "outbound-rtp", "remote-inbound-rtp", "candidate-pair")
    )
    assert inbound["ssrc"].tolist() == [7, 7, 7]
    assert inbound["packets_lost"].tolist() == [0, 1, 1]
    assert inbound["jitter"].tolist() == [0.003, 0.004, 0.004]
    assert inbound["goog_jitter_buffer_ms"].tolist() == [60, 61, 62]  # a gauge, which no member of today's is
    assert inbound["codec_id"].tolist() == ["codec_opus"] * 3
    assert tables["codec"]["mime_type"].tolist() == ["audio/opus"] * 3
    assert sent["packets_sent"].tolist() == [49, 99, 149]
    assert told["packets_lost"].tolist() == [0, 0, 2]
    assert told["round_trip_time"].tolist() == pytest.approx([0.040, 0.042, 0.041])
    assert pair["current_round_trip_time"].tolist() == pytest.approx([0.040, 0.041, 0.040])
    assert pair["nominated"].all()


def test_standard_names_without_types(write):
    stats = {
        "RTCInboundRTPAudioStream_7-ssrc": untyped([7, 7]),
        "RTCInboundRTPAudioStream_7-trackId": untyped(["RTCMediaStreamTrack_receiver_1"] * 2),
        "RTCMediaStreamTrack_receiver_1-concealedSamples": untyped([0, 480]),
        "RTCIceCandidatePair_a_b-currentRoundTripTime": untyped([0.04, 0.05]),
    }
    tables = read_stats(write(dump(stats))).tables
    assert tables["inbound-rtp"]["concealed_samples"].tolist() == [0, 480]
    assert tables["candidate-pair"]["current_round_trip_time"].tolist() == [0.04, 0.05]


def test_values_may_be_a_list_and_times_milliseconds(write):
    old = {"IT01A7-packetsReceived": series("inbound-rtp", [], startTime=1000, endTime=2000) | {"values": [1, 2]}}
    inbound = inbound_of(write(dump(old)))
    assert inbound["packets_received"].tolist() == [1, 2]
    assert inbound["time_s"].tolist() == [1.0, 2.0]
