"""Causes: why it went wrong, with the evidence for and against."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.causes.verdict import decide, gather_evidence, judge_glitch, make_verdict, weigh
from forensics.model import Glitch, Scene, Verdict

__all__ = ["gather_evidence", "judge_glitch", "judge_glitches", "weigh"]


def judge_glitches(glitches: Sequence[Glitch], scene: Scene) -> tuple[Verdict, ...]:
    """Judge every glitch; ids count them in the order given."""
    decisions = [decide(glitch, scene) for glitch in glitches]
    heard = {
        cause: [other.glitch for other in decisions if other.cause is cause and other.glitch.audible]
        for cause in {decision.cause for decision in decisions}
    }
    return tuple(
        make_verdict(decision, scene, number=number, alike=heard[decision.cause])
        for number, decision in enumerate(decisions, start=1)
    )
