"""The counters of a simulated receiver, read every 100 ms as the recorder reads getStats()."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.lab.account import CONCEALMENT_COLUMNS
from forensics.lab.scenario import Fault
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.playout.neteq import NetEq
from forensics.playout.ticks import TICK_S, TickClock
from forensics.playout.trace import Trace

READING_S = 0.1

SILENCE = 1e-6
"""Samples below this are what a concealment that has faded away leaves."""


def count_concealment(neteq: NetEq, trace: Trace, recording: np.ndarray) -> pd.DataFrame:
    """Return what was concealed between each two readings, CONCEALMENT_COLUMNS."""
    edges = _edges(recording)
    inside, starts = _concealed_samples(neteq, trace, recording)
    quiet = inside & (np.abs(recording) < SILENCE)
    tick_edges = edges // neteq.step
    thrown = np.bincount(trace.gone[~trace.played].clip(max=len(trace.action) - 1), minlength=len(trace.action))
    per_ms = SPEECH_RATE_HZ / 1000
    columns = (
        edges[:-1] / SPEECH_RATE_HZ,
        edges[1:] / SPEECH_RATE_HZ,
        _between(inside, edges) / per_ms,
        _between(quiet, edges) / per_ms,
        np.histogram(starts, edges)[0],
        _between(-trace.stretched.clip(max=0), tick_edges) / per_ms,
        _between(thrown, tick_edges),
    )
    return pd.DataFrame(dict(zip(CONCEALMENT_COLUMNS, columns, strict=True))).astype(dict(CONCEALMENT_COLUMNS))


def count_statistics(
    neteq: NetEq,
    trace: Trace,
    recording: np.ndarray,
    *,
    concealment: pd.DataFrame,
    clock: TickClock,
    freezes: tuple[Fault, ...],
) -> pd.DataFrame:
    """Return running sums under the names of getStats(), one row per reading from the first packet on.

    Parameters
    ----------
    neteq, trace : NetEq, Trace
        After the run.
    recording : (n,) float32
    concealment : DataFrame
        What `count_concealment` returned for it.
    clock : TickClock
        Seconds of the call.
    freezes : tuple of Fault
        Each adds its length to what the playout device had to synthesise.

    Returns
    -------
    DataFrame
        `at_s` (seconds of the call), then the members of inbound-rtp and, with a dot before the name, of
        media-playout.
    """
    ticks = np.minimum(_edges(recording)[1:] // neteq.step, len(clock)) - 1
    at_s = clock.tick_s[ticks]
    came = np.sort(neteq.available[neteq.arrivals.received])
    received = np.searchsorted(came, ticks, side="right")
    played, length = trace.played, neteq.arrivals.length
    waited_s = (trace.gone - neteq.available + 1) * TICK_S
    wanted_s = trace.target_ms[np.minimum(trace.gone, len(trace.target_ms) - 1)] / 1000
    ended = [(fault.end_s, fault.duration_s) for fault in freezes]
    table = pd.DataFrame(
        {
            "at_s": at_s,
            "packetsReceived": received,
            "packetsLost": _lost(neteq, ticks),
            "packetsDiscarded": concealment["discarded"].cumsum(),
            "concealedSamples": concealment["concealed_ms"].cumsum() * SPEECH_RATE_HZ / 1000,
            "silentConcealedSamples": concealment["silent_ms"].cumsum() * SPEECH_RATE_HZ / 1000,
            "concealmentEvents": concealment["events"].cumsum(),
            "insertedSamplesForDeceleration": np.cumsum(trace.stretched.clip(min=0))[ticks],
            "removedSamplesForAcceleration": np.cumsum(-trace.stretched.clip(max=0))[ticks],
            "jitterBufferDelay": _summed(trace.gone[played], (waited_s * length)[played], ticks),
            "jitterBufferTargetDelay": _summed(trace.gone[played], (wanted_s * length)[played], ticks),
            "jitterBufferEmittedCount": _summed(trace.gone[played], length[played], ticks),
            "totalSamplesReceived": (ticks + 1 - neteq.first_tick) * neteq.step,
            "fecPacketsReceived": 0,
            ".synthesizedSamplesDuration": [sum(d for end_s, d in ended if end_s <= t) for t in at_s],
            ".synthesizedSamplesEvents": [sum(end_s <= t for end_s, _ in ended) for t in at_s],
            ".totalSamplesDuration": at_s - at_s[0],
        }
    )
    return table[received > 0].round(6).reset_index(drop=True)


def counted_at(statistics: pd.DataFrame, *, rate_hz: int) -> pd.DataFrame:
    """Return the counters as a browser that decodes at another rate counts them: in samples of that rate."""
    of_stream = [name for name in statistics if not name.startswith(".")]
    samples = [name for name in of_stream if "Samples" in name or name.startswith("jitterBuffer")]
    return statistics.assign(**(statistics[samples] * (rate_hz / SPEECH_RATE_HZ)).round(6))


def _edges(recording: np.ndarray) -> np.ndarray:
    return np.arange(0, len(recording) + 1, round(READING_S * SPEECH_RATE_HZ))


def _concealed_samples(neteq: NetEq, trace: Trace, recording: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which samples of the recording were concealed, and where concealments begin."""
    silence = neteq.first_tick * neteq.step
    runs = np.array([(c.start, c.end) for c in trace.concealments if c.end > c.start], dtype=np.int64).reshape(-1, 2)
    runs = np.minimum(runs + silence, len(recording))
    steps = np.zeros(len(recording) + 1, dtype=np.int64)
    np.add.at(steps, runs[:, 0], 1)
    np.add.at(steps, runs[:, 1], -1)
    return np.cumsum(steps[:-1]) > 0, runs[:, 0]


def _between(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0], np.cumsum(values)])
    return np.diff(total[np.minimum(edges, len(values))])


def _summed(ticks: np.ndarray, weights: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """Return the running sum of `weights`, which are due at `ticks`, at each reading."""
    return np.cumsum(np.bincount(ticks, weights=weights, minlength=int(readings.max()) + 1))[readings]


def _lost(neteq: NetEq, readings: np.ndarray) -> np.ndarray:
    """Return how many packets were missing at each reading, by the highest sequence number that had come."""
    received = neteq.arrivals.received
    available, sequence = neteq.available[received], neteq.arrivals.sequence[received]
    order = np.argsort(available, kind="stable")
    highest = np.maximum.accumulate(sequence[order])
    count = np.searchsorted(available[order], readings, side="right")
    expected = highest[np.maximum(count - 1, 0)] - sequence.min() + 1
    return np.where(count > 0, expected - count, 0)
