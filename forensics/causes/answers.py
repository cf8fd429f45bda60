"""Rules about answers that came too late."""

from __future__ import annotations

from forensics.causes.claim import DECISIVE, milliseconds
from forensics.model import Cause, Evidence, Glitch, Scene

SHARE = 0.5
"""The part of the latency that is more than half of it is the one to mend."""


def answered_late(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Split the time between the user's last word and the agent's first: before the sender's packet, or behind it."""
    latency_s = glitch.measurements["latency_s"]
    sender_s = glitch.measurements.get("sender_s")
    if sender_s is None:
        reason = (
            f"The answer was heard {milliseconds(latency_s)} after the question; without packets on the recording's "
            "clock the time cannot be split."
        )
        return [Evidence("answered_late", Cause.LATE_MODEL_OUTPUT, None, reason, glitch.frames)]
    playout_s = latency_s - sender_s
    statement = (
        f"Of the {milliseconds(latency_s)} until the answer was heard, {milliseconds(sender_s)} passed before its "
        f"first packet came and {milliseconds(playout_s)} after."
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
