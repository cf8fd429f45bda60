"""How deep NetEq wants its buffer to be: the target delay, out of arrivals alone.

Each packet's delay is its lateness against the fastest packet of the last two seconds. Every half second the largest
delay enters a histogram that forgets; its 95th percentile is the target. A second histogram of reordered packets
weighs delay against loss; the larger of the two wins. None of it depends on what is being played, so the whole call is
worked out at once.

Source of every constant: libwebrtc (state of July 2026), modules/audio_coding/neteq, the file named at each.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from forensics.playout.arrivals import Arrivals

TICK_MS = 10  # neteq_impl.h, kOutputSizeMs
START_TARGET_MS = 80  # delay_manager.cc, kStartDelayMs
HISTORY_MS = 2000  # decision_logic.cc, kPacketHistorySizeMs
BUCKET_MS = 20  # underrun_optimizer.cc and reorder_optimizer.cc, kBucketSizeMs
BUCKETS = 100  # kDelayBuckets, the same two files
QUANTILE = 0.95  # delay_manager.h, Config::quantile
FORGET_FACTOR = 0.983  # delay_manager.h, Config::forget_factor
REORDER_FORGET_FACTOR = 0.9993  # delay_manager.h, Config::reorder_forget_factor
START_FORGET_WEIGHT = 2  # delay_manager.h, Config::start_forget_weight
RESAMPLE_MS = 500  # delay_manager.h, Config::resample_interval_ms
MS_PER_LOSS_PERCENT = 20  # delay_manager.h, Config::ms_per_loss_percent
TINY = 1e-12
GRANULARITY_MS = 20  # decision_logic.cc, kDelayAdjustmentGranularityMs


@dataclass(frozen=True, slots=True, eq=False)
class DelayPath:
    """What NetEq has learnt from the arrivals, per tick: each (ticks,) int64, in milliseconds.

    `fastest` is arrival less media time of the fastest packet in the history, `spread` the largest delay in it,
    `wanted` the target before any limit.
    """

    fastest: np.ndarray
    spread: np.ndarray
    wanted: np.ndarray


def estimate_delay_path(arrivals: Arrivals, available: np.ndarray, *, ticks: int, since: int = 0) -> DelayPath:
    """Follow packet history and target delay over a call.

    Parameters
    ----------
    arrivals : Arrivals
    available : ndarray, (n,) int64
        The tick that first finds each packet in the buffer.
    ticks : int
        How many ticks to cover.
    since : int
        Packets of this tick and before were forgotten (NetEq resets when it starts and after a flush).

    Returns
    -------
    DelayPath
    """
    order = np.lexsort((arrivals.start, arrivals.arrival_s))
    order = order[available[order] > since]
    if not len(order):
        return DelayPath(*(np.full(ticks, value) for value in (0, 0, START_TARGET_MS)))
    media_ms = arrivals.start[order] * 1000 // arrivals.rate_hz
    stamp_ms = (available[order] - 1) * TICK_MS
    newest_ms = np.maximum.accumulate(media_ms)
    in_order = media_ms == newest_ms
    lateness = stamp_ms - media_ms
    fastest, slowest = _history_range(media_ms[in_order], lateness[in_order])
    seen = np.cumsum(in_order) - 1
    delay_ms = np.maximum(lateness - fastest[seen], 0)
    kept = (np.arange(len(order)) > 0) & (media_ms + HISTORY_MS >= newest_ms)
    wanted = _wanted_ms(delay_ms[kept], stamp_ms[kept], reordered=~in_order[kept])
    path = np.concatenate([[START_TARGET_MS], wanted])[np.cumsum(kept)]
    return _per_tick(available[order], (fastest[seen], (slowest - fastest)[seen], path), ticks=ticks)


def _per_tick(available: np.ndarray, columns: tuple[np.ndarray, ...], *, ticks: int) -> DelayPath:
    """Spread values that change with a packet over the ticks that follow it."""
    last = np.searchsorted(available, np.arange(ticks), side="right")
    first_values = (columns[0][0], 0, START_TARGET_MS)
    return DelayPath(*(np.concatenate([[v], column])[last] for v, column in zip(first_values, columns, strict=True)))


def _history_range(media_ms: np.ndarray, lateness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest lateness within the history that ends with each packet, by doubling windows."""
    index = np.arange(len(media_ms))
    first = np.searchsorted(media_ms, media_ms - HISTORY_MS)
    level = np.frexp(index - first + 1)[1] - 1
    low, high = lateness.copy(), lateness.copy()
    fastest, slowest = lateness.copy(), lateness.copy()
    for exponent in range(int(level.max()) + 1):
        here = level == exponent
        tail = first[here] + (1 << exponent) - 1
        fastest[here] = np.minimum(low[here], low[tail])
        slowest[here] = np.maximum(high[here], high[tail])
        width = 1 << exponent
        low[width:], high[width:] = np.minimum(low[width:], low[:-width]), np.maximum(high[width:], high[:-width])
    return fastest, slowest


