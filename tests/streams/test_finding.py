"""Streams are found without signalling, and nothing else is taken for one."""

import numpy as np
import packets as p
import pytest

from forensics.capture import read_capture
from forensics.errors import StreamError
from forensics.model import LOSS_COLUMNS, REPORT_COLUMNS, RTP_COLUMNS
from forensics.streams import find_streams, measure_streams


def capture_of(tmp_path, frames, **times):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(frames, **times)))
    return read_capture(path)


def framed(payload, **ports):
    return p.ethernet(p.ipv4(p.udp(payload, **ports)))


def found(tmp_path, packets, **options):
    return find_streams(capture_of(tmp_path, map(framed, packets)), **options)


def test_the_tables_keep_their_contracts(tmp_path):
    packets = [*p.talk(10), *p.talk(10, sequence=112, timestamp=5000 + 12 * 160)]
    (stream,) = found(tmp_path, packets)
    for table, contract in (
        (stream.packets, RTP_COLUMNS),
        (stream.losses, LOSS_COLUMNS),
        (stream.reports, REPORT_COLUMNS),
    ):
        assert list(table.columns) == list(contract)
        assert [str(kind) for kind in table.dtypes if kind != "str"] == [k for k in contract.values() if k != "str"]


def test_two_directions_of_a_call_are_two_streams(tmp_path):
    up, down = p.talk(20), p.talk(20, ssrc=9, sequence=65530, timestamp=2**32 - 300)
    frames = []
    for one, other in zip(up, down, strict=True):
        frames += [framed(one), framed(other, source_port=6000, destination_port=5000)]
    first, second = find_streams(capture_of(tmp_path, frames))
    assert (first.ssrc, first.source, first.destination) == (0x1234, "10.0.0.1:5000", "10.0.0.2:6000")
    assert second.packets["ext_sequence_number"].tolist() == list(range(65530, 65550))
    assert second.packets["ext_timestamp"].tolist() == [2**32 - 300 + 160 * n for n in range(20)]
    assert second.packets["frame"].tolist() == list(range(2, 41, 2))


def test_ipv6_endpoints_are_written_with_brackets(tmp_path):
    (stream,) = find_streams(capture_of(tmp_path, [p.ethernet(p.ipv6(p.udp(x))) for x in p.talk(9)]))
    assert stream.source == "[2001:db8::1]:5000"


def test_payloads_are_those_that_were_sent(tmp_path):
    plain = [p.rtp(n, 960 * n, payload=bytes([0xFC, n, n]), payload_type=111, csrcs=(1, 2), padding=n % 3 and 4,
                   extension=(0xBEDE, b"\x10\x20")) for n in range(20)]  # fmt: skip
    (stream,) = found(tmp_path, plain)
    assert [stream.payload(row) for row in range(20)] == [bytes([0xFC, n, n]) for n in range(20)]
    assert (stream.packets["payload_bytes"] == 3).all()
    assert stream.readable
    assert not stream.encrypted


def test_packets_that_the_snap_length_cut_have_no_payload_but_a_length(tmp_path):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap([shot.cut(80) for shot in p.call(9)]))
    (stream,) = find_streams(read_capture(path))
    assert (stream.packets["payload_offset"] == -1).all()
    assert (stream.packets["payload_bytes"] == 160).all()
    assert stream.notes == ("the snap length cut the payload of 9 packets",)


def other_traffic(count=2000):
    rng = np.random.default_rng(11)
    connection = rng.bytes(8)
    for n in range(count):
        yield framed(p.dns(), destination_port=53)
        yield framed(rng.bytes(int(rng.integers(1, 200))), destination_port=7777)
        yield framed(
            bytes([0x80 | int(rng.integers(0, 64))]) + connection + rng.bytes(60), destination_port=443
        )  # greased
        yield framed(bytes([0x40 | int(rng.integers(0, 64))]) + connection + rng.bytes(60), destination_port=443)
        yield framed(bytes([0xC0, 0, 0, 0, 1, 8]) + connection + rng.bytes(60), destination_port=443)
        yield framed(b"\0\0\0\0\0\1\0\0\0\0\0\0\5_http\4_tcp\5local\0\0\x0c\0\1", destination_port=5353)
        yield framed(b"\x80\x00" + bytes(14) + n.to_bytes(4, "big"), destination_port=9999)


def test_other_datagrams_between_the_same_hosts_close_no_stream(tmp_path):
    """Time, log lines and texts begin like DTLS 1.3 ciphertext; they make the plain call beside them no SRTP."""
    texts = [
        b"\x23\x02\x06\xe8" + bytes(44),
        b"<34>Oct 11 su: failed",
        b"$GPGGA,1,2,3*47 and more",
        b"1234567890 abcdef",
    ]
    frames = [framed(text, source_port=123, destination_port=123) for text in texts]
    frames += map(framed, p.talk(20))
    capture = capture_of(tmp_path, frames)
    (stream,) = find_streams(capture)
    assert stream.readable
    assert not stream.encrypted
    assert not measure_streams(capture.path).streams[0]["encrypted"]


