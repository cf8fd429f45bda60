"""Holes that only the sound card's own counter gives away, where nobody recorded what was heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.glitches.audibility import HOLE_S
from forensics.glitches.candidate import candidate
from forensics.model import Glitch, Scene

SPOKEN_SHARE = 0.5
"""In an interval between two readings of which less is speech, the underrun may as well have been in a pause."""


def find_device_underruns(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Find where the playout device had to synthesise sound of its own (media-playout) while the agent spoke.

    Parameters
    ----------
    scene : Scene
        With placed statistics and a journey. With a recording nothing is found: the hole itself is to be heard there.
    boundaries : DataFrame
        From `measure_boundaries`.

    Returns
    -------
    list of Glitch
        Of kind "hole", as long as what was synthesised, in the middle of the two readings that it lies between;
        the measurement `within_s` says how far apart these are, which is all that is known of its place.
    """
    playout, journey = scene.stats.get("media-playout"), scene.journey
    if scene.recording is not None or journey is None or playout is None or "capture_s" not in playout:
        return []
    counted = playout.dropna(subset=["synthesized_samples_duration"]).sort_values("capture_s")
    at_s, grown_s = counted["capture_s"].to_numpy(), np.diff(counted["synthesized_samples_duration"].to_numpy())
    heard_s = journey["heard_s"].to_numpy()
    found = []
    for reading in np.flatnonzero(grown_s >= HOLE_S):
        start_s, end_s = float(at_s[reading]), float(at_s[reading + 1])
        inside = (heard_s >= start_s) & (heard_s < end_s)
        spoken_s = float(journey.loc[inside & journey["speech"], "duration_s"].sum())
        if spoken_s < SPOKEN_SHARE * (end_s - start_s):
            continue
        middle_s, half_s = (start_s + end_s) / 2, float(grown_s[reading]) / 2
        position = int(np.clip(np.searchsorted(heard_s, middle_s), 1, len(journey) - 1))
        glitch = candidate(scene, boundaries, position, kind="hole", found_by="media-playout")
        measured = {**glitch.measurements, "inserted_s": 2 * half_s, "within_s": end_s - start_s}
        found.append(replace(glitch, start_s=middle_s - half_s, end_s=middle_s + half_s, measurements=measured))
    return found
