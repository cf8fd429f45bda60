"""The conclusion: what happened in a call, in one paragraph of plain words."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.model import Cause, Verdict

BLAME = {
    Cause.NETWORK_DROP: "the network lost what the sender had sent",
    Cause.BUFFER_UNDERRUN: "the audio existed but was not there in time to be played",
    Cause.LATE_MODEL_OUTPUT: "the sender had nothing to send, because its audio was not made in time",
    Cause.SENDER_POLICY: "the sender held audio back or threw it away",
    Cause.UNDETERMINED: "the evidence does not separate the causes",
}


LATE = {
    Cause.BUFFER_UNDERRUN: "most of the wait was spent behind the first packet of the answer, at the listener",
    Cause.LATE_MODEL_OUTPUT: "most of the wait had passed before the sender sent anything",
    Cause.UNDETERMINED: "without the packets nobody can say where the time went",
}
"""Whose an answer is that came too late."""


SHORTEST_S = 0.005
"""Less is no time that anybody would be told."""


def write_conclusion(verdicts: Sequence[Verdict], *, caveats: Sequence[str] = ()) -> str:
    """Say what happened, whose fault it was and what to mend first.

    Parameters
    ----------
    verdicts : sequence of Verdict
    caveats : sequence of str
        Sentences on what could not be looked at.

    Returns
    -------
    str
        One paragraph. Its first sentence counts the audible glitches by cause.
    """
    counted = [verdict for verdict in verdicts if verdict.glitch.audible and verdict.cause in BLAME]
    if not counted:
        return " ".join(["No audible glitch was found.", *_masked(verdicts), *caveats])
    by_cause = sorted({verdict.cause for verdict in counted}, key=lambda cause: -_heard_s(_of(counted, cause)))
    parts = ", ".join(f"{len(_of(counted, cause))} × {str(cause).replace('_', ' ')}" for cause in by_cause)
    worst = max(_of(counted, by_cause[0]), key=_length_s)
    return " ".join(
        [
            f"{len(counted)} audible glitch{'es' if len(counted) > 1 else ''}: {parts}.",
            *_blame([verdict for verdict in counted if not _is_answer(verdict)]),
            *_answers([verdict for verdict in counted if _is_answer(verdict)]),
            *_advice(worst, counted),
            *_masked(verdicts),
            *caveats,
        ]
    )


def _of(verdicts: Sequence[Verdict], cause: Cause) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.cause is cause]


def _is_answer(verdict: Verdict) -> bool:
    return verdict.glitch.kind == "late_answer"


def _length_s(verdict: Verdict) -> float:
    return verdict.glitch.end_s - verdict.glitch.start_s


def _heard_s(verdicts: Sequence[Verdict]) -> float:
    """Seconds of glitch that were heard."""
    return sum(map(_length_s, verdicts))


def _blame(verdicts: Sequence[Verdict]) -> list[str]:
    """A sentence on whose the holes are, and how long those of each last together."""
    causes = sorted({verdict.cause for verdict in verdicts}, key=lambda cause: -_heard_s(_of(verdicts, cause)))
    if not causes:
        return []
    if len(causes) == 1:
        said = BLAME[causes[0]]
        return [f"{said[0].upper()}{said[1:]}{_lasting(verdicts, ', {} in all')}."]
    parts = [
        f"in {len(own)}{_lasting(own, ' ({})')} {BLAME[cause]}" for cause in causes if (own := _of(verdicts, cause))
    ]
    return [f"I{'; '.join(parts)[1:]}."]


def _answers(verdicts: Sequence[Verdict]) -> list[str]:
    """A sentence for the answers that came late, by where the time went."""
    said = []
    for cause in sorted({verdict.cause for verdict in verdicts}):
        own = _of(verdicts, cause)
        waits = ", ".join(_time(_length_s(verdict)) for verdict in own)
        came = "1 answer came" if len(own) == 1 else f"{len(own)} answers came"
        said.append(f"{came} late, after {waits}: {LATE.get(cause, BLAME[cause])}.")
    return said


def _advice(worst: Verdict, counted: Sequence[Verdict]) -> list[str]:
    """What to mend first and what not; where the cause is open, what would decide it."""
    if worst.cause is Cause.UNDETERMINED:
        return [worst.remedy]
    return [f"First to mend{_which(worst, counted)}: {worst.remedy}", f"It would not help: {worst.would_not_help}"]


def _which(worst: Verdict, counted: Sequence[Verdict]) -> str:
    """Name the glitch that the advice is about, where there are several."""
    longest = f", the longest, at {worst.glitch.start_s:.2f} s" if _length_s(worst) > 0 else ""
    return longest if len(counted) > 1 else ""


def _lasting(verdicts: Sequence[Verdict], pattern: str) -> str:
    """How long they last together; nothing for splices and skips, which take no time."""
    heard_s = _heard_s(verdicts)
    return pattern.format(_time(heard_s)) if heard_s >= SHORTEST_S else ""


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _masked(verdicts: Sequence[Verdict]) -> list[str]:
    """A sentence on what went wrong unheard."""
    masked = sum(not verdict.glitch.audible for verdict in verdicts)
    events = "event was" if masked == 1 else "events were"
    return [f"{masked} more {events} not heard: covered by the buffer, or in a pause."] if masked else []
