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
        One paragraph.
    """
    heard = [verdict for verdict in verdicts if verdict.glitch.audible]
    counted = [verdict for verdict in heard if verdict.cause in BLAME]
    if not counted:
        return " ".join(["No audible glitch was found.", *_masked(verdicts), *caveats])
    groups = [(cause, members) for cause in BLAME if (members := [v for v in counted if v.cause is cause])]
    groups.sort(key=lambda group: -_heard_s(group[1]))
    parts = ", ".join(f"{len(members)} × {str(cause).replace('_', ' ')}" for cause, members in groups)
    main, members = groups[0]
    worst = max(members, key=lambda v: v.glitch.end_s - v.glitch.start_s)
    return " ".join(
        [
            f"{len(counted)} audible glitch{'es' if len(counted) > 1 else ''}: {parts}.",
            f"Most of it ({1000 * _heard_s(members):.0f} of {1000 * _heard_s(counted):.0f} ms): {BLAME[main]}."
            if len(groups) > 1
            else f"{BLAME[main][0].upper()}{BLAME[main][1:]}.",
            f"First to mend: {worst.remedy}",
            f"It would not help: {worst.would_not_help}",
            *_masked(verdicts),
            *caveats,
        ]
    )


def _heard_s(verdicts: Sequence[Verdict]) -> float:
    """Seconds of glitch that were heard."""
    return sum(verdict.glitch.end_s - verdict.glitch.start_s for verdict in verdicts)


def _masked(verdicts: Sequence[Verdict]) -> list[str]:
    """A sentence on what went wrong unheard."""
    masked = sum(not verdict.glitch.audible for verdict in verdicts)
    events = "event was" if masked == 1 else "events were"
    return [f"{masked} more {events} not heard: covered by the buffer, or in a pause."] if masked else []
