"""The comparison as a document: schema `forensics.comparison/1`, strict JSON for other programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.comparison.nouns import Comparison, RateChange, Side, latency_row

SCHEMA = "forensics.comparison/1"
SCHEMA_PATH = Path(__file__).with_name("comparison.schema.json")
"""The JSON Schema (draft 2020-12) that every document made here satisfies."""


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return `comparison` as plain JSON values; what is not a finite number is None."""
    return {
        "schema": SCHEMA,
        "version": comparison.version,
        "conclusion": comparison.conclusion,
        "worse": comparison.worse,
        "before": _side(comparison.before),
        "after": _side(comparison.after),
        "causes": [_rate_change(change) for change in comparison.causes],
        "mechanisms": [_rate_change(change) for change in comparison.mechanisms],
        "latencies": [
            {name: _number(value) for name, value in latency_row(change).items()} for change in comparison.latencies
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "calls": [document["case"] for document in side.documents],
        "minutes": side.minutes,
        "left_out": [{"call": call, "reason": reason} for call, reason in side.left_out],
    }


def _rate_change(change: RateChange) -> dict[str, Any]:
    fields = {name: value if isinstance(value, dict) else _number(value) for name, value in asdict(change).items()}
    for side in ("before", "after"):
        fields[side] = {name: _number(value) for name, value in fields[side].items()}
    return fields | {"new": change.new, "gone": change.gone}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
