"""The listener of a simulated call: NetEq on real samples, the sound card that asks it, and what it then plays.

Time here is seconds of the call: zero is when the first packet of the voice AI is due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Fault
from forensics.lab.simulate_counters import count_concealment, count_statistics
from forensics.lab.sound_card import CHROMIUM_BLOCK_S, LATE_CHANCE, TICK_SAMPLES, run_sound_card, seen_by_renderer
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.playout.arrivals import DTX_BYTES, Arrivals
from forensics.playout.neteq import NetEq
from forensics.playout.packet_buffer import MAXIMUM_PACKETS
from forensics.playout.redundancy import carries_copy, with_copies
from forensics.playout.ticks import TICK_S
from forensics.playout.trace import Trace
from forensics.playout.waveform import Waveform


@dataclass(frozen=True, slots=True)
class Receiver:
    """The listener's side: the jitter buffer's settings, the sound card, and the noise of the recording.

    `minimum_delay_s` is `jitterBufferTarget`; the sound card plays `block_s` at a time, asks for `late_chance` of the
    blocks late, and its clock runs `clock_drift_ppm` fast; `noise_dbfs` is the RMS level of white noise in the
    recording.
    """

    minimum_delay_s: float = 0.0
    maximum_packets: int = MAXIMUM_PACKETS
    block_s: float = CHROMIUM_BLOCK_S
    late_chance: float = LATE_CHANCE
    clock_drift_ppm: float = 0.0
    noise_dbfs: float = -np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What came out of the jitter buffer. `place_s` is the recording time of each planned packet, NaN: not played."""

    recording: np.ndarray
    place_s: np.ndarray
    clock: np.ndarray  # (ticks, 2): seconds of the call, recording time
    concealment: pd.DataFrame
    statistics: pd.DataFrame  # running sums by getStats() name, one row per reading, and `at_s` of the call
    device: np.ndarray | None = None


def listen(
    arrived_s: np.ndarray,
    decoded: np.ndarray,
    *,
    plan: SendPlan,
    payloads: list[bytes],
    span_s: tuple[float, float],
    receiver: Receiver,
    freezes: tuple[Fault, ...] = (),
    seed: int = 0,
) -> Heard:
    """Play a simulated call.

    Parameters
    ----------
    arrived_s : (packets,) float64
        When each planned packet came, seconds of the call; NaN where it did not.
    decoded : (packets, samples) float32
        Its audio at 48 kHz.
    plan : SendPlan
    payloads : list of bytes
        As they were sent: sizes tell comfort noise, their heads in-band FEC.
    span_s : (start, end)
        Between which times of the call the recording runs.
    receiver : Receiver
    freezes : tuple of Fault
        Faults of the plane "receiver".
    seed : int
        Of the recording's noise, of the sound card's phase, and of how the race after a freeze ends.
    """
    card = run_sound_card(
        span_s,
        block_s=receiver.block_s,
        clock_drift_ppm=receiver.clock_drift_ppm,
        freezes=freezes,
        seed=seed,
        late_chance=receiver.late_chance,
    )
    clock = card.clock
    arrivals = _arrivals(seen_by_renderer(arrived_s, freezes), plan, payloads)
    capacity = len(clock) * TICK_SAMPLES
    signal = Waveform(SPEECH_RATE_HZ, _pieces(arrivals, decoded, plan), capacity=capacity)
    neteq = NetEq(
        arrivals,
        clock.first_tick_after(arrivals.arrival_s),
        ticks=len(clock),
        signal=signal,
        minimum_delay_s=receiver.minimum_delay_s,
        maximum_packets=receiver.maximum_packets,
        until_tick=len(clock),
    )
    trace = neteq.run()
    recording = np.zeros(capacity, dtype=np.float32)
    silence = neteq.first_tick * TICK_SAMPLES
    recording[silence : silence + neteq.heard] = signal.samples(neteq.heard)
    concealment = count_concealment(neteq, trace, recording)
    return Heard(
        recording=_with_noise(recording, receiver, seed),
        place_s=_places(neteq, trace, packets=len(plan.packets)),
        clock=np.column_stack([clock.tick_s, np.arange(len(clock)) * TICK_S]),
        concealment=concealment,
        statistics=count_statistics(neteq, trace, recording, concealment=concealment, clock=clock, freezes=freezes),
        device=card.play(recording) if freezes else None,
    )


def _places(neteq: NetEq, trace: Trace, *, packets: int) -> np.ndarray:
    """Return the recording time at which each planned packet begins."""
    place_s = np.full(packets, np.nan)
    came = trace.played & neteq.arrivals.received
    place_s[neteq.arrivals.row[came]] = neteq.first_tick * TICK_S + trace.place[came] / SPEECH_RATE_HZ
    return place_s


def _with_noise(recording: np.ndarray, receiver: Receiver, seed: int) -> np.ndarray:
    if not np.isfinite(receiver.noise_dbfs):
        return recording
    noise = np.random.default_rng([seed, 4]).standard_normal(len(recording), dtype=np.float32)
    return recording + noise * np.float32(10 ** (receiver.noise_dbfs / 20))


# ---------------------------------------------------------------------------------------------------------------------
# NetEq's input
# ---------------------------------------------------------------------------------------------------------------------


def _arrivals(arrived_s: np.ndarray, plan: SendPlan, payloads: list[bytes]) -> Arrivals:
    row = np.flatnonzero(np.isfinite(arrived_s))
    stamp = _media(plan)
    row = row[np.argsort(stamp[row], kind="stable")]
    heads = np.array([(*payloads[r][:2], 0, 0)[:2] for r in row], dtype=np.uint8).reshape(-1, 2)
    arrivals = Arrivals(
        rate_hz=SPEECH_RATE_HZ,
        row=row,
        start=stamp[row] - stamp[row[0]],
        length=np.full(len(row), plan.packet_samples, dtype=np.int64),
        arrival_s=arrived_s[row],
        dtx=np.array([len(payloads[r]) <= DTX_BYTES for r in row]),
        sequence=np.array([plan.packets[r].ext_sequence_number for r in row]),
    )
    opus = plan.clock_rate_hz == SPEECH_RATE_HZ
    return with_copies(arrivals, carries_copy(*heads.T)) if opus else arrivals


def _media(plan: SendPlan) -> np.ndarray:
    """Return the timestamp of each planned packet in samples at 48 kHz."""
    stamp = np.array([packet.ext_timestamp for packet in plan.packets], dtype=np.int64)
    return stamp * (SPEECH_RATE_HZ // plan.clock_rate_hz)


def _pieces(arrivals: Arrivals, decoded: np.ndarray, plan: SendPlan) -> list[np.ndarray]:
    """Return the audio of each arrival; what came only as a copy sounds like the packet that was sent."""
    stamp = _media(plan)
    first = stamp[arrivals.row[arrivals.received][0]] - arrivals.start[arrivals.received][0]
    row = np.searchsorted(stamp, arrivals.start + first)
    return [decoded[r] for r in np.where(arrivals.received, arrivals.row, row)]
