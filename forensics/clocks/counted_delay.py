"""The recording's clock from what the browser counted: how long packets waited in its buffer, second by second.

A packet was decoded when it had arrived and waited. Arrivals are in the capture, the wait is in getStats, and where in
the recording a packet was heard tells the block of 10 ms for which it was decoded: so every second of statistics places
the recording by itself. A sound card that stood still shows in the audio that it was given, a recorder that left
something out as a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.clocks.standstills import STANDSTILL_S, find_standstills
from forensics.clocks.stepped_line import LEAST_POINTS, SteppedLine, fit_stepped_line
from forensics.model import ClockMap, Playout, RtpStream

LEAST_PACKETS = 25
"""Half a second of located packets between two readings: with fewer, the mean wait is not theirs."""

LEAST_SECONDS = 5
"""Readings that a placement needs."""

STEADY_S = (0.01, 0.06)
"""Where waits scatter, the mean over the packets that were located is not the mean over all: by 1 ms where by less than
half a packet, by 5 ms where by three, and more beyond. Steady readings are enough where there are `LEAST_SECONDS`."""

BLOCK_S = 0.01
"""NetEq gives out 10 ms at a time and counts waits in such blocks (neteq_impl.h, kOutputSizeMs; tick_timer.h)."""

HELD_BACK_S = 5 / 8000
"""What NetEq keeps back to join the next packet to: a packet is decoded for the block that would use it up
(sync_buffer.h, expand.cc: overlap_length_)."""

COUNTED_LATE_S = BLOCK_S / 2
"""A wait counts the blocks given out since the packet came, which on the average is half a block more than the time."""

BETTER = 3.0
LIKE_S = 0.0005
"""Readings on the true blocks scatter by 0.5 ms and on wrong ones by 3 to 5: another beginning of the blocks is
believed where it brings the scatter down to a third, and by more than half a millisecond."""

LEAST_STEP_S = (0.006, 0.04)
"""Smallest step that is believed: half a block of a sound card where readings agree; four blocks where they do not, and
where drift moves the packets past the blocks."""

SCATTERS_A_STEP = 4.0
"""Between these, a step is so many times the scatter of the readings."""

MOST_POINTS = 100
"""More readings than this are put together before a line is drawn, the medians of so many groups: steps between the
readings of a group, which no standstill shows, are placed to the group."""

DRIFT_SPAN_S = 300.0
"""Readings scatter by 5 ms: in five minutes that is 3 ppm, in a minute 40."""

ERROR_S = 0.01
"""A block of 10 ms: a sound card in step with the packets, or a recorder that began within a block, hide that much."""


@dataclass(frozen=True, slots=True, eq=False)
class _Readings:
    """The browser's readings of one stream, in the order of time, (n,) float64 each."""

    at_s: np.ndarray
    delay_s: np.ndarray  # jitterBufferDelay
    count: np.ndarray  # jitterBufferEmittedCount
    samples: np.ndarray  # totalSamplesReceived; NaN where it was not read


def refine_recording_clock(clock: ClockMap, playout: Playout, stream: RtpStream, *, inbound: pd.DataFrame) -> ClockMap:
    """Place a recording by the mean wait of its packets in the jitter buffer, where the statistics count it.

    Parameters
    ----------
    clock : ClockMap
        Of the recording, from `estimate_recording_clock`.
    playout : Playout
        What was heard.
    stream : RtpStream
        The same stream.
    inbound : DataFrame
        The browser's inbound-rtp with `capture_s`; readings of other streams are passed over.

    Returns
    -------
    ClockMap
        With `steps` where the recording stood still while the call went on, and drift where the call lasts
        `DRIFT_SPAN_S`; `clock` itself where fewer than `LEAST_SECONDS` readings tell anything.

    Notes
    -----
    W3C webrtc-stats: jitterBufferDelay over jitterBufferEmittedCount, from reading to reading, is the mean time
    between arrival and decoding. Readings further apart blur a step; it is placed between two of them. A recording made
    inside the browser begins with a block; one that was begun elsewhere is told by its readings where time scaling
    moved packets against the blocks, and is placed to half a block where nothing did.
    """
    readings = _read_counts(inbound[inbound["ssrc"] == stream.ssrc])
    places = _places(playout, stream, readings)
    if len(places) < LEAST_SECONDS:
        return clock
    stood_s = find_standstills(readings.at_s, readings.samples, rate_hz=stream.codec.clock_rate_hz)
    confirmed = _confirmed(places, readings, rate_hz=stream.codec.clock_rate_hz)
    steady = places[confirmed & (stood_s[places["reading"]] == 0)]  # within the others the clock jumped
    steady = steady if len(steady) >= LEAST_SECONDS else places
    line, stood_s = _draw_line(steady, stood_s)
    steps = sorted([*line.steps, *_standstill_steps(readings, stood_s, line)])
    offset_s, steps = _level(steady, line, steps)
    kept = int(line.kept.sum())
    return ClockMap(
        clock.local,
        offset_s,
        ERROR_S + 2 * line.deviation / float(np.sqrt(kept)),
        "decoded-audio, jitterBufferDelay",
        drift_ppm=line.slope * 1e6,
        notes=(*clock.notes, f"{kept} of {len(line.kept)} readings agree within {line.deviation * 1e3:.0f} ms"),
        steps=tuple(steps),
    )


