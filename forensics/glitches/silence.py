"""Silence that was sent inside a word.

A sender whose source ran dry and that keeps its packets flowing sends exact silence. In the packets nothing is wrong.
In the sound, speech stops at a packet edge without decay, and goes on at a packet edge, at full level, where it
stopped. Stop consonants and pauses of natural speech also hold silence, but they decay into it, begin anywhere between
packet edges, and what follows is another sound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forensics.audio.levels import frame_levels_dbfs
from forensics.audio.similarity import mel_distance_db
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.candidate import candidate
from forensics.model import AudioTrack, Glitch, Scene
from forensics.telemetry.slack import find_starved

FRAME_S = 0.0025
"""Resolution of the edges: an eighth of a packet."""

SILENT_DB = -40.0
"""Second half of a packet that is this far below loud speech is silent; codecs ring that far down within 10 ms."""

LOUD_DB = -12.0
"""Where a sound ends and starts again: this far below loud speech or, in quieter sounds, below its own loudest moment;
levels of 2.5 ms vary that much within the pitch period of a low voice."""

FAINT_DB = -25.0
"""Sounds whose loudest moment is below are too faint for their edges to be told from the codec's ringing."""

RISE_DB = -20.0
"""A sound has started within this of the loudest of its first 40 ms; what a codec smears ahead of it lies lower."""

DECAY_DB = -15.0
"""A sound has ended with the last moment within this of its loudest: between two pitch pulses of a low voice the level
falls that far."""

SIDE_FRAMES, RINGING_FRAMES = 16, 6
"""40 ms of sound on either side are looked at, and 15 ms into the silence, where codecs ring on."""

ON_PHASE_S, OFF_PHASE_S = (-FRAME_S / 2, FRAME_S / 2), (-0.0041, 0.0056)
"""Where a cut at a packet edge shows: 95 % of 267 cuts of recorded prompts through Opus start in the one frame in which
the codec's lag ends (natural starts: 16 %), 90 % end within four frames around the lag."""

DIGITAL_DBFS = -95.0
"""Digital silence decodes to nothing at all; pauses of recorded or synthesised voices keep their noise, which decodes
to -60 to -90 dBFS (591 silences of recorded prompts: 6 % below this, of 267 cuts: 99 %)."""

LEAST_PACKETS = 2
"""A single silent packet is 20 ms, what a stop consonant needs."""

OPUS_LAG_S = 312 / 48_000
"""Decoded Opus lags what was encoded by its look-ahead (RFC 7845 §4.2), so packet edges appear that much later."""

RINGING_S = 0.06
"""How long a codec may ring on into silence before a packet counts as silent."""

ALIKE_DB, LEAST_DB, FULL_DB = 12.0, -15.0, -2.0
"""A sound cut in two is alike on both sides (`mel_distance_db`) and speech, or at full level on both. Of 267 cuts of
recorded prompts 87 % pass all tests of this module, of 586 silences in 890 s of the same prompts none, nor of 882
digital silences between sounds of synthetic voices."""

CLOSURE_S = 0.1
"""Closures of stop consonants are mostly shorter (means of 52 to 69 ms in 54 000 of them, Byrd 1993). A shorter
silence is asked for more, in proportion: 11 of 13 silences of simulated voices that were taken for cuts lasted 30 to
60 ms, none of 47 real cuts less than 80."""

CLOSURE_DB = 5.0
"""So much louder than `FULL_DB` the two sides of a vanishing closure would have to be."""

LONGEST_S = 3.0
"""Longer silences are pauses between sentences, whatever their edges."""

SIDE_S = 0.015
"""Length of the sound that is compared on either side: one to two pitch periods; longer ones already change."""

ON_WIRE_S = 0.25
"""From the moment a sender runs out of audio to the moment its receiver does: a sending loop and a path."""

SAME_S = (-0.025, 0.045)
"""A silence that was sent for want of audio is as long as the want, to the packet: one less, where the sound before it
rings on, or up to two more. One that runs into a natural pause is longer, and is not heard as a cut."""

STILL_S, STEP_PACKETS = 0.02, 5
"""A want shorter than a packet does not show in when packets came; whether they came later from then on is asked of the
median of so many."""

CLEAR_BEFORE_S, CLEAR_BEHIND_S = 0.001, 0.002
"""Distance of the compared sounds from the cut, where the codec's transition colours them."""


