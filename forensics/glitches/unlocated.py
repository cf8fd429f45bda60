"""Holes that a recording's own sound gives away, where payloads are closed and no packet can be located in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.glitches.candidate import candidate
from forensics.glitches.packets import JUMP_S
from forensics.glitches.recording import CONCEALED, find_in_recording
from forensics.model import Glitch, Scene

BEFORE_S, BEHIND_S = 0.4, 0.15
"""A hole is heard so much before or behind where packets alone put it: the clock of a sealed call is some 40 ms off
(`forensics.clocks.envelope`), and a buffer may have held up to 400 ms more than the replay has it."""

FADED_S = 0.1
"""Where no packet shows anything, concealment has to be so long: it fades by 9 dB in 60 ms from the eighth 10 ms on
(libwebrtc, expand.cc), while a vowel that dies away, and is played slower, repeats itself for 70 ms as well."""

TAKEN = ("loss", "late", "stall", "skip", "hole", "silence")
"""Kinds of glitches that a hole in the recording is the sound of."""


def find_holes_unlocated(
    scene: Scene, *, boundaries: pd.DataFrame, found: Sequence[Glitch]
) -> tuple[list[Glitch], list[Glitch]]:
    """Hold what the packets show against the concealment that the recording's own sound gives away.

    Parameters
    ----------
    scene : Scene
        With a recording and a journey that was not located in it; else `found` comes back as it is.
    boundaries : DataFrame
        From `measure_boundaries`.
    found : sequence of Glitch
        What the packets show, when a replay has it heard.

    Returns
    -------
    found : list of Glitch
        With late packets as long as the concealment is heard, where there is one near them.
    unseen : list of Glitch
        Concealment near which packets show nothing of their own: of kind "stall" where the timestamps jumped over a
        pause, which might have been one of the voice, else of kind "hole".

    Notes
    -----
    About a third of the audible holes are found (`forensics.glitches.recording`).
    """
    journey = scene.journey
    if scene.recording is None or journey is None or journey["located"].any():
        return list(found), []
    kept, unseen = list(found), []
    for hole in find_in_recording(scene):
        if CONCEALED not in hole.found_by:
            continue
        near = [i for i, glitch in enumerate(kept) if glitch.kind in TAKEN and _is_near(glitch, hole)]
        if not near:
            unseen += _placed(hole, scene, boundaries)
        elif all(kept[i].kind == "late" for i in near):
            latest = max(near, key=lambda i: kept[i].measurements["lateness_step_s"])
            kept[latest] = _as_heard(kept[latest], hole)
    return kept, unseen


def _is_near(glitch: Glitch, hole: Glitch) -> bool:
    """Whether a hole can be the sound of a glitch that is placed by its packets."""
    return glitch.start_s - BEHIND_S <= hole.end_s and glitch.end_s + BEFORE_S >= hole.start_s


def _as_heard(glitch: Glitch, hole: Glitch) -> Glitch:
    """The glitch, as long as it is heard."""
    if glitch.end_s - glitch.start_s >= hole.end_s - hole.start_s:
        return glitch
    found_by = (*glitch.found_by, *hole.found_by)
    return replace(glitch, start_s=hole.start_s, end_s=hole.end_s, found_by=found_by)


def _placed(hole: Glitch, scene: Scene, boundaries: pd.DataFrame) -> list[Glitch]:
    """Give a hole the two packets near it that it was heard between, if it is near any.

    Those between which the sender paused, for no pause of a voice is concealed by repeating its pitch, or else those of
    which the second came latest.
    """
    start_s = boundaries["start_s"].to_numpy()
    near = boundaries[(start_s >= hole.start_s - BEFORE_S) & (start_s <= hole.start_s + BEHIND_S)]
    paused = near[(near["media_gap_s"] > JUMP_S) & (near["arrival_gap_s"] > near["media_gap_s"] / 2)]
    steps_s = near["lateness_step_s"].to_numpy()
    if len(paused):
        kind, place = "stall", paused["media_gap_s"].idxmax()
    elif hole.end_s - hole.start_s >= FADED_S and np.isfinite(steps_s).any():
        kind, place = "hole", near.index[int(np.nanargmax(steps_s))]
    else:
        return []
    glitch = candidate(scene, boundaries, int(place), kind=kind, found_by=CONCEALED)
    measured = {**glitch.measurements, **hole.measurements, "inserted_s": hole.end_s - hole.start_s}
    return [replace(glitch, start_s=hole.start_s, end_s=hole.end_s, measurements=measured)]
