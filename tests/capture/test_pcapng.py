"""What only pcapng has: sections, interfaces with clocks of their own, other blocks, secrets."""

import struct

import packets as p
import pytest

from forensics.capture import read_capture

FRAMES = p.call(6)


def read(tmp_path, octets):
    path = tmp_path / "call.pcapng"
    path.write_bytes(octets)
    return read_capture(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_interfaces_have_their_own_link_and_clock(tmp_path, order):
    section = p.Section(order).interface(1).interface(101, resolution=9).interface(101, resolution=0x80 | 20)
    raw = [p.Shot(s.time_ns, s.octets[14:], s.wire - 14) for s in FRAMES]
    section.enhanced(FRAMES[0])
    section.enhanced(raw[1], interface=1, units=raw[1].time_ns)
    section.enhanced(raw[2], interface=2, units=(raw[2].time_ns << 20) // 1_000_000_000)
    capture = read(tmp_path, section.octets())
    assert capture.datagrams["arrival_s"].tolist() == pytest.approx([0, 0.02, 0.04], abs=1e-6)
    assert capture.datagrams["wire_bytes"].tolist() == [172] * 3


def test_the_time_offset_of_an_interface_is_added(tmp_path):
    section = p.Section().interface(1, offset_s=1_000_000)
    section.enhanced(FRAMES[0], units=5_000_000)
    assert read(tmp_path, section.octets()).origin_ns == 1_000_005 * 1_000_000_000


def test_sections_of_either_byte_order_follow_each_other(tmp_path):
    first, second = p.Section("<").interface(1), p.Section(">").interface(113).interface(1)
    first.enhanced(FRAMES[0])
    second.enhanced(FRAMES[1], interface=1)
    third = p.Section("<").interface(1).enhanced(FRAMES[2])
    capture = read(tmp_path, first.octets() + second.octets() + third.octets())
    assert capture.datagrams["frame"].tolist() == [1, 2, 3]
    assert capture.datagrams["arrival_s"].tolist() == pytest.approx([0, 0.02, 0.04])


def test_simple_and_obsolete_packets_are_frames(tmp_path):
    section = p.Section().interface(1)
    section.enhanced(FRAMES[0]).simple(FRAMES[1]).obsolete(FRAMES[2])
    capture = read(tmp_path, section.octets())
    assert capture.datagrams["frame"].tolist() == [1, 2, 3]
    assert capture.datagrams["arrival_s"].tolist() == pytest.approx([0, 0, 0.04])
    assert capture.notes == (
        "some frames carry no time (simple packet blocks): they have the time of the frame before",
    )


def test_the_snap_length_of_the_interface_bounds_a_simple_packet(tmp_path):
    section = p.Section().interface(1, snap=60).simple(FRAMES[0].cut(60))
    capture = read(tmp_path, section.octets())
    assert capture.datagrams[["payload_bytes", "wire_bytes"]].values.tolist() == [[18, 172]]


def test_other_blocks_are_passed_over_and_unknown_ones_counted(tmp_path):
    section = p.Section().interface(1).other(4, bytes(8)).enhanced(FRAMES[0]).other(5, bytes(12)).other(0x0BAD, b"1234")
    capture = read(tmp_path, section.enhanced(FRAMES[1]).octets())
    assert capture.datagrams["frame"].tolist() == [1, 2]
    assert capture.skipped == {"pcapng block of type 0x00000BAD": 1}


def test_secrets_are_kept_and_stay_out_of_sight(tmp_path):
    capture = read(tmp_path, p.Section().interface(1).secrets(b"CLIENT_RANDOM abc").enhanced(FRAMES[0]).octets())
    assert capture.secrets == (b"CLIENT_RANDOM abc",)
    assert "CLIENT_RANDOM" not in repr(capture)


def test_a_frame_of_an_unknown_interface_keeps_its_number(tmp_path):
    section = p.Section().interface(1).enhanced(FRAMES[0], interface=5).enhanced(FRAMES[1])
    capture = read(tmp_path, section.octets())
    assert capture.datagrams["frame"].tolist() == [2]
    assert capture.skipped == {"frame of an interface that was not described": 1}


def test_a_frame_longer_than_its_block_is_cut_to_it(tmp_path):
    octets = bytearray(p.Section().interface(1).enhanced(FRAMES[0]).octets())
    place = octets.rindex(FRAMES[0].octets) - 8
    octets[place : place + 4] = struct.pack("<I", 100_000)
    capture = read(tmp_path, bytes(octets))
    assert len(capture.datagrams) == 1
    assert capture.skipped == {"frame longer than its block, cut to it": 1}


def test_a_damaged_block_is_told_with_its_octet(tmp_path):
    octets = p.Section().interface(1).enhanced(FRAMES[0]).octets()
    capture = read(tmp_path, octets + struct.pack("<II", 6, 3) + bytes(40))
    assert capture.notes == (
        f"the block at octet {len(octets)} is damaged: the 1 frames before it were read, the rest was not",
    )


def test_a_section_header_of_an_impossible_length_is_damage(tmp_path, monkeypatch):
    """It must not make the reader wait for the rest of the file."""
    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 4096})
    good = p.Section().interface(1).enhanced(FRAMES[0]).octets()
    bad = bytearray(p.Section().interface(1).octets())
    bad[4:8] = struct.pack("<I", 3)
    capture = read(tmp_path, good + bad + bytes(200_000))
    assert capture.notes == (
        f"the block at octet {len(good)} is damaged: the 1 frames before it were read, the rest was not",
    )


def test_a_block_larger_than_the_buffer_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 4096})
    section = p.Section().interface(1).enhanced(FRAMES[0]).other(4, bytes(50_000)).enhanced(FRAMES[1])
    assert len(read(tmp_path, section.octets()).datagrams) == 2
