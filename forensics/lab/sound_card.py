"""The sound card of a simulated listener: when it asks the jitter buffer for audio, and what comes out of it.

Time here is seconds of the call: zero is when the first packet of the voice AI is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.lab.scenario import Fault
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.playout.ticks import TICK_S, TickClock

CHROMIUM_BLOCK_S = 512 / 44_100
"""Chromium hands PulseAudio 512 frames at a time (audio_manager_pulse.cc, kMinimumOutputBufferSize) at the server's
rate, 44.1 kHz where nobody set another. So it turns to the jitter buffer every 11.6 ms, for one tick of 10 ms or, every
sixth time, for two: the recorder's browser does (11.60 ms, 14 % of the ticks in pairs)."""

LATE_CHANCE, LATE_S, LATE_EXPONENT = 0.0135, (0.001, 0.04), 1.35
"""Now and then a block is asked for late, and after it the card is on time again. Of 64 000 blocks of 27 recorded calls
1.35 % were late by more than 1 ms, 0.34 % by more than 3, 0.055 % by more than 10: a Pareto law of this exponent. It is
why NetEq wants 40 ms of an undisturbed call for half of the time, and not 20: packets that come while a block is late
are counted as early by a tick or two, and all others as late against them for two seconds."""

WAKING_S = TICK_S / 5
"""From the end of a freeze until the packets that waited are read and the sound card has caught up."""

CAUGHT_DRY_CHANCE, CAUGHT_DRY_SHARE = 0.5, (0.7, 1.0)
"""A renderer that was frozen first reads the packets that waited in its socket, or first hands its sound card what that
had asked for meanwhile, or the most of it: a race. Of 45 freezes of 0.1 to 0.64 s that were recorded in Chromium eleven
ran dry, and concealed 47 to 407 ms; 20 others could not, so deep had the freezes before them made the buffer. Ten of
the eleven concealed what the model does when 70 to 100 % of the freeze is asked for first, one as with 30 %. The device
was silent in all 45."""

TICK_SAMPLES = round(TICK_S * SPEECH_RATE_HZ)


@dataclass(frozen=True, slots=True, eq=False)
class SoundCard:
    """The ticks that it asked for: when, which 10 ms of the device each was for, and which it got too late to play."""

    clock: TickClock
    slot: np.ndarray  # (ticks,) int64
    missed: np.ndarray  # (ticks,) bool

    def play(self, output: np.ndarray) -> np.ndarray:
        """Return what the device sounded like; nothing where it got no audio in time.

        Parameters
        ----------
        output : (ticks * 480,) float32
            What the jitter buffer gave out.
        """
        blocks = output[: len(self.clock) * TICK_SAMPLES].reshape(len(self.clock), TICK_SAMPLES)
        device = np.zeros((int(self.slot[-1]) + 1, TICK_SAMPLES), dtype=np.float32)
        device[self.slot[~self.missed]] = blocks[~self.missed]
        return device.reshape(-1)


def run_sound_card(
    span_s: tuple[float, float],
    *,
    block_s: float,
    clock_drift_ppm: float,
    freezes: Sequence[Fault],
    seed: int,
    late_chance: float = LATE_CHANCE,
    dry: Sequence[float] | None = None,
) -> SoundCard:
    """Let a sound card ask for audio.

    Parameters
    ----------
    span_s : (start, end)
        Between which times of the call.
    block_s : float
        How much it plays at a time; it then asks for as many whole ticks as that takes.
    clock_drift_ppm : float
        How fast its clock runs.
    freezes : sequence of Fault
        Faults of the plane "receiver". A renderer makes up for all the ticks of its freeze at once; a frozen audio
        service never asks for them.
    seed : int
        Of the phase of its blocks, which nobody chooses and no capture shows, of the blocks that are asked for late,
        and of the race after a freeze.
    late_chance : float
        Which share of the blocks is asked for late, 0..1.
    dry : sequence of float, optional
        For each freeze, the share of its ticks that are handed out before the packets that waited are read. Drawn where
        it is not given.

    Returns
    -------
    SoundCard
    """
    spacing_s = TICK_S / (1 + clock_drift_ppm * 1e-6)
    slot = np.arange(int((span_s[1] - span_s[0]) / spacing_s))
    block = np.floor(slot * TICK_S / block_s + 1e-9).astype(np.int64)
    rng = np.random.default_rng([seed, 6])
    tick_s = span_s[0] + (block + rng.random()) * block_s * spacing_s / TICK_S
    tick_s = np.maximum.accumulate(tick_s + _lateness_s(rng, blocks=int(block[-1]) + 1, chance=late_chance)[block])
    missed, asked = np.zeros(len(slot), dtype=bool), np.ones(len(slot), dtype=bool)
    for fault, share in zip(freezes, caught_dry(freezes, seed) if dry is None else dry, strict=True):
        late = np.flatnonzero((tick_s >= fault.at_s) & (tick_s < fault.end_s))
        tick_s[late], missed[late] = fault.end_s + WAKING_S, True
        tick_s[late[: round(share * len(late))]] = fault.end_s
        asked[late] = fault.kind != "frozen_audio_service"
    return SoundCard(TickClock(np.maximum.accumulate(tick_s)[asked]), slot[asked], missed[asked])


def _lateness_s(rng: np.random.Generator, *, blocks: int, chance: float) -> np.ndarray:
    """Draw how late each block is asked for, (blocks,)."""
    least_s, most_s = LATE_S
    late_s = np.minimum(least_s * (1 + rng.pareto(LATE_EXPONENT, blocks)), most_s)
    return np.where(rng.random(blocks) < chance, late_s, 0.0)


def caught_dry(freezes: Sequence[Fault], seed: int) -> list[float]:
    """Draw which share of a frozen time the sound card is given before the packets that waited are read."""
    rng = np.random.default_rng([seed, 5])
    draws = [(rng.random() < CAUGHT_DRY_CHANCE, rng.uniform(*CAUGHT_DRY_SHARE)) for _ in freezes]
    return [share if lost else 0.0 for lost, share in draws]


def seen_by_renderer(arrived_s: np.ndarray, freezes: Sequence[Fault]) -> np.ndarray:
    """Let packets wait in the socket while the renderer does not look at it."""
    seen_s = arrived_s.copy()
    for fault in freezes:
        if fault.kind == "frozen_renderer":
            waits = (arrived_s >= fault.at_s) & (arrived_s < fault.end_s)
            seen_s[waits] = fault.end_s + WAKING_S / 2
    return seen_s
