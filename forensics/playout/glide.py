"""Many ticks of NetEq at once, where nothing can happen but decoding: what makes the replay of an hour fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forensics.playout.trace import NORMAL

if TYPE_CHECKING:
    from forensics.playout.neteq import NetEq

FIRST_REACH_TICKS = 256
"""How far the first look ahead goes; it doubles while nothing stops it."""


def glide(neteq: NetEq) -> bool:
    """Pass over the ticks in which packets are only decoded, if there are any; return whether there were."""
    if neteq.mode != NORMAL or neteq.fresh or neteq.stretched:
        return False
    reach, moved = FIRST_REACH_TICKS, False
    while (ticks := _quiet_ticks(neteq, reach)) > 1:
        moved = True
        _pass_over(neteq, ticks)
        if ticks < reach:
            break
        reach *= 2
    return moved


def _quiet_ticks(neteq: NetEq, reach: int) -> int:
    """How many ticks from here on need no decision, `reach` at most."""
    here = slice(neteq.tick, min(neteq.tick + reach, neteq.ticks))
    delay_ms = neteq.playout_ms() - neteq.path.fastest[here]
    calm = (delay_ms >= neteq.target_ms[here]) & (delay_ms < neteq.high_ms[here])
    quiet = len(calm) if calm.all() else int(np.argmin(calm))
    if quiet < 2:
        return quiet
    first, due = _due(neteq, quiet)
    return neteq.buffer.ticks_to_overflow(neteq.tick, ticks=_until_missing(neteq, first, due, quiet), due=due)


def _until_missing(neteq: NetEq, first: int, due: np.ndarray, ticks: int) -> int:
    """How many of the next `ticks` pass before a packet is due that is not there, or the last one is."""
    buffer, packets = neteq.buffer, slice(first, first + len(due))
    ready = (buffer.available[packets] <= neteq.tick + due) & buffer.follows[packets]
    ready[:1] = (buffer.available[packets][:1] <= neteq.tick + due[:1]) & (buffer.start[packets][:1] == neteq.end)
    ready &= ~buffer.dtx[packets]
    if not ready.all():
        return int(due[np.argmin(ready)])
    if first + len(due) >= len(buffer.start):
        return int(due[-1]) if len(due) else 0
    return ticks


def _due(neteq: NetEq, ticks: int) -> tuple[int, np.ndarray]:
    """Find the next packet, and in how many ticks it and its followers are to be decoded, below `ticks`."""
    buffer, here = neteq.buffer, neteq.end - neteq.left()
    first = int(np.searchsorted(buffer.start, neteq.end))
    last = int(np.searchsorted(buffer.after, here + ticks * neteq.step))
    ahead = buffer.after[first : max(first, last)] - here
    ahead[:1] = neteq.left()
    return first, np.maximum(ahead // neteq.step, 0)


def _pass_over(neteq: NetEq, ticks: int) -> None:
    first, due = _due(neteq, ticks)
    last, trace, buffer = first + len(due), neteq.trace, neteq.buffer
    left = neteq.left() - np.arange(1, ticks + 1) * neteq.step
    if len(due):
        trace.place[first:last] = neteq.signal.size + buffer.start[first:last] - neteq.end
        trace.gone[first:last], trace.played[first:last] = neteq.tick + due, True
        decoded = np.bincount(due, weights=buffer.length[first:last], minlength=ticks).astype(np.int64)
        left += np.cumsum(decoded)
        neteq.signal.decode(first, last, int(decoded.sum()))
        neteq.end = int(buffer.start[last - 1] + buffer.length[last - 1])
        neteq.last_was_noise = False
    trace.left[neteq.tick : neteq.tick + ticks] = left
    neteq.heard += ticks * neteq.step
    neteq.tick += ticks
    buffer.pass_over(neteq.tick, last)