def _wanted_ms(delay_ms: np.ndarray, stamp_ms: np.ndarray, *, reordered: np.ndarray) -> np.ndarray:
    """Target after each packet, milliseconds."""
    regular = np.flatnonzero(~reordered)
    if not len(regular):
        return np.full(len(delay_ms), START_TARGET_MS)
    starts = _interval_starts(stamp_ms[regular])
    largest = np.maximum.reduceat(delay_ms[regular], starts)
    targets = np.array([START_TARGET_MS, *_underrun_targets(largest[:-1])])
    underrun = targets[np.searchsorted(regular[starts[1:]], np.arange(len(delay_ms)), side="right")]
    return np.maximum(underrun, _reorder_targets(delay_ms, reordered, underrun))


def _underrun_targets(largest_ms: np.ndarray) -> list[int]:
    """Target after each half second from the largest delay in it: underrun_optimizer.cc with histogram.cc."""
    kept = largest_ms < BUCKETS * BUCKET_MS
    forget = _forget(np.maximum(np.cumsum(kept) - 1, 0), FORGET_FACTOR)
    histogram, targets = np.zeros(BUCKETS), []
    for bucket, keep, factor in zip((largest_ms // BUCKET_MS).tolist(), kept.tolist(), forget.tolist(), strict=True):
        if keep:
            histogram *= factor
            histogram[bucket] += 1 - factor
        above = int(np.searchsorted(histogram.cumsum(), QUANTILE - 1e-9))
        targets.append((1 + min(above, BUCKETS - 1)) * BUCKET_MS)
    return targets


def _interval_starts(stamp_ms: np.ndarray) -> np.ndarray:
    """First packet of each interval: the first one more than `RESAMPLE_MS` after the start of the interval before."""
    starts, index = [], 0
    while index < len(stamp_ms):
        starts.append(index)
        index = int(np.searchsorted(stamp_ms, stamp_ms[index] + RESAMPLE_MS, side="right"))
    return np.array(starts, dtype=np.int64)


def _forget(count: np.ndarray, limit: float) -> np.ndarray:
    """Forget factor of the (count + 1)-th entry: histogram.cc ramps it from zero towards `limit`."""
    return np.clip(1 - START_FORGET_WEIGHT / (count + 1.0), 0.0, limit)


def _reorder_targets(delay_ms: np.ndarray, reordered: np.ndarray, base_ms: np.ndarray) -> np.ndarray:
    """Delay that reordered packets are worth waiting for, after each packet (reorder_optimizer.cc)."""
    late = np.flatnonzero(reordered & (delay_ms >= BUCKET_MS) & (delay_ms < BUCKETS * BUCKET_MS))
    targets = np.full(len(delay_ms), BUCKET_MS)
    forget = _forget(np.arange(len(delay_ms)), REORDER_FORGET_FACTOR)
    log_kept = np.cumsum(np.log(np.maximum(forget, TINY)))
    mass = np.zeros(BUCKETS)
    for event, until in itertools.pairwise([*late.tolist(), len(delay_ms)]):
        mass[delay_ms[event] // BUCKET_MS] += 1 - forget[event]
        decay = np.exp(log_kept[event:until] - log_kept[event])
        targets[event:until] = _cheapest_ms(mass, decay, base_ms[event:until])
        mass *= decay[-1] * (forget[until] if until < len(forget) else 1)
    return targets


def _cheapest_ms(mass: np.ndarray, decay: np.ndarray, base_ms: np.ndarray) -> np.ndarray:
    """Delay of least cost, where a percent of loss costs as much as `MS_PER_LOSS_PERCENT` of delay."""
    candidates = np.append(0, np.flatnonzero(mass))
    missed = mass.sum() - mass.cumsum()[candidates]
    waiting = np.maximum(candidates * BUCKET_MS - base_ms[:, None], 0)
    cost = waiting + 100 * MS_PER_LOSS_PERCENT * decay[:, None] * missed
    return (1 + candidates[cost.argmin(axis=1)]) * BUCKET_MS
