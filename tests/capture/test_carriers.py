"""Media inside TURN and TCP, and dumps that have no network around their packets."""

import struct
from ipaddress import ip_address

import numpy as np
import packets as p
import pytest

from forensics.capture import read_capture
from forensics.capture.signalling import find_descriptions
from forensics.capture.tally import Tally
from forensics.capture.tcp import LONGEST_MESSAGE, TcpMessages, _Direction
from forensics.model import PROTOCOLS, Protocol
from forensics.streams import find_streams, measure_streams

TALK = p.talk(30)


def capture_of(tmp_path, frames, name="call.pcap"):
    path = tmp_path / name
    path.write_bytes(p.pcap(p.shots(frames)))
    return read_capture(path)


def datagrams(capture):
    return [capture.payload(row) for row in range(len(capture.datagrams))]


def protocols(capture):
    return [PROTOCOLS[code] for code in capture.datagrams["protocol"]]


def test_channel_data_and_indications_are_unwrapped(tmp_path):
    inside = [
        p.channel_data(TALK[0]),
        p.channel_data(TALK[1]) + bytes(2),
        p.stun(0x0016, p.attribute(0x0012, bytes(8)) + p.attribute(0x0013, TALK[2])),
        p.stun(0x0017, p.attribute(0x0013, TALK[3]) + p.attribute(0x0012, bytes(8))),
    ]
    capture = capture_of(tmp_path, [p.ethernet(p.ipv4(p.udp(one))) for one in inside])
    assert datagrams(capture) == TALK[:4]
    assert protocols(capture) == [Protocol.RTP] * 4


def test_a_turn_message_without_data_stays_what_it_is(tmp_path):
    inside = [p.stun(0x0017, p.attribute(0x0012, bytes(8))), p.channel_data(b"unknown data"), p.stun()]
    capture = capture_of(tmp_path, [p.ethernet(p.ipv4(p.udp(one))) for one in inside])
    assert protocols(capture) == [Protocol.STUN, Protocol.TURN, Protocol.STUN]


def peer(address, port, family=1):
    """XOR-PEER-ADDRESS: masked with the cookie and, for IPv6, the transaction."""
    mask = struct.pack(">I", 0x2112A442) + b"transaction!"
    octets = bytes(a ^ b for a, b in zip(ip_address(address).packed, mask, strict=False))
    return p.attribute(0x0012, struct.pack(">BBH", 0, family, port ^ 0x2112) + octets)


def towards(payload):
    return p.ethernet(p.ipv4(p.udp(payload, 5000, 3478)))


def back(payload):
    return p.ethernet(p.ipv4(p.udp(payload, 3478, 5000), source=p.B, destination=p.A))


def test_the_peer_behind_a_relay_is_told(tmp_path):
    bound = p.attribute(0x000C, b"\x40\x01\0\0") + peer("203.0.113.5", 40_000)
    frames = [towards(p.stun(0x0009, bound)), *(back(p.channel_data(one)) for one in TALK)]
    frames.append(back(p.stun(0x0017, peer("2001:db8::7", 7000, family=2) + p.attribute(0x0013, p.rtp(130, 9800)))))
    capture = capture_of(tmp_path, frames)
    assert capture.flows["peer"].tolist() == ["203.0.113.5:40000, [2001:db8::7]:7000"] * 2
    (stream,) = find_streams(capture)
    assert stream.relayed_peer == "203.0.113.5:40000, [2001:db8::7]:7000"
    (measured,) = measure_streams(capture.path).streams
    assert measured["relayed_peer"] == "203.0.113.5:40000, [2001:db8::7]:7000"


@pytest.mark.parametrize("value", [b"", b"\0\1\0", b"\0\1\0\1abc", b"\0\2\0\1abcd", b"\0\7\0\1abcd"])
def test_a_peer_that_makes_no_sense_is_passed_over(tmp_path, value):
    capture = capture_of(tmp_path, [towards(p.stun(0x0009, p.attribute(0x0012, value)))])
    assert capture.flows["peer"].tolist() == [""]


def test_a_relayed_call_is_found(tmp_path):
    capture = capture_of(tmp_path, [p.ethernet(p.ipv4(p.udp(p.channel_data(one)))) for one in TALK])
    (stream,) = find_streams(capture)
    assert len(stream.packets) == 30


def segments(stream, sizes, *, first=1000):
    at = 0
    for size in sizes:
        yield first + at, stream[at : at + size]
        at += size
    if at < len(stream):
        yield first + at, stream[at:]


def over_tcp(pieces):
    return [p.ethernet(p.ipv4(p.tcp(data, sequence), protocol=6)) for sequence, data in pieces]


def rfc4571(messages):
    return b"".join(struct.pack(">H", len(one)) + one for one in messages)


def turn(messages):
    return b"".join((data := p.channel_data(one)) + bytes(-len(data) % 4) for one in messages)


@pytest.mark.parametrize("framed", [rfc4571, turn])
def test_media_over_tcp_in_any_segments(tmp_path, framed):
    rng = np.random.default_rng(2)
    whole = framed([p.stun(), *TALK]) if framed is rfc4571 else p.stun() + framed(TALK)
    first = len(framed([p.stun(), TALK[0]])) if framed is rfc4571 else len(p.stun() + framed(TALK[:1]))
    pieces = list(segments(whole, [first, *rng.integers(1, 400, 40)], first=0xFFFF_FF00))
    capture = capture_of(tmp_path, over_tcp(pieces))
    assert datagrams(capture)[1:] == TALK
    assert capture.flows["transport"].tolist() == ["tcp"]
    (stream,) = find_streams(capture)
    assert len(stream.packets) == 30


