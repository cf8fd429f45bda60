"""Clipped starts: speech that came in time, or at all, and was not heard where an utterance begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.audio.levels import level_dbfs
from forensics.glitches.candidate import candidate
from forensics.glitches.packets import LATE_S
from forensics.glitches.playout import PERIOD_S
from forensics.model import AudioTrack, Glitch, Scene

PAUSE_S = 0.2
"""Between two utterances: within one, speakers are silent for less (as `forensics.turns` has it for words)."""

GONE_DB = 20.0
"""So much quieter than what was sent is the recording where nothing of it was heard: between two neighbouring sounds of
one word levels differ by less, and a recorder's own gain is measured where the utterance goes on."""

CLIPPED_S = 0.04
"""Two packets of speech, as for a loss: of one a listener notices nothing."""

LONGEST_S = 1.0
"""More of an utterance is not a clipped start: the recording does not hold it."""


def find_clipped_starts(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "clipped" for every utterance whose first packets came and were not heard.

    Parameters
    ----------
    scene : Scene
        With a recording and a journey that was located in it, from decoded packets; else nothing is found.
    boundaries : DataFrame
        From `forensics.glitches.boundaries.measure_boundaries`.

    Returns
    -------
    list of Glitch
        From where the utterance was due to where it is heard. Measurements: `clipped_s` (speech that is gone),
        `quieter_db` (how much quieter than sent the recording is there).

    Notes
    -----
    The place of the missing start is that of the packets behind it, continued backwards. Where an utterance was played
    from its first sample on, but elsewhere, or where packets are missing or came late, nothing is found: these are for
    their own detectors. What began before the recording did is not known.
    """
    journey, recording = scene.journey, scene.recording
    if journey is None or recording is None or scene.sent is None or not journey["located"].any():
        return []
    found = []
    disturbed = ((boundaries["lateness_step_s"] >= LATE_S) | (boundaries["lost_packets"] > 0)).to_numpy()
    for first, heard in _begun(journey):
        if disturbed[max(0, first - 1) : heard].any():
            continue
        gone_s, quieter_db = _gone(journey, recording, first=first, heard=heard)
        if gone_s < CLIPPED_S - 1e-6:
            continue
        glitch = candidate(scene, boundaries, heard, kind="clipped", found_by="playout")
        end_s = float(journey["heard_s"].iat[heard])
        found.append(
            replace(
                glitch,
                start_s=end_s - float(journey["media_s"].iat[heard] - journey["media_s"].iat[first]),
                end_s=end_s,
                frames=(int(journey["frame"].iat[first]), int(journey["frame"].iat[heard])),
                measurements={**glitch.measurements, "clipped_s": gone_s, "quieter_db": quieter_db},
            )
        )
    return found


def _begun(journey: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """Yield journey positions of the first packet of each utterance and of its first one that was located.

    Only utterances without a gap between the two.
    """
    media_s, length_s = journey["media_s"].to_numpy(), journey["duration_s"].to_numpy()
    speech = np.flatnonzero(journey["speech"].to_numpy())
    if len(speech) == 0:
        return
    ended_s = (media_s + length_s)[speech[:-1]]
    begins = speech[np.r_[True, media_s[speech[1:]] - ended_s >= PAUSE_S]]
    located = np.flatnonzero(journey["located"].to_numpy())
    for first in begins:
        later = located[np.searchsorted(located, first) :]
        if len(later) == 0 or later[0] == first or media_s[later[0]] - media_s[first] > LONGEST_S:
            continue
        heard = int(later[0])
        whole_s = float(length_s[first:heard].sum())
        if abs(float(media_s[heard] - media_s[first]) - whole_s) < length_s[first] / 2:
            yield int(first), heard


def _gone(journey: pd.DataFrame, recording: AudioTrack, *, first: int, heard: int) -> tuple[float, float]:
    """Seconds of speech from the first packet on that the recording does not hold, and how much quieter it is there."""
    media_s, duration_s, sent_dbfs = (journey[name].to_numpy() for name in ("media_s", "duration_s", "level_dbfs"))
    offset_s = float(journey["heard_s"].to_numpy()[heard] - media_s[heard])
    start_s = media_s[first : heard + 1] + offset_s
    stop_s = start_s + duration_s[first : heard + 1]
    if start_s[0] < PERIOD_S or not _covered(recording, start_s[0], stop_s[-2]):
        return 0.0, 0.0
    due_dbfs = sent_dbfs[first:heard] + (_level(recording, start_s[-1], stop_s[-1]) - sent_dbfs[heard])
    heard_dbfs = [_level(recording, a - PERIOD_S, b) for a, b in zip(start_s[:-1], stop_s[:-1], strict=True)]
    quieter_db = due_dbfs - np.array(heard_dbfs)
    gone = (quieter_db >= GONE_DB) & journey["speech"].to_numpy()[first:heard]
    count = int(np.argmin(gone)) if not gone.all() else len(gone)
    if count < len(gone) - 1:  # in the last one the voice may begin; one that is heard and was not located is no start
        return 0.0, 0.0
    return float(duration_s[first : first + count].sum()), float(quieter_db[:count].min(initial=np.inf))


def _level(recording: AudioTrack, start_s: float, stop_s: float) -> float:
    """Level of a piece of the recording."""
    rate_hz = recording.sample_rate_hz
    return level_dbfs(recording.samples[round(start_s * rate_hz) : round(stop_s * rate_hz)])


def _covered(recording: AudioTrack, start_s: float, stop_s: float) -> bool:
    """Whether the recorder was running; a track that does not say so covers all of its length."""
    known = recording.known or ((0.0, recording.duration_s),)
    return any(a <= start_s and stop_s <= b for a, b in known)