def _read_counts(own: pd.DataFrame) -> _Readings:
    """Readings that tell the wait, each once."""
    columns = ["capture_s", "jitter_buffer_delay", "jitter_buffer_emitted_count"]
    if not set(columns) <= set(own):
        return _Readings(np.empty(0), np.empty(0), np.empty(0), np.empty(0))
    known = own.dropna(subset=columns).drop_duplicates("capture_s").sort_values("capture_s")
    samples = known.get("total_samples_received", pd.Series(np.nan, index=known.index))
    at_s, delay_s, count = known[columns].to_numpy(dtype=float).T
    return _Readings(at_s, delay_s, count, samples.to_numpy(dtype=float))


def _places(playout: Playout, stream: RtpStream, readings: _Readings) -> pd.DataFrame:
    """Recording time and offset of the clock by each reading, as means over the packets decoded since the last one."""
    heard = playout.packets.dropna(subset="heard_s")
    heard_s = heard["heard_s"].to_numpy()
    arrival_s = stream.packets["arrival_s"].to_numpy()[heard["row"]]
    delay_s, count = np.diff([readings.delay_s, readings.count])
    wait_s = np.divide(delay_s, count, out=np.full(len(count), np.nan), where=count > 0)
    windows = _steady_windows(arrival_s, heard_s, readings=readings, wait_s=wait_s)
    came_s = np.array([arrival_s[rows].mean() + wait_s[reading - 1] for reading, rows in windows.items()])
    blocks_s = _block_starts(heard_s, list(windows.values()), came_s)
    return pd.DataFrame(
        {
            "reading": np.array(list(windows), dtype=int),
            "heard_s": [heard_s[rows].mean() for rows in windows.values()],
            "offset_s": came_s - [blocks_s[rows].mean() for rows in windows.values()] - COUNTED_LATE_S,
        }
    )


def _steady_windows(
    arrival_s: np.ndarray, heard_s: np.ndarray, *, readings: _Readings, wait_s: np.ndarray
) -> dict[int, np.ndarray]:
    """Rows of the packets decoded before each reading and after the last one, where they waited equally long."""
    order = np.argsort(arrival_s)
    edges = [
        np.searchsorted(arrival_s[order], edge_s - wait_s, side="right")
        for edge_s in (readings.at_s[:-1], readings.at_s[1:])
    ]
    windows = {n + 1: order[first:last] for n, (first, last) in enumerate(zip(*edges, strict=True))}
    windows = {n: rows for n, rows in windows.items() if len(rows) >= LEAST_PACKETS and np.isfinite(wait_s[n - 1])}
    spread_s = {n: float(np.std(heard_s[rows] - arrival_s[rows])) for n, rows in windows.items()}
    calm = sum(spread <= STEADY_S[0] for spread in spread_s.values())
    most_s = STEADY_S[0] if calm >= LEAST_SECONDS else STEADY_S[1]
    return {n: rows for n, rows in windows.items() if spread_s[n] <= most_s}


def _block_starts(heard_s: np.ndarray, windows: list[np.ndarray], came_s: np.ndarray) -> np.ndarray:
    """Recording time of the block for which each packet was decoded.

    Blocks begin with the recording, unless its readings agree better on another beginning or on none.
    """

    def blocks_from(phase_s: float) -> np.ndarray:
        return np.floor((heard_s - HELD_BACK_S - phase_s) / BLOCK_S + 1e-6) * BLOCK_S + phase_s

    def scatter(starts_s: np.ndarray) -> float:
        return _scatter(came_s - [starts_s[rows].mean() for rows in windows])

    from_zero, anywhere = blocks_from(0.0), heard_s - HELD_BACK_S - BLOCK_S / 2
    shifted = min((blocks_from(phase_s) for phase_s in np.arange(0.001, BLOCK_S, 0.001)), key=scatter)
    best = min((from_zero, shifted, anywhere), key=scatter)
    return from_zero if scatter(from_zero) <= BETTER * scatter(best) + LIKE_S else best