@dataclass(frozen=True, slots=True)
class _Edges:
    """A silence in the decoded stream against packet edges. Times in media seconds, levels against loud speech."""

    first: int  # journey position of the first silent packet
    last: int  # journey position of the packet that sounds again
    off_phase_s: float
    on_phase_s: float
    before_db: float
    after_db: float
    distance_db: float
    floor_dbfs: float
    length_s: float


def find_silence(scene: Scene) -> list[Glitch]:
    """Return a glitch of kind "silence" for every run of silent packets that cuts a sound in two.

    Parameters
    ----------
    scene : Scene
        With the decoded stream (`scene.sent`) and a journey; without either nothing is found.

    Returns
    -------
    list of Glitch
        Times are the packet edges as heard. Measurements: `edge_before_db`, `edge_after_db` (level of the sound on
        either side against loud speech) and `distance_db` (how alike the two sides are).

    Notes
    -----
    Silence that starts or ends in a natural pause cannot be told from the pause, and is not heard either. Between two
    unlike sounds, or at an edge that the codec blurs, it takes an event log: there silence counts that was sent while
    the model had nothing, for as long.
    """
    if scene.sent is None or scene.journey is None or len(scene.sent.samples) == 0:
        return []
    levels = frame_levels_dbfs(scene.sent.samples, frame_samples=FRAME_S * scene.sent.sample_rate_hz)
    sounding = levels[levels > -70]
    if len(sounding) == 0:
        return []
    relative = levels - float(np.percentile(sounding, 95))
    measured = (_measure(scene, relative, first, last) for first, last in _silent_runs(scene, relative))
    boundaries = measure_boundaries(scene.journey)
    wants = _wants(scene, boundaries)
    cuts = [(edges, _seen_by(edges, scene, wants=wants)) for edges in measured if edges is not None]
    return [_glitch(scene, edges, boundaries, by=by) for edges, by in cuts if by]


def _seen_by(edges: _Edges, scene: Scene, *, wants: pd.DataFrame | None) -> str:
    """What tells that a silence is no pause: its own edges, or a log by which the model had nothing; empty if none."""
    if _is_cut(edges) and not _user_began(edges, scene):
        return "sent audio"
    return "event log" if _is_digital(edges) and _was_starved(edges, scene, wants=wants) else ""


def _user_began(edges: _Edges, scene: Scene) -> bool:
    """Whether the user began to speak meanwhile: then the agent was silent to listen, however sharp its last sound."""
    assert scene.journey is not None
    heard_s = scene.journey["heard_s"].fillna(scene.journey["arrival_s"]).to_numpy()
    start_s, stop_s = heard_s[[edges.first, edges.last]]
    return any(turn.speaker == "user" and start_s < turn.start_s < stop_s for turn in scene.turns)


def _wants(scene: Scene, boundaries: pd.DataFrame) -> pd.DataFrame | None:
    """When the model had nothing left by its log, and packets went on; None without a log."""
    if scene.slack is None or scene.journey is None:
        return None
    starved = find_starved(scene.slack)
    error_s = scene.clocks["events"].error_s
    return starved[~_stood_still(starved, scene.journey, boundaries, error_s=error_s)]


def _was_starved(edges: _Edges, scene: Scene, *, wants: pd.DataFrame | None) -> bool:
    """Whether the model had nothing left when the silence left, for as long as it lasted."""
    if wants is None or scene.journey is None:
        return False
    error_s = scene.clocks["events"].error_s
    begins_s, ends_s = scene.journey["arrival_s"].to_numpy()[[edges.first, edges.last]]
    later_s = begins_s - wants["start_s"].to_numpy()
    longer_s = ends_s - begins_s - (wants["end_s"] - wants["start_s"]).to_numpy()
    in_time = (later_s >= -error_s) & (later_s <= ON_WIRE_S + error_s)
    return bool((in_time & (longer_s >= SAME_S[0]) & (longer_s <= SAME_S[1])).any())


