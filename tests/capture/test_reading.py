"""Capture files of every format, byte order and link type become the same tables."""

import gzip
import struct

import numpy as np
import packets as p
import pytest
import zstandard

from forensics.capture import read_capture
from forensics.errors import CaptureError
from forensics.model import DATAGRAM_COLUMNS, FLOW_COLUMNS, PROTOCOLS, Protocol

RTP = PROTOCOLS.index(Protocol.RTP)


def written(tmp_path, octets, name="call.pcap"):
    path = tmp_path / name
    path.write_bytes(octets)
    return path


def sequence_numbers(capture):
    payloads = [capture.payload(row) for row in range(len(capture.datagrams))]
    return [int.from_bytes(payload[2:4], "big") for payload in payloads]


def assert_is_the_call(capture, packets=50):
    assert sequence_numbers(capture) == list(range(100, 100 + packets))
    assert (capture.datagrams["protocol"] == RTP).all()
    np.testing.assert_allclose(capture.datagrams["arrival_s"], np.arange(packets) * 0.02, atol=1e-9)
    assert capture.datagrams["frame"].tolist() == list(range(1, packets + 1))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("flavour", [{}, {"nano": True}, {"modified": True}])
def test_pcap_in_every_flavour(tmp_path, order, flavour):
    capture = read_capture(written(tmp_path, p.pcap(p.call(), order=order, **flavour)))
    assert_is_the_call(capture)
    assert capture.origin_ns == p.START_NS
    assert not capture.skipped


def test_nanoseconds_are_kept(tmp_path):
    frames = p.shots([p.ethernet(p.ipv4(p.udp(p.rtp(1, 1))))] * 2, start_ns=p.START_NS + 7, step_ns=1)
    capture = read_capture(written(tmp_path, p.pcap(frames, nano=True)))
    assert capture.origin_ns == p.START_NS + 7
    assert capture.datagrams["arrival_s"].iat[1] == 1e-9


@pytest.mark.parametrize("link", list(p.LINKS))
@pytest.mark.parametrize("network", [p.ipv4, p.ipv6])
@pytest.mark.parametrize("container", [p.pcap, p.pcapng])
def test_every_link_type(tmp_path, link, network, container):
    capture = read_capture(written(tmp_path, container(p.call(link=link, network=network), link=p.LINKS[link][0])))
    assert_is_the_call(capture)
    assert capture.flows["source_address"].tolist() == [p.A if network is p.ipv4 else p.A6]
    assert capture.flows["destination_port"].tolist() == [6000]


@pytest.mark.parametrize("packed", [gzip.compress, zstandard.compress])
def test_compressed_files(tmp_path, packed):
    assert_is_the_call(read_capture(written(tmp_path, packed(p.pcap(p.call())))))


def test_the_tables_keep_their_contracts(tmp_path):
    capture = read_capture(written(tmp_path, p.pcap(p.call())))
    assert {n: str(t) for n, t in capture.datagrams.dtypes.items()} == dict(DATAGRAM_COLUMNS)
    assert list(capture.flows.columns) == list(FLOW_COLUMNS)
    assert capture.flows["datagrams"].sum() == len(capture.datagrams)


def test_a_capture_without_a_packet_is_empty_tables(tmp_path):
    capture = read_capture(written(tmp_path, p.pcap([])))
    assert len(capture.datagrams) == 0
    assert {n: str(t) for n, t in capture.datagrams.dtypes.items()} == dict(DATAGRAM_COLUMNS)


def test_ipv4_options_and_ipv6_extension_headers_are_stepped_over(tmp_path):
    options = p.ipv4(p.udp(p.rtp(1, 1)), options=bytes(8))
    hop_by_hop = p.ipv6(
        p.udp(p.rtp(2, 2)), following=0, extensions=struct.pack(">BB6x", 60, 0) + struct.pack(">BB6x", 17, 0)
    )
    capture = read_capture(written(tmp_path, p.pcap(p.shots(map(p.ethernet, (options, hop_by_hop))))))
    assert sequence_numbers(capture) == [1, 2]


def test_ethernet_padding_is_no_payload(tmp_path):
    frame = p.ethernet(p.ipv4(p.udp(b"\x80\x00"))) + bytes(18)
    capture = read_capture(written(tmp_path, p.pcap(p.shots([frame]))))
    assert capture.payload(0) == b"\x80\x00"


@pytest.mark.parametrize("split", [p.fragments4, p.fragments6])
def test_fragments_are_reassembled_at_the_frame_that_completes_them(tmp_path, split):
    payload = p.rtp(1, 1, payload=bytes(range(256)) * 12)
    first, second, third = split(p.udp(payload), 1400)
    between = p.ipv4(p.udp(p.rtp(2, 2)))
    frames = p.shots(map(p.ethernet, (third, first, between, second)))
    capture = read_capture(written(tmp_path, p.pcap(frames)))
    assert capture.datagrams["frame"].tolist() == [3, 4]
    assert capture.payload(1) == payload
    assert not capture.skipped


