from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from building import make_journey, make_site

from forensics.causes.round_trips import measure_round_trips, round_trips
from forensics.model import DATAGRAM_COLUMNS, FLOW_COLUMNS, PROTOCOLS, Capture, Cause, Protocol, empty_table

COUNT, AT = 400, 200
NUMBER = np.arange(COUNT)
STALL_S = 0.3
STAYS = np.where(NUMBER >= AT, STALL_S, 0.0)
RETURNS = np.where(NUMBER >= AT, np.maximum(STALL_S - 0.02 * (NUMBER - AT), 0.0), 0.0)


def capture(trips):
    """A capture of STUN checks: (asked at, round trip in seconds; None: never answered)."""
    heads = []
    for number, (asked_s, trip_s) in enumerate(trips):
        name = bytes([0x21, 0x12, 0xA4, 0x42]) + number.to_bytes(12, "big")
        heads.append((asked_s, b"\0\1\0\0" + name))
        heads += [(asked_s + trip_s, b"\1\1\0\0" + name)] if trip_s is not None else []
    heads.sort()
    table = {name: np.zeros(len(heads)) for name in DATAGRAM_COLUMNS} | {
        "frame": np.arange(len(heads)) + 1,
        "arrival_s": [at_s for at_s, _ in heads],
        "protocol": np.full(len(heads), PROTOCOLS.index(Protocol.STUN)),
        "payload_offset": np.arange(len(heads)) * 20,
        "payload_bytes": np.full(len(heads), 20),
    }
    octets = np.frombuffer(b"".join(head for _, head in heads), np.uint8)
    frame = pd.DataFrame(table).astype(dict(DATAGRAM_COLUMNS))
    return Capture(Path("call.pcap"), 0, frame, empty_table(FLOW_COLUMNS), octets)


def site(late_s, trips):
    return make_site(make_journey(COUNT, lateness_s=late_s), AT, capture=capture(trips))


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def test_requests_and_responses_are_paired():
    trips = measure_round_trips(capture([(1.0, 0.04), (2.0, None), (3.0, 0.05)]))
    assert trips == pytest.approx(np.array([[1.0, 0.04], [3.0, 0.05]]))


def test_a_check_that_was_held_across_the_glitch_is_the_path_s():
    evidence = round_trips(site(RETURNS, [(1.0, 0.04), (4.05, 0.26), (6.0, 0.04)]))
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: True}
    assert "the path was held too" in evidence[0].statement


def test_a_path_that_is_as_fast_after_a_step_as_before_is_not_the_cause():
    evidence = round_trips(site(STAYS, [(1.0, 0.04), (6.0, 0.041)]))
    sender = {Cause.LATE_MODEL_OUTPUT: True, Cause.SENDER_POLICY: True}
    assert told(evidence) == {Cause.BUFFER_UNDERRUN: False, **sender}


def test_a_path_that_became_slower_is():
    assert told(round_trips(site(STAYS, [(1.0, 0.04), (6.0, 0.34)]))) == {Cause.BUFFER_UNDERRUN: True}


@pytest.mark.parametrize("trips", [[], [(1.0, 0.04)], [(6.0, 0.04)]])
def test_checks_on_one_side_alone_compare_nothing(trips):
    (claim,) = round_trips(site(STAYS, trips))
    assert claim.supports is None


def test_a_delay_that_came_back_is_not_asked_of_later_checks():
    assert told(round_trips(site(RETURNS, [(1.0, 0.04), (6.0, 0.04)]))) == {Cause.BUFFER_UNDERRUN: None}
