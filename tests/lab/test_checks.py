from dataclasses import replace

import numpy as np
import pytest
import soundfile
from plain_receiver import ZERO_S, listen_plainly

from forensics.lab.agent import SentPacket
from forensics.lab.checks import Disturbed, check_take
from forensics.lab.relay import Relayed
from forensics.lab.scenario import Fault, Line, Scenario
from forensics.lab.take import Take
from forensics.lab.taps import Datagram
from forensics.lab.truth import describe_truth

A, B = ("127.0.0.2", 4000), ("127.0.0.3", 5000)
PATH_NS = 20_000_000


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, np.random.default_rng(5).normal(0, 0.1, 96_000), 48_000)
    faults = (Fault("packet_loss", 2.0, 0.0, {"packets": 3}),)
    return listen_plainly(Scenario("s", 4.0, (Line("agent", 1.0, wav=path),), faults))


@pytest.fixture
def take(account):
    """A take whose witnesses agree: every packet tapped twice, but for the three that the relay dropped."""
    zero_ns = round(ZERO_S * 1e9)
    sent, relayed, near, far = [], [], [], []
    for packet in account.plan.packets:
        at_ns = zero_ns + round(packet.due_s * 1e9)
        payload = b"\x80\x6f" + packet.row.to_bytes(2, "big") + bytes(20)
        lost = np.isnan(account.packets["arrived_s"].iat[packet.row])
        out = () if lost else (at_ns + PATH_NS,)
        sent.append(SentPacket(packet.row, packet.due_s, packet.due_s + 0.001))
        relayed.append(Relayed("downlink", payload, at_ns, out, None, list(out)))
        near.append(Datagram(at_ns, A, B, payload))
        far += [Datagram(at, A, B, payload) for at in out]
    return Take(zero_ns, sent, 0.0, relayed, near, far, None, 7, [], [], [])  # type: ignore[arg-type]


def test_an_undisturbed_take_passes_with_its_figures(take, account):
    figures = check_take(take, account, describe_truth(account))
    assert (figures["packets_sent"], figures["datagrams_dropped"], figures["capture_disagreements"]) == (200, 3, 0)
    assert figures["latest_send_ms"] == pytest.approx(1.0)
    assert figures["unfound_share"] == 0


def test_a_late_packet_disturbs(take, account):
    take.sent[50] = replace(take.sent[50], sent_s=take.sent[50].due_s + 0.05)
    with pytest.raises(Disturbed, match="50 ms was the latest packet behind its plan"):
        check_take(take, account, describe_truth(account))


def test_a_late_relay_disturbs(take, account):
    take.relayed[50].out_ns[0] += 60_000_000
    with pytest.raises(Disturbed, match="60 ms was the relay's latest datagram"):
        check_take(take, account, describe_truth(account))


def test_a_datagram_missing_from_one_capture_disturbs(take, account):
    del take.receiver_tap[20]
    with pytest.raises(Disturbed, match="1 datagrams passed the captures in another way"):
        check_take(take, account, describe_truth(account))


def test_a_browser_that_did_not_fetch_disturbs(take, account):
    clock = account.clock.copy()
    clock[250:, 0] += 0.2
    stalled = replace(account, clock=clock)
    with pytest.raises(Disturbed, match="200 ms passed without the browser fetching audio"):
        check_take(take, stalled, describe_truth(account))


def test_concealment_without_a_fault_disturbs(take, account):
    concealment = account.concealment.copy()
    concealment.loc[16, "concealed_ms"] = 100.0
    with pytest.raises(Disturbed, match="100 ms were concealed without a fault"):
        check_take(take, replace(account, concealment=concealment), describe_truth(account))


def test_packets_missing_from_the_recording_disturb(take, account):
    packets = account.packets.copy()
    packets.loc[55:60, "heard_s"] = np.nan
    with pytest.raises(Disturbed, match="of the speech packets cannot be found"):
        check_take(take, replace(account, packets=packets), describe_truth(account))
