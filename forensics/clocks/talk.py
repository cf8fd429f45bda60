"""When the agent spoke: by its packets, and by what an event log says of its answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.model import EventKind

DELAYED_PACKETS = 50
"""One second: longer than a path holds packets up, shorter than a sender that fell behind stays behind."""

BRIDGE_S = 0.3
"""Pauses within a phrase, as in `forensics.audio.activity`."""


def find_talkspurts(journey: pd.DataFrame) -> tuple[tuple[float, float], ...]:
    """Stretches of speech in a stream, (start_s, end_s) on the axis, as they arrive where nothing holds them up.

    Parameters
    ----------
    journey : DataFrame
        JOURNEY_COLUMNS.

    Returns
    -------
    tuple of (start_s, end_s)
        Pauses shorter than `BRIDGE_S` are bridged. What single packets were late by is taken out, so that a burst does
        not count as a pause; a delay that lasts longer than `DELAYED_PACKETS` stays in.
    """
    least_s = journey["lateness_s"].rolling(DELAYED_PACKETS, center=True, min_periods=1).min()
    undelayed_s = (journey["arrival_s"] - journey["lateness_s"] + least_s)[journey["speech"]]
    start_s = np.sort(undelayed_s.to_numpy())
    end_s = start_s + (float(journey["duration_s"].iat[0]) if len(journey) else 0.0)
    first = np.flatnonzero(np.r_[True, start_s[1:] - end_s[:-1] > BRIDGE_S]) if len(start_s) else np.empty(0, int)
    last = np.r_[first[1:] - 1, len(start_s) - 1].astype(int) if len(first) else first
    return tuple(zip(start_s[first].tolist(), end_s[last].tolist(), strict=True))


def find_spoken(events: pd.DataFrame) -> tuple[tuple[float, float], ...]:
    """Stretches that a log says were spoken, (start_s, end_s) on the log's own clock, one an answer.

    Parameters
    ----------
    events : DataFrame
        EVENT_COLUMNS.

    Returns
    -------
    tuple of (start_s, end_s)
        From the start of playback, else from the first audio, for as long as there is audio, or until playback ended.
        Empty where the log holds neither audio nor playback.
    """
    of_answers = events[events["response_id"] != ""]
    begun_s, ended_s, cleared_s = (
        of_answers[of_answers["kind"].isin(kinds)].groupby("response_id")["received_at_s"].first()
        for kinds in ([EventKind.PLAYBACK_STARTED], STOPPED, [EventKind.PLAYBACK_CLEARED])
    )
    made = of_answers[(of_answers["kind"] == EventKind.AUDIO_PRODUCED) & of_answers["audio_s"].gt(0)]
    spans = [
        (start_s, min(end_s, cut_s) if cut_s > start_s else end_s)
        for name, pieces in made.groupby("response_id", sort=False)
        for start_s, end_s in [_spoken(pieces, float(begun_s.get(name, np.nan)))]
        for cut_s in [float(cleared_s.get(name, np.inf))]
    ]
    silent = begun_s.index.difference(made["response_id"]).intersection(ended_s.index)
    spans += [(float(begun_s[name]), float(ended_s[name])) for name in silent]
    return tuple(sorted(span for span in spans if span[1] > span[0]))


STOPPED = (EventKind.PLAYBACK_STOPPED, EventKind.PLAYBACK_CLEARED)
"""How playback ends."""


def _spoken(pieces: pd.DataFrame, begun_s: float) -> tuple[float, float]:
    """From when to when an answer was spoken, whose playback began then, or (NaN) with its first piece."""
    first_s = float(pieces["received_at_s"].iloc[0])
    start_s = begun_s if np.isfinite(begun_s) else first_s
    return start_s, _played_until_s(pieces["received_at_s"], pieces["audio_s"]) + start_s - first_s


def _played_until_s(came_s: pd.Series, audio_s: pd.Series) -> float:
    """When the last of some pieces of audio has been played, each as soon as it came and the one before it ended."""
    until_s = -np.inf
    for at_s, length_s in zip(came_s, audio_s, strict=True):
        until_s = max(until_s, at_s) + length_s
    return float(until_s)
