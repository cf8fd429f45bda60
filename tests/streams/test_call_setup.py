import struct

import pytest
from packets import START_NS, A, B, Shot, attribute, ethernet, ipv4, pcap, rtp, udp

from forensics.capture import read_capture
from forensics.model import SETUP_COLUMNS
from forensics.streams import find_streams
from forensics.streams.call_setup import find_call_setup

NOMINATE = attribute(0x0025, b"")
AGENT, LISTENER = (A, 5000), (B, 6000)


def datagram(at_s, payload, source=AGENT, target=LISTENER):
    octets = ethernet(ipv4(udp(payload, source[1], target[1]), source=source[0], destination=target[0]))
    return Shot(START_NS + round(at_s * 1e9), octets, len(octets))


def check(at_s, number, *, answer_s=None, attributes=b"", port=6000):
    """A STUN check of the listener, and the answer to it."""
    transaction = struct.pack(">12s", f"check {number:06}".encode())
    request = struct.pack(">HHI", 1, len(attributes), 0x2112A442) + transaction + attributes
    success = struct.pack(">HHI", 0x0101, 0, 0x2112A442) + transaction
    answered = [] if answer_s is None else [datagram(answer_s, success, AGENT, (B, port))]
    return [datagram(at_s, request, (B, port), AGENT), *answered]


def record(kind, message=0, *, epoch=0):
    return struct.pack(">BHHHIH", kind, 0xFEFD, epoch, 0, 1, 12) + bytes([message]) + bytes(11)


def handshake(*at_s):
    """ClientHello, ServerHello, the client's flight, the server's Finished."""
    flights = (record(22, 1), record(22, 2), record(22, 11), record(22, epoch=1))
    sides = ((LISTENER, AGENT), (AGENT, LISTENER)) * 2
    return [datagram(t, flight, *side) for t, flight, side in zip(at_s, flights, sides, strict=False)]


def media(start_s=1.0, packets=60):
    return [datagram(start_s + 0.02 * n, rtp(n, 160 * n)) for n in range(packets)]


def sip(at_s, first_line, source=LISTENER, target=AGENT):
    text = f"{first_line}\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n"
    return [datagram(at_s, text.encode(), (source[0], 5060), (target[0], 5060))]


@pytest.fixture
def setup_of(tmp_path):
    def find(*shots, **options):
        path = tmp_path / "call.pcap"
        path.write_bytes(pcap(sorted((s for group in shots for s in group), key=lambda shot: shot.time_ns)))
        capture = read_capture(path)
        (stream,) = find_streams(capture)
        table = find_call_setup(capture, stream, **options)
        assert {column: str(table[column].dtype) for column in ("start_s", "end_s", "frame")} == {
            "start_s": "float64", "end_s": "float64", "frame": "int64"
        }  # fmt: skip
        assert list(table) == list(SETUP_COLUMNS)
        return table.set_index("phase")

    return find


def test_a_call_from_its_first_check_to_its_first_sound(setup_of):
    checks = [
        *check(0.0, 1, port=6001),
        *check(0.05, 2, answer_s=0.09),
        *check(0.1, 3, answer_s=0.14, attributes=NOMINATE),
    ]
    table = setup_of(checks, handshake(0.2, 0.24, 0.25, 0.3), media(1.0), first_sound_s=1.5, sound_frame=20)
    assert table.index.tolist() == ["ice", "dtls", "first_rtp", "first_sound"]
    assert table["start_s"].tolist() == pytest.approx([0.0, 0.2, 0.3, 1.0])
    assert table["end_s"].tolist() == pytest.approx([0.14, 0.3, 1.0, 1.5])
    assert table["frame"].tolist() == [5, 9, 10, 20]
    assert table.at["ice", "statement"] == "ICE needed 140 ms from the first of 3 checks until a pair was nominated."
    assert table.at["dtls", "statement"] == "The DTLS handshake needed 100 ms in 4 datagrams."
    assert "700 ms after the path was ready" in table.at["first_rtp", "statement"]


def test_without_a_nomination_the_first_answer_ends_ice(setup_of):
    table = setup_of(check(0.0, 1, answer_s=0.04), media())
    assert table.at["ice", "end_s"] == pytest.approx(0.04)
    assert "until a pair was answered" in table.at["ice", "statement"]


def test_a_hello_that_had_to_be_sent_again(setup_of):
    table = setup_of(handshake(0.0), handshake(0.4, 0.44, 0.45, 0.5), media())
    assert table.loc["dtls", ["start_s", "end_s"]].tolist() == pytest.approx([0.0, 0.5])
    assert "with 1 more ClientHello" in table.at["dtls", "statement"]


def test_sip_from_invite_to_ack(setup_of):
    dialogue = [*sip(0.0, "INVITE sip:a@b SIP/2.0"), *sip(0.3, "SIP/2.0 200 OK", AGENT, LISTENER)]
    table = setup_of(dialogue, sip(0.34, "ACK sip:a@b SIP/2.0"), media(0.32))
    assert table.index.tolist() == ["signalling", "first_rtp"]
    assert table.loc["signalling", ["start_s", "end_s"]].tolist() == pytest.approx([0.0, 0.34])
    assert table.at["signalling", "statement"] == "SIP needed 340 ms from INVITE to ACK."


def test_a_capture_that_begins_within_the_call_shows_no_set_up(setup_of):
    assert len(setup_of(media(0.0), first_sound_s=0.5)) == 0


def test_checks_of_consent_are_no_set_up(setup_of):
    assert len(setup_of(check(0.0, 1, answer_s=0.04), media(0.01))) == 0
    assert len(setup_of(media(0.0), check(0.5, 1, answer_s=0.54))) == 0


def test_checks_that_nobody_answers_are_no_ice(setup_of):
    assert len(setup_of(check(0.0, 1), media())) == 0
