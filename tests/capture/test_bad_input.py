"""Any octets give tables or our own errors: no other exception, no hang, no allocation that a length field asks for."""

import resource
import struct
import tempfile
from pathlib import Path

import numpy as np
import packets as p
import pytest
from capture_targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.capture import read_capture

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*/*"))


def section():
    both = p.Section().interface(1).interface(101, resolution=9).other(4, bytes(8)).secrets(b"x")
    for shot in p.call(3):
        both.enhanced(shot).simple(shot).obsolete(shot)
    return both.octets()


def fragments():
    return p.pcap(
        p.shots(
            map(
                p.ethernet,
                p.fragments4(p.udp(p.rtp(1, 1, payload=bytes(3000))), 1200) + p.fragments6(p.udp(p.rtp(1, 1)), 64),
            )
        )
    )


def carried():
    inside = [p.channel_data(p.rtp(1, 1)), p.stun(0x0017, p.attribute(0x0013, p.rtp(2, 2)))]
    frames = [p.ethernet(p.ipv4(p.udp(one))) for one in inside]
    tcp = struct.pack(">H", 20) + p.stun() + struct.pack(">H", 172) + p.rtp(1, 1)
    return p.pcap(
        p.shots(
            [*frames, p.ethernet(p.ipv4(p.tcp(tcp, 9), protocol=6)), p.ethernet(p.ipv4(p.tcp(tcp, 300), protocol=6))]
        )
    )


SEEDS = (p.pcap(p.call(6)), p.pcap(p.call(6), order=">", nano=True), section(), fragments(), carried())
RTCP = (
    struct.pack(">BBHIQIII", 0x81, 200, 12, 1, 1 << 40, 2, 3, 4) + bytes(24)
    + struct.pack(">BBHI", 0x81, 202, 3, 1) + b"\1\4name\0\0"
    + struct.pack(">BBHIIHH", 0x81, 205, 3, 1, 2, 3, 4) + struct.pack(">BBHI", 0x81, 203, 1, 1)
)  # fmt: skip


def mutated(seeds):
    """Known octets with some of them changed, left out or repeated."""
    edits = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255), st.sampled_from("=-+")), max_size=8)

    def apply(seed, changes, cut):
        octets = bytearray(seed)
        for place, value, how in changes:
            at = place % max(len(octets), 1)
            if how == "=" and octets:
                octets[at] = value
            elif how == "-":
                del octets[at : at + value]
            else:
                octets[at:at] = octets[at : at + value]
        return bytes(octets[: len(octets) - cut % (len(octets) + 1)])

    return st.builds(apply, st.sampled_from(seeds), edits, st.sampled_from([0, 0, 0, 1, 7, 60]))


RELAXED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(RELAXED, max_examples=80)
@given(mutated(SEEDS))
def test_damaged_captures(octets):
    TARGETS["reader"](octets)
    TARGETS["tables"](octets)


@RELAXED
@given(
    st.sampled_from(["rtp", "rtcp", "stun", "dtls", "texts"]),
    st.binary(max_size=300)
    | mutated([RTCP, p.rtp(1, 1, extension=(0xBEDE, b"\x10\1\x22abc")), p.stun(0x0016, p.attribute(0x0013, b"abc"))]),
)
def test_any_octets_in_the_parsers(name, octets):
    TARGETS[name](octets)


@RELAXED
@given(st.integers(0, 59), st.binary(min_size=1, max_size=8))
def test_everything_before_a_fault_is_returned(frame, damage):
    """Damage inside one record leaves all frames before it as they are."""
    octets = bytearray(p.pcap(p.call(60)))
    place = 24 + frame * 230
    octets[place : place + len(damage)] = damage
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.pcap"
        path.write_bytes(octets)
        capture = read_capture(path)
        numbers = [int.from_bytes(capture.payload(row)[2:4], "big") for row in range(len(capture.datagrams))]
    assert numbers[:frame] == list(range(100, 100 + frame))


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_fuzzing_found_stays_mended(finding):
    TARGETS[finding.parent.name](finding.read_bytes())


def test_a_lying_length_costs_no_memory(tmp_path):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, octets in (
        ("a.pcapng", p.Section().interface(1).octets() + struct.pack("<II", 6, (16 << 20) - 4)),
        ("a.pcap", p.pcap([]) + struct.pack("<IIII", 1, 1, 262_144, 262_144)),
    ):
        (tmp_path / name).write_bytes(octets)
        assert "cut off" in read_capture(tmp_path / name).notes[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 100_000


def test_random_octets_behind_a_good_header(tmp_path):
    rng = np.random.default_rng(5)
    path = tmp_path / "call.pcap"
    for _ in range(50):
        path.write_bytes(p.pcap(p.call(3)) + rng.bytes(2000))
        assert len(read_capture(path).datagrams) >= 3
