"""Redundancy, retransmission, events and comfort noise; codecs from session descriptions."""

import struct

import numpy as np
import packets as p
import pytest

from forensics.capture import read_capture
from forensics.errors import StreamError
from forensics.streams import find_streams, streams_report
from forensics.streams.payloads import (
    TelephoneEvent,
    opus_frame_samples,
    opus_has_fec,
    original_sequence_number,
    read_red,
    read_telephone_event,
)
from forensics.streams.sdp import parse_description

SDP = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 96 0 101 13\r\n"
    "a=rtpmap:96 L16/16000/1\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:9000 bad\r\n"
    "a=extmap:5 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
)


def red(primary, repeated=()):
    head = b"".join(struct.pack(">I", 0x80000000 | 111 << 24 | back << 10 | len(data)) for back, data in repeated)
    return head + b"\x6f" + b"".join(data for _, data in repeated) + primary


def found(tmp_path, payloads, **options):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in payloads)))
    return find_streams(read_capture(path), **options)


def sip(text, start="INVITE sip:b@example.com SIP/2.0"):
    return f"{start}\r\nContent-Type: application/sdp\r\n\r\n{text}".encode()


def test_red_is_split_into_its_blocks():
    blocks = read_red(red(b"now", [(1920, b"before"), (960, b"just")]))
    assert [(b.payload_type, b.back_ticks, b.offset, b.size) for b in blocks] == [
        (111, 1920, 9, 6),
        (111, 960, 15, 4),
        (111, 0, 19, 3),
    ]


@pytest.mark.parametrize("payload", [b"", b"\x80", b"\xef\0\0\xff\x6f", b"\xff" * 7])
def test_what_is_no_red_gives_no_blocks(payload):
    assert read_red(payload) == []


def test_the_primary_block_stands_for_a_red_packet(tmp_path):
    frames = [bytes([0x78, n, n, n]) for n in range(60)]
    packets = [
        p.rtp(n, 960 * n, payload_type=63, payload=red(frames[n], [(960, frames[n - 1])] if n else []))
        for n in range(60)
    ]
    (stream,) = found(tmp_path, packets)
    assert [stream.payload(n) for n in range(60)] == frames
    assert (stream.codec.name, stream.codec.clock_rate_hz) == ("opus", 48000)
    assert "payload type 63 is RED around 111 (RFC 2198): 59 of 60 packets repeat earlier audio" in stream.notes


def test_a_plain_payload_is_not_taken_for_red(tmp_path):
    packets = [p.rtp(n, 960 * n, payload_type=111, payload=bytes([0x78, n]) + bytes(40)) for n in range(60)]
    (stream,) = found(tmp_path, packets)
    assert len(stream.payload(3)) == 42
    assert stream.notes == ()


def test_sip_in_the_capture_names_codecs_and_events(tmp_path):
    talk = p.talk(40, payload_type=96, step=320)
    events = [p.rtp(140 + n, 20_000, payload_type=101, payload=bytes([5, 10, 0, n])) for n in range(5)]
    noise = [p.rtp(145, 21_000, payload_type=13, payload=b"\x40")]
    (stream,) = found(tmp_path, [sip(SDP), *talk, *events, *noise])
    assert (stream.codec.name, stream.codec.clock_rate_hz, stream.codec.known) == ("l16", 16000, "sdp")
    assert stream.notes == (
        "1 packets of payload type 13 are comfort noise (RFC 3389)",
        "5 packets of payload type 101 are telephone events (RFC 4733)",
        "telephone events: 5 at 0.820 s (0 ms, its end is missing)",
    )


def test_the_description_of_another_endpoint_serves_where_nothing_else_is_known(tmp_path):
    moved = SDP.replace("10.0.0.2", "203.0.113.9")
    (stream,) = found(tmp_path, [sip(moved), *p.talk(40, payload_type=96, step=320)])
    assert stream.codec.known == "sdp"


def test_statistics_in_chunks_know_the_description_too(tmp_path):
    path = tmp_path / "call.pcap"
    frames = [sip(SDP), *p.talk(40, payload_type=96, step=320)]
    path.write_bytes(p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in frames)))
    (stream,) = streams_report(path)["streams"]
    assert (stream["codec"], stream["clock_rate_hz"], stream["codec_known"]) == ("l16", 16000, "sdp")


