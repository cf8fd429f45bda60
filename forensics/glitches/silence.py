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

from forensics.audio.levels import frame_levels_dbfs, level_dbfs
from forensics.audio.similarity import mel_distance_db
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.candidate import candidate
from forensics.model import AudioTrack, Glitch, Scene

FRAME_S = 0.0025
"""Resolution of the edges: an eighth of a packet."""

SILENT_DB = -40.0
"""Second half of a packet that is this far below loud speech is silent; codecs ring that far down within 10 ms."""

LOUD_DB = -12.0
"""Where a sound ends and starts again: this far below loud speech or, in quieter sounds, below its own loudest moment;
levels of 2.5 ms vary that much within the pitch period of a low voice."""

FAINT_DB = -25.0
"""Sounds whose loudest moment is below are too faint for their edges to be told from the codec's ringing."""

EDGE_S = 0.0036
"""How far an edge may lie from where a cut at a packet edge shows: the resolution and the codec's own transition."""

OFF_BIAS_S, ON_BIAS_S = 0.001, -0.0003
"""Where cuts at packet edges show on average, measured on 267 cuts of recorded prompts through Opus: the codec lets a
sound ring a little and starts the next one a little early."""

DIGITAL_DBFS = -95.0
"""Digital silence decodes to nothing at all; pauses of recorded or synthesised voices keep their noise, which decodes
to -60 to -90 dBFS (591 silences of recorded prompts: 6 % below this, of 267 cuts: 99 %)."""

LEAST_PACKETS = 2
"""A single silent packet is 20 ms, what a stop consonant needs."""

OPUS_LAG_S = 312 / 48_000
"""Decoded Opus lags what was encoded by its look-ahead (RFC 7845 §4.2), so packet edges appear that much later."""

RINGING_S = 0.06
"""How long a codec may ring on into silence before a packet counts as silent."""

ALIKE = ((99.0, -5.0), (12.0, -12.0), (10.0, -22.0))
"""Pairs of band distance and level against loud speech: a sound cut in two is alike on both sides (`mel_distance_db`),
or both sides are so loud that no natural sound falls from and rises to there. Of 267 cuts of recorded prompts 82 % pass
with aligned edges, of 591 silences in 890 s of the same prompts none."""

LONGEST_S = 3.0
"""Longer silences are pauses between sentences, whatever their edges."""

