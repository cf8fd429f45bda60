"""Whether a fault was audible: a rule, not a listening test, and the measurements that it is made of.

audible
    * a loss of 40 ms of speech or more of which something was concealed, or of 20 ms whose concealment is more than
      12 dB (mean distance of log-mel spectra) from what was sent;
    * a hole of 40 ms or more with speech on both sides, whatever made it;
    * 60 ms of speech or more that was skipped.
marginal
    a hole of 15 ms or more in speech that is none of these.
masked
    everything else: hidden in silence, or absorbed by the jitter buffer.

The thresholds are those of the project's labelled calls. 40 ms is the least that people noticed as a dropout in
running speech there; 12 dB separates a vowel continued from a consonant replaced.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forensics.lab.account import Account

AUDIBLE_LOSS_MS = 40.0
AUDIBLE_SHORT_LOSS_MS, AUDIBLE_DISTANCE_DB = 20.0, 12.0
AUDIBLE_HOLE_MS = 40.0
AUDIBLE_SKIP_MS = 60.0
MARGINAL_HOLE_MS = 15.0
SOMETHING_CONCEALED_MS = 5.0

SPEECH_DBFS = -45.0
"""A packet at or above this level carries speech; the lab's voices speak at about -20 dBFS."""

CONTEXT_PACKETS = 3
"""Packets on each side of a hole that say whether there was speech: 60 ms, longer than a stop consonant's closure."""


def judge(evidence: Mapping[str, float]) -> str:
    """Return "audible", "marginal" or "masked" by the rule above.

    Parameters
    ----------
    evidence : mapping
        `effective_ms` of hole, `lost_speech_ms`, `concealed_ms`, `skipped_speech_ms`, `lsd_db`,
        `speech_both_sides` (0 or 1); what is absent counts as none.
    """
    hole_ms, lost_ms = evidence.get("effective_ms", 0.0), evidence.get("lost_speech_ms", 0.0)
    concealed = evidence.get("concealed_ms", 0.0) >= SOMETHING_CONCEALED_MS
    in_speech = bool(evidence.get("speech_both_sides", 0.0))
    if concealed and lost_ms >= AUDIBLE_LOSS_MS:
        return "audible"
    if concealed and lost_ms >= AUDIBLE_SHORT_LOSS_MS and evidence.get("lsd_db", 0.0) > AUDIBLE_DISTANCE_DB:
        return "audible"
    if in_speech and hole_ms >= AUDIBLE_HOLE_MS:
        return "audible"
    if evidence.get("skipped_speech_ms", 0.0) >= AUDIBLE_SKIP_MS:
        return "audible"
    return "marginal" if in_speech and hole_ms >= MARGINAL_HOLE_MS else "masked"


def measure_surroundings(account: Account, before: int, after: int) -> dict[str, float]:
    """Return the speech level on both sides of a hole between two packets, dBFS, and whether both are speech."""
    level = account.packets["level_dbfs"].to_numpy()
    left = float(level[max(0, before - CONTEXT_PACKETS + 1) : before + 1].max(initial=-120.0))
    right = float(level[after : after + CONTEXT_PACKETS].max(initial=-120.0))
    both = float(min(left, right) >= SPEECH_DBFS)
    return {"dbfs_before": round(left, 1), "dbfs_after": round(right, 1), "speech_both_sides": both}


def measure_counters(account: Account, start_s: float, end_s: float) -> dict[str, float]:
    """Return what the receiver's counters say between two recording times, on the grid at which they were read."""
    table = account.concealment
    own = table[(table["end_s"] > start_s) & (table["start_s"] < end_s)]
    return {
        "concealed_ms": round(float(own["concealed_ms"].sum()), 1),
        "silent_concealed_ms": round(float(own["silent_ms"].sum()), 1),
        "removed_ms": round(float(own["removed_ms"].sum()), 1),
        "discarded": float(own["discarded"].sum()),
    }


def speech_ms(account: Account, rows: list[int]) -> float:
    """Return how much speech some packets carry."""
    level = account.packets["level_dbfs"].to_numpy()[rows]
    return float(np.sum(level >= SPEECH_DBFS) * account.packet_s * 1000)