def test_a_given_description(tmp_path):
    sdp = tmp_path / "call.sdp"
    sdp.write_text(SDP)
    packets = [p.rtp(n, 320 * n, payload_type=96, extension=(0xBEDE, b"\x50\x8c")) for n in range(20)]
    (stream,) = found(tmp_path, packets, sdp=sdp)
    assert stream.codec.known == "sdp"
    assert (stream.packets["audio_level_dbov"] == -12).all()
    sdp.write_text("v=0\n")
    with pytest.raises(StreamError, match=r"describes no media: no line begins with m="):
        found(tmp_path, packets, sdp=sdp)
    with pytest.raises(StreamError, match=r"cannot be read: No such file"):
        found(tmp_path, packets, sdp=tmp_path / "absent.sdp")


def test_sdes_keys_in_the_signalling_are_used(tmp_path):
    import base64

    import pylibsrtp

    master = bytes(range(30))
    policy = pylibsrtp.Policy(key=master, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    session = pylibsrtp.Session(policy)
    plain = p.talk(20)
    line = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{base64.b64encode(master).decode()}|2^31\r\n"
    (stream,) = found(tmp_path, [sip(SDP + line), *(session.protect(one) for one in plain)])
    assert [stream.payload(n) for n in range(20)] == [one[12:] for one in plain]


def test_media_sections_keep_their_own_address():
    text = SDP + "m=video 7000 RTP/AVP 97\r\nc=IN IP4 10.0.0.9\r\na=rtpmap:97 VP8/90000\r\n"
    audio, video = parse_description(text)
    assert (audio.address, audio.port, set(audio.codecs)) == ("10.0.0.2", 6000, {0, 13, 96, 101})
    assert (video.kind, video.address, video.codecs[97].name) == ("video", "10.0.0.9", "vp8")


def test_a_retransmission_names_its_original():
    assert original_sequence_number(b"\x12\x34rest") == 0x1234
    assert original_sequence_number(b"\x12") is None


def test_telephone_events():
    assert read_telephone_event(bytes([5, 0x80 | 10, 3, 32])) == TelephoneEvent(5, True, -10, 800)
    assert read_telephone_event(b"\x05") is None


def test_opus_frames_and_fec():
    toc = np.array([0x00, 0x08, 0x18, 0x60, 0x68, 0x80, 0x98, 0xFC], np.uint8)
    assert opus_frame_samples(toc).tolist() == [480, 960, 2880, 480, 960, 120, 960, 960]
    packets = [[0x08, 0x40, 0], [0x08, 0x80, 0], [0x18, 0x10, 0], [0xFC, 0xFF, 0xFF], [0x0A, 20, 0x40], [0x08]]
    head = np.array([[*one, 0, 0, 0][:4] for one in packets], np.uint8)
    assert opus_has_fec(head, np.array([len(one) for one in packets])).tolist() == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]


def test_in_band_fec_of_a_real_encoder_is_noted(tmp_path):
    import av

    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 16000, "mono", "s16"
    encoder.options = {"application": "voip", "fec": "1", "packet_loss": "30", "vbr": "on", "b": "16000"}
    rng, encoded = np.random.default_rng(0), []
    for n in range(50):
        samples = np.sin(np.arange(320) * 0.05 + n) * 8000 + rng.normal(0, 500, 320)
        frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts = 16000, 320 * n
        encoded += [bytes(packet) for packet in encoder.encode(frame)]
    packets = [p.rtp(n, 960 * n, payload_type=111, payload=one) for n, one in enumerate(encoded)]
    (stream,) = found(tmp_path, packets)
    assert any("in-band FEC" in note for note in stream.notes)


def event(number, digit, duration, *, end=False, kind=101, timestamp=20_000):
    return p.rtp(number, timestamp, payload_type=kind, payload=struct.pack(">BBH", digit, end << 7 | 10, duration))


