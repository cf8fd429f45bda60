"""Audio that was made and never sent, by the account of the event log: what left each answer short.

A sender that throws audio away and numbers its packets and their timestamps on as if nothing had happened leaves no
trace on the wire. But the log says how much audio the model made of an answer, and the packets how much of it was
sent: from the first sounding packet to the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.candidate import candidate
from forensics.glitches.splices import score_speech_edges, splice_at
from forensics.model import EventKind, Glitch, Scene
from forensics.telemetry.slack import Utterance, find_starved, find_utterances

SOUNDING_DB = -40.0
"""A packet within this of loud speech belongs to what was spoken: 10 dB below the weakest consonants, 15 above a quiet
room. In 42 labelled calls, what was made of an answer that was sent in full is 0.05 s shorter to 0.07 s longer than
from the first such packet to the last."""

LEAST_S = 0.12
"""Audio that has to be missing: twice what synthesis and levels leave open."""

LEAST_BY_SIZE_S = 0.25
"""The same where payloads are closed and a packet's size has to tell whether it sounds."""

EARLY_S = 0.1
"""How much earlier than the log says an answer may begin on the wire: what clocks leave open."""

LATE_S = 1.5
"""How much later than its audio was there an answer may begin, with a queue ahead of it."""

QUIET_PACKETS = 10
"""So many packets without sound before and behind an answer: 200 ms, else it runs into another one."""

UNKNOWN_PADDING_S = 0.5
"""Silence that voices put around their words, at most: what an answer alone may lack without anything missing."""

STEP_S = 0.02
"""A sender waits in whole packets."""

THERE = 0.5
"""Where a cut is known to be in an answer, an edge at which the sound breaks is named when the cut is likelier there
than everywhere else together. In 25 simulated calls with 0.2 to 0.4 s cut out 24 answers were found short; at 13 edges
the sound broke enough, each the right one (10 of them would have been found without the log)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one answer: `first` and `last` are journey positions of its first and last sounding packet."""

    utterance: Utterance
    first: int
    last: int
    media_s: float  # from the one to the other, by timestamps
    waited_s: float  # of that, where the sender had nothing and let its timestamps run or sent silence
    padding_s: float  # silence that other answers of the call begin and end with

    @property
    def missing_s(self) -> float:
        """Audio that was made and is not between the two packets."""
        return self.utterance.audio_s - self.media_s + self.waited_s - self.padding_s


def account_for_answers(scene: Scene, *, found: Sequence[Glitch]) -> tuple[Sent, ...]:
    """Hold what was made of each answer against what was sent of it.

    Parameters
    ----------
    scene : Scene
        With a journey, events and slack; without them nothing can be held against anything.
    found : sequence of Glitch
        What the detectors saw: silence that was sent, and timestamps that ran on in a pause, count as waiting as far as
        the log says that the model kept the sender waiting.

    Returns
    -------
    tuple of Sent
        In the order of time.

    Notes
    -----
    Left out are answers that were cancelled or cut off, that run into another one, or that begin or end outside the
    capture. How much silence synthesis puts around its words is told by the answer of the call that has least of it: a
    single answer says nothing of that, so of one `UNKNOWN_PADDING_S` is taken for silence.
    """
    journey = scene.journey
    if journey is None or scene.slack is None or scene.events is None or len(scene.slack) == 0:
        return ()
    sounding = _sounding(journey)
    answers = [answer for answer in _answers(scene) if answer[0].whole]
    measured = [
        sent
        for utterance, begins_s, ends_s in answers
        if (sent := _measure(scene, utterance, sounding, window_s=(begins_s, ends_s), found=found)) is not None
    ]
    least_s = min((sent.missing_s for sent in measured), default=0.0)
    padding_s = min(max(least_s, 0.0), UNKNOWN_PADDING_S) if len(measured) > 1 else UNKNOWN_PADDING_S
    return tuple(replace(sent, padding_s=padding_s) for sent in measured)


def _sounding(journey: pd.DataFrame) -> np.ndarray:
    """Which packets belong to what was spoken: by level, else by size as the journey has it."""
    level_dbfs = journey["level_dbfs"].to_numpy()
    if not np.isfinite(level_dbfs).any():
        return journey["speech"].to_numpy()
    return np.asarray(level_dbfs > np.nanpercentile(level_dbfs, 95) + SOUNDING_DB)


def _answers(scene: Scene) -> Iterator[tuple[Utterance, float, float]]:
    """Each answer with the window on the axis in which it is sent: until the next one begins."""
    assert scene.events is not None
    assert scene.slack is not None
    utterances = find_utterances(scene.events, scene.slack)
    played = (
        scene.events[scene.events["kind"] == EventKind.PLAYBACK_STARTED].groupby("response_id")["capture_s"].first()
    )
    begins_s = [float(played.get(u.response_id, u.first_audio_s)) - EARLY_S for u in utterances]
    yield from zip(utterances, begins_s, [*begins_s[1:], np.inf], strict=True)


