"""What would have prevented a glitch, and what would not have."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.causes.claim import milliseconds
from forensics.causes.counterfactual import enough_buffer
from forensics.causes.site import find_site
from forensics.model import Cause, Glitch, Scene

REMEDIES: dict[tuple[Cause, str], tuple[str, str]] = {
    (Cause.NETWORK_DROP, "isolated_loss"): ("Opus in-band FEC repairs single losses for about 20 % more bits.", "A deeper jitter buffer or a faster model: the packet never came."),
    (Cause.NETWORK_DROP, "burst_loss"): ("RED with a distance beyond the burst, retransmission (NACK) where the round trip allows it, or another path.", "Opus in-band FEC (it reaches one packet back), a deeper jitter buffer or a faster model."),
    (Cause.NETWORK_DROP, "queue_overflow"): ("Less queueing: active queue management or priority for the call at the bottleneck, or a lower bitrate.", "More redundancy (it fills the same queue) or a faster model."),
    (Cause.BUFFER_UNDERRUN, "delay_spike"): ("A larger buffer target (jitterBufferTarget) or a sender that keeps a cushion of the same size at the receiver.", "Redundancy or retransmission (nothing was lost), or a faster model (the audio had been sent)."),
    (Cause.BUFFER_UNDERRUN, "jitter"): ("A larger buffer target (jitterBufferTarget), or a path with less delay variation.", "Redundancy or retransmission (nothing was lost), or a faster model."),
    (Cause.BUFFER_UNDERRUN, "reordering"): ("A buffer target of at least the reordering distance.", "Redundancy, or a faster model."),
    (Cause.BUFFER_UNDERRUN, "playout_stall"): ("Less load on the listener's machine: the audio thread or the page's process did not run.", "Anything in the network or the model: the packets were there in time."),
    (Cause.LATE_MODEL_OUTPUT, "stall"): ("Faster or earlier generation, or a send lead (cushion) of the length of the stall.", "A jitter buffer in the usual range, redundancy or another path: the audio did not exist yet."),
    (Cause.LATE_MODEL_OUTPUT, "slow_generation"): ("A model faster than real time, or speech that starts only when enough of it is generated.", "A jitter buffer, redundancy or another path: the audio did not exist yet."),
    (Cause.LATE_MODEL_OUTPUT, "silence_fill"): ("Faster or earlier generation, or a send lead (cushion); a sender that stops its clock instead would at least let the receiver conceal.", "A jitter buffer, redundancy or another path: silence was sent on purpose and in time."),
    (Cause.LATE_MODEL_OUTPUT, "late_first_audio"): ("Earlier endpointing, a faster first token, streaming synthesis.", "Anything in the network or the buffer."),
    (Cause.SENDER_POLICY, "artificial_delay"): ("Stop holding packets back at the sender: send audio when it is there.", "A faster model or a better network: the audio existed and the path was open."),
    (Cause.SENDER_POLICY, "deliberate_drop"): ("Stop discarding audio at the sender; catch up by time compression or in the next pause.", "Redundancy or a deeper buffer: the audio never left the sender."),
    (Cause.SENDER_POLICY, "unpaced_burst"): ("Pace the packets at the sender.", "A faster model: it was ahead already."),
    (Cause.RECORDING_ARTEFACT, ""): ("Nothing in the call: record again on a machine with time to spare.", "Any change to the call."),
    (Cause.CAPTURE_LOSS, ""): ("Nothing in the call: capture with a larger buffer.", "Any change to the call."),
}  # fmt: skip
"""Per cause and mechanism: what would have helped, and what would not have."""

DECIDING_CAPTURE = (
    "A capture taken at the sender at the same time, or a log of when the model produced its audio, would decide."
)


def remedy_for(
    cause: Cause, mechanism: str, *, glitch: Glitch, scene: Scene, alternatives: Sequence[Cause]
) -> tuple[str, str]:
    """Return what would have helped, with the number where one can be told, and what would not have."""
    if cause is Cause.UNDETERMINED:
        candidates = " or ".join(str(other).replace("_", " ") for other in alternatives)
        return f"Not decided between {candidates or 'the causes'}. {DECIDING_CAPTURE}", "Guessing."
    key = (cause, mechanism) if (cause, mechanism) in REMEDIES else next(k for k in REMEDIES if k[0] is cause)
    helped, useless = REMEDIES[key]
    amount = _amount(cause, mechanism, glitch, scene) if glitch.audible else ""
    return f"{helped} {amount}".rstrip(), useless


def _amount(cause: Cause, mechanism: str, glitch: Glitch, scene: Scene) -> str:
    """How much of the remedy it takes."""
    if cause is Cause.BUFFER_UNDERRUN and mechanism in ("delay_spike", "jitter", "reordering"):
        site = find_site(glitch, scene)
        return enough_buffer(site) if site is not None else ""
    if cause is Cause.LATE_MODEL_OUTPUT and mechanism != "late_first_audio":
        size_s = max(glitch.end_s - glitch.start_s, glitch.measurements.get("lateness_step_s", 0.0))
        return f"Needed here: about {milliseconds(size_s)}."
    return ""
