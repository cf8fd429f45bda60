"""Rules about a delay that was held and then given back: audio kept back on purpose."""

from __future__ import annotations

import numpy as np

from forensics.causes.claim import DECISIVE, FAIR, SLIGHT, STRONG, milliseconds, opposes, supports
from forensics.causes.course import FLAT_SHARE, LATE_S, RECOVERY_S, SHARE, came_late, stays_late
from forensics.causes.site import Site
from forensics.model import Cause, Evidence

LEVEL_S = 0.005
"""A delay that a sender holds is as level as its packets were before; so much more is granted it."""


def find_release(site: Site) -> tuple[int, int] | None:
    """Find where a delay that stayed was given back: positions of the last late packet and the first one on time again.

    None where it was not given back within `RECOVERY_S`, or not to where it had been, or was not level until then, and
    where the timestamps jumped between two utterances: there any sender starts its clock anew. A queue that is full is
    level too, and drains at once when its link is free again: but it filled, packet by packet, and it drops.
    """
    behind = slice(site.after, None)
    late_s = site.journey["lateness_s"].to_numpy()[behind] - site.base_lateness_s
    arrival_s = site.journey["arrival_s"].to_numpy()[behind]
    if not stays_late(site) or site.growth_s >= max(LATE_S, FLAT_SHARE * site.lateness_s):
        return None
    on_time = np.flatnonzero(late_s < FLAT_SHARE * site.lateness_s)
    if len(on_time) == 0 or late_s[on_time[0]] < -FLAT_SHARE * site.lateness_s:
        return None
    held = np.flatnonzero(late_s[: on_time[0]] > (1 - FLAT_SHARE) * site.lateness_s)
    level = len(held) > 0 and _spread_s(late_s[: held[-1] + 1]) <= LEVEL_S + site.unsteadiness_s
    if not level or arrival_s[on_time[0]] - arrival_s[held[-1]] > RECOVERY_S:
        return None
    last, first = site.after + int(held[-1]), site.after + int(on_time[0])
    sequence = site.journey["ext_sequence_number"].to_numpy()
    if sequence[last] - sequence[site.after] > last - site.after:
        return None
    passed_s = skipped_s(site, last, first)
    dropped = abs(passed_s - site.lateness_s) <= FLAT_SHARE * site.lateness_s
    within = dropped and bool(site.journey["speech"].iloc[last : first + 1].all())
    return (last, first) if passed_s < LATE_S or within else None


def _spread_s(delay_s: np.ndarray) -> float:
    """Median distance from the median: how level a delay was held, whatever it did as it was let go."""
    return float(np.median(np.abs(delay_s - np.median(delay_s))))


def skipped_s(site: Site, last: int, first: int) -> float:
    """Media time between two journey positions that no packet between them carries."""
    media_s = site.journey["media_s"].to_numpy()
    return float(media_s[first] - media_s[last]) - (first - last) * float(site.journey["duration_s"].iat[0])


def released_later(site: Site) -> list[Evidence]:
    """A delay that is held level for a while and then given back at one stroke was added and released on purpose."""
    if not came_late(site):
        return []
    release = find_release(site)
    if release is None:
        return []
    arrival_s = site.journey["arrival_s"].to_numpy()
    held_s = float(arrival_s[release[0]] - arrival_s[site.after])
    stroke_s = float(arrival_s[release[1]] - arrival_s[release[0]])
    if skipped_s(site, *release) < LATE_S:
        how, weight = "the backlog came at once", DECISIVE
    else:
        stood = site.sender_clock_step_s >= SHARE * site.lateness_s
        how, weight = "by dropping the backlog", STRONG if stood else STRONG + SLIGHT
    statement = (
        f"The delay was held level for {held_s:.1f} s and then given back within {milliseconds(stroke_s)}, {how}: "
        "audio was kept back and let go."
    )
    return [
        supports(
            site,
            "released_later",
            Cause.SENDER_POLICY,
            statement,
            weight=weight,
            mechanism="artificial_delay",
            held_s=held_s,
            stroke_s=stroke_s,
        ),
        opposes(site, "released_later", Cause.LATE_MODEL_OUTPUT, statement, weight=FAIR),
    ]


RULES = (released_later,)
