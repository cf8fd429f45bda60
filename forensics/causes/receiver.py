"""Rules about the receiver: packets that were there in time and still were not heard."""

from __future__ import annotations

from forensics.causes.ahead import QUICK_SHARE
from forensics.causes.claim import DECISIVE, FAIR, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.course import LATE_S
from forensics.causes.site import Site
from forensics.model import Cause, Evidence

FULL_PACKETS = 50
"""The least that a buffer in use holds before it is flushed (libwebrtc until 2019; 200 packets since)."""


def on_time_but_silent(site: Site) -> list[Evidence]:
    """Every packet around the hole came in time: the playout itself stood still."""
    if site.glitch.kind != "hole" or site.measured("lost_packets") > 0 or max(site.lateness_s, site.crept_s) >= LATE_S:
        return []
    statement = (
        f"The packets around the hole of {milliseconds(site.hole_s)} came in time ({milliseconds(site.lateness_s)} "
        "against those before): the receiver did not play what it had."
    )
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


def ran_dry_ahead(site: Site) -> list[Evidence]:
    """Packets came ahead of their time, and the next one when it was due: the buffer played them faster and ran dry.

    A buffer that holds more than it wants takes pitch periods out of it (NetEq's accelerate), a quarter of the time at
    most: what was sent a second ahead is over some hundred milliseconds before its time.
    """
    ahead = site.ahead
    if ahead is None or site.lateness_s >= LATE_S or site.measured("lost_packets") > 0:
        return []
    statement = (
        f"{ahead.last - ahead.first} packets before the hole came ahead of their time, the last by "
        f"{milliseconds(ahead.ahead_s)}, and the next came when it was due: the sender does not pace, and what the "
        "buffer had was played before its time."
    )
    return [
        supports(
            site,
            "ran_dry_ahead",
            Cause.SENDER_POLICY,
            statement,
            weight=DECISIVE,
            mechanism="unpaced_burst",
            ahead_s=ahead.ahead_s,
        ),
        opposes(site, "ran_dry_ahead", Cause.LATE_MODEL_OUTPUT, statement, weight=STRONG),
    ]


def passed_over(site: Site) -> list[Evidence]:
    """Packets arrived and were never heard: the buffer had more than it could hold, or they came too late."""
    skipped_s = site.measured("skipped_s")
    if site.glitch.kind != "skip" or not skipped_s > 0:
        return []
    rows = site.journey.iloc[site.before : site.after + 1]
    media_s = float(rows["media_s"].iat[-1] - rows["media_s"].iat[0])
    spent_s = float(rows["arrival_s"].iat[-1] - rows["arrival_s"].iat[0])
    statement = (
        f"{milliseconds(skipped_s)} of audio arrived and were never heard; {milliseconds(media_s)} of it came within "
        f"{milliseconds(max(spent_s, 0.0))}"
    )
    early = spent_s < QUICK_SHARE * media_s and site.base_lateness_s < LATE_S
    if early:
        return [
            supports(
                site,
                "passed_over",
                Cause.SENDER_POLICY,
                f"{statement}, ahead of its time: the sender does not pace.",
                weight=STRONG,
                mechanism="unpaced_burst",
                skipped_s=skipped_s,
            )
        ]
    if not passes_over(site):
        reason = f"{statement}, in time for a buffer that was not full: it had no reason to throw it away."
        return [unchecked(site, "passed_over", Cause.BUFFER_UNDERRUN, reason)]
    return [
        supports(
            site,
            "passed_over",
            Cause.BUFFER_UNDERRUN,
            f"{statement}: the buffer threw it away to catch up.",
            weight=STRONG,
            mechanism="delay_spike",
            skipped_s=skipped_s,
        )
    ]


def passes_over(site: Site) -> bool:
    """Whether a buffer had a reason to throw audio away: packets behind their playout, or more than it can hold."""
    return site.slack_s < LATE_S or site.held_s >= FULL_PACKETS * float(site.journey["duration_s"].iat[site.before])


RULES = (
    ran_dry_ahead,
    passed_over,
    on_time_but_silent,
)