def _stood_still(
    starved: pd.DataFrame, journey: pd.DataFrame, boundaries: pd.DataFrame, *, error_s: float
) -> np.ndarray:
    """Whether each want of audio shows as packets that did not come: whoever stops to send sends no silence instead."""
    before_s, follows = journey["arrival_s"].to_numpy()[:-1], (boundaries["lost_packets"] == 0).to_numpy()
    waited_s = np.maximum(boundaries["media_gap_s"].to_numpy(), _stepped(journey["lateness_s"].to_numpy()))
    still = []
    for start_s, end_s in zip(starved["start_s"], starved["end_s"], strict=True):
        last_s = start_s + ON_WIRE_S + error_s
        here = follows & (before_s >= start_s - error_s - STILL_S) & (before_s <= last_s)
        shown_s = waited_s[here] - (end_s - start_s)
        still.append(bool(((shown_s >= SAME_S[0]) & (shown_s <= SAME_S[1])).any()) and end_s - start_s >= STILL_S)
    return np.array(still, bool)


def _stepped(lateness_s: np.ndarray) -> np.ndarray:
    """By how much packets came later behind each boundary than before it, medians of `STEP_PACKETS`; (n - 1,)."""
    if len(lateness_s) < 2 * STEP_PACKETS:
        return np.zeros(max(0, len(lateness_s) - 1))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(lateness_s, STEP_PACKETS), axis=1)
    inside = medians[STEP_PACKETS:] - medians[:-STEP_PACKETS]
    return np.pad(inside, (STEP_PACKETS - 1, STEP_PACKETS - 1))


def _silent_runs(scene: Scene, relative: np.ndarray) -> list[tuple[int, int]]:
    """Journey positions (first silent packet, next sounding packet) of every run without a gap in the media."""
    assert scene.journey is not None
    media_s, length_s = scene.journey["media_s"].to_numpy(), scene.journey["duration_s"].to_numpy()
    middle = ((media_s + length_s / 2) / FRAME_S).round().astype(int)
    end = ((media_s + length_s) / FRAME_S).round().astype(int) - 1  # what starts later rings ahead of the next packet
    silent = _loudest(relative, middle, end) < SILENT_DB
    gap = np.diff(media_s, prepend=media_s[0] - length_s[0]) > 1.5 * length_s
    gaps, sounding = np.cumsum(gap), np.append(np.flatnonzero(~silent), len(silent))
    starts = np.flatnonzero(silent & ~np.r_[False, silent[:-1]])
    ends = sounding[np.searchsorted(sounding, starts)]
    return [
        (first, last)
        for first, last in zip(starts.tolist(), ends.tolist(), strict=True)
        if first > 0
        and last < len(silent)
        and gaps[last] == gaps[first - 1]
        and media_s[last] - media_s[first] <= LONGEST_S
    ]


