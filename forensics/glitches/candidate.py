"""How a boundary between two packets becomes a glitch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.model import Glitch, Scene

MEASURED = (
    "lost_packets",
    "media_gap_s",
    "arrival_gap_s",
    "lateness_step_s",
    "departure_step_s",
    "inserted_s",
    "discarded_packets",
    "speech_before",
    "speech_after",
)
"""Columns of the boundary that a glitch keeps as its measurements."""


def candidate(scene: Scene, boundaries: pd.DataFrame, position: int, *, kind: str, found_by: str) -> Glitch:
    """Make the glitch at one boundary.

    Parameters
    ----------
    scene : Scene
        With a journey.
    boundaries : DataFrame
        From `measure_boundaries`.
    position : int
        Journey position of the packet behind the glitch.
    kind, found_by : str
        What was seen, and by which detector.

    Returns
    -------
    Glitch
        `frames` are the last good packet and the first packet after it. A boundary at which audio was skipped has no
        extent as heard: it ends where it starts.
    """
    assert scene.journey is not None
    assert scene.downlink is not None
    edge = boundaries.loc[position]
    before, after = scene.journey.iloc[position - 1], scene.journey.iloc[position]
    start_s = float(edge["start_s"]) if np.isfinite(edge["start_s"]) else float(before["arrival_s"])
    end_s = float(edge["end_s"]) if np.isfinite(edge["end_s"]) else float(after["arrival_s"])
    return Glitch(
        kind=kind,
        start_s=min(start_s, end_s),
        end_s=max(start_s, end_s),
        capture_start_s=float(min(before["arrival_s"], after["arrival_s"])),
        capture_end_s=float(max(before["arrival_s"], after["arrival_s"])),
        direction="downlink",
        ssrc=scene.downlink.ssrc,
        frames=(int(before["frame"]), int(after["frame"])),
        measurements={name: float(edge[name]) for name in MEASURED},
        found_by=(found_by,),
    )
