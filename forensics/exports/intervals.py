"""What stands where in a call, as named stretches: what both Audacity's labels and Praat's tiers are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from forensics.model import Diagnosis, Turn, Verdict
from forensics.views.wording import percent


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of recording time with a text of one line."""

    start_s: float
    end_s: float
    text: str


def call_intervals(diagnosis: Diagnosis) -> dict[str, list[Interval]]:
    """Return the stretches of a call by kind: "glitches", "not heard", "user", "agent", each in the order of time.

    Times are those of the findings: of the recording, or of the capture where there is no recording. What begins
    before the recording does is cut there, as neither program knows a time before zero.
    """
    heard = [v for v in diagnosis.verdicts if v.glitch.audible]
    unheard = [v for v in diagnosis.verdicts if not v.glitch.audible]
    turns = diagnosis.scene.turns
    kinds: dict[str, Iterable[Interval]] = {
        "glitches": map(_glitch, heard),
        "not heard": map(_glitch, unheard),
        "user": (_turn(turn) for turn in turns if turn.speaker == "user"),
        "agent": (_turn(turn) for turn in turns if turn.speaker == "agent"),
    }
    return {kind: _placed(intervals) for kind, intervals in kinds.items()}


def _glitch(verdict: Verdict) -> Interval:
    cause = " ".join(filter(None, (str(verdict.cause), verdict.mechanism)))
    return Interval(verdict.glitch.start_s, verdict.glitch.end_s, f"{verdict.id} {cause} {percent(verdict.confidence)}")


def _turn(turn: Turn) -> Interval:
    latency = "" if turn.latency_s is None else f"latency {1000 * turn.latency_s:.0f} ms"
    return Interval(turn.start_s, turn.end_s, " ".join(filter(None, (latency, turn.text))) or turn.speaker)


def _placed(intervals: Iterable[Interval]) -> list[Interval]:
    cut = (Interval(max(i.start_s, 0.0), max(i.end_s, 0.0), " ".join(i.text.split())) for i in intervals)
    return sorted(cut, key=lambda interval: (interval.start_s, interval.end_s))