def test_fragments_that_never_complete_are_counted(tmp_path):
    first, _, third = p.fragments4(p.udp(p.rtp(1, 1, payload=bytes(3000))), 1400)
    capture = read_capture(written(tmp_path, p.pcap(p.shots(map(p.ethernet, (first, third))))))
    assert capture.skipped == {"IP fragment whose other fragments never came": 2}


def test_what_is_not_media_is_counted_by_reason(tmp_path):
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    frames = [arp, p.ethernet(p.ipv4(bytes(8), protocol=1)), p.ethernet(p.ipv4(p.udp(p.rtp(1, 1))))[:30]]
    capture = read_capture(written(tmp_path, p.pcap(p.shots(frames))))
    assert capture.skipped == {"not IP: ARP": 1, "neither UDP nor TCP: ICMP": 1, "cut off inside the IPv4 header": 1}


def test_an_unknown_link_type_is_counted(tmp_path):
    capture = read_capture(written(tmp_path, p.pcap(p.call(5), link=147)))
    assert capture.skipped["link type 147"] == 5


def test_the_snap_length_cuts_payloads_but_not_their_length_on_the_wire(tmp_path):
    frames = [shot.cut(60) for shot in p.call()]
    capture = read_capture(written(tmp_path, p.pcap(frames)))
    assert (capture.datagrams["payload_bytes"] == 18).all()
    assert (capture.datagrams["wire_bytes"] == 172).all()
    assert sequence_numbers(capture) == list(range(100, 150))


def test_a_large_file_is_the_same_whole_and_in_chunks(tmp_path, monkeypatch):
    rng = np.random.default_rng(7)
    packets = [p.rtp(n, 960 * n, payload=rng.bytes(int(rng.integers(0, 300)))) for n in range(4000)]
    frames = p.shots(p.ethernet(p.ipv4(p.udp(packet))) for packet in packets)
    for name, container in (("a.pcap", p.pcap), ("a.pcapng", p.pcapng)):
        path = written(tmp_path, container(frames), name)
        monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 8 << 20})
        whole = read_capture(path)
        monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 5000})
        pieces = read_capture(path)
        assert whole.datagrams.equals(pieces.datagrams)
        assert [whole.payload(row) for row in range(4000)] == packets
        assert bytes(whole.octets) == bytes(pieces.octets)


def test_records_that_imitate_records_do_not_mislead_the_walkers(tmp_path):
    """Payloads full of record headers: guessed starts inside them must be found out."""
    seconds = p.START_NS // 1_000_000_000
    bait = struct.pack("<IIII", seconds, 0, 0, 0) * 60
    frames = p.shots(p.ethernet(p.ipv4(p.udp(p.rtp(n, n, payload=bait)))) for n in range(3000))
    capture = read_capture(written(tmp_path, p.pcap(frames)))
    assert sequence_numbers(capture) == list(range(3000))
    assert capture.datagrams["frame"].tolist() == list(range(1, 3001))


