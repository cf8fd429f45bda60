"""Many streams on their own time lines at once: unwrapped numbers, jitter and fates, in one pass over sorted columns.

A `Timelines` keeps what a stream carries from one chunk to the next: a file in pieces gives the same as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.model import FATES, Fate

MAX_DROPOUT, MAX_MISORDER = 3000, 100
"""Jumps of the sequence number that are still believed without a look at the time stamp (RFC 3550 appendix A.1)."""

LATE_AFTER_S = 0.080
"""A packet that was overtaken this long ago missed its playout: the target delay that NetEq starts with."""

TIMESTAMP_JUMP_S = 60.0
"""A time stamp this far from its arrival started anew. Ours: longer than a stall after which a sender goes on."""

LONGEST_USUAL_STEP = 1.5
"""A packet that follows its forerunner with a time stamp this many usual steps ahead comes after a pause. Ours."""

FORGET_AFTER = 1 << 15
"""Missing numbers this far behind cannot be told from later ones: half of the 16 bits."""

JITTER_GAIN = 1 / 16
"""RFC 3550 section 6.4.1."""

IN_ORDER, REORDERED, DUPLICATE, LATE = (
    FATES.index(fate) for fate in (Fate.IN_ORDER, Fate.REORDERED, Fate.DUPLICATE, Fate.LATE)
)
_JITTER_MEMORY = 1024
"""Packets after which a deviation has left the jitter: (15/16)**1024 is below the resolution of float64."""

_FEW_SEGMENTS = 16
"""So many streams in a chunk are faster summed one by one than all at once."""

_SEGMENT = np.int64(1) << 40  # larger than any unwrapped sequence number
_NEVER = np.int64(1) << 33  # larger than any advance of a time stamp


@dataclass(slots=True, eq=False)
class Rows:
    """Packets sorted by stream and, inside a stream, in the order of arrival; one row each."""

    stream: np.ndarray
    arrival_s: np.ndarray
    sequence_number: np.ndarray
    timestamp: np.ndarray

    def __len__(self) -> int:
        return len(self.stream)


@dataclass(slots=True, eq=False)
class Timed:
    """What a pass over `Rows` adds to each row.

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


@dataclass(slots=True, eq=False)
class _Segments:
    """Runs of rows of one stream: where each starts, how long it is, which stream it belongs to, and row → segment."""

    start: np.ndarray
    count: np.ndarray
    stream: np.ndarray

    @property
    def last(self) -> np.ndarray:
        return self.start + self.count - 1


_STATE = {
    "seen": np.bool_,
    "arrival_s": np.float64,
    "sequence_number": np.int64,
    "timestamp": np.int64,
    "ext_sequence_number": np.int64,
    "ext_timestamp": np.int64,
    "highest": np.int64,
    "lowest": np.int64,
    "transit_s": np.float64,
    "jitter_s": np.float64,
    "step_ticks": np.int64,
    "restarts": np.int64,
    "forgotten": np.int64,
}


