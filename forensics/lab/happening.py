"""One happening: something that went wrong in a call, as one dictionary of truth.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import judge, measure_counters, measure_surroundings
from forensics.lab.holes import Hole
from forensics.lab.scenario import Fault
from forensics.model import Cause

Happening = dict[str, Any]

AFTERMATH_S = 1.5
"""A hole this soon after a fault's own belongs to it: NetEq refills, and may run dry once more while it does."""

NEVER_TELLS_APART: Mapping[str, tuple[str, ...]] = {
    "late_model:contig": ("artificial_delay",),
    "late_model:slow_generation": ("artificial_delay",),
    "artificial_delay:onset": ("late_model_output", "buffer_underrun"),
    "artificial_delay:release_burst": ("late_model_output", "buffer_underrun"),
    "artificial_delay:release_drop": ("artificial_delay",),
    "server_skip:seq_gap": ("network_drop",),
}
"""Causes that one capture at the receiver cannot tell from the true one."""


def fault_id(account: Account, fault: Fault | None) -> str | None:
    """Return the name of a fault in truth.json: f1 is the first of the scenario."""
    rows = [row for row, other in enumerate(account.scenario.faults) if other is fault]
    return f"f{rows[0] + 1}" if rows else None


def scorer_cause(fault: Fault, kind: str) -> str:
    """Return a fault's cause in the scorer's words, which name two of the sender's policies."""
    if kind.endswith("release_drop") or fault.kind == "deliberate_drop":
        return "server_skip"
    if kind.startswith("late_packets"):
        return str(Cause.BUFFER_UNDERRUN)  # also where a queue that overflows later delays first
    return "artificial_delay" if fault.kind == "artificial_delay" else str(fault.rules.cause)


def describe_happening(
    account: Account, kind: str, *, fault: Fault | None, hole: Hole, evidence: Mapping[str, float], **more: Any
) -> Happening:
    """Describe what happened between the two packets of a hole; `fault` is None where nobody injected it."""
    packets, plan = account.packets, account.plan.packets
    before, after = hole.before, hole.after
    audibility = judge(evidence)
    cause = "buffer_underrun" if fault is None else scorer_cause(fault, kind)
    happening: Happening = {
        "kind": kind,
        "cause": cause,
        "mechanism": "playout_stall" if fault is None else _mechanism(fault, kind),
        "injected_id": fault_id(account, fault),
        "cap_start": _first_known(packets["arrived_s"].iat[before], packets["sent_s"].iat[before]),
        "cap_end": _first_known(packets["arrived_s"].iat[after], packets["sent_s"].iat[after]),
        "cap_sender_start": rounded(packets["sent_s"].iat[before]),
        "cap_sender_end": rounded(packets["sent_s"].iat[after]),
        "rec_start": round(hole.start_s, 4),
        "rec_end": round(max(hole.start_s, hole.end_s), 4),
        "audible": audibility == "audible",
        "audibility": audibility,
        "seq_before": plan[before].ext_sequence_number % 2**16,
        "seq_after": plan[after].ext_sequence_number % 2**16,
        "ts_before": plan[before].ext_timestamp % 2**32,
        "ts_after": plan[after].ext_timestamp % 2**32,
        "evidence": {"gap_ms": round(hole.gap_s * 1000, 1), **evidence},
    }
    if kind in NEVER_TELLS_APART:
        happening["also_ok"] = list(NEVER_TELLS_APART[kind])
    return {**happening, **more}


def _mechanism(fault: Fault, kind: str) -> str:
    if kind.endswith("release_drop"):
        return "deliberate_drop"
    if kind.startswith("late_packets:rate_limit"):
        return "delay_spike"
    return "silence_fill" if kind == "late_model:fill" else fault.rules.mechanism


def _first_known(*values: float) -> float:
    return rounded(next((value for value in values if np.isfinite(value)), np.nan))


def rounded(value: float) -> float:
    """Round a time to the microsecond, as truth.json keeps it."""
    return round(float(value), 6)


def measure_hole(account: Account, hole: Hole) -> dict[str, float]:
    """Measure what the receiver counted during a hole, and the speech on its two sides."""
    return {
        **measure_counters(account, hole.start_s - 0.02, max(hole.start_s, hole.end_s) + 0.02),
        **measure_surroundings(account, hole.before, hole.after),
    }