SIDE_S = 0.022
"""Length of the sound that is compared on either side: one to three pitch periods."""


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
    Silence that starts or ends in a natural pause cannot be told from the pause, and is not heard either.
    """
    if scene.sent is None or scene.journey is None or len(scene.sent.samples) == 0:
        return []
    levels = frame_levels_dbfs(scene.sent.samples, frame_samples=FRAME_S * scene.sent.sample_rate_hz)
    sounding = levels[levels > -70]
    if len(sounding) == 0:
        return []
    loud_dbfs = float(np.percentile(sounding, 95))
    runs = _silent_runs(scene, levels - loud_dbfs)
    measured = (_measure(scene, levels - loud_dbfs, first, last, loud_dbfs=loud_dbfs) for first, last in runs)
    boundaries = measure_boundaries(scene.journey)
    return [_glitch(scene, edges, boundaries) for edges in measured if edges is not None and _is_cut(edges)]


def _silent_runs(scene: Scene, relative: np.ndarray) -> list[tuple[int, int]]:
    """Journey positions (first silent packet, next sounding packet) of every run without a gap in the media."""
    assert scene.journey is not None
    media_s, length_s = scene.journey["media_s"].to_numpy(), scene.journey["duration_s"].to_numpy()
    middle = ((media_s + length_s / 2) / FRAME_S).round().astype(int)
    end = ((media_s + length_s) / FRAME_S).round().astype(int)
    silent = np.array(
        [b <= len(relative) and a < b and relative[a:b].max() < SILENT_DB for a, b in zip(middle, end, strict=True)]
    )
    gap = np.diff(media_s, prepend=media_s[0] - length_s[0]) > 1.5 * length_s
    starts = np.flatnonzero(silent & ~np.r_[False, silent[:-1]])
    runs = []
    for first in starts:
        rest = np.flatnonzero(~silent[first:])
        last = int(first + rest[0]) if len(rest) else len(silent)
        if (
            first > 0
            and last < len(silent)
            and not gap[first : last + 1].any()
            and media_s[last] - media_s[first] <= LONGEST_S
        ):
            runs.append((int(first), last))
    return runs


def _measure(scene: Scene, relative: np.ndarray, first: int, last: int, *, loud_dbfs: float) -> _Edges | None:
    """Find where the sound stops and starts around a silent run, and compare both sides."""
    assert scene.journey is not None
    assert scene.sent is not None
    assert scene.downlink is not None
    media_s, length_s = scene.journey["media_s"].to_numpy(), float(scene.journey["duration_s"].iat[first])
    lag_s = OPUS_LAG_S if scene.downlink.codec.name == "opus" else 0.0
    start, stop = round(media_s[first] / FRAME_S), round(media_s[last] / FRAME_S)
    ringing, packet = round(RINGING_S / FRAME_S), round(length_s / FRAME_S)
    ending, starting = relative[max(0, start - ringing) : start + packet // 2], relative[stop : stop + packet]
    if min(ending.max(initial=FAINT_DB), starting.max(initial=FAINT_DB)) <= FAINT_DB:
        return None
    off = np.flatnonzero(ending > min(LOUD_DB, ending.max() + LOUD_DB))
    on = np.flatnonzero(starting > min(LOUD_DB, starting.max() + LOUD_DB))
    off_s, on_s = (max(0, start - ringing) + off[-1] + 1) * FRAME_S, (stop + on[0]) * FRAME_S
    cut = int(np.argmin(np.abs(media_s[: last + 1] + lag_s - off_s)))
    before, after = _piece(scene.sent, off_s - SIDE_S - 0.002), _piece(scene.sent, on_s + 0.002)
    if len(before) != len(after) or cut >= last:
        return None
    return _Edges(
        first=cut,
        last=last,
        off_phase_s=float(off_s - lag_s - media_s[cut]),
        on_phase_s=float(on_s - lag_s - media_s[last]),
        before_db=level_dbfs(before) - loud_dbfs,
        after_db=level_dbfs(after) - loud_dbfs,
        distance_db=mel_distance_db(before, after, sample_rate_hz=scene.sent.sample_rate_hz),
        floor_dbfs=float(relative[start:stop].min()) + loud_dbfs,
    )


def _piece(track: AudioTrack, start_s: float) -> np.ndarray:
    """`SIDE_S` of sound from `start_s`, empty where the track does not hold it."""
    start, length = round(start_s * track.sample_rate_hz), round(SIDE_S * track.sample_rate_hz)
    piece = track.samples[max(start, 0) : start + length]
    return piece if start >= 0 and len(piece) == length else np.empty(0, np.float32)


def _is_cut(edges: _Edges) -> bool:
    """Whether the silence cuts one sound at packet edges, rather than standing between two."""
    aligned = abs(edges.off_phase_s - OFF_BIAS_S) <= EDGE_S and abs(edges.on_phase_s - ON_BIAS_S) <= EDGE_S
    digital = edges.floor_dbfs <= DIGITAL_DBFS and edges.last - edges.first >= LEAST_PACKETS
    level_db = min(edges.before_db, edges.after_db)
    return aligned and digital and any(edges.distance_db <= most and level_db >= least for most, least in ALIKE)


def _glitch(scene: Scene, edges: _Edges, boundaries: pd.DataFrame) -> Glitch:
    """Make the glitch between the last sounding packet and the one that sounds again."""
    assert scene.journey is not None
    glitch = candidate(scene, boundaries, edges.first, kind="silence", found_by="sent audio")
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
