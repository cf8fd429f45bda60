"""Rules about the sender's clocks: its wall clock against its media clock, as its reports pair them."""

from __future__ import annotations

from functools import partial

import numpy as np

from forensics.causes.claim import DECISIVE, FAIR, SLIGHT, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.course import FLAT_SHARE, LATE_S, RECOVERY_S, SHARE, late_mechanism, stays_late
from forensics.causes.holding import find_release, skipped_s
from forensics.causes.site import Site
from forensics.model import Cause, Evidence


def sender_clock_stood(site: Site) -> list[Evidence]:
    """The sender reports' wall clock against their media clock: a stall steps it, holding packets back does not."""
    if site.measured("lost_packets") > 0 or (site.lateness_s < LATE_S and site.measured("media_gap_s") < LATE_S):
        return []
    step_s = site.sender_clock_step_s
    if np.isnan(step_s):
        return [
            unchecked(
                site,
                "sender_clock_stood",
                Cause.LATE_MODEL_OUTPUT,
                "No readable sender reports on both sides of the glitch: the sender's media clock cannot be compared "
                "with its wall clock.",
            )
        ]
    numbers = f"The sender's wall clock moved by {milliseconds(step_s)} against its media clock"
    if site.measured("media_gap_s") >= LATE_S:
        return _clock_over_jump(site, step_s, numbers)
    if step_s >= SHARE * site.lateness_s:
        return _clock_stood(site, step_s, numbers)
    if abs(step_s) < FLAT_SHARE * site.lateness_s:
        return _clock_ran_on(site, step_s, f"{numbers}, which is nothing")
    return [
        unchecked(
            site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, f"{numbers}, which fits neither a stall nor a hold."
        )
    ]


def _clock_stood(site: Site, step_s: float, numbers: str) -> list[Evidence]:
    """The media clock stood still with the packets; for good, unless the delay was given back later.

    Some senders stamp their reports with the packet that leaves, not with the one that the source makes: there a hold
    looks like a stall until it is released.
    """
    stood = partial(supports, site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, step_s=step_s)
    release = find_release(site)
    if release is not None and skipped_s(site, *release) < LATE_S:
        statement = f"{numbers}, as much as the packet was late; but the backlog came later, so it had been there."
        return [stood(statement, weight=0.0)]
    if release is not None:
        statement = (
            f"{numbers}, as much as the packet was late: the source stood still, or was held, until it dropped audio."
        )
        return [stood(statement, weight=SLIGHT, mechanism="stall")]
    if not stays_late(site):
        reason = (
            f"{numbers} between two reports, for good; but this delay was given back within "
            f"{milliseconds(RECOVERY_S + site.lateness_s)}, so it was not for this."
        )
        return [unchecked(site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, reason)]
    statement = f"{numbers}, as much as the packet was late: the source itself stood still."
    return [
        stood(statement, weight=DECISIVE, mechanism="stall"),
        opposes(site, "sender_clock_stood", Cause.BUFFER_UNDERRUN, statement, weight=STRONG),
        opposes(site, "sender_clock_stood", Cause.SENDER_POLICY, statement, weight=STRONG),
    ]


def _clock_ran_on(site: Site, step_s: float, numbers: str) -> list[Evidence]:
    """The source ran on while its packets were late: they were held back behind it, here or on the way."""
    statement = f"{numbers}: the source ran on, and its packets were held back behind it"
    weight = STRONG if stays_late(site) else FAIR
    not_model = opposes(
        site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, f"{statement}.", weight=weight, step_s=step_s
    )
    if np.isnan(site.departure_s):
        where = f"{statement}, by the sender or on the way."
        held = {Cause.BUFFER_UNDERRUN: late_mechanism(site), Cause.SENDER_POLICY: "artificial_delay"}
        return [
            not_model,
            *(supports(site, "sender_clock_stood", cause, where, weight=SLIGHT, mechanism=mechanism)
              for cause, mechanism in held.items()),
        ]  # fmt: skip
    if site.departure_s < SHARE * site.lateness_s:
        return [not_model]
    if not stays_late(site):
        return [
            supports(
                site,
                "sender_clock_stood",
                Cause.LATE_MODEL_OUTPUT,
                f"{statement} until the sender caught up at once.",
                weight=SLIGHT,
                mechanism="stall",
                step_s=step_s,
            )
        ]
    return [
        supports(
            site,
            "sender_clock_stood",
            Cause.SENDER_POLICY,
            f"{statement}, at the sender, and went on being late.",
            weight=STRONG,
            mechanism="artificial_delay",
            step_s=step_s,
        ),
        opposes(site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, f"{statement}.", weight=FAIR, step_s=step_s),
    ]


def _clock_over_jump(site: Site, step_s: float, numbers: str) -> list[Evidence]:
    """A media clock that ran ahead of the wall clock over a timestamp jump passed over audio."""
    jump_s = site.measured("media_gap_s")
    if step_s <= -SHARE * jump_s:
        statement = f"{numbers}: media was passed over that the wall clock did not see pass."
        return [
            supports(
                site,
                "sender_clock_stood",
                Cause.SENDER_POLICY,
                statement,
                weight=FAIR,
                mechanism="deliberate_drop",
                step_s=step_s,
            )
        ]
    return []


RULES = (sender_clock_stood,)