def _loudest(levels: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Highest of the levels from each `begin` to before its `end`; infinity where they are not all there."""
    spans = np.stack([begin, end], axis=1).clip(0, len(levels))
    highest = np.maximum.reduceat(np.append(levels, np.float32(np.inf)), spans.reshape(-1))[::2]
    return np.where((begin < end) & (end <= len(levels)), highest, np.inf)


def _measure(scene: Scene, relative: np.ndarray, first: int, last: int) -> _Edges | None:
    """Find where the sound stops and starts around a silent run, and compare both sides."""
    assert scene.journey is not None
    assert scene.sent is not None
    assert scene.downlink is not None
    media_s, length_s = scene.journey["media_s"].to_numpy(), float(scene.journey["duration_s"].iat[first])
    lag_s = OPUS_LAG_S if scene.downlink.codec.name == "opus" else 0.0
    start, stop = round(media_s[first] / FRAME_S), round(media_s[last] / FRAME_S)
    ringing, packet = round(RINGING_S / FRAME_S), round(length_s / FRAME_S)
    ending, starting = relative[max(0, start - ringing) : start + packet // 2], relative[stop : stop + SIDE_FRAMES]
    if min(ending.max(initial=FAINT_DB), starting.max(initial=FAINT_DB)) <= FAINT_DB:
        return None
    loud = np.flatnonzero(ending > min(LOUD_DB, ending.max() + LOUD_DB))
    cut = _nearest(media_s[: last + 1], (max(0, start - ringing) + loud[-1] + 1) * FRAME_S, lag_s=lag_s)
    edge = round(media_s[cut] / FRAME_S)
    stopping = relative[max(0, edge - SIDE_FRAMES + 2) : edge + RINGING_FRAMES]
    off = max(0, edge - SIDE_FRAMES + 2) + np.flatnonzero(stopping > stopping.max() + DECAY_DB)[-1] + 1
    on = stop + np.flatnonzero(starting > starting.max() + RISE_DB)[0]
    before = _piece(scene.sent, media_s[cut] + lag_s - CLEAR_BEFORE_S - SIDE_S)
    after = _piece(scene.sent, media_s[last] + lag_s + CLEAR_BEHIND_S)
    if len(before) != len(after) or cut >= last or media_s[last] - media_s[cut] > (last - cut + 0.5) * length_s:
        return None
    return _Edges(
        first=cut,
        last=last,
        off_phase_s=float(off * FRAME_S - lag_s - media_s[cut]),
        on_phase_s=float(on - stop - int(lag_s / FRAME_S)) * FRAME_S,
        before_db=float(stopping.max()),
        after_db=float(starting.max()),
        distance_db=mel_distance_db(before, after, sample_rate_hz=scene.sent.sample_rate_hz),
        floor_dbfs=_floor_dbfs(scene.sent, start * FRAME_S, stop * FRAME_S),
        length_s=float(media_s[last] - media_s[cut]),
    )


def _nearest(media_s: np.ndarray, at_s: float, *, lag_s: float) -> int:
    """Position of the packet edge nearest to a time."""
    behind = int(np.searchsorted(media_s, at_s - lag_s))
    first = min(int(np.searchsorted(media_s, media_s[max(0, behind - 1)])), len(media_s) - 1)
    return first + int(np.argmin(np.abs(media_s[first : behind + 1] + lag_s - at_s)))


def _piece(track: AudioTrack, start_s: float) -> np.ndarray:
    """`SIDE_S` of sound from `start_s`, empty where the track does not hold it."""
    start, length = round(start_s * track.sample_rate_hz), round(SIDE_S * track.sample_rate_hz)
    piece = track.samples[max(start, 0) : start + length]
    return piece if start >= 0 and len(piece) == length else np.empty(0, np.float32)


def _floor_dbfs(track: AudioTrack, start_s: float, stop_s: float) -> float:
    """Level of the quietest frame, of its changes from sample to sample: A-law has no zero, its silence stands at 8."""
    piece = track.samples[round(start_s * track.sample_rate_hz) : round(stop_s * track.sample_rate_hz)]
    levels = frame_levels_dbfs(np.diff(piece), frame_samples=FRAME_S * track.sample_rate_hz)
    return float(levels.min(initial=0.0))


def _is_cut(edges: _Edges) -> bool:
    """Whether the silence cuts one sound at packet edges, rather than standing between two."""
    aligned = _within(edges.on_phase_s, ON_PHASE_S) and _within(edges.off_phase_s, OFF_PHASE_S)
    level_db, share = min(edges.before_db, edges.after_db), min(1.0, edges.length_s / CLOSURE_S)
    alike = edges.distance_db <= share * ALIKE_DB and level_db >= LEAST_DB
    one_sound = alike or level_db >= FULL_DB + (1 - share) * CLOSURE_DB
    return aligned and _is_digital(edges) and one_sound


def _is_digital(edges: _Edges) -> bool:
    """Whether the silence is none that a microphone or a voice would have made, and longer than a stop consonant."""
    return edges.floor_dbfs <= DIGITAL_DBFS and edges.last - edges.first >= LEAST_PACKETS


def _within(value: float, span: tuple[float, float]) -> bool:
    return span[0] <= value <= span[1]


def _glitch(scene: Scene, edges: _Edges, boundaries: pd.DataFrame, *, by: str) -> Glitch:
    """Make the glitch between the last sounding packet and the one that sounds again."""
    assert scene.journey is not None
    glitch = candidate(scene, boundaries, edges.first, kind="silence", found_by=by)
    behind = scene.journey.iloc[edges.last]
    numbers = {"edge_before_db": edges.before_db, "edge_after_db": edges.after_db, "distance_db": edges.distance_db}
    return replace(
        glitch,
        end_s=float(behind["heard_s"]) if np.isfinite(behind["heard_s"]) else float(behind["arrival_s"]),
        capture_end_s=float(behind["arrival_s"]),
        frames=(glitch.frames[0], int(behind["frame"])),
        measurements={
            **glitch.measurements,
            **numbers,
            "lost_packets": 0.0,
            "media_gap_s": 0.0,
            "speech_before": 1.0,
            "speech_after": 1.0,
        },
    )
