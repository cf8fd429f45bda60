"""Whether a glitch was heard: a written rule, not an opinion.

A glitch is audible when the listener lost or waited for speech long enough to notice:

* loss: at least `LOST_SPEECH_S` of speech is gone and something was concealed in its place, or half of that and what
  was concealed is more than `UNLIKE_DB` from what was sent, where both are at hand, or what was concealed is a hole;
* hole, stall, late packets: at least `HOLE_S` of concealment with speech on both sides;
* skip or splice: at least `SKIPPED_SPEECH_S` of speech was passed over;
* silence sent inside a word: at least `HOLE_S` of it;
* a clipped start: at least `forensics.glitches.clipped.CLIPPED_S` of speech that is gone;
* a stretch: never, unless speech is slower or faster by `forensics.glitches.stretches.HEARD_SHARE` for long enough, and
  then it is a glitch of its own; what a buffer stretches otherwise is told as evidence alone;
* audio that was made and never sent, nobody knows where in an answer: not counted, for it may be a pause; nor is a
  shortage of the model that nothing but its own log tells of;
* an answer later than `forensics.glitches.answers.LATE_ANSWER_S`: always.

Everything else is masked: it happened in a pause, the buffer covered it, or it was too short.
"""

from __future__ import annotations

from dataclasses import replace

from forensics.model import Glitch

HOLE_S = 0.04
"""Concealment of one or two 20 ms packets is what packet-loss concealment was made for; from 40 ms on its fading
periodic tail is heard (ITU-T G.711 Appendix I fades from 10 ms and mutes at 60 ms)."""

LOST_SPEECH_S = 0.04
"""Two 20 ms packets: a single one is concealed without a listener's notice at rates of a percent (ITU-T G.113)."""

SHORT_LOSS_S, UNLIKE_DB = 0.02, 12.0
"""One packet, and a mean distance of log-mel spectra that separates a vowel continued from a consonant replaced."""

CONCEALED_S = 0.004
"""A step of the playout curve below this is one sample block of a fractional resampler, no concealment."""

SKIPPED_SPEECH_S = 0.06
"""Half a syllable; shorter cuts fall within the variation of natural speech tempo."""


def judge_audibility(glitch: Glitch) -> Glitch:
    """Return `glitch` with `audible` set by the rule of this module."""
    return replace(glitch, audible=_RULES.get(glitch.kind, _hole_audible)(glitch))


def _inside_speech(glitch: Glitch) -> bool:
    measured = glitch.measurements
    return measured.get("speech_before", 1.0) > 0 and measured.get("speech_after", 1.0) > 0


def _hole_audible(glitch: Glitch) -> bool:
    """Stalls, holes and late packets: concealment with speech on both sides; none where a buffer covered many."""
    covered = glitch.measurements.get("late_packets", 1) > 1
    return not covered and _inside_speech(glitch) and glitch.end_s - glitch.start_s >= HOLE_S - 1e-3


def _loss_audible(glitch: Glitch) -> bool:
    """Losses: speech gone, and concealed rather than passed over."""
    measured = glitch.measurements
    share = (measured.get("speech_before", 1.0) + measured.get("speech_after", 1.0)) / 2
    lost_s = measured.get("lost_speech_s", share * measured.get("media_gap_s", 0.0))
    unlike = lost_s >= SHORT_LOSS_S - 1e-3 and measured.get("distance_db", 0.0) > UNLIKE_DB
    hole_s = measured.get("inserted_s", 0.0) + measured.get("media_gap_s", 0.0)
    hole = _inside_speech(glitch) and hole_s >= HOLE_S - 1e-3
    return (lost_s >= LOST_SPEECH_S - 1e-3 or unlike or hole) and glitch.end_s - glitch.start_s >= CONCEALED_S


def _skip_audible(glitch: Glitch) -> bool:
    """Skips: speech passed over in the middle of speech."""
    measured = glitch.measurements
    return (
        _inside_speech(glitch)
        and max(measured.get("skipped_s", 0.0), measured.get("media_gap_s", 0.0)) >= SKIPPED_SPEECH_S
    )


def _concealed_audible(glitch: Glitch) -> bool:
    """What a browser counted: more concealed in sound than in silence, as it is where speech broke off, not paused.

    A sender that stops in pauses has the receiver conceal silence between two readings, behind a syllable's end.
    """
    measured = glitch.measurements
    broke_off = measured.get("silent_s", 0.0) <= measured.get("concealed_s", 0.0)
    return broke_off or measured.get("explained", 0.0) > 0


_RULES = {
    "late_answer": lambda glitch: True,
    "loss": _loss_audible,
    "skip": _skip_audible,
    "splice": lambda glitch: True,
    "unsent": lambda glitch: False,
    "shortage": lambda glitch: False,
    "concealed": _concealed_audible,
    "clipped": lambda glitch: True,
    "stretch": lambda glitch: True,
    "silence": _hole_audible,
}
