"""When the listener's sound card asks for audio: the clock that a jitter buffer lives by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.clocks.standstills import find_standstills

TICK_S = 0.01
"""NetEq gives out 10 ms at a time (neteq_impl.h, kOutputSizeMs)."""


SMOOTHED = 61
"""Readings around each of which the median is taken: a minute, in which drift moves a sound card by a few ms."""

COUNTED_LATE_S = TICK_S / 2
"""A reading falls on the average half a tick after the last one that it counts."""


@dataclass(frozen=True, slots=True, eq=False)
class TickClock:
    """Seconds of the capture clock at which each tick is asked for, (n,) float64, never falling."""

    tick_s: np.ndarray

    def __len__(self) -> int:
        return len(self.tick_s)

    def first_tick_after(self, arrival_s: np.ndarray) -> np.ndarray:
        """Return the tick that first finds a packet of each time of arrival, (n,) int64."""
        return np.searchsorted(self.tick_s, np.asarray(arrival_s) - 1e-9)

    def capture_s(self, output_s: np.ndarray, *, first_tick: int) -> np.ndarray:
        """Return when each moment of the output is handed over; `output_s` counts from the start of `first_tick`."""
        ticks = first_tick + np.asarray(output_s, dtype=float) / TICK_S
        whole = np.clip(ticks.astype(np.int64), 0, len(self.tick_s) - 1)
        return self.tick_s[whole] + (ticks - whole) * TICK_S


def regular_ticks(first_s: float, last_s: float, *, block_s: float = TICK_S, phase_s: float | None = None) -> TickClock:
    """Ticks of a sound card that asks for `block_s` at a time, as often as it takes.

    Parameters
    ----------
    first_s, last_s : float
        Capture seconds of the first arrival, and of the end.
    block_s : float
        10 ms upwards, in whole ticks.
    phase_s : float, optional
        From the first arrival to the next tick, 0..`block_s`. Half a block where it is not known.

    Returns
    -------
    TickClock
    """
    ticks = max(1, round(block_s / TICK_S))
    start_s = first_s + (ticks * TICK_S / 2 if phase_s is None else phase_s) - ticks * TICK_S
    index = np.arange(max(1, int(np.ceil((last_s - start_s) / TICK_S)) + 1))
    return TickClock(start_s + index // ticks * ticks * TICK_S)


def extended_ticks(tick_s: np.ndarray, first_s: float, last_s: float) -> TickClock:
    """Return the ticks that were observed, with regular ones before and after them from `first_s` to `last_s`."""
    observed = np.maximum.accumulate(np.asarray(tick_s, dtype=float))
    before = max(0, int(np.ceil((observed[0] - first_s) / TICK_S))) + 1
    after = max(0, int(np.ceil((last_s - observed[-1]) / TICK_S))) + 1
    earlier = observed[0] - TICK_S * np.arange(before, 0, -1)
    return TickClock(np.concatenate([earlier, observed, observed[-1] + TICK_S * np.arange(1, after + 1)]))


def estimate_ticks(at_s: np.ndarray, total_samples_received: np.ndarray, *, rate_hz: int) -> np.ndarray:
    """Work out when the sound card asked for audio from what `getStats` counted.

    Parameters
    ----------
    at_s : ndarray, (n,) float64
        Capture seconds of each reading, rising.
    total_samples_received : ndarray, (n,)
        The W3C's `totalSamplesReceived` of inbound-rtp: it counts what NetEq gave out.
    rate_hz : int
        Rate of the codec: 48 000 for Opus.

    Returns
    -------
    ndarray, (m,) float64
        Capture seconds of each 10 ms, from the first sample on: `tick_s` of `replay_neteq`.

    Notes
    -----
    A sound card asks for 10 to 12 ms at a time, so a reading tells the tick to ± 10 ms; the median over `SMOOTHED`
    readings is taken, and the ticks between them are spread evenly. Where it stood still by more than a reading can
    tell (`find_standstills`), the ticks stop half way between the two readings: how deep the buffer was afterwards is
    right, when it froze is known to the distance of the readings (1 s in a webrtc-internals dump).

    Examples
    --------
    >>> inbound = scene.stats["inbound-rtp"]
    >>> tick_s = estimate_ticks(inbound.capture_s, inbound.total_samples_received, rate_hz=48_000)
    >>> replay_neteq(stream, tick_s=tick_s)
    """
    samples, at_s = np.asarray(total_samples_received, dtype=float), np.asarray(at_s, dtype=float)
    known = np.isfinite(samples) & np.isfinite(at_s)
    known &= samples > np.concatenate([[-1.0], np.maximum.accumulate(np.nan_to_num(samples))[:-1]])
    samples, at_s = samples[known], at_s[known]
    if not len(samples):
        return np.zeros(0)
    given_s, index_s = samples / rate_hz, np.arange(int(samples[-1] / (TICK_S * rate_hz)) + 1) * TICK_S
    stood_s = find_standstills(at_s, samples, rate_hz=rate_hz)
    behind = pd.Series(at_s - given_s - np.cumsum(stood_s)).rolling(SMOOTHED, center=True, min_periods=1).median()
    behind_s = behind.to_numpy() + COUNTED_LATE_S
    stopped = np.flatnonzero(stood_s)
    passed = np.searchsorted((given_s[stopped - 1] + given_s[stopped]) / 2, index_s, side="right")
    jumped_s = np.append(0.0, np.cumsum(stood_s[stopped]))[passed]
    return np.maximum.accumulate(index_s + np.interp(index_s, given_s, behind_s) + jumped_s)
