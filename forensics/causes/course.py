"""The course of a delay behind a glitch: does it come back, stay at a level, or wander."""

from __future__ import annotations

import numpy as np

from forensics.causes.site import Site

LATE_S = 0.02
"""A packet that is one packet later than those before it is late; less is timer wobble at either end."""

SHARE = 0.5
"""A step explains a hole when it is at least half as long: a steady buffer covers the other half at most."""

FLAT_SHARE = 0.25
"""A clock that moved by less than a quarter of the stall did not stand still for it."""

RECOVERY_S = 0.3
"""Queueing drains at line rate and a stalled loop catches up at once: the backlog of a hold is through within this
time, while a sender that holds audio back on purpose, or resumes where it stopped, stays late."""

WATCHED_S = 1.0
"""How long the delay behind a glitch is watched for ups and downs: a queue with a tenth of its link to spare comes down
by 100 ms in that time."""

WOBBLE_S = 0.002
"""Timers at either end move a packet by less (an idle event loop: 0.3 ms on average): less is no descent."""


def stays_late(site: Site) -> bool:
    """Whether the packets behind the glitch are still late once a backlog would have been through."""
    soon_s = site.lateness_after_s(0.0, RECOVERY_S + site.lateness_s)
    return len(soon_s) > 0 and float(np.min(soon_s)) >= SHARE * site.lateness_s


def wanders(site: Site) -> bool:
    """Whether the delay behind the glitch comes down again and again, more than it did before: a queue, or jitter."""
    down_s = _descent_s(site.lateness_after_s(0.0, WATCHED_S))
    arrival_s = site.journey["arrival_s"].to_numpy()
    earlier = arrival_s[: site.before + 1] >= arrival_s[site.before] - WATCHED_S
    usual_s = _descent_s(site.journey["lateness_s"].to_numpy()[: site.before + 1][earlier])
    return down_s >= 2 * usual_s + max(LATE_S / 2, FLAT_SHARE * site.lateness_s)


def _descent_s(lateness_s: np.ndarray) -> float:
    """By how much packets came earlier, against their timestamps, than the one before them, all together."""
    steps_s = np.diff(lateness_s)
    return float(-steps_s[steps_s < -WOBBLE_S].sum())


def came_late(site: Site) -> bool:
    """Whether the glitch is one of late packets: nothing lost, no jump of the timestamps."""
    return not (site.measured("lost_packets") > 0 or site.lateness_s < LATE_S or site.measured("media_gap_s") > LATE_S)


def overtaken(site: Site) -> bool:
    """Whether packets around the glitch overtook each other: the path does not keep their order."""
    return bool((np.diff(site.journey["frame"].to_numpy()[site.before : site.after + 8]) < 0).any())


def late_mechanism(site: Site) -> str:
    """Scattered lateness is jitter, a common step of all packets a spike."""
    if overtaken(site):
        return "reordering" if site.lateness_s < 2 * LATE_S else "jitter"
    around = site.journey["lateness_s"].to_numpy()[max(0, site.before - 25) : site.after + 25]
    steps = np.diff(around)
    return "jitter" if (steps > LATE_S).sum() > 3 else "delay_spike"
