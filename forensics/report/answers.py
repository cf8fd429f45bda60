"""The report's sections on answers, set-up and prompts, apart from HTML: rows, and bars on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forensics.model import Diagnosis, Prompt, Turn
from forensics.turns import GOAL_S, describe_latencies
from forensics.views.axis import Axis

BAR_WIDTH = 1000
"""Of a bar's drawing, in units of its own."""

PART_LABELS: Mapping[str, str] = {
    "endpointing_s": "endpointing",
    "model_s": "model",
    "tts_s": "speech synthesis",
    "sender_s": "sender",
    "send_s": "first audio to first packet",
    "network_s": "network",
    "buffer_s": "buffer and sound card",
    "delivery_s": "first audio to the ear",
}
"""Each part of a latency as a heading."""


def turn_section(turns: Sequence[Turn]) -> dict[str, Any]:
    """Return the turns, how their latencies are distributed, and each latency as a bar of its parts."""
    described = describe_latencies(turns)
    longest_s = max((sum(turn.parts.values()) for turn in turns if turn.latency_s is not None), default=0.0)
    names = list(dict.fromkeys(name for turn in turns for name in turn.parts))
    return {
        "turns": [{"turn": turn, "bar": _bar(turn, longest_s)} for turn in turns],
        "parts": [{"name": name, "key": name.removesuffix("_s"), "label": part_label(name)} for name in names],
        "described": described,
        "goal_s": GOAL_S,
        "spoken": any(turn.text for turn in turns),
        "interrupted": any(turn.barge_in_s is not None or turn.talk_over_s for turn in turns),
    }


def slack_rows(diagnosis: Diagnosis, axis: Axis) -> list[dict[str, Any]]:
    """Return one row per answer of the model's log: when it began, how much it made, how far it fell behind."""
    slack = diagnosis.scene.slack
    if slack is None or not len(slack):
        return []
    placed = "events" in diagnosis.scene.clocks
    rows = []
    for response, events in slack.groupby("response_id", sort=False):
        worst = events.loc[events["slack_s"].idxmin()] if events["slack_s"].notna().any() else None
        rows.append({
            "response": response,
            "start_s": float(axis.from_capture(events["capture_s"].iloc[0])) if placed else None,
            "produced_s": float(events["produced_s"].max()),
            "elapsed_s": float(events["elapsed_s"].max()),
            "least_s": None if worst is None else float(worst["slack_s"]),
            "least_at_s": float(axis.from_capture(worst["capture_s"])) if worst is not None and placed else None,
            "line": None if worst is None else int(worst["line"]),
        })  # fmt: skip
    return rows


def setup_rows(setup: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return one row per phase of the call's set-up, with its bar on the scale of all of them."""
    if setup is None or not len(setup):
        return []
    known = setup[["start_s", "end_s"]].to_numpy(dtype=float)
    first_s, last_s = np.nanmin(known), np.nanmax(known)
    scale = BAR_WIDTH / max(last_s - first_s, 1e-6)
    return [
        row | {"x": _finite((row["start_s"] - first_s) * scale),
               "width": max(_finite((row["end_s"] - row["start_s"]) * scale), 4.0),
               "after_s": row["end_s"] - first_s}
        for row in setup.to_dict("records")
    ]  # fmt: skip


def prompt_rows(prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
    """Return one row per prompt: what of it was lost or late, with its damaged stretches as places on a strip."""
    return [{"prompt": prompt, "marks": list(_marks(prompt))} for prompt in prompts]


def part_label(name: str) -> str:
    """Return the heading of one part of a latency."""
    return PART_LABELS.get(name, name.removesuffix("_s").replace("_", " "))


def _bar(turn: Turn, longest_s: float) -> list[dict[str, Any]]:
    """Return the parts of a latency one after the other."""
    if turn.latency_s is None or not longest_s:
        return []
    bar, at_s, scale = [], 0.0, BAR_WIDTH / longest_s
    for name, seconds in turn.parts.items():
        width = scale * max(seconds, 0.0)
        seen = {"key": name.removesuffix("_s"), "inferred": name not in turn.measured}
        bar.append({"x": scale * at_s, "width": width, **seen})
        at_s += max(seconds, 0.0)
    return bar


def _marks(prompt: Prompt) -> Any:
    length_s = max(prompt.end_s - prompt.start_s, 1e-6)
    for start_s, end_s, what in prompt.spans:
        yield {"x": BAR_WIDTH * (start_s - prompt.start_s) / length_s,
               "width": max(BAR_WIDTH * (end_s - start_s) / length_s, 6), "what": what}  # fmt: skip


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0
