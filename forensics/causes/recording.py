"""Rules about glitches that only the recording shows: what a hole's sound rules out, and what it leaves open."""

from __future__ import annotations

from forensics.causes.claim import FAIR, STRONG, milliseconds
from forensics.glitches.recording import CONCEALED, CUT
from forensics.model import Cause, Evidence, Glitch, Scene


def repeated_pitch(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Copies of one pitch period that fade are a jitter buffer's: audio was not there when it was due.

    Against a hole of the recorder, which repeats nothing. Lost, late or never made sound the same (RFC 7294 counts them
    as one), so that no cause gains.
    """
    if CONCEALED not in glitch.found_by:
        return []
    heard = glitch.measurements
    statement = (
        f"A pitch period of {1000 * heard['period_s']:.1f} ms is repeated, alike to {heard['alike']:.3f}, and fades by "
        f"{heard['fall_db']:.0f} dB in 60 ms: a jitter buffer concealed audio that it did not have."
    )
    open_question = f"{statement} Whether it was lost, late or never made is not in the sound."
    return [
        Evidence("repeated_pitch", Cause.RECORDING_ARTEFACT, False, statement, glitch.frames, -STRONG),
        Evidence("repeated_pitch", Cause.NETWORK_DROP, None, open_question, glitch.frames),
    ]


def sharp_edges(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Digital silence that begins and ends at full level within a millisecond is no concealment, which fades.

    Against the network and the buffer. It was sent so, or the recorder has a hole: a decoder would have rounded the
    edges of silence that was sent (Opus rings for 10 ms), other codecs do not.
    """
    if CUT not in glitch.found_by:
        return []
    heard = glitch.measurements
    statement = (
        f"{milliseconds(glitch.end_s - glitch.start_s)} of digital silence begin and end within a millisecond at "
        f"{heard['edge_before_db']:.0f} and {heard['edge_after_db']:.0f} dB against loud speech: no jitter buffer "
        "conceals like that; silence was sent, or the recorder has a hole."
    )
    causes = (Cause.NETWORK_DROP, Cause.BUFFER_UNDERRUN)
    return [Evidence("sharp_edges", cause, False, statement, glitch.frames, -FAIR) for cause in causes] + [
        Evidence("sharp_edges", Cause.RECORDING_ARTEFACT, True, statement, glitch.frames, STRONG),
        Evidence("sharp_edges", Cause.LATE_MODEL_OUTPUT, True, statement, glitch.frames, FAIR / 2),
    ]


RULES = (repeated_pitch, sharp_edges)
