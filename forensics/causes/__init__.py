"""Causes: why it went wrong, with the evidence for and against."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.causes.verdict import gather_evidence, judge_glitch, weigh
from forensics.model import Glitch, Scene, Verdict

__all__ = ["gather_evidence", "judge_glitch", "judge_glitches", "weigh"]


def judge_glitches(glitches: Sequence[Glitch], scene: Scene) -> tuple[Verdict, ...]:
    """Judge every glitch; ids count them in the order given."""
    return tuple(judge_glitch(glitch, scene, number=number) for number, glitch in enumerate(glitches, start=1))
