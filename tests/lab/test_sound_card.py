import numpy as np
import pytest

from forensics.lab.scenario import Fault
from forensics.lab.sound_card import (
    CHROMIUM_BLOCK_S,
    LATE_CHANCE,
    TICK_SAMPLES,
    caught_dry,
    run_sound_card,
    seen_by_renderer,
)

SPAN_S = (-0.5, 9.5)
TICKS = 1000


def run(*freezes, block_s=0.01, clock_drift_ppm=0.0, seed=0, dry=None, late_chance=0.0):
    dry = [0.0] * len(freezes) if dry is None else dry
    return run_sound_card(
        SPAN_S,
        block_s=block_s,
        clock_drift_ppm=clock_drift_ppm,
        freezes=freezes,
        seed=seed,
        dry=dry,
        late_chance=late_chance,
    )


@pytest.mark.parametrize("block_s", [0.01, CHROMIUM_BLOCK_S, 0.03])
def test_a_block_is_asked_for_when_it_is_due_and_not_before(block_s):
    tick_s = run(block_s=block_s).clock.tick_s
    assert len(tick_s) == TICKS
    waits_s = np.diff(tick_s)
    assert sorted({round(wait_s, 6) for wait_s in waits_s} - {0.0}) == [round(block_s, 6)]
    ahead_s = tick_s - tick_s[0] - np.arange(TICKS) * 0.01
    assert ahead_s.max() < 1e-9
    assert ahead_s.min() > -block_s


def test_chromium_asks_for_two_ticks_at_once_as_often_as_it_was_seen_to():
    waits_s = np.diff(run(block_s=CHROMIUM_BLOCK_S).clock.tick_s)
    assert np.mean(waits_s < 0.001) == pytest.approx(0.14, abs=0.005)


def test_the_phase_of_the_blocks_is_left_to_chance():
    phase = np.array([run(block_s=0.02, seed=seed).clock.tick_s[0] - SPAN_S[0] for seed in range(200)])
    assert phase.min() >= 0
    assert phase.max() < 0.02
    assert np.histogram(phase, 4)[0].min() > 30


def test_as_many_blocks_are_late_as_were_seen_and_the_next_one_is_not():
    runs = [run(block_s=CHROMIUM_BLOCK_S, seed=seed, late_chance=LATE_CHANCE) for seed in range(40)]
    on_time = [run(block_s=CHROMIUM_BLOCK_S, seed=seed) for seed in range(40)]
    late_s = np.concatenate([own.clock.tick_s - due.clock.tick_s for own, due in zip(runs, on_time, strict=True)])
    assert late_s.min() == 0
    begins = np.diff(late_s > 0.0005, prepend=False) & (late_s > 0.0005)
    blocks = 0.01 / CHROMIUM_BLOCK_S * len(late_s)
    shares = [np.sum(late_s[begins] > limit_s) / blocks for limit_s in (0.001, 0.003, 0.01)]
    assert shares == pytest.approx([0.0135, 0.0034, 0.00055], rel=0.35)
    assert all(np.diff(own.clock.tick_s).min() >= 0 for own in runs)


def test_a_fast_clock_asks_sooner():
    tick_s = run(clock_drift_ppm=1000.0).clock.tick_s
    assert np.diff(tick_s) == pytest.approx(0.01 / 1.001)


def test_a_frozen_renderer_makes_up_for_its_ticks_and_the_device_plays_none_of_them():
    card = run(Fault("frozen_renderer", 3.0, 0.2))
    waits_s = np.diff(card.clock.tick_s)
    assert waits_s.max() == pytest.approx(0.2, abs=0.02)
    assert (len(card.clock), card.missed.sum()) == (TICKS, 20)
    device = card.play(np.ones(TICKS * TICK_SAMPLES, dtype=np.float32))
    assert len(device) == TICKS * TICK_SAMPLES
    assert np.flatnonzero(device == 0)[[0, -1]] / 48_000 == pytest.approx([3.5, 3.7], abs=0.011)


def test_a_frozen_audio_service_asks_for_nothing_and_the_device_goes_on_late():
    card = run(Fault("frozen_audio_service", 3.0, 0.2))
    assert len(card.clock) == TICKS - 20
    device = card.play(np.ones((TICKS - 20) * TICK_SAMPLES, dtype=np.float32))
    assert np.sum(device == 0) == 20 * TICK_SAMPLES
    assert len(device) == TICKS * TICK_SAMPLES


def test_packets_wait_for_a_frozen_renderer():
    seen_s = seen_by_renderer(np.array([2.9, 3.1, 3.19, 3.3]), (Fault("frozen_renderer", 3.0, 0.2),))
    assert seen_s == pytest.approx([2.9, 3.2, 3.2, 3.3], abs=0.01)
    assert np.all(np.diff(seen_s) >= 0)


def test_the_share_that_runs_dry_is_asked_for_before_the_packets_are_seen():
    freeze = Fault("frozen_renderer", 3.0, 0.2)
    tick_s = run(freeze, dry=[0.5]).clock.tick_s
    first_seen_s = seen_by_renderer(np.array([3.1]), (freeze,))[0]
    during = (tick_s >= 3.2 - 1e-9) & (tick_s < 3.205)
    assert (during & (tick_s < first_seen_s)).sum() == 10


def test_half_of_the_freezes_run_dry_and_these_for_most_of_their_time():
    faults = (Fault("frozen_renderer", 3.0, 0.2),)
    shares = np.array([caught_dry(faults, seed)[0] for seed in range(300)])
    assert np.mean(shares > 0) == pytest.approx(0.5, abs=0.09)
    assert shares[shares > 0].min() >= 0.7
    assert caught_dry(faults, 7) == caught_dry(faults, 7)