def dialled(kind=101):
    """Speech, the digit 5 in five packets with its end three times, then the pound key whose end is missing."""
    talk = p.talk(40, payload_type=0, timestamp=0)
    five = [event(140 + n, 5, 160 * (n + 1), kind=kind) for n in range(5)]
    five += [event(145 + n, 5, 960, end=True, kind=kind) for n in range(3)]
    pound = [event(148 + n, 11, 160 * (n + 1), kind=kind, timestamp=30_000) for n in range(3)]
    return [*talk, *five, *pound]


@pytest.mark.parametrize("described", [True, False])
def test_digits_are_listed_and_are_no_audio(tmp_path, described):
    packets = [sip(SDP), *dialled()] if described else dialled()
    (stream,) = found(tmp_path, packets)
    told = "" if described else ", as its packets tell"
    first = 0.82 if described else 0.8
    assert stream.notes == (
        f"11 packets of payload type 101 are telephone events (RFC 4733){told}",
        f"telephone events: 5 at {first:.3f} s (120 ms), # at {first + 0.16:.3f} s (60 ms, its end is missing)",
    )
    assert stream.packets["new_audio"].tolist() == [True] * 40 + [False] * 11
    assert stream.codec.name == "pcmu"


def test_short_packets_that_are_no_digits_are_not_taken_for_them(tmp_path):
    talk = [p.rtp(n, 960 * n, payload_type=111, payload=b"\x78\x01\x02\x03") for n in range(40)]
    (stream,) = found(tmp_path, talk)
    assert stream.notes == ()
    assert stream.packets["new_audio"].all()


def test_bare_padding_is_no_audio(tmp_path):
    packets = [p.rtp(n, 960 * n, payload_type=111, payload=b"" if n == 7 else b"\x78abc", padding=8) for n in range(20)]
    (stream,) = found(tmp_path, packets)
    assert np.flatnonzero(~stream.packets["new_audio"]).tolist() == [7]


def with_retransmissions(original, lost, *, kind=97, start=900):
    """The original without some packets, each of which comes again 60 ms later in a stream of its own."""
    packets = []
    repairs = {n + 3: n for n in lost}
    sent = 0
    for n, one in enumerate(original):
        if n not in lost:
            packets.append(one)
        if n in repairs:
            again = original[repairs[n]]
            payload = again[2:4] + again[12:]
            stamp = int.from_bytes(again[4:8], "big")
            packets.append(p.rtp(start + sent, stamp, ssrc=0xBEEF, payload_type=kind, payload=payload))
            sent += 1
    return packets


def test_retransmissions_are_found_by_what_they_repeat(tmp_path):
    rng = np.random.default_rng(3)
    original = [p.rtp(65_500 + n, 960 * n, payload_type=111, payload=b"\x78" + rng.bytes(40)) for n in range(200)]
    lost = [20, 21, 50, 90, 130, 131, 160]
    streams = found(tmp_path, with_retransmissions(original, lost))
    voice, repair = streams
    assert repair.repaired_ssrc == voice.ssrc == 0x1234
    assert (repair.codec.name, repair.codec.clock_rate_hz, repair.codec.known) == ("rtx", 48000, "inferred")
    assert not repair.packets["new_audio"].any()
    assert "it sends packets of SSRC 0x00001234 again (RTX, RFC 4588): 7 of its 7 lost packets came so" in repair.notes
    assert "7 of 7 lost packets came again in SSRC 0x0000BEEF (RTX, RFC 4588)" in voice.notes
    assert voice.repaired_ssrc is None


def test_another_stream_on_the_same_path_is_no_retransmission(tmp_path):
    rng = np.random.default_rng(3)
    voice = [p.rtp(n, 960 * n, payload_type=111, payload=b"\x78" + rng.bytes(40)) for n in range(200)]
    other = [p.rtp(n, 960 * n, ssrc=9, payload_type=112, payload=b"\x78" + rng.bytes(40)) for n in range(100)]
    mixed = [one for pair in zip(voice, other, strict=False) for one in pair] + voice[100:]
    assert [stream.repaired_ssrc for stream in found(tmp_path, mixed)] == [None, None]
