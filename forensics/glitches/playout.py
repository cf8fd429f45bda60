"""Glitches that the playout curve shows: recording time in which no media was played."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.audio.levels import piece_levels_dbfs
from forensics.glitches.candidate import candidate
from forensics.model import AudioTrack, Glitch, Scene
from forensics.playout.heard import BETTER, TRUE_SCORE

HOLE_S = 0.02
"""One time-scaling of NetEq inserts one pitch period, at most 15 ms; from 20 ms on a step is concealment."""

STRETCHED_S = 0.05
"""NetEq waits five ticks between two time scalings, so within `PAUSE_S` it inserts three pitch periods at most, 45 ms:
between packets that came in time a smaller step is stretching, which is not heard as a hole."""

ON_TIME_S = 0.01
"""A packet within half a packet of its predecessor's lateness came in time."""

STAYS_S = 0.05
"""A hole moves all that follows. In a vowel a packet may be found some pitch periods off, and the next one with it."""

PAUSE_S = 0.1
"""Located packets with so much between them that is no speech have a pause there, in which a buffer stretches unheard;
speech that was not located is none."""

EMPTIEST = 0.02
"""Quantile of the waits that stands for an empty buffer: the very least is a packet that was found a little early."""

UNHEARD_PACKETS = 2
"""Packets with speech that have to be missing: a single one may have been too quiet or too stretched to be found."""

SKIPPED_S = 0.06
"""Time compression removes one pitch period, at most 15 ms, at a time; from 60 ms on audio was passed over."""

PERIOD_S = 0.015
"""The longest pitch period that one time scaling removes or inserts."""

SCALED_SHARE = 0.3
"""NetEq waits five ticks between two time scalings: a long stretch of which nothing was found, for it was scaled all
along, may be shorter or longer by so much without any of it having been passed over or concealed, 15 ms in 50."""

FAST_DELAY_S, FAST_SHARE = 0.16, 0.5
"""A buffer that is four times as late as it wants to be, which is 40 ms at least, takes out as many periods of every
30 ms as 15 ms hold, without waiting in between (libwebrtc, decision_logic.cc and accelerate.cc)."""


