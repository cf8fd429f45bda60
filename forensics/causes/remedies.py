"""What would have prevented a glitch, and what would not have."""

from __future__ import annotations

from collections.abc import Sequence

from forensics.causes.claim import milliseconds
from forensics.causes.settings import buffer_needed, enough_buffer, enough_lead
from forensics.model import Cause, Glitch, Scene

REMEDIES: dict[tuple[Cause, str], tuple[str, str]] = {
    (Cause.NETWORK_DROP, "isolated_loss"): ("Opus in-band FEC repairs single losses for about 20 % more bits.", "A deeper jitter buffer or a faster model: the packet never came."),
    (Cause.NETWORK_DROP, "burst_loss"): ("RED with a distance beyond the burst, retransmission (NACK) where the round trip allows it, or another path.", "Opus in-band FEC (it reaches one packet back), a deeper jitter buffer or a faster model."),
    (Cause.NETWORK_DROP, "queue_overflow"): ("Less queueing: active queue management or priority for the call at the bottleneck, or a lower bitrate.", "More redundancy (it fills the same queue) or a faster model."),
    (Cause.BUFFER_UNDERRUN, "delay_spike"): ("A larger buffer target (jitterBufferTarget) or a sender that keeps a cushion of the same size at the receiver.", "Redundancy or retransmission (nothing was lost), or a faster model (the audio had been sent)."),
    (Cause.BUFFER_UNDERRUN, "jitter"): ("A larger buffer target (jitterBufferTarget), or a path with less delay variation.", "Redundancy or retransmission (nothing was lost), or a faster model."),
    (Cause.BUFFER_UNDERRUN, "reordering"): ("A buffer target of at least the reordering distance.", "Redundancy, or a faster model."),
    (Cause.BUFFER_UNDERRUN, "playout_stall"): ("Less load on the listener's machine: the audio thread or the page's process did not run.", "Anything in the network or the model: the packets were there in time."),
    (Cause.LATE_MODEL_OUTPUT, "stall"): ("Faster or earlier generation, or a send lead (cushion).", "Redundancy or another path: the audio did not exist yet."),
    (Cause.LATE_MODEL_OUTPUT, "slow_generation"): ("A model faster than real time, or speech that starts only when enough of it is generated.", "Redundancy or another path: the audio did not exist yet."),
    (Cause.LATE_MODEL_OUTPUT, "silence_fill"): ("Faster or earlier generation, or a send lead (cushion); a sender that stops its clock instead would at least let the receiver conceal.", "A jitter buffer, redundancy or another path: silence was sent on purpose and in time."),
    (Cause.LATE_MODEL_OUTPUT, "late_first_audio"): ("Earlier endpointing, a faster first token, streaming synthesis.", "Anything in the network or the buffer."),
    (Cause.SENDER_POLICY, "artificial_delay"): ("Stop holding packets back at the sender: send audio when it is there.", "A faster model or a better network: the audio existed and the path was open."),
    (Cause.SENDER_POLICY, "deliberate_drop"): ("Stop discarding audio at the sender; catch up by time compression or in the next pause.", "Redundancy or a deeper buffer: the audio never left the sender."),
    (Cause.SENDER_POLICY, "unpaced_burst"): ("Pace the packets at the sender.", "A faster model: it was ahead already."),
    (Cause.RECORDING_ARTEFACT, ""): ("Nothing in the call: record again on a machine with time to spare.", "Any change to the call."),
    (Cause.CAPTURE_LOSS, ""): ("Nothing in the call: capture with a larger buffer.", "Any change to the call."),
}  # fmt: skip
"""Per cause and mechanism: what would have helped, and what would not have."""

DECIDING = (
    ("capture", "a capture of the packets at the listener, with the keys of the call"),
    ("keys", "the keys of the call (SSLKEYLOGFILE), which open the sender's reports"),
    ("sender_capture", "a capture at the sender at the same time"),
    ("events", "a log of when the model produced its audio"),
)
"""What would tell causes apart, by the role of the file: what is at hand already is not asked for."""


def remedy_for(
    cause: Cause,
    mechanism: str,
    *,
    glitch: Glitch,
    scene: Scene,
    alternatives: Sequence[Cause],
    alike: Sequence[Glitch] = (),
) -> tuple[str, str]:
    """Return what would have prevented a glitch and what would not have, with the numbers that the replays give.

    Parameters
    ----------
    cause : Cause
    mechanism : str
    glitch : Glitch
    scene : Scene
    alternatives : sequence of Cause
        What an undetermined glitch may be due to, likeliest first.
    alike : sequence of Glitch
        The audible glitches of the same cause, for "9 of 12 gone".
    """
    if cause is Cause.UNDETERMINED:
        candidates = " or ".join(str(other).replace("_", " ") for other in alternatives)
        return (
            f"Not decided between {candidates or 'the causes'}. {deciding_capture(scene)}",
            "Mending one of them on suspicion.",
        )
    key = (cause, mechanism) if (cause, mechanism) in REMEDIES else next(k for k in REMEDIES if k[0] is cause)
    helped, useless = REMEDIES[key]
    if not glitch.audible:
        return helped, useless
    amount, vain = _amount(cause, mechanism, glitch, scene, alike), _vain(cause, glitch, scene)
    return f"{helped} {amount}".rstrip(), f"{useless} {vain}".rstrip()


def deciding_capture(scene: Scene) -> str:
    """Say which evidence that is not at hand would decide."""
    closed = scene.downlink is not None and scene.downlink.encrypted and not scene.downlink.readable
    missing = [words for role, words in DECIDING if getattr(scene.case, role) is None and (role != "keys" or closed)]
    if scene.case.capture is None:
        missing = missing[:1]
    asked = ", or ".join(missing)
    return f"What would decide: {asked}." if asked else "The evidence at hand contradicts itself here; open its frames."


def _amount(cause: Cause, mechanism: str, glitch: Glitch, scene: Scene, alike: Sequence[Glitch]) -> str:
    """How much of the remedy it takes."""
    measured = glitch.measurements
    if cause is Cause.BUFFER_UNDERRUN and mechanism in ("delay_spike", "jitter", "reordering"):
        return enough_buffer(glitch, scene, alike=alike)
    if cause is Cause.LATE_MODEL_OUTPUT and mechanism != "late_first_audio":
        size_s = max(glitch.end_s - glitch.start_s, measured.get("lateness_step_s", 0.0))
        return enough_lead(glitch, scene, alike=alike) or f"Needed here: a send lead of about {milliseconds(size_s)}."
    lost = int(measured.get("lost_packets", 0))
    if cause is Cause.NETWORK_DROP and mechanism == "burst_loss" and lost:
        return f"Here {lost} packets in a row, {milliseconds(measured['media_gap_s'])}: redundancy has to reach so far back."
    if (cause, mechanism) == (Cause.SENDER_POLICY, "deliberate_drop") and measured.get("media_gap_s", 0.0) > 0:
        return f"Here {milliseconds(measured['media_gap_s'])} of audio were thrown away."
    if (cause, mechanism) == (Cause.SENDER_POLICY, "artificial_delay") and measured.get("lateness_step_s", 0.0) > 0:
        return f"Here it was held back for {milliseconds(measured['lateness_step_s'])}."
    return ""


def _vain(cause: Cause, glitch: Glitch, scene: Scene) -> str:
    """What the replays say of a remedy that suggests itself and is none."""
    if cause is Cause.LATE_MODEL_OUTPUT and glitch.kind in ("late", "stall", "hole"):
        return buffer_needed(glitch, scene)
    return ""
