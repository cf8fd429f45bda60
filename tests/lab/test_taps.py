import struct

import pytest

from forensics.capture import read_capture
from forensics.lab.taps import Datagram, write_capture

FIRST_NS = 1_700_000_000_123_456_789


@pytest.fixture
def datagrams():
    one, other = ("127.0.0.2", 4000), ("127.0.0.3", 5001)
    return [
        Datagram(FIRST_NS + 20_000_001, other, one, b"later"),
        Datagram(FIRST_NS, one, other, bytes(range(100))),
    ]


@pytest.mark.parametrize("suffix", [".pcap", ".pcapng"])
def test_a_capture_is_read_back_in_the_order_of_time(datagrams, suffix, tmp_path):
    capture = read_capture(write_capture(datagrams, tmp_path / f"tap{suffix}"))
    assert capture.origin_ns == FIRST_NS
    assert [capture.payload(0), capture.payload(1)] == [bytes(range(100)), b"later"]
    assert capture.datagrams["arrival_s"].iat[1] == pytest.approx(0.020000001, abs=1e-9)
    assert capture.flows["source_port"].tolist() == [4000, 5001]
    assert not any(capture.skipped.values())


def test_the_ip_header_is_one_that_hosts_accept(datagrams, tmp_path):
    octets = write_capture(datagrams, tmp_path / "tap.pcap").read_bytes()
    header = struct.unpack("!10H", octets[24 + 16 + 14 : 24 + 16 + 34])
    total = sum(header)
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF, "RFC 1071: the header with its checksum adds up to all ones"


@pytest.mark.tshark
def test_tshark_reads_it_too(datagrams, tmp_path):
    import subprocess

    path = write_capture(datagrams, tmp_path / "tap.pcapng")
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "udp.length", "-e", "_ws.malformed"]
    done = subprocess.run(["tshark", "-r", path, *fields], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1700000000.123456789", "108", "1700000000.143456790", "13"]