def find_skips(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "skip" wherever received audio was passed over by the playout.

    Notes
    -----
    A buffer that overflows is flushed, and a long hold is caught up by dropping what is too late: the packets arrived
    and were never heard. Losses and timestamp jumps are for the packet detectors.
    """
    journey = scene.journey
    if journey is None or not journey["located"].any():
        return []
    found, media_s, delay_s = [], journey["media_s"].to_numpy(), _delay_s(journey)
    sure, offset_s = _surely_located(scene), (journey["heard_s"] - journey["media_s"]).to_numpy()
    for before, after, step_s in _located_pairs(journey, between=UNHEARD_PACKETS):
        outer = _widened(before, after, sure)
        share = FAST_SHARE if delay_s[before] >= FAST_DELAY_S else SCALED_SHARE
        explained_s = max(SKIPPED_S, share * float(media_s[outer[1]] - media_s[outer[0]]))
        if max(step_s, offset_s[outer[1]] - offset_s[outer[0]]) > -explained_s:
            continue
        steps = boundaries.loc[before + 1 : after]
        explained = (steps["lost_packets"] > 0).any() or (steps["media_gap_s"] > SKIPPED_S / 2).any()
        if not explained and journey["speech"].iloc[before + 1 : after].sum() >= UNHEARD_PACKETS:
            glitch = candidate(scene, boundaries, int(after), kind="skip", found_by="playout")
            start_s = float(journey["heard_s"].iat[before] + journey["duration_s"].iat[before])
            found.append(
                replace(
                    glitch,
                    start_s=min(start_s, glitch.end_s),
                    frames=(int(journey["frame"].iat[before]), glitch.frames[1]),
                    measurements={**glitch.measurements, "skipped_s": -step_s},
                )
            )
    return found


def _delay_s(journey: pd.DataFrame) -> np.ndarray:
    """From arrival to playout, (n,), less what the emptiest buffer took."""
    wait_s = (journey["heard_s"] - journey["arrival_s"]).to_numpy()
    return wait_s - np.quantile(wait_s[journey["located"].to_numpy()], EMPTIEST)


STEADY_S = 0.005
"""A playout curve that moved by less than this between two packets was not touched by the buffer in between."""

BLANK_DB = -50.0
"""Sound this far below loud speech is none: 20 dB below the range of speech itself."""


def find_blanks(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "blank" wherever the recording is silent although the packets played there were loud.

    Notes
    -----
    The playout curve is the same before and after: nothing was inserted and nothing skipped, so what is silent is not
    the buffer's concealment. Lost and late packets are for the packet detectors.
    """
    journey, recording = scene.journey, scene.recording
    if journey is None or recording is None or not journey["located"].any():
        return []
    loud_dbfs = float(np.nanpercentile(journey["level_dbfs"], 95))
    heard_s, frame, speech = (journey[name].to_numpy() for name in ("heard_s", "frame", "speech"))
    pairs = _untouched_pairs(journey, boundaries)
    if not pairs:
        return []
    begins = [before + 1 + int(np.argmax(speech[before + 1 : after])) for before, after in pairs]  # ahead is a pause
    starts_s, ends_s = heard_s[begins], heard_s[[after for _, after in pairs]]
    quietest_dbfs = _quietest_dbfs(recording, starts_s, ends_s)
    found = []
    for (before, after), start_s, end_s, quiet_dbfs in zip(pairs, starts_s, ends_s, quietest_dbfs, strict=True):
        if quiet_dbfs < loud_dbfs + BLANK_DB:
            glitch = candidate(scene, boundaries, int(before + 1), kind="blank", found_by="playout")
            frames = (int(frame[before]), int(frame[after]))
            found.append(replace(glitch, start_s=float(start_s), end_s=float(end_s), frames=frames))
    return found


def _quietest_dbfs(track: AudioTrack, starts_s: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
    """Level of the quietest whole 20 ms in each of many stretches of a track; 0 where a stretch is shorter."""
    frame = track.sample_rate_hz / 50
    first, last = (np.round(edge_s * track.sample_rate_hz).clip(0, len(track.samples)) for edge_s in (starts_s, ends_s))
    counts = np.maximum((last - first) // frame, 0).astype(int)
    ends = np.cumsum(counts)
    within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    edges = np.repeat(first, counts) + np.round(np.stack([within, within + 1]) * frame)
    levels_dbfs = piece_levels_dbfs(track.samples, *edges.astype(np.int64))
    quietest = np.zeros(len(counts))
    np.minimum.at(quietest, np.repeat(np.arange(len(counts)), counts), levels_dbfs)
    return quietest


def _untouched_pairs(journey: pd.DataFrame, boundaries: pd.DataFrame) -> list[tuple[int, int]]:
    """Neighbouring located packets at one offset, with speech between them and nothing that a buffer had to mend."""
    came_in_time = (boundaries["lost_packets"].to_numpy() == 0) & (boundaries["lateness_step_s"].to_numpy() < HOLE_S)
    touched = np.cumsum(np.append(False, ~came_in_time))  # up to and with the boundary before each packet
    spoken = np.cumsum(np.append(0, journey["speech"].to_numpy()))  # before each packet
    return [
        (before, after)
        for before, after, step_s in _located_pairs(journey, between=UNHEARD_PACKETS)
        if abs(step_s) <= STEADY_S
        and touched[after] == touched[before]
        and spoken[after] - spoken[before + 1] >= UNHEARD_PACKETS
    ]


def find_holes(scene: Scene, *, boundaries: pd.DataFrame) -> list[Glitch]:
    """Return a glitch of kind "hole" wherever the listener heard something between two neighbouring packets.

    Parameters
    ----------
    scene : Scene
        With a journey that was located in the recording; without one nothing is found.
    boundaries : DataFrame
        From `measure_boundaries`.

    Returns
    -------
    list of Glitch
        The boundary is the one between two located packets at which the second came latest.
    """
    journey = scene.journey
    if journey is None or not journey["located"].any():
        return []
    media_s, length_s = journey["media_s"].to_numpy(), journey["duration_s"].to_numpy()
    spoken_s = np.cumsum(np.append(0.0, np.where(journey["speech"], length_s, 0.0)))  # before each packet
    sure, found = _surely_located(scene), []
    for before, after, step_s in _located_pairs(journey):
        apart_s = media_s[after] - media_s[before] - length_s[before]
        if step_s >= HOLE_S and apart_s - (spoken_s[after] - spoken_s[before + 1]) <= PAUSE_S:
            steps = boundaries["lateness_step_s"].loc[before + 1 : after]
            late = steps.max() >= ON_TIME_S and apart_s <= PAUSE_S
            if late or not _stretched(journey, _widened(before, after, sure), sure):
                found.append(candidate(scene, boundaries, int(steps.idxmax()), kind="hole", found_by="playout"))
    return found


def _surely_located(scene: Scene) -> np.ndarray:
    """Positions of the packets that fit the recording as well as most do, or as whole ones have to."""
    assert scene.journey is not None
    located = scene.journey["located"].to_numpy()
    if scene.heard is None:
        return np.flatnonzero(located)
    scores = scene.heard.packets.set_index("row")["score"]
    score = scene.journey["row"].map(scores).to_numpy(dtype=float)
    return np.flatnonzero(located & (score >= min(TRUE_SCORE, float(np.median(score[located])) - BETTER)))


def _widened(before: int, after: int, sure: np.ndarray) -> tuple[int, int]:
    """The nearest packets that were surely located, from two located ones outwards; these where there are none.

    One that fits badly was played with a piece put in or taken out, or is another sound alike: whether the playout had
    moved before it, it does not tell.
    """
    earlier, later = np.searchsorted(sure, before, side="right") - 1, np.searchsorted(sure, after)
    outer = sure[earlier] if earlier >= 0 else before, sure[later] if later < len(sure) else after
    return int(outer[0]), int(outer[1])


def _stretched(journey: pd.DataFrame, pair: tuple[int, int], sure: np.ndarray) -> bool:
    """Whether time scaling alone explains by how much the playout curve moved, for good, between two packets."""
    media_s, heard_s = journey["media_s"].to_numpy(), journey["heard_s"].to_numpy()
    length_s = float(journey["duration_s"].iat[pair[0]])
    beside = round(STAYS_S / length_s)
    near = sure[np.searchsorted(sure, pair[0] - beside) : np.searchsorted(sure, pair[1] + beside, side="right")]
    earlier, later = np.append(near[near <= pair[0]], pair[0]), np.append(near[near >= pair[1]], pair[1])
    step_s = float((heard_s[later] - media_s[later]).min() - (heard_s[earlier] - media_s[earlier]).max())
    apart_s = float(media_s[pair[1]] - media_s[pair[0]]) - length_s
    return step_s < max(STRETCHED_S, PERIOD_S + SCALED_SHARE * (apart_s + step_s))


def _located_pairs(journey: pd.DataFrame, *, between: int = 0) -> list[tuple[int, int, float]]:
    """Neighbouring located packets with so many others between them, and the step of the playout curve."""
    located = np.flatnonzero(journey["located"].to_numpy())
    step_s = np.diff((journey["heard_s"] - journey["media_s"]).to_numpy()[located])
    far = np.flatnonzero(np.diff(located) > between)
    return [(int(located[i]), int(located[i + 1]), float(step_s[i])) for i in far]
