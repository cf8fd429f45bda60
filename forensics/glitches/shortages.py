"""Glitches without a capture: what the event log or the browser's counters say, looked up in what there is.

Where the log says that the model had nothing left of an answer, the recording is searched for the hole. Where there is
no recording either, the browser's own account of what it concealed tells that something was missing, and about when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.audio.levels import frame_levels_dbfs
from forensics.model import AudioTrack, Glitch, Scene
from forensics.telemetry.counters import grow_between_readings
from forensics.telemetry.slack import find_starved

HOLE_S = 0.04
"""Concealment from here on is heard, as in `forensics.glitches.audibility`."""

FRAME_S = 0.01
"""Resolution of the search."""

FALLEN_DB = 15.0
"""A hole has fallen this far below the speech around it: NetEq's repeats fade by 0.9 to 0.95 every 6 ms from the fourth
on, which is 15 dB after 100 to 200 ms."""

AROUND_S = 0.5
"""Speech this far on either side is what "around" means."""

LATER_S = 0.4
"""A hole is heard up to so much later than the model ran out: a path, and a jitter buffer."""

ERROR_S = 0.06
"""What the log's clock leaves open, as `forensics.clocks.events.WAIT_ERROR_S`."""

BUFFERED_S = 0.15
"""A jitter buffer covers so much of a shortage, or fills it with repeats that have not faded yet."""


def find_shortages_heard(scene: Scene, *, found: Sequence[Glitch]) -> list[Glitch]:
    """Find the holes in a recording that the event log has a reason for.

    Parameters
    ----------
    scene : Scene
        With a recording and slack, and without a journey; else nothing is found.
    found : sequence of Glitch
        What the recording's own sound gave away.

    Returns
    -------
    list of Glitch
        Of kind "hole". What was found already is found again, longer, where the log says that it was longer.

    Notes
    -----
    A shortage that the listener's buffer covered leaves nothing in the recording, and is no glitch.
    """
    recording = scene.recording
    if scene.journey is not None or recording is None or scene.slack is None:
        return []
    starved = find_starved(scene.slack)
    starved = starved[starved["end_s"] - starved["start_s"] >= HOLE_S]
    holes: list[tuple[float, float]] = []
    for row in starved.itertuples():
        begins_s = max(row.start_s - ERROR_S, holes[-1][1] if holes else 0.0)
        hole = _hole(recording, begins_s, row.end_s, shortage_s=row.end_s - row.start_s, found=found)
        holes += [] if hole is None else [hole]
    return [_glitch(hole, by="event log") for hole in holes]


