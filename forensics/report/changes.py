"""The page of a comparison: rates with their bounds, latencies as distributions, what stands behind them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forensics.comparison import Comparison
from forensics.comparison.conclusion import ALL
from forensics.comparison.delays import FEWEST_ANSWERS
from forensics.comparison.nouns import LatencyChange, RateChange, Side, latency_row
from forensics.comparison.rates import CALLS_TO_PERMUTE
from forensics.measures import call_measures
from forensics.model import Cause
from forensics.report.shell import read_part, render_page
from forensics.views.palette import LOOKS
from forensics.views.renderer import evidence_style

PLOT_WIDTH, PLOT_HEIGHT = 1000, 280
"""Of a drawing, in units of its own."""

TICKS_AT_MOST = 8


def write_comparison(comparison: Comparison, path: str | Path) -> Path:
    """Write `comparison` as one self-contained page that opens from the file system and fetches nothing.

    Parameters
    ----------
    comparison : Comparison
        From `compare`.
    path : str or Path
        The HTML file to write; folders above it are made.

    Returns
    -------
    Path
        The file that was written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_comparison(comparison), encoding="utf-8")
    return path


def render_comparison(comparison: Comparison) -> str:
    """Return the page of `comparison` as text."""
    latency, *parts = comparison.latencies
    return render_page(
        "comparison.html",
        kind="Comparison",
        title=f"{_name(comparison.before)} → {_name(comparison.after)}",
        text=comparison.conclusion,
        scripts=(read_part("theme.js"), read_part("table.js")),
        styles=(evidence_style(), read_part("page.css"), read_part("comparison.css")),
        comparison=comparison,
        causes=rate_rows(comparison.causes),
        mechanisms=rate_rows(comparison.mechanisms),
        latency=latency_row(latency),
        parts=[latency_row(part) for part in parts],
        distribution=distribution(latency),
        sides=[(title, side, call_rows(side)) for title, side in _titled(comparison)],
        fewest_answers=FEWEST_ANSWERS,
        calls_to_permute=CALLS_TO_PERMUTE,
    )


def rate_rows(changes: Sequence[RateChange]) -> list[dict[str, Any]]:
    """Return one row per rate: the change, its look where it is a cause, its bounds as places on one scale."""
    top = max([rate.high for change in changes for rate in (change.before, change.after) if rate.high > 0], default=1.0)
    return [
        {
            "change": change,
            "label": "All audible glitches" if change.what == ALL else change.what.replace("_", " "),
            "look": LOOKS[Cause(change.what)] if change.what in set(Cause) else None,
            "bars": [_bar(rate, top) for rate in (change.before, change.after)],
        }
        for change in changes
    ]


def distribution(change: LatencyChange) -> dict[str, Any] | None:
    """Return both latencies as cumulative lines on one scale; None where neither side has any."""
    values = [*change.before_s, *change.after_s]
    if not values:
        return None
    step = _tick_step(max(values))
    top = step * math.ceil(max(values) / step) or step
    return {
        "width": PLOT_WIDTH,
        "height": PLOT_HEIGHT,
        "lines": [_cumulative(side, top) for side in (change.before_s, change.after_s)],
        "ticks": [(PLOT_WIDTH * at / top, at) for at in np.arange(0, top + step / 2, step).round(6).tolist()],
    }


def call_rows(side: Side) -> list[dict[str, Any]]:
    """Return one row per call: its name and its measures."""
    return [{"name": document["case"], **call_measures(document)} for document in side.documents]


def _bar(rate: Any, top: float) -> dict[str, float] | None:
    if not rate.minutes:
        return None
    return {name: PLOT_WIDTH * getattr(rate, name) / top for name in ("low", "per_minute", "high")}


def _cumulative(values: Sequence[float], top: float) -> str:
    """Return the points of a step line: the share of the answers that came within each time."""
    points, at = [(0.0, 0.0)], 0.0
    for number, seconds in enumerate(values, 1):
        x = PLOT_WIDTH * seconds / top
        points += [(x, at), (x, number / len(values))]
        at = number / len(values)
    if values:
        points.append((PLOT_WIDTH, 1.0))
    return " ".join(f"{x:.1f},{PLOT_HEIGHT * (1 - share):.1f}" for x, share in points) if values else ""


def _tick_step(top_s: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that gives few enough ticks."""
    for power in range(-3, 6):
        for digit in (1, 2, 5):
            if top_s / (digit * 10.0**power) <= TICKS_AT_MOST:
                return digit * 10.0**power
    return top_s


def _titled(comparison: Comparison) -> list[tuple[str, Side]]:
    return [("Before", comparison.before), ("After", comparison.after)]


def _name(side: Side) -> str:
    return side.documents[0]["case"] if len(side.documents) == 1 else f"{len(side.documents)} calls"
