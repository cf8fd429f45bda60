"""The columns equal tshark's fields, on captures of every container, link type and carrier."""

import gzip
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import packets as p
import pytest
import zstandard

from forensics.capture import read_capture
from forensics.streams import find_streams

pytestmark = [
    pytest.mark.tshark,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]

UDP_FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "ipv6.src",
    "udp.srcport",
    "ip.dst",
    "ipv6.dst",
    "udp.dstport",
    "udp.length",
)
RTP_FIELDS = ("frame.number", "rtp.ssrc", "rtp.p_type", "rtp.marker", "rtp.seq", "rtp.timestamp")


SAMPLES = sorted((Path(__file__).parents[2] / "sample_captures").glob("*/*.pcap*"))
RECORDED = Path(__file__).parent / "recorded" / "firefox_dtls_1_3.pcapng"


def tshark(path, fields, *, only, ports=("6000",)):
    decode = [argument for port in ports for argument in ("-d", f"udp.port=={port},rtp")]
    decode += ["--enable-heuristic", "rtp_stun"]  # RTP inside TURN
    chosen = [argument for field in fields for argument in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), *decode, "-Y", only, "-T", "fields", *chosen]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def written(tmp_path, octets, name="call.pcap"):
    path = tmp_path / name
    path.write_bytes(octets)
    return path


def our_udp(capture):
    rows = []
    for one in (
        capture.datagrams.merge(capture.flows, left_on="flow", right_index=True).sort_values("frame").itertuples()
    ):
        epoch = capture.origin_ns + round(one.arrival_s * 1e9)
        four, six = ((one.source_address, "") if ":" not in one.source_address else ("", one.source_address)), None
        six = (one.destination_address, "") if ":" not in one.destination_address else ("", one.destination_address)
        rows.append(
            [
                str(one.frame),
                f"{epoch // 10**9}.{epoch % 10**9:09d}",
                *four,
                str(one.source_port),
                *six,
                str(one.destination_port),
                str(one.wire_bytes + 8),
            ]
        )
    return rows


def our_rtp(capture):
    rows = [row for stream in find_streams(capture) for row in stream.packets.itertuples()]
    return [
        [
            str(r.frame),
            f"0x{r.ssrc:08x}",
            str(r.payload_type),
            str(int(r.marker)),
            str(r.sequence_number),
            str(r.timestamp),
        ]
        for r in sorted(rows, key=lambda row: row.frame)
    ]


def assert_equal(path, **ports):
    capture = read_capture(path)
    theirs = tshark(path, (*UDP_FIELDS, *RTP_FIELDS[1:]), only="udp", **ports)
    assert our_udp(capture) == [row[: len(UDP_FIELDS)] for row in theirs]
    rtp = [[row[0], *row[len(UDP_FIELDS) :]] for row in theirs if row[-1]]
    assert our_rtp(capture) == rtp


def talk(count=40):
    """Packets with everything a header may have, markers, wraps and a loss."""
    for n in range(count):
        if n != 7:
            extension = (0xBEDE, b"\x10\x05") if n % 2 else None
            header = {"marker": n % 5 == 0, "csrcs": (1, 2)[: n % 3], "extension": extension, "padding": 4 * (n % 2)}
            yield p.rtp(65_520 + n, 2**32 - 3000 + 160 * n, payload_type=(0, 8)[n % 2], **header)