def _measure(
    scene: Scene,
    utterance: Utterance,
    sounding: np.ndarray,
    *,
    window_s: tuple[float, float],
    found: Sequence[Glitch],
) -> Sent | None:
    """What was sent of one answer; None where its beginning or end cannot be told."""
    assert scene.journey is not None
    assert scene.slack is not None
    arrival_s, media_s = (scene.journey[name].to_numpy() for name in ("arrival_s", "media_s"))
    inside = np.flatnonzero((arrival_s >= window_s[0]) & (arrival_s < window_s[1]))
    spoken = inside[sounding[inside]]
    if len(spoken) == 0 or arrival_s[spoken[0]] > window_s[0] + LATE_S:
        return None
    first, last = int(spoken[0]), int(spoken[-1])
    apart = slice(max(0, first - QUIET_PACKETS), first), slice(last + 1, last + 1 + QUIET_PACKETS)
    if any(sounding[side].any() or len(sounding[side]) < QUIET_PACKETS for side in apart):
        return None
    length_s = float(media_s[last] - media_s[first]) + float(scene.journey["duration_s"].iat[last])
    starved = find_starved(scene.slack[scene.slack["response_id"] == utterance.response_id])
    short_s = float((starved["end_s"] - starved["start_s"]).sum())
    frames = scene.journey["frame"].to_numpy()[first : last + 1]
    waited_s = min(_waited_s(found, set(frames.tolist())), short_s + STEP_S)
    return Sent(utterance, first, last, length_s, waited_s, 0.0)


def _waited_s(found: Sequence[Glitch], frames: set[int]) -> float:
    """Media time between some frames that holds nothing of the answer: silence sent, timestamps run on in a pause."""
    inside = [glitch for glitch in found if glitch.frames and glitch.frames[-1] in frames]
    jumped_s = sum(glitch.measurements["media_gap_s"] for glitch in inside if glitch.kind == "stall")
    return float(jumped_s + sum(glitch.end_s - glitch.start_s for glitch in inside if glitch.kind == "silence"))


def find_unsent(scene: Scene, *, found: Sequence[Glitch]) -> list[Glitch]:
    """Return a glitch for every answer of which audio was made and never sent, unless a splice in it was found already.

    Parameters
    ----------
    scene : Scene
    found : sequence of Glitch
        What the other detectors saw.

    Returns
    -------
    list of Glitch
        Of kind "splice" where the cut is found: knowing that there is one, in one of so many packets, it takes less to
        say where than to say that there is one. Else of kind "unsent", from the
        answer's first packet to its last as heard. Measurements: `missing_s`.
    """
    least_s = LEAST_S if scene.sent is not None else LEAST_BY_SIZE_S
    short = [sent for sent in account_for_answers(scene, found=found) if sent.missing_s >= least_s]
    return [
        _place(scene, sent) for sent in short if not any(g.kind == "splice" and _within(g, scene, sent) for g in found)
    ]


def _place(scene: Scene, sent: Sent) -> Glitch:
    """Find the cut in an answer, else take the whole answer."""
    assert scene.journey is not None
    boundaries = measure_boundaries(scene.journey)
    scored = score_speech_edges(scene)
    inside = (scored.positions > sent.first) & (scored.positions <= sent.last)
    scores_db = np.where(inside, scored.scores_db, -np.inf)
    best = int(np.argmax(scores_db)) if inside.any() else -1
    odds = 10 ** (scores_db[inside] / 10)
    if inside.any() and odds.max() >= THERE * (odds.sum() + sent.last - sent.first):
        glitch = splice_at(scene, boundaries, scored, best)
        return replace(glitch, found_by=("event log", *glitch.found_by))
    whole = candidate(scene, boundaries, sent.first, kind="unsent", found_by="event log")
    journey = scene.journey
    ends = journey.iloc[sent.last]
    return replace(
        whole,
        start_s=float(journey["heard_s"].iat[sent.first]),
        end_s=float(ends["heard_s"] + ends["duration_s"]),
        capture_start_s=float(journey["arrival_s"].iat[sent.first]),
        capture_end_s=float(ends["arrival_s"]),
        frames=(int(journey["frame"].iat[sent.first]), int(ends["frame"])),
        measurements={},
    )


def tell_account(glitches: Sequence[Glitch], scene: Scene) -> list[Glitch]:
    """Give every glitch the account of the answer that it lies in.

    Parameters
    ----------
    glitches : sequence of Glitch
        All that were found.
    scene : Scene

    Returns
    -------
    list of Glitch
        With `missing_s`, `made_s` and `sent_s` among the measurements of those that lie in an answer that was measured.
    """
    accounts = account_for_answers(scene, found=glitches)
    return [_told(glitch, scene, accounts) for glitch in glitches]


def _told(glitch: Glitch, scene: Scene, accounts: Sequence[Sent]) -> Glitch:
    own = next((sent for sent in accounts if _within(glitch, scene, sent)), None)
    if own is None:
        return glitch
    numbers = {
        "missing_s": own.missing_s,
        "made_s": own.utterance.audio_s,
        "sent_s": own.media_s - own.waited_s,
        "padding_s": own.padding_s,
    }
    return replace(glitch, measurements={**glitch.measurements, **numbers})


def _within(glitch: Glitch, scene: Scene, sent: Sent) -> bool:
    """Whether a glitch lies between the first and the last packet of an answer."""
    assert scene.journey is not None
    frames = scene.journey["frame"].to_numpy()[sent.first : sent.last + 1]
    return bool(len(glitch.frames)) and bool(np.isin(glitch.frames[-1], frames))
