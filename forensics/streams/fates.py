"""What became of each packet: in order, reordered, late or a duplicate; and which numbers are missing so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.model import FATES, Fate
from forensics.streams.segments import Segments

LATE_AFTER_S = 0.080
"""A packet that was overtaken this long ago missed its playout: the target delay that NetEq starts with."""

FORGET_AFTER = 1 << 15
"""Missing numbers this far behind cannot be told from later ones: half of the 16 bits."""

IN_ORDER, REORDERED, DUPLICATE, LATE = (
    FATES.index(fate) for fate in (Fate.IN_ORDER, Fate.REORDERED, Fate.DUPLICATE, Fate.LATE)
)
_SEGMENT = np.int64(1) << 40  # larger than any unwrapped sequence number


@dataclass(slots=True, eq=False)
class Fates:
    """What is known of the numbers of every stream between two chunks.

    Attributes
    ----------
    highest, lowest : ndarray of int64, shape (streams,)
        Unwrapped sequence numbers that were seen.
    missing : dict
        Stream → {unwrapped sequence number: arrival of the packet that overtook it}.
    forgotten : ndarray of int64, shape (streams,)
        Missing numbers that are kept in mind no more; they stay lost.
    """

    highest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    lowest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    forgotten: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    missing: dict[int, dict[int, float]] = field(default_factory=dict)

    def reserve(self, streams: int) -> None:
        """Make room for stream numbers below `streams`."""
        blank = np.zeros(max(streams - len(self.highest), 0), np.int64)
        self.highest, self.lowest, self.forgotten = (
            np.concatenate([column, blank]) for column in (self.highest, self.lowest, self.forgotten)
        )

    def keep(self, streams: np.ndarray) -> None:
        """Forget all streams but these, which become 0, 1, 2 … in their order."""
        self.highest, self.lowest, self.forgotten = (
            column[streams] for column in (self.highest, self.lowest, self.forgotten)
        )
        numbers = {old: new for new, old in enumerate(streams.tolist())}
        self.missing = {numbers[old]: gaps for old, gaps in self.missing.items() if old in numbers}

    def begin(self, streams: np.ndarray, sequence: np.ndarray) -> None:
        """Begin new streams with the sequence numbers of their first packets."""
        self.highest[streams] = sequence - 1
        self.lowest[streams] = sequence

    def lost(self, stream: int) -> int:
        """Return how many sequence numbers of a stream were never seen so far."""
        return len(self.missing.get(stream, ())) + int(self.forgotten[stream])

    def tell(self, sequence: np.ndarray, step: np.ndarray, *, arrival_s: np.ndarray, segments: Segments) -> np.ndarray:
        """Say which rows are in order, and look the others up among the numbers that were missing.

        Parameters
        ----------
        sequence, step : ndarray of int64, shape (n,)
            Unwrapped sequence numbers, and their steps from row to row.
        arrival_s : ndarray of float64, shape (n,)
        segments : Segments

        Returns
        -------
        ndarray of uint8, shape (n,)
            Index into `model.FATES`.
        """
        ahead = step.copy()
        ahead[segments.start] = sequence[segments.start] - self.highest[segments.stream]
        fate = np.zeros(len(step), np.uint8)
        if ahead.min() > 0:  # whatever is ahead of all before is the highest so far
            self.highest[segments.stream] = sequence[segments.last]
        else:
            ahead = self._ahead_of_highest(sequence, segments)
        events = np.flatnonzero(ahead != 1)
        if len(events):
            owner = segments.stream[np.searchsorted(segments.start, events, side="right") - 1]
            columns = (events, owner, ahead[events], sequence[events], arrival_s[events])
            self._look_up(columns, fate)
        return fate

    def _ahead_of_highest(self, sequence: np.ndarray, segments: Segments) -> np.ndarray:
        """Return how far each row is ahead of the highest number before it, and take over the highest ones."""
        shift = np.arange(len(segments)) * _SEGMENT
        key = sequence + segments.spread(shift)
        carried = self.highest[segments.stream] + shift
        floor = key.copy()
        floor[segments.start] = np.maximum(floor[segments.start], carried)
        highest = np.maximum.accumulate(floor)
        before = np.empty_like(highest)
        before[1:] = highest[:-1]
        before[segments.start] = carried
        self.highest[segments.stream] = highest[segments.last] - shift
        return key - before

    def _look_up(self, columns: tuple[np.ndarray, ...], fate: np.ndarray) -> None:
        """Note the gaps and tell the stragglers, row by row; `columns` are row, stream, ahead, number and arrival."""
        for row, stream, ahead, number, now in zip(*(column.tolist() for column in columns), strict=True):
            missing = self.missing.setdefault(stream, {})
            if ahead > 1:
                missing.update(dict.fromkeys(range(number - ahead + 1, number), now))
                self._forget(stream, missing, number)
            elif number in missing:
                fate[row] = LATE if now - missing.pop(number) > LATE_AFTER_S else REORDERED
            elif number < self.lowest[stream]:  # overtaken by the very first packet
                missing.update(dict.fromkeys(range(number + 1, int(self.lowest[stream])), now))
                self.lowest[stream] = number
                fate[row] = REORDERED
            else:
                fate[row] = DUPLICATE

    def _forget(self, stream: int, missing: dict[int, float], number: int) -> None:
        """Bound the memory of a stream that loses much; what is forgotten stays counted as lost."""
        if len(missing) > 2 * FORGET_AFTER:
            old = [one for one in missing if one < number - FORGET_AFTER]
            self.forgotten[stream] += len(old)
            for one in old:
                del missing[one]
