"""Rules about the recorder: what is missing in the recording alone."""

from __future__ import annotations

from forensics.causes.claim import DECISIVE, STRONG, milliseconds, opposes, supports
from forensics.causes.receiver import passes_over
from forensics.causes.site import Site
from forensics.model import Cause, Evidence

SPARE_S = 0.04
"""What a buffer keeps at least, two packets; it cannot pass over that."""


def only_recorder_silent(site: Site) -> list[Evidence]:
    """The recording is silent where loud packets were played on time, and the playout goes on as if nothing were."""
    if site.glitch.kind != "blank":
        return []
    statement = (
        f"The recording is silent for {milliseconds(site.hole_s)} while loud packets were due, none of them lost or "
        "late, and the playout "
        "behind it is where it was: no buffer conceals like that, the recorder has a hole."
    )
    return [supports(site, "only_recorder_silent", Cause.RECORDING_ARTEFACT, statement, weight=DECISIVE + STRONG)]


def more_than_was_buffered(site: Site) -> list[Evidence]:
    """Audio missing in the recording against what the buffer held and had a reason to pass over.

    It cannot pass over more than it holds; and it passes over nothing that came in time unless it is full.
    """
    skipped_s = site.measured("skipped_s")
    if site.glitch.kind != "skip" or not skipped_s > 0 or not site.journey["located"].any():
        return []
    held_s = site.held_s
    numbers = f"{milliseconds(skipped_s)} are missing in the recording; the buffer held {milliseconds(held_s)}"
    if skipped_s > held_s + SPARE_S:
        statement, weight = f"{numbers}: the recorder lost them.", DECISIVE + STRONG
    elif not passes_over(site):
        statement = f"{numbers}, in time and far from full, so that it had no reason to pass over any."
        weight = STRONG
    else:
        statement = f"{numbers}: it could pass over them."
        return [
            opposes(site, "more_than_was_buffered", Cause.RECORDING_ARTEFACT, statement, weight=STRONG, held_s=held_s)
        ]
    return [supports(site, "more_than_was_buffered", Cause.RECORDING_ARTEFACT, statement, weight=weight, held_s=held_s)]


RULES = (only_recorder_silent, more_than_was_buffered)
