"""Speech that a sender threw away before it was encoded.

Sequence numbers, timestamps and arrivals of such a call are perfect; all that is left is a splice in the sound, and it
lies exactly on the edge of a packet. Linear prediction is tried across every packet edge in speech; where it fails,
spectra, pitch and the very instant at which the error begins are measured (`forensics.audio.breaks`) and weighed by
boosted trees. Their numbers stand in `splices.json`, fitted, and tried on voices that they had not seen, by
`benchmarks/splices.py`.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forensics.audio.breaks import (
    PREDICTION_REACH,
    RATE_HZ,
    REACH,
    break_db,
    cut_windows,
    measure_breaks,
    prediction_breaks_db,
)
from forensics.audio.levels import frame_levels_dbfs, piece_levels_dbfs
from forensics.audio.resample import resample_track
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.candidate import candidate
from forensics.glitches.silence import OPUS_LAG_S
from forensics.model import AudioTrack, Glitch, Scene
from forensics.pcm import Pcm16, part

STEADY_S = 0.005
"""A boundary whose media or playout is out by more than this has something else known about it."""

RECOVERY_S = 0.12
"""How long a decoder that missed a packet may go astray: Opus' prediction forgets within five packets."""

BANDS = {"opus": "wide", "g722": "wide", "pcmu": "narrow", "pcma": "narrow"}
"""Which numbers judge which codec: those fitted to Opus, or those fitted to G.711."""

LAG_S = {"opus": OPUS_LAG_S, "g722": 22 / 16_000}
"""How much later than its media time a packet's edge appears in decoded sound: Opus' look-ahead; G.722's two filter
banks of 24 taps (ITU-T G.722 §4.4)."""

SPEECH_DB = 30.0
"""Both sides of a splice are within this of loud speech, as speech itself is (ITU-T P.56, Fletcher 1953)."""

FLOOR_DBFS = -70.0
"""What is quieter is no part of the sound that "loud" is measured in: a good microphone's noise."""

FRAME_S = 0.02
"""Of the levels of which loud speech is the 95th percentile."""

STRETCH_S, MARGIN_S = 300, 1
"""A long sound is brought to `RATE_HZ` by so much at a time, with so much of its neighbours."""

SIDE = (0, 160, 320, 640)
"""Samples from an edge between which both sides have to sound: up to 40 ms, for codecs ring on into silence for 20."""

DEPTH = 3
"""Questions that a tree asks: enough for a break, steady sides and a pitch to be weighed together."""

BLOCK = 256
"""Windows that are measured at once: 2 MB, which a processor's cache holds."""


@dataclass(frozen=True, slots=True)
class Judge:
    """The numbers that were fitted to one band.

    `break_db` is the break from which on an edge is measured, `splice_db` the log-likelihood ratio from which on it is
    a splice. A tree asks whether a measure exceeds a threshold, at the root and, by the answers, at two nodes below:
    `asked` and `thresholds` (trees, 2 ** DEPTH - 1), level by level; `worth` (trees, 2 ** DEPTH) in decibans.
    """

    break_db: float
    splice_db: float
    bias: float
    asked: np.ndarray
    thresholds: np.ndarray
    worth: np.ndarray

    def weigh(self, measures: np.ndarray) -> np.ndarray:
        """Log-likelihood ratio of a splice against none for each row of measures, (n,) decibans."""
        trees = np.arange(len(self.asked))
        node = np.zeros((len(measures), len(trees)), int)
        for _ in range(DEPTH):
            exceeds = np.take_along_axis(measures, self.asked[trees, node], axis=1) > self.thresholds[trees, node]
            node = 2 * node + 1 + exceeds
        return self.bias + self.worth[trees, node - (2**DEPTH - 1)].sum(axis=1)


def read_judge(numbers: dict[str, Any]) -> Judge:
    """Make a judge of the numbers that `benchmarks/splices.py` wrote."""
    tables = {name: np.asarray(numbers[name]) for name in ("asked", "thresholds", "worth")}
    return Judge(break_db=numbers["break_db"], splice_db=numbers["splice_db"], bias=numbers["bias"], **tables)


@lru_cache(maxsize=2)
def _fitted(band: str) -> Judge:
    return read_judge(json.loads(Path(__file__).with_suffix(".json").read_text())[band])