def test_no_stream_in_other_traffic(tmp_path):
    with pytest.raises(
        StreamError, match=r"No RTP in call\.pcap: 14000 datagrams \(.*rtp.*none goes on as an RTP stream"
    ):
        find_streams(capture_of(tmp_path, other_traffic()))


def test_a_call_amid_other_traffic_is_the_only_stream(tmp_path):
    frames = list(other_traffic(300))
    frames[100:100] = map(framed, p.talk(100))
    streams = find_streams(capture_of(tmp_path, frames))
    assert [len(stream.packets) for stream in streams] == [100]
    assert streams.skipped["RTP-like datagram that goes on in no stream"] > 300


def test_no_rtp_says_what_there_is(tmp_path):
    with pytest.raises(
        StreamError,
        match=r"2 datagrams \(2 stun\), none parses as RTP version 2\. Was the call relayed .* `--decode-as",
    ):
        found(tmp_path, [p.stun(), p.stun()])
    with pytest.raises(StreamError, match=r"no UDP datagram at all \(it holds no packet\)"):
        find_streams(capture_of(tmp_path, []))


def test_a_short_stream_on_a_given_port_is_found(tmp_path):
    packets = [p.rtp(7, 1), p.rtp(9, 400)]
    with pytest.raises(StreamError, match="none goes on as an RTP stream does"):
        found(tmp_path, packets)
    (stream,) = found(tmp_path, packets, decode_as={"udp.port==6000": "rtp"})
    assert len(stream.packets) == 2


def test_a_decode_as_that_is_not_understood(tmp_path):
    with pytest.raises(StreamError, match=r"Decode-as 'tcp\.port==x' is not understood\. Write udp\.port==5004,rtp"):
        found(tmp_path, p.talk(9), decode_as={"tcp.port==x": "rtp"})
    with pytest.raises(StreamError, match=r"'opus/fast' names no codec\. Write it as SDP does"):
        found(tmp_path, p.talk(9), decode_as={"111": "opus/fast"})


@pytest.mark.parametrize(
    ("payload_type", "step", "codec", "clock", "known"),
    [
        (0, 160, "pcmu", 8000, "static"),
        (9, 160, "g722", 8000, "static"),
        (111, 960, "opus", 48000, "inferred"),
        (96, 160, "unknown", 8000, "inferred"),
        (97, 320, "unknown", 16000, "inferred"),
        (100, 1800, "video", 90000, "inferred"),
    ],
)
def test_the_codec_is_known_or_inferred(tmp_path, payload_type, step, codec, clock, known):
    (stream,) = found(tmp_path, p.talk(60, payload_type=payload_type, step=step))
    assert (stream.codec.name, stream.codec.clock_rate_hz, stream.codec.known) == (codec, clock, known)


def test_a_given_codec_wins(tmp_path):
    (stream,) = found(tmp_path, p.talk(60, payload_type=97, step=320), decode_as={"rtp.p_type==97": "speex/16000"})
    assert (stream.codec.name, stream.codec.clock_rate_hz, stream.codec.known) == ("speex", 16000, "given")


def test_losses_are_listed_with_their_neighbours(tmp_path):
    talk = p.talk(40)
    (stream,) = found(tmp_path, [x for n, x in enumerate(talk) if n not in (10, 20, 21, 22)])
    assert stream.losses[["first_ext_sequence_number", "packets", "before", "after"]].values.tolist() == [
        [110, 1, 9, 10],
        [120, 3, 18, 19],
    ]
    assert stream.losses["media_s"].tolist() == pytest.approx([0.02, 0.06])


def test_header_extensions_are_recognised_by_their_behaviour(tmp_path):
    def elements(n):
        sent = int(n * 0.02 * (1 << 18)) + 0xFF_FF00 & 0xFF_FFFF
        level = bytes([0x10, (n * 7) % 100 | 0x80])
        return (
            level
            + b"\x22"
            + sent.to_bytes(3, "big")
            + b"\x31"
            + (65_530 + n & 0xFFFF).to_bytes(2, "big")
            + b"\x41"
            + b"a0"
        )

    packets = [
        p.rtp(n, 960 * n, payload_type=111, payload=b"\xfc\0", extension=(0xBEDE, elements(n))) for n in range(100)
    ]
    (stream,) = found(tmp_path, packets)
    assert stream.packets["audio_level_dbov"].tolist() == [-(n * 7 % 100) for n in range(100)]
    assert stream.packets["transport_sequence_number"].tolist() == [(65_530 + n) & 0xFFFF for n in range(100)]
    sent = stream.packets["abs_send_time_s"].to_numpy()
    np.testing.assert_allclose(sent - sent[0], 0.02 * np.arange(100), atol=1e-5)


