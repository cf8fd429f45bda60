"""A rule about the path itself: how long STUN's checks took to and fro, before a glitch, across it and after it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forensics.causes.claim import SLIGHT, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.course import FLAT_SHARE, LATE_S, SHARE, stays_late, wanders
from forensics.causes.site import Site
from forensics.model import PROTOCOLS, Capture, Cause, Evidence, Protocol

REQUEST, RESPONSE = b"\x00\x01", b"\x01\x01"
"""STUN binding request and success response (RFC 8489 §5, §14)."""

NEAR_S = 10.0
"""Checks so far from the glitch still tell of the same path: consent is asked for every 5 s (RFC 7675 §5.1)."""

LONGEST_S = 3.0
"""A response that takes longer is none to this request: by then it would have been sent again (RFC 8489 §6.2.1)."""


@lru_cache(maxsize=4)
def measure_round_trips(capture: Capture) -> np.ndarray:
    """Return when each STUN request of a capture was seen and how long its response took, (n, 2) seconds."""
    stun = np.flatnonzero(capture.datagrams["protocol"].to_numpy() == PROTOCOLS.index(Protocol.STUN))
    arrival_s = capture.datagrams["arrival_s"].to_numpy()
    asked_s: dict[bytes, float] = {}
    trips = []
    for row in stun:
        head = capture.payload(int(row))[:20]
        kind, transaction = head[:2], head[8:20]
        if kind == REQUEST:
            asked_s.setdefault(transaction, float(arrival_s[row]))
        elif kind == RESPONSE and transaction in asked_s:
            start_s = asked_s.pop(transaction)
            trips.append((start_s, float(arrival_s[row]) - start_s))
    table = np.array(trips, dtype=float).reshape(-1, 2)
    return table[(table[:, 1] >= 0) & (table[:, 1] < LONGEST_S)]


def round_trips(site: Site) -> list[Evidence]:
    """The path's own round trips: a path that became slower, or was held, delays them by as much as the voice.

    A round trip that is as short after the step as before it leaves the path out of it. Checks are seconds apart, so
    that few fall into a hold.
    """
    if site.measured("lost_packets") > 0 or site.lateness_s < 2 * LATE_S or site.scene.capture is None:
        return []
    trips = measure_round_trips(site.scene.capture)
    start_s, stop_s = (float(site.journey["arrival_s"].iat[k]) for k in (site.before, site.after))
    ends_s = trips.sum(axis=1)
    before = trips[(ends_s < start_s) & (trips[:, 0] > start_s - NEAR_S), 1]
    across = trips[(trips[:, 0] < stop_s - LATE_S) & (ends_s > start_s + LATE_S), 1]
    after = trips[(trips[:, 0] > stop_s) & (trips[:, 0] < stop_s + NEAR_S) & _still_late(site, trips[:, 0]), 1]
    if len(before) == 0 or len(across) + len(after) == 0:
        reason = (
            "No STUN check was answered both before the glitch and across or after it: the path's own delay is unseen."
        )
        return [unchecked(site, "round_trips", Cause.BUFFER_UNDERRUN, reason)]
    usual_s = float(np.median(before))
    if len(across) and across.max() - usual_s >= SHARE * site.lateness_s:
        statement = (
            f"A STUN check across the glitch took {milliseconds(across.max())} to and fro, {milliseconds(usual_s)} "
            "before it: the path was held too."
        )
        return [supports(site, "round_trips", Cause.BUFFER_UNDERRUN, statement, weight=STRONG, mechanism="delay_spike")]
    steady = stays_late(site) and not wanders(site)
    return _after(site, usual_s, float(np.median(after))) if len(after) and steady else []


def _still_late(site: Site, asked_s: np.ndarray) -> np.ndarray:
    """Whether the voice was as late as behind the glitch when each check was asked: only then it compares."""
    arrival_s = site.journey["arrival_s"].to_numpy()
    late_s = site.journey["lateness_s"].to_numpy() - site.base_lateness_s
    nearest = np.minimum(np.searchsorted(arrival_s, asked_s), len(arrival_s) - 1)
    return late_s[nearest] >= (1 - FLAT_SHARE) * site.lateness_s


def _after(site: Site, usual_s: float, later_s: float) -> list[Evidence]:
    """What the round trips say of a delay that stays."""
    numbers = f"STUN checks take {milliseconds(later_s)} to and fro after the glitch, {milliseconds(usual_s)} before it"
    if later_s - usual_s >= SHARE * site.lateness_s:
        return [supports(site, "round_trips", Cause.BUFFER_UNDERRUN, f"{numbers}: the path became slower.",
                         weight=STRONG, mechanism="delay_spike")]  # fmt: skip
    if later_s - usual_s > FLAT_SHARE * site.lateness_s:
        return []
    statement = f"{numbers}: the delay that stays is not the path's."
    return [
        opposes(site, "round_trips", Cause.BUFFER_UNDERRUN, statement, weight=STRONG),
        supports(site, "round_trips", Cause.LATE_MODEL_OUTPUT, statement, weight=SLIGHT, mechanism="stall"),
        supports(site, "round_trips", Cause.SENDER_POLICY, statement, weight=SLIGHT, mechanism="artificial_delay"),
    ]


RULES = (round_trips,)
