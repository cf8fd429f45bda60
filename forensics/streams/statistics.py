"""Sums per stream that need no memory of the packets: what `tshark -z rtp,streams` prints, and more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forensics.streams.drift import Drifts
from forensics.streams.fates import DUPLICATE, LATE, REORDERED
from forensics.streams.segments import Segments
from forensics.streams.timeline import Rows, Timed, Timelines

_SUMS: dict[str, Any] = {
    "packets": np.int64,
    "duplicate": np.int64,
    "late": np.int64,
    "reordered": np.int64,
    "talkspurts": np.int64,
    "first_s": np.float64,
    "last_s": np.float64,
    "first_transit_s": np.float64,
    "deltas": np.int64,
    "delta_sum_s": np.float64,
    "delta_min_s": np.float64,
    "delta_max_s": np.float64,
    "jitter_min_s": np.float64,
    "jitter_max_s": np.float64,
    "jitter_sum_s": np.float64,
    "transit_min_s": np.float64,
    "transit_max_s": np.float64,
    "types_low": np.uint64,
    "types_high": np.uint64,
}
_SMALLEST = ("delta_min_s", "jitter_min_s", "transit_min_s")


@dataclass(slots=True, eq=False)
class Marked:
    """What the sums need of each packet besides `Rows`; the same order."""

    payload_type: np.ndarray
    marker: np.ndarray


@dataclass(slots=True, eq=False)
class Sums:
    """Sums of every stream, and the time lines that they are read from.

    Notes
    -----
    The jitter is that of RFC 3550 section 6.4.1, over all packets in the order of arrival. tshark computes the same but
    leaves packets with a marker, comfort noise, telephone events and packets out of order out of its minimum, mean and
    maximum, gives none for a clock it does not know, and divides 44100 Hz as 44 ticks a millisecond.
    Deltas are times between a packet and the one before it in arrival; packets with a marker are left out, as there.
    *Lost* counts numbers that never came; tshark counts received packets, so that a duplicate hides a loss.
    The skew is the largest distance, either way, between a packet and its time stamp, counted from the first packet; it
    is positive where the time stamps run ahead, as in Wireshark. A talkspurt begins with a marker or after a pause.
    The drift is that of `drift.Drifts`, without the steps of a sender that stood still; tshark's has them in.
    """

    timelines: Timelines = field(default_factory=Timelines)
    drifts: Drifts = field(default_factory=Drifts)
    sums: dict[str, np.ndarray] = field(default_factory=lambda: {n: np.zeros(0, t) for n, t in _SUMS.items()})

    def reserve(self, streams: int) -> None:
        """Make room for stream numbers below `streams`."""
        self.timelines.reserve(streams)
        self.drifts.reserve(len(self.timelines.clock_rate_hz))
        more = len(self.timelines.clock_rate_hz) - len(self.sums["packets"])
        if more > 0:
            for name, column in self.sums.items():
                blank = np.full(more, np.inf if name in _SMALLEST else 0, column.dtype)
                self.sums[name] = np.concatenate([column, blank])

    def keep(self, streams: np.ndarray) -> None:
        """Forget all streams but these, which become 0, 1, 2 … in their order."""
        self.timelines.keep(streams)
        self.drifts.keep(streams)
        self.sums = {name: column[streams] for name, column in self.sums.items()}

    def add(self, rows: Rows, marked: Marked) -> None:
        """Take in the next packets of any streams.

        Parameters
        ----------
        rows : Rows
            Sorted by stream, stably; `reserve` must have made room for their numbers.
        marked : Marked
            The rest of what is summed, in the same order.
        """
        if not len(rows):
            return
        timed = self.timelines.advance(rows)
        segments = timed.segments
        start, stream = segments.start, segments.stream
        new = timed.begins[start]
        self.sums["first_s"][stream[new]] = rows.arrival_s[start[new]]
        self.sums["first_transit_s"][stream[new]] = timed.transit_s[start[new]]
        self._count(segments, timed.fate, marked)
        spurts = timed.begins | timed.resumes | (marked.marker & (timed.fate == 0))
        self.sums["talkspurts"][stream] += np.add.reduceat(spurts, start, dtype=np.int64)
        self.sums["last_s"][stream] = np.maximum.reduceat(rows.arrival_s, start)
        self._add_deltas(stream, start, timed, marked)
        later = np.where(timed.begins, np.inf, 0)  # the first packet has no jitter
        self._least("jitter_min_s", stream, np.minimum.reduceat(timed.jitter_s + later, start))
        self._most("jitter_max_s", stream, np.maximum.reduceat(timed.jitter_s, start))
        self.sums["jitter_sum_s"][stream] += np.add.reduceat(timed.jitter_s, start)
        self._fit(rows, timed.transit_s, segments)

    def _add_deltas(self, stream: np.ndarray, start: np.ndarray, timed: Timed, marked: Marked) -> None:
        """Add the time between packets; a packet with a marker begins a talkspurt, and its pause is no delay."""
        apart = ~timed.begins & ~marked.marker
        self.sums["deltas"][stream] += np.add.reduceat(apart, start, dtype=np.int64)
        self.sums["delta_sum_s"][stream] += np.add.reduceat(np.where(apart, timed.delta_s, 0.0), start)
        self._least("delta_min_s", stream, np.minimum.reduceat(np.where(apart, timed.delta_s, np.inf), start))
        self._most("delta_max_s", stream, np.maximum.reduceat(np.where(apart, timed.delta_s, 0.0), start))

    def _count(self, segments: Segments, fate: np.ndarray, marked: Marked) -> None:
        start, stream = segments.start, segments.stream
        self.sums["packets"][stream] += segments.count
        if fate.any():
            for name, code in (("duplicate", DUPLICATE), ("late", LATE), ("reordered", REORDERED)):
                self.sums[name][stream] += np.add.reduceat(fate == code, start, dtype=np.int64)
        kind = marked.payload_type
        alike = np.minimum.reduceat(kind, start)
        if (alike == np.maximum.reduceat(kind, start)).all():  # as a rule a stream keeps to one
            kind, start = alike, np.arange(len(start))
        bit = np.uint64(1) << (kind & np.uint8(63)).astype(np.uint64)
        for name, half in (("types_low", kind < 64), ("types_high", kind >= 64)):
            self.sums[name][stream] |= np.bitwise_or.reduceat(np.where(half, bit, np.uint64(0)), start)

    def _least(self, name: str, stream: np.ndarray, value: np.ndarray) -> None:
        self.sums[name][stream] = np.minimum(self.sums[name][stream], value)

    def _most(self, name: str, stream: np.ndarray, value: np.ndarray) -> None:
        self.sums[name][stream] = np.maximum(self.sums[name][stream], value)

    def _fit(self, rows: Rows, transit_s: np.ndarray, segments: Segments) -> None:
        """Count transit and arrival from the first packet: how far they part, and along which line."""
        start, stream = segments.start, segments.stream
        x = rows.arrival_s - segments.spread(self.sums["first_s"][stream])
        y = transit_s - segments.spread(self.sums["first_transit_s"][stream])
        self._least("transit_min_s", stream, np.minimum.reduceat(y, start))
        self._most("transit_max_s", stream, np.maximum.reduceat(y, start))
        self.drifts.add(stream, start, passed_s=x, transit_s=y)

    def figures(self, stream: int) -> dict[str, Any]:
        """Return the figures of one stream by name: counts, seconds, ppm; None where there is no telling."""
        one = {name: column[stream].item() for name, column in self.sums.items()}
        lost = self.timelines.lost(stream)
        received = one["packets"] - one["duplicate"]
        later = max(one["packets"] - 1, 1)
        ahead, behind = -one["transit_min_s"], -one["transit_max_s"]
        return {
            "payload_types": _types(one["types_low"], one["types_high"]),
            "packets": one["packets"],
            "expected": received + lost,
            "lost": lost,
            "late": one["late"],
            "duplicate": one["duplicate"],
            "reordered": one["reordered"],
            "restarts": int(self.timelines.state["restarts"][stream]),
            "start_s": one["first_s"],
            "end_s": one["last_s"],
            "delta_min_s": _finite(one["delta_min_s"]),
            "delta_mean_s": one["delta_sum_s"] / max(one["deltas"], 1),
            "delta_max_s": one["delta_max_s"],
            "jitter_min_s": _finite(one["jitter_min_s"]),
            "jitter_mean_s": one["jitter_sum_s"] / later,
            "jitter_max_s": one["jitter_max_s"],
            "skew_s": ahead if abs(ahead) > abs(behind) else behind,
            "clock_drift_ppm": self.drifts.ppm(stream, duration_s=one["last_s"] - one["first_s"]),
            "talkspurts": one["talkspurts"],
        }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _types(low: int, high: int) -> list[int]:
    return [kind for kind in range(128) if ((low, high)[kind >> 6] >> (kind & 63)) & 1]
