"""Rules about glitches that only the browser's counters show, where there is neither capture nor recording."""

from __future__ import annotations

import numpy as np

from forensics.causes.claim import FAIR, STRONG, milliseconds
from forensics.model import Cause, Evidence, Glitch, Scene

SHARE = 0.5
"""Packets that make up half of what was concealed explain it."""

PACKET_S = 0.02
"""The usual length of a packet."""


def counted_concealment(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Concealed audio against `packetsLost` and `packetsDiscarded` between the same two readings."""
    concealed_s = glitch.measurements.get("concealed_s")
    if glitch.kind != "concealed" or concealed_s is None:
        return []
    lost, discarded = glitch.measurements["counted_lost"], glitch.measurements["counted_discarded"]
    if not np.isfinite(lost):
        reason = "The statistics do not count lost packets."
        return [Evidence("counted_concealment", Cause.NETWORK_DROP, None, reason)]
    statement = (
        f"The browser concealed {milliseconds(concealed_s)} that were not silence, and counted {lost:.0f} packets lost"
        + (f" and {discarded:.0f} discarded as too late." if discarded > 0 else ".")
    )
    rule, numbers = "counted_concealment", {"concealed_s": concealed_s, "lost": lost}
    if lost * PACKET_S >= SHARE * concealed_s:
        return [Evidence(rule, Cause.NETWORK_DROP, True, statement, (), STRONG, "burst_loss", numbers)]
    claims = [Evidence(rule, Cause.NETWORK_DROP, False, statement, (), -FAIR, "", numbers)]
    if discarded * PACKET_S >= SHARE * concealed_s:
        late = Evidence(rule, Cause.BUFFER_UNDERRUN, True, statement, (), FAIR, "delay_spike", numbers)
        return [*claims, late]
    open_question = f"{statement} Whether the audio came late or was made late is not in the counters."
    return [*claims, Evidence(rule, Cause.BUFFER_UNDERRUN, None, open_question)]


RULES = (counted_concealment,)
