import hmac
from collections import Counter

import numpy as np
import pytest

from forensics.capture import read_capture
from forensics.lab.plan import SendPlan
from forensics.lab.planned import PlannedPacket
from forensics.lab.scenario import Fault, Network, Scenario
from forensics.lab.simulate_stun import (
    AGENT_PEER,
    LISTENER_PEER,
    SETUP_CHECKS,
    binding_request,
    binding_success,
    check_times,
    is_request,
)
from forensics.lab.simulate_wire import AGENT, LISTENER, transmit
from forensics.lab.taps import write_capture
from forensics.streams import find_streams
from forensics.streams.vantage import find_vantage

PACKETS = 1000
TRANSACTION = bytes(range(12))
ZERO_NS = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def plan():
    packets = tuple(PlannedPacket(r, r * 0.02, r * 0.02, r, r * 960, r * 0.02) for r in range(PACKETS))
    audio = np.random.default_rng(1).normal(0, 0.1, (PACKETS, 960)).astype(np.float32)
    return SendPlan(packets, audio, (), (), audio.reshape(-1), 48_000)


def send(plan, *faults):
    scenario = Scenario("t", PACKETS * 0.02, faults=faults, network=Network(0.03), seed=3)
    voices = {"payloads": [bytes(60)] * PACKETS, "uplink": [bytes(30)] * PACKETS}
    return transmit(scenario, plan, **voices, zero_ns=ZERO_NS)


def checks(trips):
    return [trip for trip in trips if trip.payload[0] < 4]


def integrity(message, key):
    """The HMAC that a message should bear: over all before it, as if it were the last (RFC 8489 §14.5)."""
    end = message.index(b"\x00\x08\x00\x14")
    covered = message[:2] + (end - 20 + 24).to_bytes(2, "big") + message[4:end]
    return hmac.digest(key, covered, "sha1")


@pytest.mark.parametrize(("peer", "other"), [(LISTENER_PEER, AGENT_PEER), (AGENT_PEER, LISTENER_PEER)])
def test_another_library_reads_a_check_and_its_answer(peer, other):
    stun = pytest.importorskip("aioice.stun")
    request = binding_request(peer, other, transaction=TRANSACTION)
    asked = stun.parse_message(request)  # which checks the fingerprint
    assert asked.attributes["MESSAGE-INTEGRITY"] == integrity(request, other.password)
    assert (asked.transaction_id, asked.message_class) == (TRANSACTION, stun.Class.REQUEST)
    assert asked.attributes["USERNAME"] == f"{other.fragment}:{peer.fragment}"
    nominates = {"ICE-CONTROLLING", "USE-CANDIDATE"} & set(asked.attributes)
    assert nominates == ({"ICE-CONTROLLING", "USE-CANDIDATE"} if peer is LISTENER_PEER else set())
    answer = binding_success(request, other, asked_from=LISTENER)
    told = stun.parse_message(answer)
    assert told.attributes["MESSAGE-INTEGRITY"] == integrity(answer, other.password)
    assert told.attributes["XOR-MAPPED-ADDRESS"] == LISTENER
    assert (told.transaction_id, told.message_class) == (TRANSACTION, stun.Class.RESPONSE)


def test_both_ends_ask_and_each_check_is_answered(plan):
    wire = send(plan)
    for asking, answering, most in ((wire.uplink, wire.downlink, 2.7), (wire.downlink, wire.uplink, 6.0)):
        asked = [trip for trip in checks(asking) if is_request(trip.payload)]
        answers = Counter(trip.payload[8:20] for trip in checks(answering) if not is_request(trip.payload))
        assert answers == Counter(trip.payload[8:20] for trip in asked)
        waits_s = np.diff([trip.at_s for trip in asked])
        assert waits_s.max() <= most
        assert asked[-1].at_s > PACKETS * 0.02 - most


def test_the_pair_is_tried_and_nominated_before_the_call(plan):
    before = [trip for trip in send(plan).uplink if trip.at_s < 0]
    assert sum(is_request(trip.payload) for trip in before) == SETUP_CHECKS
    assert all(out_s - trip.at_s == pytest.approx(0.03) for trip in before for out_s in trip.out_s)


def test_consent_is_asked_for_as_rfc_7675_wants_it():
    times = np.array(list(check_times(AGENT_PEER, 600.0, rng=np.random.default_rng(0))))
    waits_s = np.diff(times)
    assert 4.0 <= waits_s.min() < 4.2
    assert 5.8 < waits_s.max() <= 6.0


def test_a_check_that_is_lost_is_not_answered(plan):
    wire = send(plan, Fault("burst_loss", 3.0, 8.0, {"direction": "uplink"}))
    lost = {trip.payload[8:20] for trip in checks(wire.uplink) if not trip.out_s and is_request(trip.payload)}
    assert lost
    assert not lost & {trip.payload[8:20] for trip in checks(wire.downlink)}


@pytest.mark.parametrize(("side", "near"), [("receiver", LISTENER), ("sender", AGENT)])
def test_a_lone_capture_tells_beside_whom_it_was_taken(plan, tmp_path, side, near):
    capture = read_capture(write_capture(send(plan).tap(side, zero_ns=ZERO_NS), tmp_path / f"{side}.pcap"))
    vantage = find_vantage(capture, find_streams(capture))
    assert vantage is not None
    assert vantage.near == "{}:{}".format(*near)
