"""What is left over: holes and discarded packets that no fault explains alone, traced to one or called incidental."""

from __future__ import annotations

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import MARGINAL_HOLE_MS, speech_ms
from forensics.lab.happening import AFTERMATH_S, Happening, describe_happening, measure_hole
from forensics.lab.happenings_of_network import extra_delay_ms, network_fault, network_fault_before
from forensics.lab.holes import Hole, concealed_ms, find_holes, hole_between, narrowed, unplayed_runs
from forensics.lab.scenario import Fault


def of_holes(account: Account, known: list[Happening]) -> list[Happening]:
    """Return the holes of the recording that none of the `known` happenings explains."""
    found: list[Happening] = []
    for hole in find_holes(account):
        if not _explained(hole, known):
            happening = _of_hole(account, hole, [*known, *found])
            if happening["evidence"]["effective_ms"] >= MARGINAL_HOLE_MS:
                found.append(happening)  # else time scaling: stretched, not concealed
    return found


def _explained(hole: Hole, known: list[Happening]) -> bool:
    return any(hole.start_s < k["rec_end"] + 0.012 and hole.end_s > k["rec_start"] - 0.012 for k in known)


def _of_hole(account: Account, hole: Hole, known: list[Happening]) -> Happening:
    rows = list(range(hole.before + 1, hole.after + 1))
    fault = network_fault(account, rows)
    acted, score = (account.packets[name].to_numpy() for name in ("fault", "score"))
    unplayed = [row for row in rows[:-1] if acted[row] >= 0 and np.isfinite(score[row])]
    hole = narrowed(account, hole, unplayed)
    evidence = measure_hole(account, hole)
    evidence["effective_ms"] = round(concealed_ms(account, hole), 1)
    evidence["lost_speech_ms"] = round(speech_ms(account, unplayed), 1)
    if fault is not None:
        more = {"max_extra_delay_ms": round(extra_delay_ms(account, rows), 1)}
        return describe_happening(
            account, f"late_packets:{fault.kind}", fault=fault, hole=hole, evidence=evidence, **more
        )
    return _aftermath(account, hole, evidence, known)


def _aftermath(account: Account, hole: Hole, evidence: dict[str, float], known: list[Happening]) -> Happening:
    """Trace a hole with regular packets around it: a burst that ran dry, the refill after another hole, or nothing."""
    burst = _burst_before(account, hole.start_s)
    if burst is not None:
        return describe_happening(account, "unpaced_burst:underrun", fault=burst, hole=hole, evidence=evidence)
    earlier = [k for k in known if 0 <= hole.start_s - k["rec_end"] < AFTERMATH_S and k["injected_id"]]
    if earlier:
        first = max(earlier, key=lambda k: k["rec_end"])
        fault = account.scenario.faults[int(first["injected_id"][1:]) - 1]
        kind = first["kind"] if first["kind"].endswith(":refill") else f"{first['kind']}:refill"
        return describe_happening(account, kind, fault=fault, hole=hole, evidence=evidence)
    recent = network_fault_before(account, hole.start_s)
    if recent is not None:
        return describe_happening(
            account, f"late_packets:{recent.kind}:refill", fault=recent, hole=hole, evidence=evidence
        )
    note = "not injected: the jitter buffer ran dry for a moment (scheduling of the host)"
    return describe_happening(account, "incidental_underrun", fault=None, hole=hole, evidence=evidence, note=note)


def _burst_before(account: Account, at_s: float) -> Fault | None:
    for fault in account.scenario.faults:
        if fault.kind == "unpaced_burst":
            from_s, to_s = (float(account.recording_time(account.zero_s + edge)) for edge in (fault.at_s, fault.end_s))
            if from_s <= at_s <= to_s + AFTERMATH_S:
                return fault
    return None


def of_unplayed(account: Account, known: list[Happening]) -> list[Happening]:
    """Return runs of packets that the jitter buffer threw away without leaving a hole."""
    found = []
    for rows in unplayed_runs(account):
        before, after = rows[0] - 1, rows[-1] + 1
        if before < 0 or after >= len(account.packets):
            continue
        hole = hole_between(account, before, after)
        fault = network_fault(account, rows) or _burst_before(account, hole.start_s)
        if (fault is None and len(rows) == 1) or _explained(hole, known):
            continue
        evidence = measure_hole(account, hole)
        if evidence["discarded"] < len(rows) / 2:
            continue  # played so fast, or merged so much, that it is not recognised
        lost_ms = speech_ms(account, rows)
        evidence["effective_ms"] = round(max(0.0, min(hole.gap_s * 1000, evidence["concealed_ms"])), 1)
        evidence["skipped_speech_ms"] = round(max(0.0, lost_ms - max(0.0, hole.gap_s * 1000)), 1)
        kind = "incidental_skip" if fault is None else f"{discarded_kind(fault)}:discarded"
        found.append(describe_happening(account, kind, fault=fault, hole=hole, evidence=evidence))
    return found


def discarded_kind(fault: Fault) -> str:
    """Return what a fault is called whose packets came, and were not played as they came."""
    return fault.kind if fault.plane == "sender" else f"late_packets:{fault.kind}"
