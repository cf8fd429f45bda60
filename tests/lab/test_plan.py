import numpy as np
import pytest

from forensics.errors import ScenarioError
from forensics.lab.payloads import OPUS_DELAY_S, decode_payloads, encode_payloads
from forensics.lab.plan import plan_sending
from forensics.lab.scenario import Fault, Line, Scenario, Sender
from forensics.lab.sender_loop import DTX_REFRESH_S

RATE_HZ, PACKET_S, TICKS = 48_000, 0.02, 960


@pytest.fixture
def plan_with(voice):
    def make(*faults, lines=None, duration_s=9.0, **sender):
        lines = lines or (Line("agent", 1.0, wav=voice), Line("agent", 5.0, wav=voice))
        return plan_sending(Scenario("s", duration_s, lines, faults, sender=Sender(**sender)))

    return make


def step(plan, departure):
    """What changes across a departure: seconds waited, numbers and timestamps advanced, script advanced."""
    a, b = plan.packets[departure.before], plan.packets[departure.after]
    return (
        b.due_s - a.due_s,
        b.ext_sequence_number - a.ext_sequence_number,
        (b.ext_timestamp - a.ext_timestamp) / RATE_HZ,
        (b.script_s or 0) - (a.script_s or 0),
    )


def test_without_faults_packets_are_regular(plan_with):
    plan = plan_with(first_sequence_number=65_530)
    assert len(plan.packets) == 450
    assert np.ptp(np.diff([p.due_s for p in plan.packets])) == pytest.approx(0, abs=1e-9)
    assert [p.ext_sequence_number for p in plan.packets] == list(range(65_530, 65_980))
    assert [p.marker for p in plan.packets].count(True) == 1
    np.testing.assert_array_equal(plan.audio.reshape(-1), plan.script[: plan.audio.size])


@pytest.mark.parametrize(
    ("fault", "waited", "numbers", "media", "script"),
    [
        (Fault("stall", 2.0, 0.2), 0.22, 1, 0.02, 0.02),
        (Fault("stall", 2.0, 0.2, {"timestamps": "clock"}), 0.22, 1, 0.22, 0.02),
        (Fault("stall", 2.0, 0.2, {"timestamps": "fill"}), 0.22, 11, 0.22, 0.02),
        (Fault("deliberate_drop", 2.0, 0.3), 0.02, 1, 0.02, 0.32),
        (Fault("deliberate_drop", 2.0, 0.3, {"numbering": "timestamp_jump"}), 0.02, 1, 0.32, 0.32),
        (Fault("deliberate_drop", 2.0, 0.3, {"numbering": "sequence_gap"}), 0.32, 16, 0.32, 0.32),
    ],
    ids=["stall contiguous", "stall clock", "stall fill", "skip", "skip with jump", "numbers never sent"],
)
def test_each_fault_departs_in_its_own_way(plan_with, fault, waited, numbers, media, script):
    plan = plan_with(fault)
    (departure,) = plan.departures
    assert step(plan, departure) == pytest.approx((waited, numbers, media, script), abs=1e-6)


def test_audio_held_back_is_late_and_then_released_at_once(plan_with):
    plan = plan_with(Fault("artificial_delay", 2.0, 1.0, {"delay_s": 0.2}))
    hold, release = plan.departures
    assert (hold.part, release.part) == ("hold", "release_burst")
    assert step(plan, hold) == pytest.approx((0.22, 1, 0.02, 0.02), abs=1e-6)
    burst = [p.due_s for p in plan.packets if 3.0 - 1e-9 <= p.due_s < 3.01]
    assert len(burst) == 11
    due = [p.due_s for p in plan.packets]
    assert due == sorted(due), "the backlog leaves before the packet that is on time"


@pytest.mark.parametrize("release", ["burst", "drop"])
def test_a_release_between_two_ticks_is_one_departure(plan_with, release):
    plan = plan_with(Fault("artificial_delay", 2.01, 1.0, {"delay_s": 0.2, "release": release}))
    assert [departure.part for departure in plan.departures] == ["hold", f"release_{release}"]