@pytest.mark.parametrize("container", [p.pcap, p.pcapng])
def test_a_file_of_many_days_costs_no_more_memory(tmp_path, container):
    """Times that no guess expects: the walkers that find no start must neither mislead nor cost memory."""
    import tracemalloc

    frames = p.shots((p.ethernet(p.ipv4(p.udp(p.rtp(n, n)))) for n in range(20_000)), step_ns=60 * 10**9)
    path = written(tmp_path, container(frames))
    tracemalloc.start()
    capture = read_capture(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sequence_numbers(capture) == list(range(20_000))
    assert peak < 60e6


def test_the_short_way_and_the_long_way_give_the_same(tmp_path, monkeypatch):
    """A mixture of plain frames and of all that differs from them in one way each."""
    plain = p.ipv4(p.udp(p.rtp(1, 1)))
    odd = [
        p.ethernet(plain), p.ethernet(plain) + bytes(9), p.ethernet(plain)[:60], p.ethernet(plain)[:43],
        p.ethernet(plain)[:41], p.ethernet(plain, tags=[(0x8100, 1)]), p.ethernet(p.ipv4(p.udp(b""))),
        p.ethernet(p.ipv4(p.udp(p.rtp(2, 2)), options=bytes(4))), p.ethernet(p.ipv6(p.udp(p.rtp(3, 3)))),
        p.ethernet(p.ipv4(p.udp(b"abcd", length=0))), p.ethernet(p.ipv4(p.udp(b"abcd", length=500))),
        p.ethernet(p.ipv4(p.udp(b"abcd", length=9))), p.ethernet(p.ipv4(bytes(8), protocol=1)), bytes(5), b"",
        *map(p.ethernet, p.fragments4(p.udp(p.rtp(4, 4)), 96)), p.ethernet(p.ipv4(p.udp(p.channel_data(p.rtp(5, 5))))),
        p.ethernet(p.ipv4(p.tcp(struct.pack(">H", 20) + p.stun(), 1), protocol=6)), p.ethernet(p.ipv4(p.udp(p.stun()))),
    ]  # fmt: skip
    path = written(tmp_path, p.pcap(p.shots(odd * 20)))
    both = read_capture(path)
    monkeypatch.setattr("forensics.capture.express._ETHERNET", -1)
    long_way = read_capture(path)
    names = ["frame", "arrival_s", "protocol", "payload_offset", "payload_bytes", "wire_bytes"]
    assert both.datagrams[names].equals(long_way.datagrams[names])
    assert bytes(both.octets) == bytes(long_way.octets)
    assert both.skipped == long_way.skipped
    ends = ["source_address", "source_port", "destination_address", "destination_port"]
    for capture in (both, long_way):
        capture.flows["name"] = capture.flows[ends].astype(str).agg(" ".join, axis=1)
    assert (
        both.flows["name"].iloc[both.datagrams["flow"]].tolist()
        == long_way.flows["name"].iloc[long_way.datagrams["flow"]].tolist()
    )


def test_an_empty_file(tmp_path):
    with pytest.raises(CaptureError, match=r"holds no capture: it is empty\. Expected pcap, pcapng"):
        read_capture(written(tmp_path, b""))


def test_a_text_file(tmp_path):
    with pytest.raises(CaptureError, match=r"is a text file, not a capture\. Expected .* Give the file"):
        read_capture(written(tmp_path, b"hello world\n" * 10))


def test_an_unknown_format(tmp_path):
    with pytest.raises(CaptureError, match=r"starts with 89 50 4e 47, which is no capture format .* editcap"):
        read_capture(written(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(100)))


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(CaptureError, match=r"No file .*absent\.pcap\. Check the path"):
        read_capture(tmp_path / "absent.pcap")
    with pytest.raises(CaptureError, match=r"cannot be read: Is a directory\. A capture file is needed"):
        read_capture(tmp_path)


@pytest.mark.parametrize("container", [p.pcap, p.pcapng])
def test_a_file_that_is_cut_off_is_read_up_to_the_cut(tmp_path, container):
    octets = container(p.call())
    capture = read_capture(written(tmp_path, octets[:-100]))
    assert sequence_numbers(capture) == list(range(100, 149))
    assert capture.skipped == {"record cut off at the end of the file": 1}
    assert "the file is cut off: its last record starts at octet" in capture.notes[0]
    assert "the 49 frames before it were read" in capture.notes[0]


def test_a_lying_length_ends_the_file_with_its_octet(tmp_path):
    octets = bytearray(p.pcap(p.call()))
    record = 24 + 10 * (16 + 214)
    octets[record + 8 : record + 12] = struct.pack("<I", 0x7FFF_FFFF)
    capture = read_capture(written(tmp_path, bytes(octets)))
    assert sequence_numbers(capture) == list(range(100, 110))
    assert capture.notes == (
        f"the record header at octet {record} has an impossible length: "
        "the 10 frames before it were read, the rest was not",
    )


@pytest.mark.parametrize("packed", [gzip.compress, zstandard.compress])
def test_a_compressed_file_that_is_cut_off_is_read_up_to_the_cut(tmp_path, packed):
    rng = np.random.default_rng(3)
    frames = p.shots(p.ethernet(p.ipv4(p.udp(p.rtp(n, n, payload=rng.bytes(900))))) for n in range(1000))
    octets = packed(p.pcap(frames))
    octets = octets[: len(octets) * 2 // 3]
    capture = read_capture(written(tmp_path, octets))
    assert 300 < len(capture.datagrams) < 1000
    assert "the file is cut off" in capture.notes[0]
    if packed is gzip.compress:
        assert f"the compressed file is damaged or cut off before its octet {len(octets)}" in capture.notes[1]
    assert sequence_numbers(capture) == list(range(len(capture.datagrams)))


def test_damage_inside_a_compressed_file_is_told_with_its_octet(tmp_path):
    rng = np.random.default_rng(3)
    frames = p.shots(p.ethernet(p.ipv4(p.udp(p.rtp(n, n, payload=rng.bytes(900))))) for n in range(1000))
    whole = zstandard.compress(p.pcap(frames))
    half = len(whole) // 2
    capture = read_capture(written(tmp_path, whole[:half] + b"\xff" * 300_000))
    assert any("the compressed file is damaged before its octet" in note for note in capture.notes)
    assert len(capture.datagrams) * len(frames[0].octets) > half - 200_000  # but for the block that was hit
    assert sequence_numbers(capture) == list(range(len(capture.datagrams)))