def test_link_types(tmp_path):
    """All of them in one file, as interfaces: tshark takes a second to start."""
    section = p.Section()
    for number, _ in p.LINKS.values():
        section.interface(number)
    for at, one in enumerate(talk(80)):
        name = list(p.LINKS)[at % len(p.LINKS)]
        network = (p.ipv4, p.ipv6)[at // len(p.LINKS) % 2]
        frame = p.LINKS[name][1](network(p.udp(one)))
        section.enhanced(p.Shot(p.START_NS + at * 20_000_000, frame, len(frame)), interface=at % len(p.LINKS))
    assert_equal(written(tmp_path, section.octets(), "call.pcapng"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("flavour", [{}, {"nano": True}, {"modified": True}])
def test_pcap_flavours(tmp_path, order, flavour):
    frames = p.shots((p.ethernet(p.ipv4(p.udp(one))) for one in talk()), step_ns=19_999_000)
    assert_equal(written(tmp_path, p.pcap(frames, order=order, **flavour)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_everything(tmp_path, order):
    first, second = p.Section(order), p.Section("<" if order == ">" else ">")
    first.interface(1).interface(101, resolution=9).interface(113, resolution=0x80 | 24).other(4, bytes(4))
    second.interface(276)
    for at, one in enumerate(talk()):
        network = p.ipv4(p.udp(one))
        shot = p.Shot(p.START_NS + at * 20_000_000, network, len(network))
        ethernet, cooked, cooked2 = (
            p.Shot(shot.time_ns, f(network), len(f(network)))
            for f in (p.ethernet, p.LINKS["cooked"][1], p.LINKS["cooked2"][1])
        )
        if at < 10:
            first.enhanced(ethernet)
        elif at < 20:
            first.enhanced(shot, interface=1, units=shot.time_ns)
        elif at < 25:
            first.obsolete(ethernet)
        elif at < 30:
            seconds, rest = divmod(shot.time_ns, 10**9)
            first.enhanced(cooked, interface=2, units=(seconds << 24) + (rest << 24) // 10**9)
        else:
            second.enhanced(cooked2)
    first.other(5, bytes(12))
    path = written(tmp_path, first.octets() + second.octets(), "call.pcapng")
    capture = read_capture(path)
    ours, theirs = our_udp(capture), tshark(path, UDP_FIELDS, only="udp")
    assert [[*row[:1], *row[2:]] for row in ours] == [[*row[:1], *row[2:]] for row in theirs]
    np.testing.assert_allclose([float(r[1]) for r in ours], [float(r[1]) for r in theirs], rtol=0, atol=1e-6)
    assert our_rtp(capture) == tshark(path, RTP_FIELDS, only="rtp")


@pytest.mark.parametrize(("name", "packed"), [("gz", gzip.compress), ("zst", zstandard.compress)])
def test_compressed(tmp_path, name, packed):
    frames = p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in talk())
    assert_equal(written(tmp_path, packed(p.pcap(frames)), f"call.pcap.{name}"))


def test_simple_packets_and_blocks_between_frames(tmp_path):
    """Frames without a time, names, statistics and secrets between them: the numbers go on."""
    section = p.Section().interface(1, snap=100)
    for at, shot in enumerate(p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in talk())):
        (section.simple if at % 3 == 1 else section.enhanced)(shot.cut(100))
        if at % 7 == 0:
            section.other(4, bytes(4)).other(5, bytes(12)).secrets(b"# no key\n")
    path = written(tmp_path, section.octets(), "call.pcapng")
    ours, theirs = our_udp(read_capture(path)), tshark(path, UDP_FIELDS, only="udp")
    assert [[row[0], *row[2:]] for row in ours] == [[row[0], *row[2:]] for row in theirs]
    assert our_rtp(read_capture(path)) == tshark(path, RTP_FIELDS, only="rtp")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.name}")
@pytest.mark.slow
def test_sample_captures(path):
    streams = find_streams(read_capture(path))
    ports = {end.rpartition(":")[2] for stream in streams for end in (stream.source, stream.destination)}
    assert_equal(path, ports=sorted(ports))


def test_a_recorded_call_of_another_browser():
    (stream,) = find_streams(read_capture(RECORDED))
    assert_equal(RECORDED, ports=[stream.source.rpartition(":")[2]])


def test_turn(tmp_path):
    """Channel data, Send and Data indications; what is inside has the headers of the outside."""
    packets = p.talk(30)
    inside = [p.stun(0x0009, p.attribute(0x000C, b"\x40\x01\0\0")), *map(p.channel_data, packets[:10])]
    inside += [p.stun(0x0016, p.attribute(0x0012, bytes(8)) + p.attribute(0x0013, one)) for one in packets[10:20]]
    inside += [p.stun(0x0017, p.attribute(0x0013, one)) for one in packets[20:]]
    path = written(tmp_path, p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(one, 5000, 3478))) for one in inside)))
    theirs = tshark(path, RTP_FIELDS, only="rtp", ports=())
    assert len(theirs) == 30
    assert our_rtp(read_capture(path)) == theirs


@pytest.mark.parametrize("split", [p.fragments4, p.fragments6])
def test_fragments(tmp_path, split):
    networks = []
    for at, one in enumerate(talk()):
        networks += split(p.udp(one + bytes(2000) if at % 4 == 0 else one), 1200, identification=at)
    assert_equal(written(tmp_path, p.pcap(p.shots(map(p.ethernet, networks)))))


@pytest.mark.parametrize("told", [0, 1, 70, 65_535, 262_144, 0xFFFF_FFFF])
def test_snap_lengths(tmp_path, told):
    """Frames cut at any octet behind the RTP header, whatever the file says its snap length is."""
    cut = p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in p.talk(30))
    octets = bytearray(p.pcap(shot.cut(54 + 7 * at) for at, shot in enumerate(cut)))
    octets[16:20] = struct.pack("<I", told)
    assert_equal(written(tmp_path, bytes(octets)))


def test_ipv4_options_and_ipv6_extension_headers(tmp_path):
    def network(at, one):
        if at % 2:
            return p.ipv4(p.udp(one), options=b"\x01" * 8)
        chain = struct.pack(">BB6s", 60, 0, b"\1\4") + struct.pack(">BB6s", 17, 0, b"\1\4")
        return p.ipv6(p.udp(one), following=0, extensions=chain)

    frames = p.shots(p.ethernet(network(at, one)) for at, one in enumerate(talk()))
    assert_equal(written(tmp_path, p.pcap(frames)))


def test_ice_tcp(tmp_path):
    messages = [struct.pack(">H", len(one)) + one for one in p.talk(20)]
    whole, pieces, at = b"".join(messages), [], 0
    for size in (len(messages[0]), *[300] * 20):
        pieces.append(p.ethernet(p.ipv4(p.tcp(whole[at : at + size], 1 + at), protocol=6)))
        at += size
    path = written(tmp_path, p.pcap(p.shots(pieces)))
    command = [
        "tshark",
        "-n",
        "-r",
        str(path),
        "-d",
        "tcp.port==6000,rtp",
        "-Y",
        "rtp",
        "-T",
        "fields",
        "-e",
        "rtp.seq",
    ]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = [number for line in out.splitlines() for number in line.split(",")]
    (stream,) = find_streams(read_capture(path))
    assert [str(number) for number in stream.packets["sequence_number"]] == theirs
