"""RTCP becomes rows: reports, descriptions, goodbyes, feedback; compound, reduced, cut off."""

import math
import struct

import packets as p
import pytest

from forensics.capture import read_capture
from forensics.streams import find_streams
from forensics.streams.rtcp import parse_rtcp


def packet(kind, count, body):
    return struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body


def block(ssrc, *, fraction=0, lost=0, highest=0, jitter=0, last=0, delay=0):
    return struct.pack(">IIIIII", ssrc, fraction << 24 | lost & 0xFF_FFFF, highest, jitter, last, delay)


def sender_report(ssrc, *, ntp=3_900_000_000 << 32, timestamp=0, packets=0, octets=0, blocks=()):
    body = struct.pack(">IQIII", ssrc, ntp, timestamp, packets, octets)
    return packet(200, len(blocks), body + b"".join(blocks))


def cname(ssrc, name):
    item = b"\1" + bytes([len(name)]) + name
    return packet(202, 1, struct.pack(">I", ssrc) + item + bytes(4 - len(item) % 4))


def test_a_compound_packet():
    octets = sender_report(
        1,
        timestamp=5,
        packets=6,
        octets=7,
        blocks=[block(2, fraction=64, lost=-3, highest=0x10005, jitter=9, last=8, delay=32768)],
    )
    report, about, description = parse_rtcp(octets + cname(1, b"me@here"))
    assert (report["packet_type"], report["sender_ssrc"], report["rtp_timestamp"]) == ("SR", 1, 5)
    assert (report["packet_count"], report["octet_count"]) == (6, 7)
    assert report["ntp_ns"] == (3_900_000_000 - 2_208_988_800) * 10**9
    assert (about["packet_type"], about["sender_ssrc"], about["reported_ssrc"]) == ("RR", 1, 2)
    assert (about["fraction_lost"], about["packets_lost"], about["highest_sequence_number"]) == (0.25, -3, 0x10005)
    assert (about["report_jitter_ticks"], about["last_sr"], about["delay_since_last_sr_s"]) == (9, 8, 0.5)
    assert (description["packet_type"], description["cname"]) == ("SDES", "me@here")


def test_a_receiver_report_without_a_block():
    (row,) = parse_rtcp(packet(201, 0, struct.pack(">I", 4)))
    assert (row["packet_type"], row["sender_ssrc"], row["reported_ssrc"]) == ("RR", 4, -1)
    assert math.isnan(row["fraction_lost"])


@pytest.mark.parametrize(
    ("kind", "count", "name"),
    [(205, 1, "NACK"), (205, 15, "TWCC"), (205, 4, "OTHER"), (206, 1, "OTHER")],
)
def test_feedback_names_the_stream_that_it_is_about(kind, count, name):
    (row,) = parse_rtcp(packet(kind, count, struct.pack(">III", 1, 2, 3)))
    assert (row["packet_type"], row["sender_ssrc"], row["reported_ssrc"]) == (name, 1, 2)


def test_goodbyes_extended_reports_and_what_is_unknown():
    rows = list(
        parse_rtcp(packet(203, 2, struct.pack(">II", 8, 9)) + packet(207, 0, bytes(8)) + packet(204, 0, bytes(8)))
    )
    assert [row["packet_type"] for row in rows] == ["BYE", "BYE", "XR", "OTHER"]
    assert [row["sender_ssrc"] for row in rows[:2]] == [8, 9]


def test_a_packet_that_is_cut_off_gives_what_is_whole():
    octets = sender_report(1, blocks=[block(2), block(3)])
    assert [row["packet_type"] for row in parse_rtcp(octets[:-10])] == ["SR", "RR"]
    assert [row["packet_type"] for row in parse_rtcp(octets[:20])] == ["SR"]
    assert list(parse_rtcp(b"")) == []


def test_reports_find_their_stream(tmp_path):
    frames = [p.ethernet(p.ipv4(p.udp(one))) for one in p.talk(20, ssrc=1)]
    frames.insert(5, p.ethernet(p.ipv4(p.udp(sender_report(1, packets=5) + cname(1, b"alice"), 5001, 6001))))
    reply = packet(201, 1, struct.pack(">I", 2) + block(1, lost=4))
    frames.insert(9, p.ethernet(p.ipv4(p.udp(reply, 6001, 5001), source=p.B, destination=p.A)))
    frames.insert(9, p.ethernet(p.ipv4(p.udp(sender_report(77, packets=5), 5001, 6001))))
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(frames)))
    (stream,) = find_streams(read_capture(path))
    assert stream.cname == "alice"
    assert stream.reports[["frame", "packet_type", "sender_ssrc", "packets_lost"]].values.tolist() == [
        [6, "SR", 1, 0],
        [6, "SDES", 1, 0],
        [11, "RR", 2, 4],
    ]
