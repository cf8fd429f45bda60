"""The packets that wait to be decoded, in the order of their media (NetEq's packet_buffer.cc)."""

from __future__ import annotations

from bisect import insort

import numpy as np

from forensics.playout.arrivals import Arrivals
from forensics.playout.target import TICK_MS
from forensics.playout.trace import Trace

MAXIMUM_PACKETS = 200  # api/neteq/neteq.h, Config::max_packets_in_buffer


class PacketBuffer:
    """Packets named by their position in `arrivals`.

    `order` and `sorted_available` list them as they come, `inserted` of them have come; `after` is where the media of
    each packet's predecessor ends, `follows` says that it goes on there without a break and carries audio.
    """

    def __init__(self, arrivals: Arrivals, available: np.ndarray, trace: Trace, *, maximum_packets: int) -> None:
        self.start, self.length, self.dtx = arrivals.start, arrivals.length, arrivals.dtx
        self.rate_hz, self.available, self.trace = arrivals.rate_hz, available, trace
        self.maximum_packets = maximum_packets
        self.order = np.lexsort((arrivals.start, arrivals.arrival_s))
        self.sorted_available = available[self.order]
        self.after = np.concatenate([self.start[:1], (self.start + self.length)[:-1]])
        self.follows = (self.start == self.after) & ~self.dtx
        self.waiting: list[int] = []
        self.inserted = 0

    @property
    def exhausted(self) -> bool:
        """Nothing waits and nothing will come."""
        return not self.waiting and self.inserted == len(self.order)

    def insert(self, tick: int) -> bool:
        """Take in what has come until `tick`; return whether the buffer was full and had to be flushed."""
        flushed = False
        while self.inserted < len(self.order) and self.sorted_available[self.inserted] <= tick:
            if len(self.waiting) >= self.maximum_packets:
                self._discard(len(self.waiting), tick)
                self.trace.counts["buffer_flushes"] += 1
                flushed = True
            insort(self.waiting, int(self.order[self.inserted]))
            self.inserted += 1
        return flushed

    def discard_before(self, media: int, tick: int) -> None:
        """Throw away what should have been decoded already (neteq_impl.cc, DiscardOldPackets)."""
        old = 0
        while old < len(self.waiting) and self.start[self.waiting[old]] < media:
            old += 1
        self._discard(old, tick)

    def _discard(self, count: int, tick: int) -> None:
        self.trace.gone[self.waiting[:count]] = tick
        self.trace.counts["packets_discarded"] += count
        del self.waiting[:count]

    def extract(self, samples: int, tick: int) -> tuple[int, int, int]:
        """Take packets that follow each other until `samples` are together: (first, last exclusive, samples)."""
        first = last = self.waiting[0]
        taken = 0
        while taken < samples and last - first < len(self.waiting) and self.waiting[last - first] == last:
            if last > first and not self.follows[last]:
                break
            taken += int(self.length[last])
            last += 1
        del self.waiting[: last - first]
        self.trace.gone[first:last] = tick
        self.trace.played[first:last] = True
        return first, last, taken

    def span_ms(self, tick: int) -> float:
        """Media between the first and the last packet, and how long the last has waited (GetSpanSamples)."""
        first, last = self.waiting[0], self.waiting[-1]
        span_ms = (self.start[last] - self.start[first]) * 1000 / self.rate_hz
        return float(span_ms + (tick - self.available[last] + 1) * TICK_MS)

    def holds_dtx(self) -> bool:
        """Tell whether a packet of comfort noise waits."""
        return bool(self.dtx[self.waiting].any())

    def ticks_to_overflow(self, tick: int, *, ticks: int, due: np.ndarray) -> int:
        """How many of the next `ticks` pass before the buffer is full, when packets leave it `due` ticks from now."""
        until = int(np.searchsorted(self.sorted_available, tick + ticks))
        if until - self.inserted + len(self.waiting) < self.maximum_packets:
            return ticks
        coming = self.sorted_available[self.inserted : until] - tick
        full = len(self.waiting) + np.arange(len(coming)) - np.searchsorted(due, coming) >= self.maximum_packets
        return max(0, min(ticks, int(coming[np.argmax(full)]))) if full.any() else ticks

    def pass_over(self, tick: int, next_packet: int) -> None:
        """Take in what came before `tick`, of which everything before `next_packet` has been decoded or is too late."""
        until = int(np.searchsorted(self.sorted_available, tick))
        came = self.order[self.inserted : until]
        self.inserted = until
        late = came[(came < next_packet) & ~self.trace.played[came]]
        self.trace.gone[late] = self.available[late]
        self.trace.counts["packets_discarded"] += len(late)
        kept = [packet for packet in self.waiting if packet >= next_packet]
        self.waiting = sorted([*kept, *came[came >= next_packet].tolist()])
