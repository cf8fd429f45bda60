"""Glitches: what went wrong, where, and whether it was heard. Never why."""

from __future__ import annotations

from forensics.glitches.answers import find_late_answers
from forensics.glitches.audibility import judge_audibility
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.clipped import find_clipped_starts
from forensics.glitches.device import find_device_underruns
from forensics.glitches.merge import merge_glitches
from forensics.glitches.missing import measure_missing
from forensics.glitches.packets import find_late_packets, find_losses, find_timestamp_jumps
from forensics.glitches.playout import find_blanks, find_holes, find_skips
from forensics.glitches.recording import find_in_recording
from forensics.glitches.shortages import find_concealed, find_shortages_heard, find_shortages_logged
from forensics.glitches.silence import find_silence
from forensics.glitches.silence_by_level import find_silence_by_level
from forensics.glitches.splices import find_splices
from forensics.glitches.stretches import find_heard_stretches, find_stretches
from forensics.glitches.unlocated import find_holes_unlocated
from forensics.glitches.unsent import find_unsent, tell_account
from forensics.model import Glitch, Scene

__all__ = [
    "find_blanks",
    "find_clipped_starts",
    "find_concealed",
    "find_device_underruns",
    "find_glitches",
    "find_heard_stretches",
    "find_holes",
    "find_holes_unlocated",
    "find_in_recording",
    "find_late_answers",
    "find_late_packets",
    "find_losses",
    "find_shortages_heard",
    "find_shortages_logged",
    "find_silence",
    "find_silence_by_level",
    "find_skips",
    "find_splices",
    "find_stretches",
    "find_timestamp_jumps",
    "find_unsent",
    "merge_glitches",
]


def find_glitches(scene: Scene) -> list[Glitch]:
    """Run every detector, merge what is one, and judge what was heard.

    Parameters
    ----------
    scene : Scene

    Returns
    -------
    list of Glitch
        In the order of time, masked ones included (`audible` False).
    """
    found = find_late_answers(scene)
    if scene.journey is not None and len(scene.journey) > 1:
        boundaries = measure_boundaries(scene.journey)
        found += [
            *find_losses(scene, boundaries=boundaries),
            *find_timestamp_jumps(scene, boundaries=boundaries),
            *find_late_packets(scene, boundaries=boundaries),
            *find_holes(scene, boundaries=boundaries),
            *find_device_underruns(scene, boundaries=boundaries),
            *find_skips(scene, boundaries=boundaries),
            *find_blanks(scene, boundaries=boundaries),
            *find_clipped_starts(scene, boundaries=boundaries),
            *find_heard_stretches(scene, boundaries=boundaries),
            *find_silence(scene),
            *find_silence_by_level(scene, boundaries=boundaries),
            *find_splices(scene),
        ]
        found, unseen = find_holes_unlocated(scene, boundaries=boundaries, found=found)
        found += unseen
        found += find_unsent(scene, found=found)
        found = tell_account(found, scene)
    else:
        found += find_in_recording(scene)
        found += [*find_shortages_heard(scene, found=found), *find_concealed(scene), *find_shortages_logged(scene)]
    return [judge_audibility(glitch) for glitch in merge_glitches(measure_missing(found, scene))]
