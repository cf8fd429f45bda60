import numpy as np
import pytest

from forensics.lab.path import NetworkPath
from forensics.lab.scenario import Fault, Network, Scenario

DELAY_S = 0.02


def carried(fault, *, direction="downlink", seconds=12.0, seed=1, media=True):
    """Send 50 packets a second of 100 bytes down a path; return (times sent, passages)."""
    scenario = Scenario("s", seconds, faults=(fault,) if fault else (), seed=seed, network=Network(DELAY_S))
    path = NetworkPath(scenario, direction=direction)
    times = np.arange(round(seconds * 50)) * 0.02
    return times, [path.carry(at_s, 100, media=media) for at_s in times]


def delays_s(times, passages):
    return np.array([p.out_s[0] - at if p.out_s else np.nan for at, p in zip(times, passages, strict=True)])


def test_a_clear_path_only_delays():
    times, passages = carried(None)
    np.testing.assert_allclose(delays_s(times, passages), DELAY_S)
    assert all(passage.fault is None for passage in passages)


def test_a_burst_takes_everything_for_its_time():
    times, passages = carried(Fault("burst_loss", 3.0, 0.2))
    lost = [at for at, passage in zip(times, passages, strict=True) if passage.lost]
    assert lost == pytest.approx(np.arange(3.0, 3.19, 0.02))


def test_packet_loss_takes_exactly_so_many_rtp_packets():
    times, passages = carried(Fault("packet_loss", 3.0, 0.0, {"packets": 3}))
    assert [at for at, p in zip(times, passages, strict=True) if p.lost] == pytest.approx([3.0, 3.02, 3.04])
    assert not any(p.lost for p in carried(Fault("packet_loss", 3.0, 0.0, {"packets": 3}), media=False)[1])


def test_independent_loss_has_its_probability():
    _, passages = carried(Fault("independent_loss", 0.0, 100.0, {"probability": 0.1}), seconds=100.0)
    assert np.mean([p.lost for p in passages]) == pytest.approx(0.1, abs=0.015)


def test_gilbert_elliott_loses_in_runs():
    fault = Fault("gilbert_elliott_loss", 0.0, 200.0, {"good_to_bad": 0.02, "bad_to_good": 0.25})
    lost = np.array([p.lost for p in carried(fault, seconds=200.0)[1]], int)
    runs = np.flatnonzero(np.diff(lost) == 1).size
    assert lost.mean() == pytest.approx(0.02 / 0.27, abs=0.025)
    assert lost.sum() / runs == pytest.approx(1 / 0.25, rel=0.25)


def test_a_delay_spike_holds_and_lets_go_at_once():
    _, passages = carried(Fault("delay_spike", 3.0, 0.3))
    held = [p.out_s[0] for p in passages if p.fault]
    assert held == pytest.approx([3.3 + DELAY_S] * 15)
    assert not any(p.lost for p in passages)
    out = [p.out_s[0] for p in passages]
    assert np.all(np.diff(out) > 0), "datagrams let go together must not share an instant: a timer queue mixes them up"


def test_jitter_keeps_the_order():
    times, passages = carried(Fault("jitter", 2.0, 6.0, {"mean_s": 0.05}))
    out = [p.out_s[0] for p in passages]
    assert np.all(np.diff(out) > 0), "datagrams let go together must not share an instant: a timer queue mixes them up"
    inside = delays_s(times, passages)[100:400]
    assert inside.min() >= DELAY_S - 1e-9
    assert inside.max() > DELAY_S + 0.1


def test_reordering_breaks_it():
    _, passages = carried(Fault("reordering", 2.0, 6.0, {"probability": 0.2, "delay_s": 0.07}))
    out = np.array([p.out_s[0] for p in passages])
    overtaken = np.sum(np.diff(out) < 0)
    assert 30 < overtaken < 90
    assert not any(p.lost for p in passages)


def test_duplicates_come_twice_and_harm_nobody():
    _, passages = carried(Fault("duplication", 2.0, 6.0, {"probability": 0.3}))
    copies = np.array([len(p.out_s) for p in passages])
    assert set(copies) == {1, 2}
    assert np.mean(copies[100:400] == 2) == pytest.approx(0.3, abs=0.08)


def test_a_narrow_link_first_delays_then_drops_at_the_tail():
    # 128 bytes every 20 ms are 51 kbit/s on the wire
    fault = Fault("rate_limit", 2.0, 6.0, {"rate_bps": 40_000, "queue_bytes": 2000})
    times, passages = carried(fault)
    lost = np.array([p.lost for p in passages])
    delay = delays_s(times, passages)
    first = int(np.argmax(lost))
    assert np.all(np.diff(delay[100:first]) > 0), "the queue grows before it drops"
    assert np.nanmax(delay) <= 2000 * 8 / 40_000 + DELAY_S + 1e-6
    assert np.mean(lost[first:400]) == pytest.approx(1 - 40 / 51.2, abs=0.03)
    np.testing.assert_allclose(delay[402:], DELAY_S)


@pytest.mark.parametrize("direction", ["downlink", "uplink"])
def test_a_fault_hits_its_own_direction(direction):
    fault = Fault("burst_loss", 3.0, 0.2, {"direction": "uplink"})
    lost = sum(p.lost for p in carried(fault, direction=direction)[1])
    assert lost == (10 if direction == "uplink" else 0)


def test_the_seed_decides_about_chance():
    fault = Fault("independent_loss", 0.0, 12.0, {"probability": 0.2})
    first, same, other = ([p.lost for p in carried(fault, seed=seed)[1]] for seed in (1, 1, 2))
    assert first == same
    assert first != other
