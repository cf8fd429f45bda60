"""Silence that was sent inside a word, seen without decoding: by the levels that senders write into RTP headers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.glitches.candidate import candidate
from forensics.glitches.silence import LONGEST_S
from forensics.model import Glitch, Scene

FULL_DB = -5.0
"""Both neighbours this close to loud speech: natural sounds decay into silence within their last packet."""

SILENT_DBOV = -90.0
"""RFC 6464 calls digital silence -127; a microphone or a voice with any noise stays above -90."""


def find_silence_by_level(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "silence" for every run of digital silence between packets at full level.

    Parameters
    ----------
    scene : Scene
        With a journey whose levels come from header extensions.
    boundaries : DataFrame
        From `measure_boundaries`.

    Returns
    -------
    list of Glitch

    Notes
    -----
    A packet's level says nothing of how a sound ended within it, so both neighbours have to be as loud as loud speech:
    a quieter cut, and one by a sender that writes no levels, is not found. Where payloads are readable
    `forensics.glitches.silence` sees more.
    """
    journey = scene.journey
    if journey is None or scene.sent is not None or not journey["level_dbfs"].notna().any():
        return []
    level, media_s = journey["level_dbfs"].to_numpy(), journey["media_s"].to_numpy()
    relative = level - np.nanpercentile(level, 95)
    edges = np.flatnonzero(np.diff(np.r_[False, level <= SILENT_DBOV, False].astype(np.int8))).reshape(-1, 2)
    found = []
    for first, last in edges:
        if first == 0 or last >= len(level) or last - first < 2 or media_s[last] - media_s[first] > LONGEST_S:
            continue
        gaps = boundaries["media_gap_s"].loc[first:last].to_numpy()
        if min(relative[first - 1], relative[last]) >= FULL_DB and (np.abs(gaps) < 1e-3).all():
            found.append(_glitch(scene, boundaries, int(first), int(last), relative))
    return found


def _glitch(scene: Scene, boundaries: pd.DataFrame, first: int, last: int, relative: np.ndarray) -> Glitch:
    """Make the glitch from the first silent packet to the one that sounds again."""
    assert scene.journey is not None
    glitch = candidate(scene, boundaries, first, kind="silence", found_by="audio level")
    behind = scene.journey.iloc[last]
    numbers = {"edge_before_db": float(relative[first - 1]), "edge_after_db": float(relative[last])}
    return replace(
        glitch,
        end_s=float(behind["heard_s"]),
        capture_end_s=float(behind["arrival_s"]),
        frames=(glitch.frames[0], int(behind["frame"])),
        measurements={**glitch.measurements, **numbers, "lost_packets": 0.0, "speech_before": 1.0, "speech_after": 1.0},
    )
