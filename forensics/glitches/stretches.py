"""Stretches: where the jitter buffer played slower or faster, by how much, and when that is heard.

A buffer that holds more or less than it wants takes pitch periods out or puts some in. With packets that were found in
the recording, each of these is a step of the playout curve. It is done so that nobody hears it, and is no glitch then;
but it tells how a buffer came by what it held, or lost.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.glitches.candidate import candidate
from forensics.glitches.playout import PERIOD_S, SCALED_SHARE
from forensics.model import Glitch, Scene

STEP_S = 0.002
"""The shortest pitch period that is taken out or put in is 2.5 ms (libwebrtc, time_stretch.cc); less is a resampler."""

TOGETHER_S = 0.5
"""Scalings so close to one another are one stretch: ten times the distance that NetEq keeps between two."""

LEAST_S = 0.02
"""A stretch from here on is told of: two periods of a voice, more than a clock that drifts makes up for at once."""

HEARD_SHARE, HEARD_S = 0.4, 0.5
"""Speech that is slower or faster by this for so long is heard. Packets that are scaled now and then do not impair what
is heard (Liang, Färber and Girod 2003); NetEq's usual scalings are 30 % at most, its fast accelerate is not."""

STRETCH_COLUMNS = ("start_s", "end_s", "inserted_s", "scalings", "before", "after")


def find_stretches(journey: pd.DataFrame) -> pd.DataFrame:
    """Find where the playout was slower or faster than what was played.

    Parameters
    ----------
    journey : DataFrame
        JOURNEY_COLUMNS, located in a recording.

    Returns
    -------
    DataFrame
        `start_s`, `end_s` (recording time), `inserted_s` (below zero where it was taken out), `scalings` (steps of the
        curve), `before` and `after` (journey positions of the located packets around it); stretches of less than
        `LEAST_S` are left out.

    Notes
    -----
    What came with a loss, a timestamp that jumped, or in one step that no time scaling makes is not counted: that is
    concealment, or audio that was passed over. Where packets were not located, several scalings may be one step.
    """
    located = np.flatnonzero(journey["located"].to_numpy())
    if len(located) < 2:
        return pd.DataFrame(columns=list(STRETCH_COLUMNS))
    media_s, heard_s, length_s, sequence = (
        journey[name].to_numpy()[located] for name in ("media_s", "heard_s", "duration_s", "ext_sequence_number")
    )
    step_s, apart_s = np.diff(heard_s - media_s), np.diff(media_s)
    whole = (np.diff(sequence) == np.diff(located)) & (apart_s < (np.diff(located) + 0.5) * length_s[:-1])
    room_s = PERIOD_S + SCALED_SHARE * (apart_s - length_s[:-1] + np.abs(step_s))
    scaled = np.flatnonzero(whole & (np.abs(step_s) >= STEP_S) & (np.abs(step_s) <= room_s))
    if len(scaled) == 0:
        return pd.DataFrame(columns=list(STRETCH_COLUMNS))
    ends_s = heard_s[scaled + 1]
    anew = (np.diff(heard_s[scaled]) > TOGETHER_S) | (np.diff(np.sign(step_s[scaled])) != 0)
    group = np.r_[0, np.cumsum(anew)]
    table = pd.DataFrame(
        {
            "group": group,
            "start_s": heard_s[scaled] + length_s[scaled],
            "end_s": ends_s,
            "inserted_s": step_s[scaled],
            "before": located[scaled],
            "after": located[scaled + 1],
        }
    ).groupby("group")
    first, last = table.first(), table.last()
    found = pd.DataFrame(
        {
            "start_s": np.minimum(first["start_s"], first["end_s"]),
            "end_s": last["end_s"],
            "inserted_s": table["inserted_s"].sum(),
            "scalings": table.size(),
            "before": first["before"],
            "after": last["after"],
        }
    )
    return found[found["inserted_s"].abs() >= LEAST_S].reset_index(drop=True)


def find_heard_stretches(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "stretch" wherever speech was played so much slower or faster that it is heard.

    Parameters
    ----------
    scene : Scene
        With a journey that was located in the recording; without one nothing is found.
    boundaries : DataFrame
        From `forensics.glitches.boundaries.measure_boundaries`.

    Returns
    -------
    list of Glitch
        Measurements: `inserted_s` (below zero where audio was taken out), `scalings`.
    """
    journey = scene.journey
    if journey is None or not journey["located"].any():
        return []
    found = []
    for row in find_stretches(journey).itertuples():
        lasts_s = row.end_s - row.start_s
        if lasts_s < HEARD_S or abs(row.inserted_s) < HEARD_SHARE * (lasts_s - row.inserted_s):
            continue
        glitch = candidate(scene, boundaries, int(row.after), kind="stretch", found_by="playout")
        frames = (int(journey["frame"].iat[int(row.before)]), glitch.frames[1])
        measured = {"inserted_s": float(row.inserted_s), "scalings": float(row.scalings)}
        found.append(
            replace(
                glitch,
                start_s=float(row.start_s),
                end_s=float(row.end_s),
                frames=frames,
                measurements={**glitch.measurements, **measured},
            )
        )
    return found
