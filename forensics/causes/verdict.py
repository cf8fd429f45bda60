"""From evidence to a verdict: the weights are summed per cause, and what cannot be separated stays undetermined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.causes import answers, content, counterfactual, loss, receiver, recorder, recording, timing
from forensics.causes.remedies import remedy_for
from forensics.causes.site import find_site
from forensics.model import BLAMING_CAUSES, Cause, Evidence, Glitch, Scene, Verdict

RULES = (*loss.RULES, *timing.RULES, *receiver.RULES, *recorder.RULES, *content.RULES, *counterfactual.RULES)
"""Every rule, in the order in which a verdict lists its evidence."""

JUDGED = (*BLAMING_CAUSES, Cause.RECORDING_ARTEFACT, Cause.CAPTURE_LOSS)
"""What a glitch can be due to; `undetermined` is what is left when none of them stands out."""

PRIOR_DB = {
    Cause.NETWORK_DROP: 0.0,
    Cause.BUFFER_UNDERRUN: 0.0,
    Cause.LATE_MODEL_OUTPUT: 0.0,
    Cause.SENDER_POLICY: -6.0,
    Cause.RECORDING_ARTEFACT: -12.0,
    Cause.CAPTURE_LOSS: -10.0,
}
"""Before any evidence, in decibans: intent is rarer than accident, and artefacts of the tools rarer than either."""

DECIDED = 0.7
"""A verdict names a cause from this share of the posterior on; below, it names what would decide."""


def judge_glitch(glitch: Glitch, scene: Scene, *, number: int) -> Verdict:
    """Judge one glitch.

    Parameters
    ----------
    glitch : Glitch
    scene : Scene
    number : int
        From 1; becomes the id "g01".

    Returns
    -------
    Verdict
        With all evidence, heaviest first. The confidence is the share of the posterior of the named cause.
    """
    evidence = gather_evidence(glitch, scene)
    posterior = weigh(evidence)
    best = max(posterior, key=lambda cause: posterior[cause])
    decided = posterior[best] >= DECIDED and any(e.supports and e.cause is best and e.weight > 0 for e in evidence)
    cause = best if decided else Cause.UNDETERMINED
    mechanism = _mechanism(evidence, cause)
    others = sorted(((c, p) for c, p in posterior.items() if c is not cause and p >= 0.005), key=lambda item: -item[1])
    remedy, would_not_help = remedy_for(
        cause, mechanism, glitch=glitch, scene=scene, alternatives=[c for c, _ in others[:2]]
    )
    return Verdict(
        id=f"g{number:02d}",
        glitch=glitch,
        cause=cause,
        mechanism=mechanism,
        confidence=round(posterior[best] if decided else 1 - posterior[best], 3),
        evidence=tuple(sorted(evidence, key=lambda e: -abs(e.weight))),
        alternatives=tuple((c, round(p, 3)) for c, p in others),
        remedy=remedy,
        would_not_help=would_not_help,
    )


def gather_evidence(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Ask every rule about one glitch."""
    if glitch.kind == "late_answer":
        return answers.answered_late(glitch, scene)
    site = find_site(glitch, scene)
    if site is None:
        return [evidence for rule in recording.RULES for evidence in rule(glitch, scene)]
    return [evidence for rule in RULES for evidence in rule(site)]


def weigh(evidence: Sequence[Evidence]) -> dict[Cause, float]:
    """Posterior share of each cause, from the priors and the summed weights (naive Bayes in decibans)."""
    score = dict(PRIOR_DB)
    for claim in evidence:
        if claim.supports is not None and claim.cause in score:
            score[claim.cause] += claim.weight
    decibans = np.array([score[cause] for cause in JUDGED])
    odds = 10 ** ((decibans - decibans.max()) / 10)
    return dict(zip(JUDGED, (odds / odds.sum()).tolist(), strict=True))


def _mechanism(evidence: Sequence[Evidence], cause: Cause) -> str:
    """The mechanism of the heaviest claim for the cause."""
    claims = [claim for claim in evidence if claim.cause is cause and claim.supports and claim.mechanism]
    return max(claims, key=lambda claim: claim.weight).mechanism if claims else ""
