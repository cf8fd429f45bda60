"""Beside whom a capture was taken: by answers to STUN and to sender reports, by losses, or not at all."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from building import AGENT, LISTENER, SSRC, make_stream

from forensics.capture import read_capture
from forensics.lab.taps import Datagram, write_capture
from forensics.model import LOSS_COLUMNS, REPORT_COLUMNS, Fate
from forensics.streams.vantage import find_vantage

OTHER_SSRC = 77


def place(endpoint):
    address, _, port = endpoint.rpartition(":")
    return address, int(port)


def ask(number, *, at_s, wait_s, asker, answerer):
    """One STUN request and its answer, as a tap saw them."""
    transaction = b"\x21\x12\xa4\x42" + number.to_bytes(12, "big")
    ends = place(asker), place(answerer)
    request = Datagram(round(1e9 * (1000 + at_s)), *ends, b"\x00\x01\x00\x00" + transaction)
    return request, Datagram(round(1e9 * (1000 + at_s + wait_s)), *ends[::-1], b"\x01\x01\x00\x00" + transaction)


@pytest.fixture
def captured(tmp_path):
    def write(*waits):
        """Five exchanges each for (asker, answerer, wait)."""
        datagrams = [
            one
            for way, (asker, answerer, wait_s) in enumerate(waits or [(AGENT, LISTENER, 9.0)])
            for number in range(5)
            for one in ask(number + 100 * way, at_s=number + 0.3 * way, wait_s=wait_s, asker=asker, answerer=answerer)
        ]
        return read_capture(write_capture(sorted(datagrams, key=lambda d: d.time_ns), tmp_path / "call.pcap"))

    return write


def both_ways(*, reports=None, readable=True, lost=(), lost_back=(), overtaken=()):
    """The agent's voice and the listener's, with gaps of one packet behind the positions in `lost`."""
    streams = []
    for ssrc, route, gaps in ((SSRC, (AGENT, LISTENER), lost), (OTHER_SSRC, (LISTENER, AGENT), lost_back)):
        stream = make_stream([b"x"] * 200, ssrc=ssrc, route=route, lost=[at + 1 for at in gaps], readable=readable)
        rows = [(101 + at, 1, at - i, at + 1 - i, 0.02) for i, at in enumerate(gaps)]
        losses = pd.DataFrame(rows, columns=list(LOSS_COLUMNS)).astype(dict(LOSS_COLUMNS))
        streams.append(replace(stream, losses=losses))
    streams[0].packets.loc[list(overtaken), "fate"] = list(Fate).index(Fate.REORDERED)
    return [replace(streams[0], reports=reports) if reports is not None else streams[0], streams[1]]


def exchanged_reports(wait_s, *, kept_s=0.4):
    """Three sender reports of the agent, and what the listener answers so much later, as the tap saw them."""
    blank = {name: -1 if dtype == "int64" else np.nan for name, dtype in REPORT_COLUMNS.items() if dtype != "str"}
    rows = []
    for number in range(3):
        at_s, ntp_ns = 2.0 * number, 1_700_000_000_123_456_789 + 2_000_000_000 * number
        seconds, ns = divmod(ntp_ns, 10**9)
        stamp = (seconds + 2_208_988_800) % 2**16 * 2**16 + ns * 2**16 // 10**9
        sent = {"arrival_s": at_s, "packet_type": "SR", "sender_ssrc": SSRC, "ntp_ns": ntp_ns}
        answer = {"arrival_s": at_s + kept_s + wait_s, "packet_type": "RR", "sender_ssrc": OTHER_SSRC, "ntp_ns": 0,
                  "reported_ssrc": SSRC, "last_sr": stamp, "delay_since_last_sr_s": kept_s}  # fmt: skip
        rows += [blank | {"frame": 1, "flow": 0, "packets_lost": 0} | row for row in (sent, answer)]
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS)).astype(dict(REPORT_COLUMNS))


def test_the_side_that_answers_first_is_near(captured):
    capture = captured((AGENT, LISTENER, 0.0005), (LISTENER, AGENT, 0.041))
    vantage = find_vantage(capture, both_ways())
    assert vantage.near == LISTENER
    assert vantage.reason == "it answers within 0.5 ms, the other end within 41.0 ms"


def test_equal_answers_are_a_tap_in_the_middle(captured):
    assert find_vantage(captured((AGENT, LISTENER, 0.02), (LISTENER, AGENT, 0.021)), both_ways()) is None


def test_where_one_side_alone_is_asked_its_answer_tells(captured):
    assert find_vantage(captured((AGENT, LISTENER, 0.0005)), both_ways()).near == LISTENER
    assert find_vantage(captured((LISTENER, AGENT, 0.030)), both_ways()).near == LISTENER
    assert find_vantage(captured((LISTENER, AGENT, 0.0005)), both_ways()).near == AGENT


def test_between_a_network_card_and_a_path_one_answer_tells_nothing(captured):
    assert find_vantage(captured((LISTENER, AGENT, 0.0045)), both_ways()) is None


def test_receiver_reports_answer_sender_reports(captured):
    assert find_vantage(captured(), both_ways(reports=exchanged_reports(0.0007))).near == LISTENER
    assert find_vantage(captured(), both_ways(reports=exchanged_reports(0.080))).near == AGENT


def test_sealed_reports_answer_nothing(captured):
    assert find_vantage(captured(), both_ways(reports=exchanged_reports(0.0007), readable=False)) is None


def test_losses_of_one_direction_alone_have_the_network_behind_them(captured):
    vantage = find_vantage(captured(), both_ways(lost=(20, 60, 90)))
    assert vantage.near == LISTENER
    assert "lost or overtaken on the way (3)" in vantage.reason
    assert find_vantage(captured(), both_ways(overtaken=(20, 60, 90))).near == LISTENER
    assert find_vantage(captured(), both_ways(lost_back=(20, 60, 90))).near == AGENT


def test_gaps_of_both_at_once_are_the_taps_own(captured):
    assert find_vantage(captured(), both_ways(lost=(20, 60, 90), lost_back=(20, 60, 90))) is None


def test_nothing_tells_of_two_whole_streams(captured):
    assert find_vantage(captured(), both_ways()) is None
