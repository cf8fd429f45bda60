"""Rules about the receiver: packets that were there in time and still were not heard."""

from __future__ import annotations

from forensics.causes.claim import FAIR, STRONG, milliseconds, opposes, supports
from forensics.causes.site import Site
from forensics.causes.timing import LATE_S
from forensics.model import Cause, Evidence


def on_time_but_silent(site: Site) -> list[Evidence]:
    """Every packet around the hole came in time: the playout itself stood still."""
    if site.glitch.kind != "hole" or site.measured("lost_packets") > 0 or site.lateness_s >= LATE_S:
        return []
    statement = f"The packets around the hole of {milliseconds(site.hole_s)} came in time ({milliseconds(site.lateness_s)} against those before): the receiver did not play what it had."
    return [
        supports(
            site,
            "on_time_but_silent",
            Cause.BUFFER_UNDERRUN,
            statement,
            weight=STRONG,
            mechanism="playout_stall",
            hole_s=site.hole_s,
        ),
        opposes(site, "on_time_but_silent", Cause.LATE_MODEL_OUTPUT, statement, weight=FAIR),
    ]


RULES = (on_time_but_silent,)
