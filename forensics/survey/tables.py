"""The tables of a survey: one row per call, one row per glitch, each as Parquet and CSV."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forensics.measures import MEASURES, call_measures

if TYPE_CHECKING:
    from forensics.survey.surveying import Surveyed

GLITCH_COLUMNS = (
    "id", "start_s", "end_s", "capture_start_s", "capture_end_s", "utc", "direction", "ssrc", "audible", "cause",
    "mechanism", "confidence", "remedy", "would_not_help",
)  # fmt: skip
"""What the table keeps of each glitch in the findings."""


def call_table(surveyed: Iterable[Surveyed]) -> pd.DataFrame:
    """Return one row per call: its name, its report, its measures, what it took, and why it could not be read."""
    rows = [_call_row(one) for one in surveyed]
    table = pd.DataFrame(rows, columns=["call", "report", *MEASURES, "seconds", "error"])
    return table.astype({name: "float64" for name in (*MEASURES, "seconds")})


def glitch_table(surveyed: Iterable[Surveyed]) -> pd.DataFrame:
    """Return one row per glitch of every call that could be read."""
    rows = [
        {"call": one.place.name} | {name: glitch[name] for name in GLITCH_COLUMNS}
        for one in surveyed
        if one.document is not None
        for glitch in one.document["glitches"]
    ]
    table = pd.DataFrame(rows, columns=["call", *GLITCH_COLUMNS])
    kinds = dict.fromkeys(("start_s", "end_s", "capture_start_s", "capture_end_s", "confidence"), "float64")
    return table.astype(kinds | {"ssrc": "Int64", "audible": "bool"})


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write `table` beside each other as `path`.parquet and `path`.csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path.with_suffix(".parquet"), index=False)
    table.to_csv(path.with_suffix(".csv"), index=False)


def _call_row(one: Surveyed) -> dict[str, Any]:
    row: dict[str, Any] = {"call": one.place.name, "report": "", "seconds": one.seconds, "error": one.error}
    if one.document is None:
        return row
    return row | {"report": f"calls/{one.place.report.name}"} | call_measures(one.document)
