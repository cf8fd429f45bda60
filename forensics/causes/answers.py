"""Rules about answers that came too late."""

from __future__ import annotations

from forensics.causes.claim import DECISIVE, milliseconds
from forensics.model import Cause, Evidence, Glitch, Scene
from forensics.turns.goal import PART_NAMES
from forensics.turns.latency import DOWNSTREAM

SHARE = 0.5
"""The part of the latency that is more than half of it is the one to mend."""


def answered_late(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Split the time between the user's last word and the agent's first: before the sender's packet, or behind it."""
    latency_s = glitch.measurements["latency_s"]
    sender_s = _before_the_path_s(glitch)
    if sender_s is None:
        reason = (
            f"The answer was heard {milliseconds(latency_s)} after the question; without packets on the recording's "
            "clock the time cannot be split."
        )
        return [Evidence("answered_late", Cause.LATE_MODEL_OUTPUT, None, reason, glitch.frames)]
    playout_s = latency_s - sender_s
    statement = (
        f"Of the {milliseconds(latency_s)} until the answer was heard, {milliseconds(sender_s)} passed before its "
        f"first packet left and {milliseconds(playout_s)} after{_largest(glitch)}."
    )
    numbers = {"latency_s": latency_s, "sender_s": sender_s}
    if sender_s >= SHARE * latency_s:
        return [
            Evidence(
                "answered_late",
                Cause.LATE_MODEL_OUTPUT,
                True,
                statement,
                glitch.frames,
                DECISIVE,
                "late_first_audio",
                numbers,
            )
        ]
    return [
        Evidence(
            "answered_late", Cause.BUFFER_UNDERRUN, True, statement, glitch.frames, DECISIVE, "playout_stall", numbers
        )
    ]


def _before_the_path_s(glitch: Glitch) -> float | None:
    """What of the latency passed before the first packet was on its way; None where that is not known."""
    behind = [glitch.measurements[name] for name in DOWNSTREAM if name in glitch.measurements]
    if behind:
        return glitch.measurements["latency_s"] - sum(behind)
    return glitch.measurements.get("sender_s")


def _largest(glitch: Glitch) -> str:
    """Name the largest part, where the parts are known by more than the two sides of the path."""
    parts = {name: seconds for name, seconds in glitch.measurements.items() if name in PART_NAMES}
    if len(parts) < 3:
        return ""
    name = max(parts, key=lambda part: parts[part])
    return f"; most of it, {milliseconds(parts[name])}, passed {PART_NAMES[name]}"