SDP = "v=0\r\nc=IN IP4 10.0.0.2\r\nm=audio 6000 RTP/AVP 96\r\na=rtpmap:96 L16/16000/1\r\n"


def sip(start, text, field="Content-Length"):
    return f"{start}\r\nContent-Type: application/sdp\r\n{field}: {len(text)}\r\n\r\n{text}".encode()


@pytest.mark.parametrize("sizes", [[], [100, 30, 5, 200, 1], [40] * 30])
def test_sip_over_tcp_describes_the_media(tmp_path, sizes):
    """Two messages and what keeps the connection alive, in any segments, the description in the second."""
    whole = b"\r\n\r\n" + sip("OPTIONS sip:b@example.com SIP/2.0", "") + sip("SIP/2.0 200 OK", SDP, field="l")
    frames = over_tcp(segments(whole, [25, *sizes])) + [
        p.ethernet(p.ipv4(p.udp(p.rtp(n, 320 * n, payload_type=96)))) for n in range(20)
    ]
    capture = capture_of(tmp_path, frames)
    assert find_descriptions(capture) == (SDP,)
    (stream,) = find_streams(capture)
    assert (stream.codec.name, stream.codec.known) == ("l16", "sdp")
    (measured,) = measure_streams(capture.path).streams
    assert (measured["codec"], measured["codec_known"]) == ("l16", "sdp")


def test_a_sip_message_without_an_end_holds_no_memory():
    messages = TcpMessages(Tally())
    state = _Direction()
    for at in range(400):
        list(messages._take(state, 1 + 1000 * at, (b"INVITE sip:b " if at == 0 else b"") + b"x" * 1000, False))
    assert len(state.rest) <= LONGEST_MESSAGE


def test_segments_out_of_order_and_again(tmp_path):
    whole = rfc4571([p.stun(), *TALK])
    pieces = list(segments(whole, [22, *[100] * 50]))
    shuffled = pieces[:1]
    for a, b in zip(pieces[1::2], pieces[2::2], strict=False):
        shuffled += [b, a, a]
    if len(pieces) % 2 == 0:
        shuffled.append(pieces[-1])
    assert datagrams(capture_of(tmp_path, over_tcp(shuffled)))[1:] == TALK


def test_a_message_belongs_to_the_frame_that_completes_it(tmp_path):
    whole = rfc4571([p.stun(), TALK[0]])
    capture = capture_of(tmp_path, over_tcp(segments(whole, [22, 50, 50])))
    assert capture.datagrams["frame"].tolist() == [1, 4]


def test_other_tcp_is_counted_and_makes_no_stream(tmp_path):
    rng = np.random.default_rng(4)
    pieces = segments(b"GET / HTTP/1.1\r\n" + rng.bytes(40_000), [1400] * 40)
    capture = capture_of(tmp_path, over_tcp(pieces))
    assert len(capture.datagrams) == 0
    assert capture.skipped["TCP segment of a protocol that carries no media"] >= 20


def rtpdump(packets):
    out = b"#!rtpplay1.0 192.0.2.77/5004\n" + struct.pack(">IIIHH", 1_700_000_000, 500_000, 0xC000024D, 5004, 0)
    return out + b"".join(
        struct.pack(">HHI", len(packet) + 8, len(packet), 20 * at) + packet for at, packet in enumerate(packets)
    )


def test_rtpdump(tmp_path):
    path = tmp_path / "call.rtp"
    path.write_bytes(rtpdump(TALK))
    capture = read_capture(path)
    assert datagrams(capture) == TALK
    assert capture.origin_ns == 1_700_000_000_500_000_000
    assert capture.datagrams["arrival_s"].tolist() == pytest.approx([0.02 * n for n in range(30)])
    (stream,) = find_streams(capture)
    assert stream.destination == "192.0.2.77:5004"


def test_rtpdump_that_is_cut_off(tmp_path):
    path = tmp_path / "call.rtp"
    path.write_bytes(rtpdump(TALK)[:-20])
    capture = read_capture(path)
    assert datagrams(capture) == TALK[:-1]
    assert "the file is cut off" in capture.notes[-1]


def test_a_chrome_log_with_rtp_dump_lines(tmp_path):
    lines = ["[1:2:0101/000000.000000:VERBOSE1:something.cc(1)] other words"]
    for at, packet in enumerate(TALK):
        way = "I" if at % 2 else "O"
        time = f"14:00:{at // 50:02d}.{at % 50 * 20:03d}"
        lines.append(f"[7:8:1122/140000.1:VERBOSE2:x.cc(9)] {way} {time} 000000 {packet.hex(' ')} # RTP_DUMP")
    path = tmp_path / "chrome_debug.log"
    path.write_text("\n".join(lines))
    capture = read_capture(path)
    assert datagrams(capture) == TALK
    assert capture.flows["source_address"].tolist() == ["192.0.2.1", "192.0.2.2"]
    assert capture.datagrams["arrival_s"].iat[-1] == pytest.approx(0.58)
    assert "no addresses" in capture.notes[0]
