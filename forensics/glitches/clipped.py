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
    rate_hz = recording.sample_rate_hz
    rows = journey.iloc[first:heard]
    offset_s = float(journey["heard_s"].iat[heard] - journey["media_s"].iat[heard])
    start_s = rows["media_s"].to_numpy() + offset_s
    stop_s = start_s + rows["duration_s"].to_numpy()
    if start_s[0] < PERIOD_S or not _covered(recording, start_s[0], stop_s[-1]):
        return 0.0, 0.0
    gain_db = _level(recording, journey, heard, offset_s) - float(journey["level_dbfs"].iat[heard])
    quieter_db = np.array(
        [
            sent_dbfs + gain_db - level_dbfs(recording.samples[round((a - PERIOD_S) * rate_hz) : round(b * rate_hz)])
            for a, b, sent_dbfs in zip(start_s, stop_s, rows["level_dbfs"], strict=True)
        ]
    )
    gone = (quieter_db >= GONE_DB) & rows["speech"].to_numpy()
    count = int(np.argmin(gone)) if not gone.all() else len(gone)
    if count < len(gone) - 1:  # in the last one the voice may begin; one that is heard and was not located is no start
        return 0.0, 0.0
    return float(rows["duration_s"].to_numpy()[:count].sum()), float(quieter_db[:count].min(initial=np.inf))


def _level(recording: AudioTrack, journey: pd.DataFrame, position: int, offset_s: float) -> float:
    """Level of the recording where a located packet is."""
    start_s = float(journey["media_s"].iat[position]) + offset_s
    stop_s = start_s + float(journey["duration_s"].iat[position])
    rate_hz = recording.sample_rate_hz
    return level_dbfs(recording.samples[round(start_s * rate_hz) : round(stop_s * rate_hz)])


def _covered(recording: AudioTrack, start_s: float, stop_s: float) -> bool:
    """Whether the recorder was running; a track that does not say so covers all of its length."""
    known = recording.known or ((0.0, recording.duration_s),)
    return any(a <= start_s and stop_s <= b for a, b in known)
