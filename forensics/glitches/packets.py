"""Glitches that packets show: losses, timestamp jumps, and packets that came after their playout."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.glitches.candidate import candidate
from forensics.model import Glitch, Scene

JUMP_S = 0.015
"""A timestamp that runs ahead of the sequence by more is a jump; half a packet would be an irregular framing."""

LATE_S = 0.04
"""Two packets later than the one before: less is within the wobble of operating system timers at either end."""

SENT_PAUSES = 4.0
"""A stream in whose packets there is so many times more silence than its timestamps leave out sends its pauses."""

HISTORY_S = 2.0
"""A buffer calls late what came later than the fastest packet of this long (libwebrtc, packet_arrival_history.cc)."""


def find_losses(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "loss" for every run of sequence numbers that never arrived at the tap.

    Parameters
    ----------
    scene : Scene
    boundaries : DataFrame
        From `measure_boundaries` of the scene's journey.

    Returns
    -------
    list of Glitch
        Audible or not is decided later. Where the hole is longer than the lost audio because the next packet came
        late, as in a queue that overflows, the glitch is of kind "late" and bears `also_lost_packets`.
    """
    rows = boundaries.index[boundaries["lost_packets"] > 0]
    return [
        _late_with_loss(scene, boundaries, position)
        if _more_late_than_lost(scene, boundaries.loc[position])
        else candidate(scene, boundaries, position, kind="loss", found_by="sequence")
        for position in rows
    ]


def _more_late_than_lost(scene: Scene, edge: pd.Series) -> bool:
    """Whether the hole is longer for the lateness of the packet behind it than for the packets that are missing."""
    assert scene.journey is not None
    longer = edge["inserted_s"] >= max(LATE_S, edge["media_gap_s"])
    return bool(longer and _late_s(scene.journey, int(edge.name)) >= LATE_S)


def _late_s(journey: pd.DataFrame, position: int) -> float:
    """How much later than the fastest packet of its `HISTORY_S` the one at a journey position came.

    The fastest of the whole call may have been sent far ahead of its time.
    """
    arrival_s, lateness_s = journey["arrival_s"].to_numpy(), journey["lateness_s"].to_numpy()
    recent = (arrival_s <= arrival_s[position]) & (arrival_s >= arrival_s[position] - HISTORY_S)
    return float(lateness_s[position] - lateness_s[recent].min())


def _late_with_loss(scene: Scene, boundaries: pd.DataFrame, position: int) -> Glitch:
    """Make the glitch of a late packet that some lost ones preceded."""
    glitch = candidate(scene, boundaries, position, kind="late", found_by="arrival")
    numbers = {"lost_packets": 0.0, "media_gap_s": 0.0, "also_lost_packets": glitch.measurements["lost_packets"]}
    return replace(glitch, measurements={**glitch.measurements, **numbers})


def find_timestamp_jumps(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch for every timestamp jump with contiguous sequence numbers inside speech.

    Kind "stall" where the arrivals paused for about as long as the timestamps jumped, "skip" where they did not.

    Notes
    -----
    A jump after a sound that had ended is how discontinuous transmission looks, with or without the marker bit. But
    that takes its time: where the next packet came at once, audio was left out, between two sounds as well as in one.
    And it is for pauses: a sender that sends those does not stop for the closure of a consonant.
    """
    assert scene.journey is not None
    jump = (boundaries["lost_packets"] == 0) & (boundaries["media_gap_s"] > JUMP_S)
    paused = boundaries["arrival_gap_s"] > boundaries["media_gap_s"] / 2
    between_sounds = boundaries["speech_before"] & boundaries["speech_after"]
    inside = boundaries["cut_off"] | (between_sounds & (~paused | _unmarked(scene.journey, boundaries, jump=jump)))
    return [
        candidate(scene, boundaries, position, kind="stall" if paused[position] else "skip", found_by="timestamp")
        for position in boundaries.index[jump & inside]
    ]


def _unmarked(journey: pd.DataFrame, boundaries: pd.DataFrame, *, jump: pd.Series) -> np.ndarray:
    """Whether the packet behind each boundary begins no talkspurt, in a stream that sends its pauses; (n - 1,)."""
    paused_s = float(journey["duration_s"][~journey["speech"]].sum())
    sends_pauses = paused_s >= SENT_PAUSES * float(boundaries["media_gap_s"][jump].sum())
    return sends_pauses & ~journey["marker"].to_numpy(bool)[1:]


def find_late_packets(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "late" for each packet that came more than `LATE_S` later than the one before it.

    Notes
    -----
    Whether the buffer covered it shows in `inserted_s`; a covered one is masked. Packets overtaken by their successors
    are judged by the successor that was heard first.
    """
    late = (
        (boundaries["lost_packets"] == 0)
        & (boundaries["lateness_step_s"] > LATE_S)
        & (boundaries["media_gap_s"].abs() <= JUMP_S)
    )
    return [
        candidate(scene, boundaries, position, kind="late", found_by="arrival") for position in boundaries.index[late]
    ]