def _hole(
    recording: AudioTrack, start_s: float, end_s: float, *, shortage_s: float, found: Sequence[Glitch]
) -> tuple[float, float] | None:
    """Where the recording falls silent for about as long as a shortage lasted, together with what was found there."""
    spans = [(g.start_s, g.end_s) for g in found if start_s < g.end_s and g.start_s < end_s + LATER_S]
    fallen = _fallen(recording, start_s, end_s + LATER_S)
    least_s = max(HOLE_S, shortage_s - BUFFERED_S) / 2
    long_enough = fallen is not None and fallen[1] - fallen[0] >= least_s
    if fallen is not None and long_enough and (not spans or _touch(fallen, spans[0])):
        spans.append(fallen)
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def _touch(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether two stretches overlap, or nearly."""
    return a[0] < b[1] + ERROR_S and b[0] < a[1] + ERROR_S


def _fallen(recording: AudioTrack, start_s: float, end_s: float) -> tuple[float, float] | None:
    """The longest stretch between two times that lies `FALLEN_DB` below the speech around it."""
    rate_hz = recording.sample_rate_hz
    first_s = max(0.0, start_s - AROUND_S)
    around = recording.samples[round(first_s * rate_hz) : round((end_s + AROUND_S) * rate_hz)]
    level_dbfs = frame_levels_dbfs(around, frame_samples=FRAME_S * rate_hz)
    if len(level_dbfs) == 0:
        return None
    at_s = first_s + np.arange(len(level_dbfs)) * FRAME_S
    silent = (level_dbfs < np.percentile(level_dbfs, 90) - FALLEN_DB) & (at_s >= start_s) & (at_s < end_s)
    edges = np.flatnonzero(np.diff(np.r_[False, silent, False].astype(np.int8))).reshape(-1, 2)
    if len(edges) == 0:
        return None
    first, last = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return float(at_s[first]), float(at_s[first] + (last - first) * FRAME_S)


def find_shortages_logged(scene: Scene) -> list[Glitch]:
    """Return a glitch of kind "shortage" wherever the model had nothing left, where there is nothing but its log.

    Parameters
    ----------
    scene : Scene
        With slack, and without packets, recording and statistics; else nothing is found.

    Returns
    -------
    list of Glitch
        Whether any of them was heard nobody knows.
    """
    if scene.journey is not None or scene.recording is not None or scene.stats or scene.slack is None:
        return []
    starved = find_starved(scene.slack)
    spans = starved[starved["end_s"] - starved["start_s"] >= HOLE_S][["start_s", "end_s"]]
    return [replace(_glitch((start, end), by="event log"), kind="shortage") for start, end in spans.to_numpy()]


def find_concealed(scene: Scene) -> list[Glitch]:
    """Find, by the browser's counters alone, between which readings it concealed sound that was missing.

    Parameters
    ----------
    scene : Scene
        With statistics, and without capture and recording; else nothing is found.

    Returns
    -------
    list of Glitch
        Of kind "concealed", from one reading to the next, or as long as the event log says that the model had nothing.
        Measurements: `concealed_s` (less what was concealed in silence), `silent_s` (that), `counted_lost` and
        `counted_discarded` packets, `explained` (1 where the log says that the model had nothing).
    """
    inbound = scene.stats.get("inbound-rtp")
    if scene.journey is not None or scene.recording is not None or inbound is None or "capture_s" not in inbound:
        return []
    grown = grow_between_readings(inbound)
    rate_hz = float((grown["total_samples_received"] / grown["total_samples_duration"]).median())
    rate_hz = rate_hz if np.isfinite(rate_hz) else 48_000.0
    concealed_s = (grown["concealed_samples"] - grown["silent_concealed_samples"].fillna(0.0)) / rate_hz
    silent_s = grown["silent_concealed_samples"].fillna(0.0) / rate_hz
    rows = grown.assign(concealed_s=concealed_s, silent_s=silent_s)[concealed_s >= HOLE_S]
    return [_counted(row, scene) for _, row in rows.iterrows()]


def _counted(row: pd.Series, scene: Scene) -> Glitch:
    """Make the glitch between two readings, narrowed down to a shortage of the model within them."""
    numbers = {
        "concealed_s": float(row["concealed_s"]),
        "counted_lost": float(row["packets_lost"]),
        "counted_discarded": float(row["packets_discarded"]),
        "silent_s": float(row["silent_s"]),
        "explained": 0.0,
    }
    span = float(row["start_s"]), float(row["end_s"])
    if scene.slack is not None:
        starved = find_starved(scene.slack)
        inside = starved[(starved["end_s"] <= span[1] + LATER_S) & (starved["end_s"] >= span[0] - LATER_S)]
        inside = inside[inside["end_s"] - inside["start_s"] >= HOLE_S]
        span = (float(inside["start_s"].min()), float(inside["end_s"].max())) if len(inside) else span
        numbers["explained"] = float(len(inside) > 0)
    return replace(_glitch(span, by="browser counters"), kind="concealed", measurements=numbers)


def _glitch(span_s: tuple[float, float], *, by: str) -> Glitch:
    return Glitch(
        kind="hole",
        start_s=float(span_s[0]),
        end_s=float(span_s[1]),
        capture_start_s=float(span_s[0]),
        capture_end_s=float(span_s[1]),
        direction="downlink",
        found_by=(by,),
    )