def test_capture_time_and_media_section_are_read(tmp_path):
    """abs-capture-time in its long form on every second packet, as senders thin it out, and a mid on the first ones."""

    def elements(n):
        ntp = (3_900_000_000 << 32) + int(n * 0.02 * (1 << 32))
        capture_time = b"\x2f" + ntp.to_bytes(8, "big") + (-(1 << 31)).to_bytes(8, "big", signed=True)
        return (capture_time if n % 2 == 0 else b"") + (b"\x52aud" if n < 30 else b"")

    packets = [p.rtp(n, 960 * n, payload_type=111, extension=(0xBEDE, elements(n))) for n in range(60)]
    (stream,) = found(tmp_path, packets)
    assert stream.mid == "aud"
    captured_ns = stream.packets["abs_capture_time_ns"].to_numpy()
    assert (captured_ns[1::2] == 0).all()
    expected = (3_900_000_000 - 2_208_988_800) * 10**9 + np.arange(0, 60, 2) * 20_000_000
    np.testing.assert_allclose(captured_ns[::2], expected, rtol=0, atol=256)
    assert stream.packets["capture_clock_offset_s"].iloc[::2].eq(-0.5).all()
    assert stream.packets["capture_clock_offset_s"].iloc[1::2].isna().all()


def test_two_byte_extensions_are_read(tmp_path):
    packets = [
        p.rtp(n, 960 * n, payload_type=111, extension=(0x1000, b"\x01\x00\x05\x01" + bytes([n % 90])))
        for n in range(20)
    ]
    (stream,) = found(tmp_path, packets)
    assert stream.packets["audio_level_dbov"].tolist() == [-(n % 90) for n in range(20)]


def test_encrypted_extensions_are_told_and_not_read(tmp_path):
    """RFC 6904: with a description it is said, without one octets at random are no audio level."""
    rng = np.random.default_rng(6)
    packets = [
        p.rtp(n, 960 * n, payload_type=111, payload=b"\xfc\0", extension=(0xBEDE, b"\x10" + rng.bytes(1)))
        for n in range(100)
    ]
    (stream,) = found(tmp_path, packets)
    assert stream.packets["audio_level_dbov"].isna().all()
    sdp = tmp_path / "call.sdp"
    uri = "urn:ietf:params:rtp-hdrext:encrypt urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    sdp.write_text(f"v=0\nm=audio 9 RTP/AVP 111\na=rtpmap:111 opus/48000/2\na=extmap:1 {uri}\n")
    (stream,) = found(tmp_path, packets, sdp=sdp)
    assert stream.packets["audio_level_dbov"].isna().all()
    told = "100 packets carry encrypted header extensions (RFC 6904), which are not read: audio-level"
    assert told in stream.notes


@pytest.mark.parametrize("profile", [0xC0DE, 0xC2DE])
def test_hidden_headers_are_counted_and_stay_closed(tmp_path, profile):
    rng = np.random.default_rng(6)
    packets = [
        p.rtp(n, 960 * n, payload_type=111, payload=rng.bytes(50), extension=(profile, rng.bytes(8))) for n in range(30)
    ]
    streams = found(tmp_path, packets)
    assert streams.skipped == {"RTP packet with encrypted header extensions (cryptex)": 30}
    assert (streams[0].encrypted, streams[0].readable) == (True, False)
    assert "30 packets hide their header extensions and CSRCs (cryptex, RFC 9335): they stay closed" in streams[0].notes
    assert not any("snap length" in note for note in streams[0].notes)


def test_a_source_that_changes_its_ssrc_is_followed(tmp_path):
    first, second = p.talk(60), p.talk(60, ssrc=77, sequence=9000, timestamp=70_000)
    streams = found(tmp_path, [*first, *second])
    assert [stream.ssrc for stream in streams] == [0x1234, 77]
    assert streams[0].notes == ("SSRC 0x0000004D takes over from it on the same path",)
    assert streams[1].notes == ("it takes over from SSRC 0x00001234 on the same path",)
    assert [len(stream.losses) for stream in streams] == [0, 0]


def test_streams_side_by_side_take_over_from_nobody(tmp_path):
    pairs = zip(p.talk(60), p.talk(60, ssrc=77, sequence=9000, timestamp=70_000), strict=True)
    assert [stream.notes for stream in found(tmp_path, [one for pair in pairs for one in pair])] == [(), ()]


def test_a_stream_without_extensions_has_none(tmp_path):
    (stream,) = found(tmp_path, p.talk(9))
    assert stream.packets["audio_level_dbov"].isna().all()
    assert stream.packets["abs_send_time_s"].isna().all()
    assert (stream.packets["transport_sequence_number"] == -1).all()


def test_srtp_without_a_handshake_is_recognised_as_closed(tmp_path):
    rng = np.random.default_rng(1)
    opus = [p.rtp(n, 960 * n, payload_type=111, payload=rng.bytes(60)) for n in range(200)]
    (stream,) = found(tmp_path, opus)
    assert stream.encrypted
    assert not stream.readable
    assert (stream.packets["payload_bytes"] == 50).all()
    (stream,) = found(tmp_path, p.talk(50, payload=rng.bytes(170)))
    assert stream.encrypted
    (stream,) = found(tmp_path, p.talk(50, payload=rng.bytes(160)))
    assert stream.readable


def test_a_stream_set_behaves_as_a_tuple(tmp_path):
    streams = found(tmp_path, p.talk(9))
    assert len(streams) == 1
    assert list(streams) == [streams[0]] == list(streams.streams)
