"""Many streams on their own time lines at once: unwrapped numbers, jitter and fates, in one pass over sorted columns.

A `Timelines` keeps what a stream carries from one chunk to the next: a file in pieces gives the same as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.streams.fates import Fates
from forensics.streams.jitter import estimate_jitter
from forensics.streams.segments import Segments, find_segments

MAX_DROPOUT, MAX_MISORDER = 3000, 100
"""Jumps of the sequence number that are still believed without a look at the time stamp (RFC 3550 appendix A.1)."""

TIMESTAMP_JUMP_S = 60.0
"""A time stamp this far from its arrival started anew. Ours: longer than a stall after which a sender goes on."""

LONGEST_USUAL_STEP = 1.5
"""A packet that follows its forerunner with a time stamp this many usual steps ahead comes after a pause. Ours."""

_NEVER = np.int64(1) << 33  # larger than any advance of a time stamp


@dataclass(slots=True, eq=False)
class Rows:
    """Packets sorted by stream and, inside a stream, in the order of arrival; one row each."""

    stream: np.ndarray
    arrival_s: np.ndarray
    sequence_number: np.ndarray  # uint16
    timestamp: np.ndarray  # uint32

    def __len__(self) -> int:
        return len(self.stream)


@dataclass(slots=True, eq=False)
class Timed:
    """What a pass over `Rows` adds to each row, and the `segments` of the rows.

    `begins` marks the first row of a stream, `resumes` those before which the source paused: the sequence goes on and
    the time stamp jumps.
    """

    ext_sequence_number: np.ndarray
    ext_timestamp: np.ndarray
    transit_s: np.ndarray
    jitter_s: np.ndarray
    delta_s: np.ndarray
    fate: np.ndarray
    begins: np.ndarray
    resumes: np.ndarray
    segments: Segments


_STATE = {
    "seen": np.bool_,
    "arrival_s": np.float64,
    "sequence_number": np.int64,
    "timestamp": np.int64,
    "ext_sequence_number": np.int64,
    "ext_timestamp": np.int64,
    "transit_s": np.float64,
    "jitter_s": np.float64,
    "step_ticks": np.int64,
    "restarts": np.int64,
}


@dataclass(slots=True, eq=False)
class Timelines:
    """The state of every stream between two chunks.

    Attributes
    ----------
    clock_rate_hz : ndarray of float64, shape (streams,)
        Set it before the first rows of a stream come.
    fates : Fates
        Which sequence numbers were seen, and which are missing.
    """

    clock_rate_hz: np.ndarray = field(default_factory=lambda: np.zeros(0))
    fates: Fates = field(default_factory=Fates)
    state: dict[str, np.ndarray] = field(default_factory=lambda: {n: np.zeros(0, t) for n, t in _STATE.items()})

    def reserve(self, streams: int) -> None:
        """Make room for stream numbers below `streams`."""
        more = streams - len(self.clock_rate_hz)
        if more > 0:
            more = max(more, len(self.clock_rate_hz))
            self.clock_rate_hz = np.concatenate([self.clock_rate_hz, np.full(more, 8000.0)])
            self.state = {n: np.concatenate([s, np.zeros(more, s.dtype)]) for n, s in self.state.items()}
            self.fates.reserve(len(self.clock_rate_hz))

    def advance(self, rows: Rows) -> Timed:
        """Take in the next rows of any streams.

        Parameters
        ----------
        rows : Rows
            Sorted by stream, stably. `reserve` must have made room for their numbers.

        Returns
        -------
        Timed
            One entry per row. The jitter is RFC 3550's estimator in seconds; `delta_s` is the time since the packet
            before, zero for the first.
        """
        segments = find_segments(rows.stream)
        begins = np.zeros(len(rows), bool)
        begins[segments.start] = ~self.state["seen"][segments.stream]
        self._begin(rows, segments)
        clock = segments.spread(self.clock_rate_hz[segments.stream])
        delta = rows.arrival_s - self._before(rows.arrival_s, segments, "arrival_s")
        step = _signed(rows.sequence_number - self._before(rows.sequence_number, segments, "sequence_number"))
        ticks = _signed(rows.timestamp - self._before(rows.timestamp, segments, "timestamp"))
        usual = self._usual_steps(step, ticks, segments)
        restart = self._restarts(step, ticks, delta, usual=usual, rows=rows, clock=clock)
        resumes = (step == 1) & (ticks > LONGEST_USUAL_STEP * usual)
        sequence = self._summed(step, segments, "ext_sequence_number")
        timestamp = self._summed(ticks, segments, "ext_timestamp")
        transit = rows.arrival_s - timestamp / clock
        deviation = np.abs(transit - self._before(transit, segments, "transit_s"))
        deviation[begins | restart] = 0.0
        jitter = estimate_jitter(deviation, segments, carried=self.state["jitter_s"][segments.stream])
        fate = self.fates.tell(sequence, step, arrival_s=rows.arrival_s, segments=segments)
        self._keep(segments, rows, sequence=sequence, timestamp=timestamp, transit=transit, jitter=jitter)
        return Timed(sequence, timestamp, transit, jitter, delta, fate, begins, resumes, segments)

    def lost(self, stream: int) -> int:
        """Return how many sequence numbers of a stream were never seen so far."""
        return self.fates.lost(stream)

    def keep(self, streams: np.ndarray) -> None:
        """Forget all streams but these, which become 0, 1, 2 … in their order."""
        self.clock_rate_hz = self.clock_rate_hz[streams]
        self.state = {name: column[streams] for name, column in self.state.items()}
        self.fates.keep(streams)

    def _begin(self, rows: Rows, segments: Segments) -> None:
        """Give new streams the state of a packet that came just where their first one is."""
        new = ~self.state["seen"][segments.stream]
        streams, at = segments.stream[new], segments.start[new]
        state = self.state
        state["seen"][streams] = True
        state["arrival_s"][streams] = rows.arrival_s[at]
        state["sequence_number"][streams] = rows.sequence_number[at]
        state["timestamp"][streams] = rows.timestamp[at]
        state["ext_sequence_number"][streams] = rows.sequence_number[at]
        state["ext_timestamp"][streams] = rows.timestamp[at]
        state["step_ticks"][streams] = _NEVER
        self.fates.begin(streams, rows.sequence_number[at].astype(np.int64))

    def _before(self, column: np.ndarray, segments: Segments, name: str) -> np.ndarray:
        """Return `column` one row later, with the carried value where a segment starts."""
        before = np.empty_like(column)
        before[1:] = column[:-1]
        before[segments.start] = self.state[name][segments.stream]
        return before

    def _summed(self, steps: np.ndarray, segments: Segments, name: str) -> np.ndarray:
        """Running sums of `steps` inside each segment, from the carried value on."""
        sums = np.cumsum(steps)
        base = self.state[name][segments.stream] - (sums[segments.start] - steps[segments.start])
        sums += segments.spread(base)
        return sums

    def _restarts(
        self,
        step: np.ndarray,
        ticks: np.ndarray,
        delta: np.ndarray,
        *,
        usual: np.ndarray,
        rows: Rows,
        clock: np.ndarray,
    ) -> np.ndarray:
        """Mend, in place, the steps of sources that began to count anew; return where they did.

        A jump of the sequence number belongs to the old count where the time stamp moved by as many frames; else the
        source restarted, and the count goes on with one. A time stamp goes on with the time that passed.
        """
        restart = np.zeros(len(step), bool)
        jumps = np.flatnonzero((step > MAX_DROPOUT) | (step < -MAX_MISORDER))
        if len(jumps):
            frames = ticks[jumps] / usual[jumps]
            restart[jumps[~((frames / step[jumps] > 0.5) & (frames / step[jumps] < 2))]] = True
            step[restart] = 1
        leap = np.abs(ticks - delta * clock) > TIMESTAMP_JUMP_S * clock
        if leap.any():
            leap &= (ticks < 0) | (ticks > (delta + TIMESTAMP_JUMP_S) * clock)
        anew = restart | leap
        if anew.any():
            ticks[anew] = np.rint(delta[anew] * clock[anew]).astype(np.int64)
            np.add.at(self.state["restarts"], rows.stream[anew], 1)
        return anew

    def _usual_steps(self, step: np.ndarray, ticks: np.ndarray, segments: Segments) -> np.ndarray:
        """Ticks of an ordinary step so far: the smallest advance between a packet and the next in sequence."""
        known = self.state["step_ticks"]
        carried = known[segments.stream]
        ahead = np.where((step == 1) & (ticks > 0), ticks, _NEVER)
        if (np.minimum.reduceat(ahead, segments.start) >= carried).all():
            return segments.spread(carried)
        ahead[segments.start] = np.minimum(ahead[segments.start], carried)
        below = segments.spread(np.arange(len(segments)) * _NEVER)  # keeps segments apart
        smallest = np.minimum.accumulate(ahead - below) + below
        known[segments.stream] = smallest[segments.last]
        return smallest

    def _keep(
        self,
        segments: Segments,
        rows: Rows,
        *,
        sequence: np.ndarray,
        timestamp: np.ndarray,
        transit: np.ndarray,
        jitter: np.ndarray,
    ) -> None:
        kept = {
            "arrival_s": rows.arrival_s,
            "sequence_number": rows.sequence_number,
            "timestamp": rows.timestamp,
            "ext_sequence_number": sequence,
            "ext_timestamp": timestamp,
            "transit_s": transit,
            "jitter_s": jitter,
        }
        last = segments.last
        for name, column in kept.items():
            self.state[name][segments.stream] = column[last]


def _signed(difference: np.ndarray) -> np.ndarray:
    """Read differences of unsigned counters of n bits as the shorter way round, -2**(n-1) .. 2**(n-1) - 1."""
    return difference.view(f"i{difference.itemsize}").astype(np.int64)