def find_splices(scene: Scene) -> list[Glitch]:
    """Return a glitch of kind "splice" for every packet edge in speech at which the sound was cut.

    Parameters
    ----------
    scene : Scene
        With the decoded stream (`scene.sent`) and a journey; without either nothing is found.

    Returns
    -------
    list of Glitch
        Without extent, at the edge as heard. Measurements: `break_db` (by how much linear prediction fails across the
        edge, forwards and backwards together) and `log_likelihood_ratio` (decibans).

    Notes
    -----
    Cuts in pauses, cuts from one sound into the same sound at the same point of its period, and cuts next to a loss or
    a pause of the stream are not found; of the rest not half, see `benchmarks/splices.py`. A stream whose payloads are
    closed is not looked at, although its recording may hold the splice: without decoded packets nobody knows where
    in it the packet edges are. Encoders of another look-ahead than libopus' usual 6.5 ms put it where it is not sought.
    """
    scored = score_speech_edges(scene)
    found = np.flatnonzero(scored.scores_db >= scored.splice_db)
    if len(found) == 0 or scene.journey is None:
        return []
    boundaries = measure_boundaries(scene.journey)
    return [splice_at(scene, boundaries, scored, int(i)) for i in found]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredEdges:
    """Packet edges in speech: journey positions behind them, each with the evidence for a cut and with its break."""

    positions: np.ndarray  # (n,) int
    scores_db: np.ndarray  # (n,) decibans, minus infinity where prediction hardly fails
    breaks_db: np.ndarray  # (n,)
    splice_db: float  # the score from which on an edge is a splice, with nothing else known


@lru_cache(maxsize=1)
def score_speech_edges(scene: Scene) -> ScoredEdges:
    """Weigh a cut against none at every packet edge in speech at and near which nothing else happened.

    Parameters
    ----------
    scene : Scene
        With the decoded stream (`scene.sent`) and a journey; without either there are no edges.

    Returns
    -------
    ScoredEdges
    """
    none = ScoredEdges(np.empty(0, int), np.empty(0), np.empty(0), np.inf)
    if scene.sent is None or scene.journey is None or scene.downlink is None or len(scene.journey) < 2:
        return none
    codec = scene.downlink.codec.name
    if codec not in BANDS or (BANDS[codec] == "wide" and scene.sent.sample_rate_hz < RATE_HZ):
        return none
    judge = _fitted(BANDS[codec])
    lag_s = LAG_S.get(codec, 0.0)
    positions = _undisturbed(scene.journey, measure_boundaries(scene.journey))
    instants = np.round((scene.journey["media_s"].to_numpy()[positions] + lag_s) * RATE_HZ).astype(int)
    gate_dbfs, number = _gate_dbfs(scene.sent), instants // (STRETCH_S * RATE_HZ)
    stretches = np.unique(number).tolist()
    if not stretches:
        return none
    work = partial(_score_stretch, scene.sent, instants, number, gate_dbfs=gate_dbfs, judge=judge)
    with ThreadPoolExecutor(min(len(stretches), os.cpu_count() or 1)) as pool:  # transforms let go of Python's lock
        scored = list(pool.map(work, stretches))
    speech, scores_db, breaks_db = (np.concatenate(column) for column in zip(*scored, strict=True))
    return ScoredEdges(positions[speech], scores_db, breaks_db, judge.splice_db)