def test_a_backlog_thrown_away_is_never_numbered(plan_with):
    plan = plan_with(Fault("artificial_delay", 2.0, 1.0, {"delay_s": 0.2, "release": "drop"}))
    _, drop = plan.departures
    assert drop.part == "release_drop"
    assert step(plan, drop)[1:] == pytest.approx((1, 0.22, 0.22), abs=1e-6)


def test_a_burst_is_sent_ahead_and_then_nothing(plan_with):
    plan = plan_with(Fault("unpaced_burst", 2.0, 1.0))
    due = np.array([p.due_s for p in plan.packets])
    assert np.sum((due >= 2.0 - 1e-9) & (due < 2.03)) == 50
    assert np.diff(due).max() == pytest.approx(1.0 - 49 * 0.0005, abs=1e-6)


def test_slow_generation_stalls_after_every_chunk(plan_with):
    slow = Fault("slow_generation", 1.5, 2.0, {"real_time_factor": 1.5, "chunk_s": 0.4})
    plan = plan_with(slow)
    assert [d.start_s for d in plan.departures] == pytest.approx([1.9, 2.5, 3.1])
    assert all(step(plan, d)[0] == pytest.approx(0.22, abs=1e-6) for d in plan.departures)


def test_a_pause_between_lines_makes_up_for_a_late_model(plan_with):
    late = plan_with(Fault("stall", 2.0, 0.5))
    second = next(p for p in late.packets if p.script_s is not None and p.script_s >= 5.0 - 1e-6)
    assert second.due_s == pytest.approx(5.0, abs=0.021)


def test_a_late_first_audio_moves_its_line(plan_with):
    plan = plan_with(Fault("late_first_audio", 5.0, 0.8))
    assert [line.start_s for line in plan.spoken] == pytest.approx([1.0, 5.8])


def test_an_agent_that_talks_past_the_end_is_refused(plan_with):
    with pytest.raises(ScenarioError, match=r"the agent speaks until 8\.0 s, the call ends at 7 s"):
        plan_with(duration_s=7.0)


def test_dtx_stops_in_silence_and_marks_the_next_talkspurt(plan_with):
    plan = plan_with(dtx=True)
    between = [p for p in plan.packets if 4.2 < p.tick_s < 4.98]
    assert 1 <= len(between) <= 2
    assert np.diff([p.tick_s for p in plan.packets]).max() <= DTX_REFRESH_S + 1e-6
    spurt = next(p for p in plan.packets if p.tick_s >= 5.0 - 1e-6)
    assert spurt.marker
    numbers = [p.ext_sequence_number for p in plan.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_fast_clock_sends_sooner(plan_with):
    plan = plan_with(clock_drift_ppm=200.0)
    last = plan.packets[-1]
    assert last.due_s * (1 + 200e-6) == pytest.approx(last.row * PACKET_S)


@pytest.mark.parametrize(
    ("codec", "lag_s", "agrees"), [("opus", OPUS_DELAY_S, 0.8), ("pcmu", 0, 0.9), ("pcma", 0, 0.9)]
)
def test_payloads_decode_to_what_was_encoded(plan_with, codec, lag_s, agrees):
    plan = plan_with(codec=codec)
    smooth = np.apply_along_axis(np.convolve, 0, plan.audio.reshape(-1), np.ones(16) / 16, mode="same")
    plan.audio[:] = smooth.reshape(plan.audio.shape)
    sender = Sender(codec=codec, bitrate_bps=64_000)
    payloads = encode_payloads(plan, sender)
    decoded = decode_payloads(payloads, sender).reshape(-1)
    lag = round(lag_s * RATE_HZ)
    assert len(payloads) == len(plan.packets)
    assert np.corrcoef(smooth[: len(smooth) - lag], decoded[lag:])[0, 1] > agrees
