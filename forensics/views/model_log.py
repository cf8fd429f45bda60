"""The model's side on the axis: what its log says happened, and how far ahead of real time it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forensics.model import EventKind, Scene
from forensics.views.axis import Axis

OUTLAST_S = 0.2
"""The slack of an answer stands this long after its last piece of audio; models send pieces of about that length."""


def event_rows(scene: Scene, axis: Axis) -> list[dict[str, Any]]:
    """Return one plain row per event that has a place on `axis`, but for those that only brought audio."""
    events = placed_events(scene)
    events = events[events["kind"] != EventKind.AUDIO_PRODUCED] if len(events) else events
    return [
        {
            "at_s": float(axis.from_capture(event.capture_s)),
            "kind": event.kind,
            "name": _name(event),
            "text": event.text,
        }
        for event in events.itertuples()
    ]


def audio_event_times(scene: Scene, axis: Axis) -> np.ndarray:
    """Return when each piece of audio came out of the model, in seconds of the axis; float64 of shape (events,)."""
    events = placed_events(scene)
    if not len(events):
        return np.zeros(0)
    produced = events.loc[events["kind"] == EventKind.AUDIO_PRODUCED, "capture_s"]
    return np.asarray(axis.from_capture(produced.to_numpy()), dtype=np.float64)


def slack_arrays(scene: Scene, axis: Axis) -> dict[str, np.ndarray]:
    """Return the slack over the axis: ``at_s`` (float64) and ``slack_ms`` (float32), NaN where an answer ends.

    Empty where there is no curve, or the log has no place on the axis.
    """
    slack = scene.slack
    if slack is None or not len(slack) or not len(placed_events(scene)):
        return {}
    slack = slack[np.isfinite(slack["capture_s"])]
    at_s = np.asarray(axis.from_capture(slack["capture_s"].to_numpy()), dtype=np.float64)
    slack_ms = (slack["slack_s"].to_numpy() * 1e3).astype(np.float32)
    last = np.flatnonzero(np.append(slack["response_id"].to_numpy()[1:] != slack["response_id"].to_numpy()[:-1], True))
    ended_s = np.minimum(at_s[last] + OUTLAST_S, np.append(at_s[last[:-1] + 1], np.inf))
    return {"at_s": np.insert(at_s, last + 1, ended_s), "slack_ms": np.insert(slack_ms, last + 1, np.nan)}


def setup_rows(scene: Scene, axis: Axis) -> list[dict[str, Any]]:
    """Return one plain row per phase of the call's set-up."""
    if scene.setup is None:
        return []
    return [
        {
            "phase": phase.phase.replace("_", " "),
            "start_s": float(axis.from_capture(phase.start_s)),
            "end_s": float(axis.from_capture(phase.end_s)),
            "statement": phase.statement,
        }
        for phase in scene.setup.itertuples()
    ]


def placed_events(scene: Scene) -> pd.DataFrame:
    """Return the rows of the log that have a place on the axis, in the order of time."""
    if scene.events is None or not len(scene.events):
        return pd.DataFrame()
    return scene.events[np.isfinite(scene.events["capture_s"])].sort_values("capture_s", kind="stable")


def _name(event: Any) -> str:
    """What an event is called on the canvas: its kind in plain words, else the name that its own format gives it."""
    if event.kind in (EventKind.OTHER, EventKind.METRIC):
        return event.text if event.kind == EventKind.METRIC and event.text else event.name
    return str(event.kind).replace("_", " ")
