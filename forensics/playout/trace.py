"""What a replay of NetEq leaves behind: per packet, per tick and per concealment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

ACTIONS = ("normal", "expand", "merge", "accelerate", "preemptive_expand", "comfort_noise")
NORMAL, EXPAND, MERGE, ACCELERATE, PREEMPTIVE, NOISE = range(len(ACTIONS))
"""What a tick did. The same numbers name NetEq's mode: what the last tick that put out something new did."""

FAILED = len(ACTIONS)
"""A mode only: a time scaling that found no two periods alike."""


@dataclass(slots=True)
class Concealment:
    """One run of concealment, in samples of the output; `late` if it stood for a packet that came after all."""

    start: int
    end: int = -1
    late: bool = False


@dataclass(slots=True, eq=False)
class Trace:
    """The arrays have one element a packet (`place`, `gone`, `played`) or a tick (the others).

    `place` is the sample of the output at which a packet starts, `gone` the tick in which it left the buffer, `left`
    the decoded samples that waited after the tick, `stretched` the samples put in (or, negative, taken out) in it.
    """

    place: np.ndarray
    gone: np.ndarray
    played: np.ndarray
    action: np.ndarray
    left: np.ndarray
    stretched: np.ndarray
    target_ms: np.ndarray
    concealments: list[Concealment] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def empty(cls, packets: int, ticks: int) -> Trace:
        """Return a trace in which nothing has happened yet."""
        return cls(
            place=np.full(packets, -1, dtype=np.int64),
            gone=np.full(packets, ticks, dtype=np.int64),
            played=np.zeros(packets, dtype=bool),
            action=np.zeros(ticks, dtype=np.uint8),
            left=np.zeros(ticks, dtype=np.int64),
            stretched=np.zeros(ticks, dtype=np.int64),
            target_ms=np.zeros(ticks, dtype=np.int64),
        )

    def until(self, tick: int) -> Trace:
        """Forget the ticks from `tick` on."""
        self.gone = np.minimum(self.gone, tick)
        for name in ("action", "left", "stretched", "target_ms"):
            setattr(self, name, getattr(self, name)[:tick])
        return self

    def open_concealment(self, start: int) -> None:
        """Begin a run of concealment at sample `start`."""
        self.concealments.append(Concealment(start))

    def close_concealment(self, end: int, *, late: bool) -> None:
        """End the run that is open, if one is."""
        if self.concealments and self.concealments[-1].end < 0:
            self.concealments[-1].end, self.concealments[-1].late = end, late
