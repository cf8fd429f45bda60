"""The first sound of the agent that the listener heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forensics.model import ClockMap, Turn


def find_first_sound(
    turns: Sequence[Turn], journey: pd.DataFrame | None, *, clock: ClockMap | None = None
) -> tuple[float | None, int]:
    """Find when the agent was heard first, and in which packet.

    Parameters
    ----------
    turns : sequence of Turn
        In the order of time, in recording time.
    journey : DataFrame, optional
        JOURNEY_COLUMNS; without turns its first packet with speech counts.
    clock : ClockMap, optional
        Of the recording; without it both are on the axis already.

    Returns
    -------
    first_sound_s : float or None
        On the axis; None where nobody knows.
    frame : int
        Of the packet, -1 where none is known.
    """
    spoken = [turn.start_s for turn in turns if turn.speaker == "agent"]
    heard = None if journey is None else journey.dropna(subset=["heard_s"]).sort_values("heard_s")
    if not spoken and heard is not None:
        spoken = heard.loc[heard["speech"], "heard_s"].head(1).tolist()
    if not spoken:
        return None, -1
    first_sound_s = float(clock.to_capture_s(spoken[0])) if clock is not None else float(spoken[0])
    if heard is None or len(heard) == 0:
        return first_sound_s, -1
    row = int(np.searchsorted((heard["heard_s"] + heard["duration_s"]).to_numpy(), spoken[0], side="right"))
    return first_sound_s, int(heard["frame"].iat[row]) if row < len(heard) else -1
