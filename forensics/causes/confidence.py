"""Confidence: how often verdicts with so much evidence were right, on hundreds of calls whose truth is known.

The weights of the evidence are added up as if every claim were about something else. They are not quite, and a rule may
be wrong in ways that no weight knows of; so the lead of the best cause over all others is read off a table of how often
such a lead was right. The table stands in `calibration.json`, fitted by `benchmarks/calibration.py`, with its origin.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np


@lru_cache(maxsize=1)
def read_calibration() -> tuple[np.ndarray, np.ndarray]:
    """Return the table: leads in decibans, ascending, and the share of verdicts that were right, never falling."""
    table = json.loads(Path(__file__).with_name("calibration.json").read_text())
    return np.asarray(table["margin_db"], dtype=float), np.asarray(table["confidence"], dtype=float)


def confidence_of(margin_db: float) -> float:
    """Return how often a verdict was right whose cause led all others together by so many decibans.

    Notes
    -----
    Between two levels of the table it is interpolated, beyond its ends it stays: no lead makes certain.
    """
    leads_db, shares = read_calibration()
    return float(np.interp(margin_db, leads_db, shares))