@dataclass(slots=True, eq=False)
class Timelines:
    """The state of every stream between two chunks.

    Attributes
    ----------
    clock_rate_hz : ndarray of float64, shape (streams,)
        Set it before the first rows of a stream come.
    missing : dict
        Stream → {unwrapped sequence number: arrival of the packet that overtook it}.
    """

    clock_rate_hz: np.ndarray = field(default_factory=lambda: np.zeros(0))
    missing: dict[int, dict[int, float]] = field(default_factory=dict)
    state: dict[str, np.ndarray] = field(default_factory=lambda: {n: np.zeros(0, t) for n, t in _STATE.items()})

    def reserve(self, streams: int) -> None:
        """Make room for stream numbers below `streams`."""
        more = streams - len(self.clock_rate_hz)
        if more > 0:
            more = max(more, len(self.clock_rate_hz))
            self.clock_rate_hz = np.concatenate([self.clock_rate_hz, np.full(more, 8000.0)])
            self.state = {n: np.concatenate([s, np.zeros(more, s.dtype)]) for n, s in self.state.items()}

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
        segments = _segments(rows.stream)
        begins = np.zeros(len(rows), bool)
        begins[segments.start] = ~self.state["seen"][segments.stream]
        self._begin(rows, segments)
        clock = self.clock_rate_hz[rows.stream]
        delta = rows.arrival_s - self._before(rows.arrival_s, segments, "arrival_s")
        step = _signed(
            rows.sequence_number - self._before(rows.sequence_number.astype(np.int64), segments, "sequence_number"), 16
        )
        ticks = _signed(rows.timestamp - self._before(rows.timestamp.astype(np.int64), segments, "timestamp"), 32)
        usual = self._usual_steps(step, ticks, segments)
        restart = self._restarts(step, ticks, delta, usual=usual, rows=rows, clock=clock)
        resumes = (step == 1) & (ticks > LONGEST_USUAL_STEP * usual)
        sequence = self._summed(step, segments, "ext_sequence_number")
        timestamp = self._summed(ticks, segments, "ext_timestamp")
        transit = rows.arrival_s - timestamp / clock
        deviation = np.abs(transit - self._before(transit, segments, "transit_s"))
        deviation[begins | restart] = 0.0
        jitter = self._jitter(deviation, segments)
        fate = self._fates(sequence, rows.arrival_s, segments)
        self._keep(segments, rows, sequence=sequence, timestamp=timestamp, transit=transit, jitter=jitter)
        return Timed(sequence, timestamp, transit, jitter, delta, fate, begins, resumes)

    def lost(self, stream: int) -> int:
        """Return how many sequence numbers of a stream were never seen so far."""
        return len(self.missing.get(stream, ())) + int(self.state["forgotten"][stream])

    def keep(self, streams: np.ndarray) -> None:
        """Forget all streams but these, which become 0, 1, 2 … in their order."""
        self.clock_rate_hz = self.clock_rate_hz[streams]
        self.state = {name: column[streams] for name, column in self.state.items()}
        numbers = {old: new for new, old in enumerate(streams.tolist())}
        self.missing = {numbers[old]: gaps for old, gaps in self.missing.items() if old in numbers}

    def _begin(self, rows: Rows, segments: _Segments) -> None:
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
        state["highest"][streams] = rows.sequence_number[at].astype(np.int64) - 1
        state["lowest"][streams] = rows.sequence_number[at]
        state["step_ticks"][streams] = _NEVER

    def _before(self, column: np.ndarray, segments: _Segments, name: str) -> np.ndarray:
        """Return `column` one row later, with the carried value where a segment starts."""
        before = np.empty_like(column)
        before[1:] = column[:-1]
        before[segments.start] = self.state[name][segments.stream]
        return before

    def _summed(self, steps: np.ndarray, segments: _Segments, name: str) -> np.ndarray:
        """Running sums of `steps` inside each segment, from the carried value on."""
        sums = np.cumsum(steps)
        base = self.state[name][segments.stream] - (sums[segments.start] - steps[segments.start])
        return sums + np.repeat(base, segments.count)

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
        leap &= (ticks < 0) | (ticks > (delta + TIMESTAMP_JUMP_S) * clock)
        anew = restart | leap
        if anew.any():
            ticks[anew] = np.rint(delta[anew] * clock[anew]).astype(np.int64)
            np.add.at(self.state["restarts"], rows.stream[anew], 1)
        return anew

    def _usual_steps(self, step: np.ndarray, ticks: np.ndarray, segments: _Segments) -> np.ndarray:
        """Ticks of an ordinary step so far: the smallest advance between a packet and the next in sequence."""
        known = self.state["step_ticks"]
        ahead = np.where((step == 1) & (ticks > 0), ticks, _NEVER)
        ahead[segments.start] = np.minimum(ahead[segments.start], known[segments.stream])
        below = np.repeat(np.arange(len(segments.start)) * _NEVER, segments.count)  # keeps segments apart
        smallest = np.minimum.accumulate(ahead - below) + below
        known[segments.stream] = smallest[segments.last]
        return smallest

    def _jitter(self, deviation: np.ndarray, segments: _Segments) -> np.ndarray:
        """J += (|D| - J) / 16, for all segments at once, by doubling the span over which terms are summed."""
        kept = 1 - JITTER_GAIN
        place = np.arange(len(deviation)) - np.repeat(segments.start, segments.count)
        jitter = deviation * JITTER_GAIN
        few = len(segments.start) <= _FEW_SEGMENTS
        span, longest = 1, int(segments.count.max(initial=0))
        while span < min(longest, _JITTER_MEMORY):
            if few:
                for start, end in zip(segments.start.tolist(), (segments.last + 1).tolist(), strict=True):
                    part = jitter[start:end]
                    part[span:] += part[:-span] * kept**span
            else:
                earlier = jitter[:-span] * kept**span
                earlier[place[span:] < span] = 0.0
                jitter[span:] += earlier
            span *= 2
        carried = self.state["jitter_s"][segments.stream]
        if carried.any():
            fading = kept ** np.arange(1.0, _JITTER_MEMORY + 1)
            jitter += np.repeat(carried, segments.count) * fading[np.minimum(place, _JITTER_MEMORY - 1)]
        return jitter

    def _fates(self, sequence: np.ndarray, arrival_s: np.ndarray, segments: _Segments) -> np.ndarray:
        """Say which rows are in order, and look the others up among the numbers that were missing."""
        shift = np.repeat(np.arange(len(segments.start)) * _SEGMENT, segments.count)
        key = sequence + shift
        floor = key.copy()
        carried = self.state["highest"][segments.stream] + shift[segments.start]
        floor[segments.start] = np.maximum(floor[segments.start], carried)
        highest = np.maximum.accumulate(floor)
        before = np.empty_like(highest)
        before[1:] = highest[:-1]
        before[segments.start] = carried
        step = key - before
        fate = np.zeros(len(key), np.uint8)
        events = np.flatnonzero(step != 1)
        if len(events):
            owner = segments.stream[np.searchsorted(segments.start, events, side="right") - 1]
            self._gaps_and_stragglers(events, owner, step=step, sequence=sequence, arrival_s=arrival_s, fate=fate)
        self.state["highest"][segments.stream] = highest[segments.last] - shift[segments.last]
        return fate

    def _gaps_and_stragglers(
        self,
        events: np.ndarray,
        owner: np.ndarray,
        *,
        step: np.ndarray,
        sequence: np.ndarray,
        arrival_s: np.ndarray,
        fate: np.ndarray,
    ) -> None:
        columns = (events, owner, step[events], sequence[events], arrival_s[events])
        for row, stream, ahead, number, now in zip(*(column.tolist() for column in columns), strict=True):
            missing = self.missing.setdefault(stream, {})
            if ahead > 1:
                missing.update(dict.fromkeys(range(number - ahead + 1, number), now))
                self._forget(stream, missing, number)
            elif number in missing:
                fate[row] = LATE if now - missing.pop(number) > LATE_AFTER_S else REORDERED
            elif number < self.state["lowest"][stream]:  # overtaken by the very first packet
                missing.update(dict.fromkeys(range(number + 1, int(self.state["lowest"][stream])), now))
                self.state["lowest"][stream] = number
                fate[row] = REORDERED
            else:
                fate[row] = DUPLICATE

    def _forget(self, stream: int, missing: dict[int, float], number: int) -> None:
        """Bound the memory of a stream that loses much; what is forgotten stays counted as lost."""
        if len(missing) > 2 * FORGET_AFTER:
            old = [one for one in missing if one < number - FORGET_AFTER]
            self.state["forgotten"][stream] += len(old)
            for one in old:
                del missing[one]

    def _keep(
        self,
        segments: _Segments,
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
        for name, column in kept.items():
            self.state[name][segments.stream] = column[segments.last]


def _segments(stream: np.ndarray) -> _Segments:
    starts = np.flatnonzero(np.diff(stream, prepend=-1))
    counts = np.diff(starts, append=len(stream))
    return _Segments(starts, counts, stream[starts])


def _signed(difference: np.ndarray, bits: int) -> np.ndarray:
    """Read differences of `bits`-bit counters as the shorter way round, -2**(bits-1) .. 2**(bits-1) - 1."""
    return difference.astype(f"i{bits // 8}").astype(np.int64)
