"""From evidence to a verdict: the weights are summed per cause, and what cannot be separated stays undetermined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forensics.causes import (
    answers,
    browser,
    content,
    counterfactual,
    counters,
    events,
    holding,
    loss,
    receiver,
    recorder,
    recording,
    round_trips,
    sender_clock,
    timing,
    transport,
    unheard,
)
from forensics.causes.confidence import confidence_of
from forensics.causes.remedies import remedy_for
from forensics.causes.site import find_site
from forensics.model import BLAMING_CAUSES, Cause, Evidence, Glitch, Scene, Verdict

RULES = (
    *loss.RULES,
    *transport.RULES,
    *timing.RULES,
    *holding.RULES,
    *sender_clock.RULES,
    *round_trips.RULES,
    *receiver.RULES,
    *unheard.RULES,
    *recorder.RULES,
    *content.RULES,
    *browser.RULES,
    *counterfactual.RULES,
)
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

LEAST_SHARE = 0.005
"""An alternative with less is not listed."""

NAMED, WORTH_NAMING = 3, 0.1
"""So many causes an undetermined verdict names, each with a tenth of the posterior at least."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the evidence about one glitch says: the cause that it names, and what each cause is left with."""

    glitch: Glitch
    evidence: tuple[Evidence, ...]
    cause: Cause
    mechanism: str
    confidence: float
    alternatives: tuple[tuple[Cause, float], ...]


def judge_glitch(glitch: Glitch, scene: Scene, *, number: int) -> Verdict:
    """Judge one glitch for itself; `judge_glitches` judges those of a call, whose remedies count each other.

    Parameters
    ----------
    glitch : Glitch
    scene : Scene
    number : int
        From 1; becomes the id "g01".

    Returns
    -------
    Verdict
        With all evidence, heaviest first.
    """
    return make_verdict(decide(glitch, scene), scene, number=number)


def decide(glitch: Glitch, scene: Scene) -> Decision:
    """Weigh all evidence about one glitch.

    Returns
    -------
    Decision
        The confidence of a named cause is how often such a lead was right (`forensics.causes.confidence`); where the
        evidence does not separate the causes, it is how much the likeliest lacks to certainty.
    """
    evidence = gather_evidence(glitch, scene)
    posterior = weigh(evidence)
    best = max(posterior, key=lambda cause: posterior[cause])
    decided = posterior[best] >= DECIDED and any(e.supports and e.cause is best and e.weight > 0 for e in evidence)
    cause = best if decided else Cause.UNDETERMINED
    rest = sum(share for other, share in posterior.items() if other is not best)
    confidence = confidence_of(10 * np.log10(posterior[best] / max(rest, 1e-30))) if decided else 1 - posterior[best]
    shrink = (1 - confidence) / max(rest, 1e-30) if decided else 1.0
    others = {other: share * shrink for other, share in posterior.items() if other is not cause}
    ranked = sorted(((c, share) for c, share in others.items() if share >= LEAST_SHARE), key=lambda item: -item[1])
    return Decision(
        glitch,
        tuple(sorted(evidence, key=lambda e: -abs(e.weight))),
        cause,
        _mechanism(evidence, cause),
        round(confidence, 3),
        tuple((c, round(share, 3)) for c, share in ranked),
    )


def make_verdict(decision: Decision, scene: Scene, *, number: int, alike: Sequence[Glitch] = ()) -> Verdict:
    """Add to a decision what would have prevented the glitch; `alike` are the audible ones of the same cause."""
    remedy, would_not_help = remedy_for(
        decision.cause,
        decision.mechanism,
        glitch=decision.glitch,
        scene=scene,
        alternatives=[cause for cause, share in decision.alternatives[:NAMED] if share >= WORTH_NAMING],
        alike=alike,
    )
    return Verdict(
        id=f"g{number:02d}",
        glitch=decision.glitch,
        cause=decision.cause,
        mechanism=decision.mechanism,
        confidence=decision.confidence,
        evidence=decision.evidence,
        alternatives=decision.alternatives,
        remedy=remedy,
        would_not_help=would_not_help,
    )


def gather_evidence(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Ask every rule about one glitch."""
    logged = [evidence for rule in events.RULES for evidence in rule(glitch, scene)]
    if glitch.kind == "late_answer":
        return logged + answers.answered_late(glitch, scene)
    if glitch.kind == "unsent":
        return logged  # it spans a whole answer: what its two packets have between them is the answer
    site = find_site(glitch, scene)
    if site is None:
        return logged + [evidence for rule in (*recording.RULES, *counters.RULES) for evidence in rule(glitch, scene)]
    return logged + [evidence for rule in RULES for evidence in rule(site)]


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
