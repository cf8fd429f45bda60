"""What the network does to each datagram of one direction: when it comes out, how often, or not at all.

Pure and deterministic by seed: the recorder's relay and the simulator ask the same object. A path keeps the order of
what it carries, as a queue does; only `reordering` breaks it, by sending some datagrams round a longer way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from forensics.lab.scenario import Fault, Scenario

UDP_IP_OVERHEAD_BYTES = 28
"""IPv4 (20) and UDP (8) headers: what a rate-limited link carries beside the payload."""

DIRECTIONS = ("downlink", "uplink")

SPACING_S = 1e-7
"""No two datagrams leave a link at one instant: 100 bytes take 80 ns at 10 Gb/s. It is also what keeps their order in a
timer queue that does not."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of one datagram: the times it comes out (none: lost), and the fault that acted on it, if any."""

    out_s: tuple[float, ...]
    fault: Fault | None = None

    @property
    def lost(self) -> bool:
        """The path swallowed it."""
        return not self.out_s


class NetworkPath:
    """One direction of the network, from the sender's tap to the receiver's.

    Parameters
    ----------
    scenario : Scenario
        Its network faults that hit `direction`, its one-way delay and its seed.
    direction : str
        "downlink" (towards the listener) or "uplink".

    Notes
    -----
    `carry` must be called in the order of time. Faults of one direction do not overlap (the scenario's check holds
    that), but for duplication, which is asked last.
    """

    def __init__(self, scenario: Scenario, *, direction: str) -> None:
        own = [(row, fault) for row, fault in enumerate(scenario.faults) if fault.hits(direction)]
        self._delay_s = scenario.network.one_way_delay_s
        self._acts = [_ACTS[fault.kind](fault, _rng(scenario, direction, row)) for row, fault in own]
        self._acts.sort(key=lambda act: isinstance(act, _Duplication))
        self._last_out_s = -np.inf

    def carry(self, at_s: float, wire_bytes: int, *, media: bool = True) -> Passage:
        """Return what becomes of a datagram that enters at `at_s`; `media` says that it is RTP."""
        trip = _Trip(at_s, at_s + self._delay_s, wire_bytes + UDP_IP_OVERHEAD_BYTES, media)
        for act in self._acts:
            if act.covers(trip):
                act.apply(trip)
            if trip.lost:
                return Passage((), trip.fault)
        if trip.overtaken:
            return Passage((trip.out_s,), trip.fault)
        self._last_out_s = max(self._last_out_s + SPACING_S, trip.out_s)
        return Passage((self._last_out_s,) * trip.copies, trip.fault)


def _rng(scenario: Scenario, direction: str, row: int) -> np.random.Generator:
    return np.random.default_rng([scenario.seed, DIRECTIONS.index(direction), row])


@dataclass(slots=True)
class _Trip:
    at_s: float
    out_s: float
    bytes: int
    media: bool
    copies: int = 1
    lost: bool = False
    overtaken: bool = False
    fault: Fault | None = None


@dataclass(slots=True)
class _Act:
    fault: Fault
    rng: np.random.Generator

    def covers(self, trip: _Trip) -> bool:
        return self.fault.at_s <= trip.at_s < self.fault.end_s

    def apply(self, trip: _Trip) -> None:
        raise NotImplementedError

    def lose(self, trip: _Trip) -> None:
        trip.lost, trip.fault = True, self.fault

    def delay_until(self, trip: _Trip, out_s: float) -> None:
        trip.out_s, trip.fault = max(trip.out_s, out_s), self.fault


@dataclass(slots=True)
class _PacketLoss(_Act):
    """Exactly `packets` RTP packets from `at_s` on."""

    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = int(self.fault["packets"])

    def covers(self, trip: _Trip) -> bool:
        return trip.media and self.left > 0 and trip.at_s >= self.fault.at_s

    def apply(self, trip: _Trip) -> None:
        self.left -= 1
        self.lose(trip)


@dataclass(slots=True)
class _BurstLoss(_Act):
    def apply(self, trip: _Trip) -> None:
        self.lose(trip)


@dataclass(slots=True)
class _IndependentLoss(_Act):
    def apply(self, trip: _Trip) -> None:
        if self.rng.random() < self.fault["probability"]:
            self.lose(trip)


@dataclass(slots=True)
class _GilbertElliottLoss(_Act):
    """Two states (Gilbert 1960, Elliott 1963): none is lost in the good one, `loss_in_bad` of them in the bad one."""

    bad: bool = False

    def apply(self, trip: _Trip) -> None:
        leaves = self.fault["bad_to_good"] if self.bad else self.fault["good_to_bad"]
        self.bad ^= bool(self.rng.random() < leaves)
        if self.bad and self.rng.random() < self.fault["loss_in_bad"]:
            self.lose(trip)


@dataclass(slots=True)
class _RateLimit(_Act):
    """A link of `rate_bps` behind a queue of `queue_bytes` that drops at its tail; it drains at once when it ends."""

    free_s: float = 0.0

    def apply(self, trip: _Trip) -> None:
        bytes_per_s = self.fault["rate_bps"] / 8
        queued = max(0.0, self.free_s - trip.at_s) * bytes_per_s
        if queued + trip.bytes > self.fault["queue_bytes"]:
            self.lose(trip)
            return
        self.free_s = max(trip.at_s, self.free_s) + trip.bytes / bytes_per_s
        waited_s = min(self.free_s, self.fault.end_s) - trip.at_s
        self.delay_until(trip, trip.out_s + max(0.0, waited_s))


@dataclass(slots=True)
class _Jitter(_Act):
    """A wait drawn from a gamma distribution for each datagram; a small shape gives rare, long waits."""

    def apply(self, trip: _Trip) -> None:
        shape = self.fault["shape"]
        self.delay_until(trip, trip.out_s + self.rng.gamma(shape, self.fault["mean_s"] / shape))


@dataclass(slots=True)
class _DelaySpike(_Act):
    """Everything that enters is held, and let go at once when the spike ends."""

    def apply(self, trip: _Trip) -> None:
        self.delay_until(trip, trip.out_s + self.fault.end_s - trip.at_s)


@dataclass(slots=True)
class _Reordering(_Act):
    def apply(self, trip: _Trip) -> None:
        if trip.media and self.rng.random() < self.fault["probability"]:
            trip.overtaken = True
            self.delay_until(trip, trip.out_s + self.fault["delay_s"])


@dataclass(slots=True)
class _Duplication(_Act):
    def apply(self, trip: _Trip) -> None:
        if self.rng.random() < self.fault["probability"]:
            trip.copies, trip.fault = 2, trip.fault or self.fault


_ACTS = {
    "packet_loss": _PacketLoss,
    "burst_loss": _BurstLoss,
    "independent_loss": _IndependentLoss,
    "gilbert_elliott_loss": _GilbertElliottLoss,
    "rate_limit": _RateLimit,
    "jitter": _Jitter,
    "delay_spike": _DelaySpike,
    "reordering": _Reordering,
    "duplication": _Duplication,
}