def _score_stretch(
    sent: AudioTrack, instants: np.ndarray, number: np.ndarray, k: int, *, gate_dbfs: float, judge: Judge
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weigh the instants in the stretch `k`: indices of those in speech, their scores and their breaks."""
    begin_s, rate_hz, here = max(0, k * STRETCH_S - MARGIN_S), sent.sample_rate_hz, np.flatnonzero(number == k)
    held = part(sent.samples, begin_s * rate_hz, ((k + 1) * STRETCH_S + MARGIN_S) * rate_hz)
    heard = resample_track(replace(sent, samples=held), sample_rate_hz=RATE_HZ).samples
    places = instants[here] - begin_s * RATE_HZ
    speech = find_speech_edges(heard, places, gate_dbfs=gate_dbfs)
    return here[speech], *score_edges(heard, places[speech], judge=judge)


def _undisturbed(journey: pd.DataFrame, boundaries: pd.DataFrame) -> np.ndarray:
    """Journey positions behind boundaries at and near which nothing else is known to have happened."""
    media_s = journey["media_s"].to_numpy()[1:]
    broken = (boundaries["lost_packets"] != 0) | (boundaries["media_gap_s"].abs() > STEADY_S)
    moved = boundaries["inserted_s"].abs().to_numpy() > STEADY_S  # False where nothing was heard
    broken_s = np.r_[-np.inf, np.sort(media_s[broken.to_numpy()]), np.inf]
    behind = np.searchsorted(broken_s, media_s, side="right")
    clear = (media_s - broken_s[behind - 1] > RECOVERY_S) & (broken_s[behind] - media_s > REACH / RATE_HZ)
    return np.asarray(boundaries.index[clear & ~moved], dtype=int)


def find_speech_edges(
    samples: np.ndarray | Pcm16, instants: np.ndarray, *, gate_dbfs: float | None = None
) -> np.ndarray:
    """Indices of the instants that have room for a window, and speech on either side as far as `SIDE` goes.

    Speech is what is louder than `gate_dbfs`, without which the samples themselves say how loud speech is in them.
    """
    if gate_dbfs is None:
        gate_dbfs = _gate_dbfs(AudioTrack("sent", samples, RATE_HZ))
    index = np.flatnonzero((instants >= REACH) & (instants <= len(samples) - REACH))
    behind = list(pairwise(SIDE))
    for start, stop in (*behind, *((-stop, -start) for start, stop in behind)):
        index = index[piece_levels_dbfs(samples, instants[index] + start, instants[index] + stop) > gate_dbfs]
    return index


def _gate_dbfs(track: AudioTrack) -> float:
    """Level from which on a sound is speech; infinity where nothing in it is."""
    levels = frame_levels_dbfs(track.samples, frame_samples=FRAME_S * track.sample_rate_hz)
    sounding = levels[levels > FLOOR_DBFS]
    return float(np.percentile(sounding, 95)) - SPEECH_DB if len(sounding) else float("inf")


def score_edges(samples: np.ndarray | Pcm16, instants: np.ndarray, *, judge: Judge) -> tuple[np.ndarray, np.ndarray]:
    """Weigh a splice against none at each instant.

    Parameters
    ----------
    samples : ndarray or Pcm16, (m,) float32
        At `RATE_HZ`.
    instants : ndarray, (n,) int
        Sample numbers with room for a window.
    judge : Judge

    Returns
    -------
    (n,) and (n,) float64
        Log-likelihood ratio in decibans, minus infinity where prediction hardly fails; the break in dB.
    """
    if len(instants) == 0:
        return np.empty(0), np.empty(0)
    blocks = (cut_windows(samples, instants[b], reach=PREDICTION_REACH) for b in _blocks(np.arange(len(instants))))
    predictions_db = np.concatenate([prediction_breaks_db(windows) for windows in blocks])
    scores_db, breaks_db = np.full(len(instants), -np.inf), break_db(predictions_db).astype(float)
    for block in _blocks(np.flatnonzero(breaks_db > judge.break_db)):
        scores_db[block] = judge.weigh(measure_breaks(cut_windows(samples, instants[block]), predictions_db[block]))
    return scores_db, breaks_db


def _blocks(indices: np.ndarray) -> list[np.ndarray]:
    return [indices[start : start + BLOCK] for start in range(0, len(indices), BLOCK)]


def splice_at(scene: Scene, boundaries: pd.DataFrame, scored: ScoredEdges, edge: int) -> Glitch:
    """Make the glitch at one of the scored edges."""
    glitch = candidate(scene, boundaries, int(scored.positions[edge]), kind="splice", found_by="sent audio")
    numbers = {
        "break_db": float(scored.breaks_db[edge]),
        "log_likelihood_ratio": float(scored.scores_db[edge]),
        "speech_before": 1.0,
        "speech_after": 1.0,
        "lost_packets": 0.0,
        "media_gap_s": 0.0,
    }
    return replace(glitch, start_s=glitch.end_s, measurements={**glitch.measurements, **numbers})
