import numpy as np
import pytest

from forensics.capture import read_capture
from forensics.lab.plan import SendPlan
from forensics.lab.planned import PlannedPacket
from forensics.lab.scenario import Fault, Network, Scenario, Sender
from forensics.lab.simulate_wire import AGENT_SSRC, LISTENER_SSRC, transmit
from forensics.lab.taps import write_capture
from forensics.streams import find_streams

ZERO_NS = 1_700_000_000_000_000_000
PACKETS = 500


@pytest.fixture(scope="module")
def plan():
    rng = np.random.default_rng(1)
    packets = tuple(
        PlannedPacket(r, r * 0.02, r * 0.02, 65_400 + r, 2**32 - 9600 + r * 960, r * 0.02, r == 0)
        for r in range(PACKETS)
    )
    audio = rng.normal(0, 0.1, (PACKETS, 960)).astype(np.float32)
    return SendPlan(packets, audio, (), (), audio.reshape(-1), 48_000)


def send(plan, *faults, **sender):
    scenario = Scenario("t", PACKETS * 0.02, faults=faults, sender=Sender(**sender), network=Network(0.03), seed=3)
    payloads = [bytes([120]) + bytes(60)] * PACKETS
    return transmit(scenario, plan, payloads=payloads, uplink=[bytes([120]) + bytes(30)] * PACKETS, zero_ns=ZERO_NS)


def streams(wire, side, folder):
    path = write_capture(wire.tap(side, zero_ns=ZERO_NS), folder / f"{side}.pcap")
    return {stream.ssrc: stream for stream in find_streams(read_capture(path))}


def test_both_captures_hold_both_voices(plan, tmp_path):
    wire = send(plan)
    for side in ("sender", "receiver"):
        found = streams(wire, side, tmp_path)
        assert set(found) == {AGENT_SSRC, LISTENER_SSRC}
        assert len(found[AGENT_SSRC].packets) == PACKETS
        assert found[AGENT_SSRC].losses.empty


def test_the_path_takes_its_time(plan, tmp_path):
    wire = send(plan)
    sent, came = (streams(wire, side, tmp_path)[AGENT_SSRC] for side in ("sender", "receiver"))
    delay = came.packets["arrival_s"].to_numpy() - sent.packets["arrival_s"].to_numpy()
    assert np.ptp(delay) < 0.01


def test_what_the_network_lost_is_missing_on_one_side_only(plan, tmp_path):
    wire = send(plan, Fault("burst_loss", 4.0, 0.2))
    sent, came = (streams(wire, side, tmp_path)[AGENT_SSRC] for side in ("sender", "receiver"))
    assert sent.losses.empty
    assert came.losses["packets"].tolist() == [10]


def test_sender_reports_tie_the_wall_clock_to_the_timestamps(plan, tmp_path):
    reports = streams(send(plan), "sender", tmp_path)[AGENT_SSRC].reports
    own = reports[reports["packet_type"] == "SR"]
    assert len(own) >= 6
    media_s = (own["rtp_timestamp"].to_numpy() - (2**32 - 9600)) % 2**32 / 48_000
    assert (own["ntp_ns"].to_numpy() - ZERO_NS) / 1e9 == pytest.approx(media_s, abs=0.005)
    assert own["packet_count"].is_monotonic_increasing


def test_receiver_reports_count_the_losses(plan, tmp_path):
    wire = send(plan, Fault("burst_loss", 4.0, 0.2))
    reports = streams(wire, "receiver", tmp_path)[AGENT_SSRC].reports
    blocks = reports[(reports["packet_type"] == "RR") & (reports["reported_ssrc"] == AGENT_SSRC)]
    assert blocks["packets_lost"].iloc[-1] == 10
    assert blocks["fraction_lost"].max() > 0


def test_a_held_path_holds_everything_that_uses_it(plan):
    wire = send(plan, Fault("delay_spike", 3.0, 2.0))
    held = [trip for trip in wire.downlink if 3.0 <= trip.at_s < 4.95]
    assert {trip.row >= 0 for trip in held} == {True, False}
    assert min(trip.out_s[0] for trip in held) == pytest.approx(5.03)


def test_abs_send_time_is_carried_when_asked_for(plan, tmp_path):
    packets = streams(send(plan, abs_send_time=True), "sender", tmp_path)[AGENT_SSRC].packets
    send_s = packets["abs_send_time_s"].to_numpy()
    assert np.diff(send_s) == pytest.approx(np.diff(packets["arrival_s"].to_numpy()), abs=1e-4)
    assert packets["audio_level_dbov"].notna().all()


def test_the_same_seed_gives_the_same_bytes(plan):
    first, second = (
        send(plan, Fault("jitter", 1.0, 5.0, {"mean_s": 0.02})),
        send(plan, Fault("jitter", 1.0, 5.0, {"mean_s": 0.02})),
    )
    assert first.tap("receiver", zero_ns=0) == second.tap("receiver", zero_ns=0)