def _scatter(values: np.ndarray) -> float:
    """Median change from one value to the next, which a few steps do not move."""
    return float(np.median(np.abs(np.diff(values)))) if len(values) > 1 else 0.0


def _confirmed(places: pd.DataFrame, readings: _Readings, *, rate_hz: int) -> np.ndarray:
    """Which places the audio given out confirms to a block, beside cuts of the recorder; all where it was not read."""
    behind_s = readings.at_s - readings.samples / rate_hz
    reading = places["reading"].to_numpy()
    excess_s = places["offset_s"].to_numpy() - (behind_s[reading - 1] + behind_s[reading]) / 2
    known = np.isfinite(excess_s)
    if known.sum() < LEAST_SECONDS:
        return np.ones(len(places), dtype=bool)
    t = places["heard_s"].to_numpy()
    line = _fit(t[known], excess_s[known], least_step=STANDSTILL_S, least_points=LEAST_POINTS)
    return known & (np.abs(excess_s - line(t)) <= STANDSTILL_S / 2)


def _fit(t: np.ndarray, y: np.ndarray, *, least_step: float, least_points: int) -> SteppedLine:
    """Fit a line with steps, level in a short call, through no more than `MOST_POINTS`."""
    groups = np.array_split(np.arange(len(t)), min(len(t), MOST_POINTS))
    t, y = (np.array([np.median(values[group]) for group in groups]) for values in (t, y))
    level = t[-1] - t[0] < DRIFT_SPAN_S
    return fit_stepped_line(t, y, least_step=least_step, level=level, least_points=least_points)


def _draw_line(places: pd.DataFrame, stood_s: np.ndarray) -> tuple[SteppedLine, np.ndarray]:
    """Fit a line to what the standstills leave over; without them where the recording went on through them."""
    t, y = places["heard_s"].to_numpy(), places["offset_s"].to_numpy()
    short = t[-1] - t[0] < DRIFT_SPAN_S
    least_step = float(np.clip(SCATTERS_A_STEP * _scatter(y), *LEAST_STEP_S)) if short else LEAST_STEP_S[1]
    trials = []
    for stood in (stood_s, np.zeros_like(stood_s)):
        rest = y - np.cumsum(stood)[places["reading"]]
        line = _fit(t, rest, least_step=least_step, least_points=1 if short else LEAST_POINTS)
        off = np.minimum(np.abs(rest - line(t)), LEAST_STEP_S[1]).sum() + least_step * len(line.steps)
        trials.append((off, line, stood))
    _, line, stood = min(trials, key=lambda trial: trial[0])
    return line, stood


def _standstill_steps(readings: _Readings, stood_s: np.ndarray, line: SteppedLine) -> list[tuple[float, float]]:
    """Recording time, half way between two readings, and size of each standstill."""
    behind_s, steps = np.cumsum(stood_s), []
    for reading in np.flatnonzero(stood_s):
        between = slice(reading - 1, reading + 1)
        at_s = readings.at_s[between] - line(readings.at_s[between] - line.offset) - behind_s[between]
        steps.append((float(at_s.mean()), float(stood_s[reading])))
    return steps


def _level(
    places: pd.DataFrame, line: SteppedLine, steps: list[tuple[float, float]]
) -> tuple[float, list[tuple[float, float]]]:
    """Offset, and the same steps with sizes by the readings between them, which know them best, where there are two."""
    t, rest = places["heard_s"].to_numpy(), places["offset_s"].to_numpy() - line.slope * places["heard_s"].to_numpy()
    at_s, change_s = np.array(steps or [(np.inf, 0.0)]).T
    levels_s = line.offset + np.append(0.0, np.cumsum(change_s))
    piece = np.searchsorted(at_s, t, side="right")
    for number in range(len(levels_s)):
        own = rest[piece == number]
        own = own[np.abs(own - levels_s[number]) < BLOCK_S]
        if len(own) > 1:
            levels_s[number] = np.median(own)
    if not steps:
        return float(levels_s[0]), steps
    return float(levels_s[0]), [(float(a), float(c)) for a, c in zip(at_s, np.diff(levels_s), strict=True)]
