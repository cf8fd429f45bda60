"""What happened in a call, fault by fault: where each was in the capture and in the recording, and how audible.

`find_happenings` goes through what the sender did, what the network lost, and what the recording shows, in this order;
every hole that is left over is traced to the fault whose packets stand around it, or called incidental. One dictionary
per happening, as truth.json holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import (
    AUDIBLE_HOLE_MS,
    MARGINAL_HOLE_MS,
    SPEECH_DBFS,
    judge,
    log_mel_distance_db,
    measure_counters,
    measure_surroundings,
    speech_ms,
)
from forensics.lab.holes import Hole, find_holes, hole_between, silent_between, unplayed_runs
from forensics.lab.locate import levels_dbfs
from forensics.lab.plan import SILENT, Departure
from forensics.lab.scenario import Fault
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.model import Cause

Happening = dict[str, Any]

AFTERMATH_S = 1.5
"""A hole this soon after a fault's own belongs to it: NetEq refills, and may run dry once more while it does."""

FROZEN_READING_S = 0.3
"""A frozen browser does not read its counters either: what it concealed shows in the reading after the freeze."""

DEVICE_EARLY_S, DEVICE_LATE_S = 0.05, 0.35
"""Where a device's silence is looked for: its own buffers hold 10 to 100 ms, which it plays before it starves."""

NEVER_TELLS_APART: Mapping[str, tuple[str, ...]] = {
    "late_model:contig": ("artificial_delay",),
    "late_model:slow_generation": ("artificial_delay",),
    "artificial_delay:onset": ("late_model_output", "buffer_underrun"),
    "artificial_delay:release_burst": ("late_model_output", "buffer_underrun"),
    "artificial_delay:release_drop": ("artificial_delay",),
    "server_skip:seq_gap": ("network_drop",),
}
"""Causes that one capture at the receiver cannot tell from the true one."""

_STAMPS = {"contiguous": "contig", "clock": "clock", "fill": "fill"}
_NUMBERING = {"contiguous": "contig", "timestamp_jump": "ts_jump", "sequence_gap": "seq_gap"}
_FREEZES = {"frozen_renderer": "sigstop:renderer", "frozen_audio_service": "sigstop:audio"}


def find_happenings(account: Account) -> list[Happening]:
    """Return what happened, in the order of recording time.

    Returns
    -------
    list of dict
        `kind`, `cause` (as the scorer names causes), `mechanism`, `injected_id`, times on the captures (`cap_*`,
        `cap_sender_*`: seconds since 1970) and in the recording (`rec_*`), `audible`, `audibility`, `evidence`, and
        `lost_seqs`, `also_ok`, `skipped`, `span` where they apply.
    """
    found = [*_of_departures(account), *_of_losses(account)]
    found += _of_freezes(account)
    found += _of_holes(account, found)
    found += _of_unplayed(account, found)
    found += _absorbed(account, found)
    return sorted(found, key=lambda happening: happening["rec_start"])


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


def _happening(
    account: Account, kind: str, *, fault: Fault | None, hole: Hole, evidence: Mapping[str, float], **more: Any
) -> Happening:
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
        "cap_sender_start": _rounded(packets["sent_s"].iat[before]),
        "cap_sender_end": _rounded(packets["sent_s"].iat[after]),
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
    return _rounded(next((value for value in values if np.isfinite(value)), np.nan))


def _rounded(value: float) -> float:
    return round(float(value), 6)


def _measure(account: Account, hole: Hole) -> dict[str, float]:
    return {
        **measure_counters(account, hole.start_s - 0.02, max(hole.start_s, hole.end_s) + 0.02),
        **measure_surroundings(account, hole.before, hole.after),
    }


# -- what the sender did ----------------------------------------------------------------------------------------------


def _of_departures(account: Account) -> Iterator[Happening]:
    for departure in account.plan.departures:
        if departure.part != "burst":
            yield _of_departure(account, departure)


def _of_departure(account: Account, departure: Departure) -> Happening:
    fault, kind = departure.fault, _kind_of(departure)
    hole = hole_between(account, departure.before, departure.after)
    evidence = _measure(account, hole)
    hole_ms = max(0.0, hole.gap_s * 1000)
    filled = departure.part == "fill"
    evidence["effective_ms"] = round(hole_ms if filled else min(hole_ms, evidence["concealed_ms"]), 1)
    more: dict[str, Any] = {}
    if departure.skipped is not None:
        evidence |= _skipped(account, departure.skipped)
        more["skipped"] = {"from_s": departure.skipped[0], "to_s": departure.skipped[1]}
    if departure.part in ("stall", "fill"):
        more["stall_ms"] = round((departure.end_s - departure.start_s) * 1000, 1)
    happening = _happening(account, kind, fault=fault, hole=hole, evidence=evidence, **more)
    if departure.part == "hold":
        happening["span"] = _held_span(account, departure, happening)
    return happening


def _kind_of(departure: Departure) -> str:
    fault = departure.fault
    if fault.kind == "slow_generation":
        return "late_model:slow_generation"
    if fault.kind == "stall":
        return f"late_model:{_STAMPS[fault['timestamps']]}"
    if fault.kind == "deliberate_drop":
        return f"server_skip:{_NUMBERING[fault['numbering']]}"
    return f"artificial_delay:{'onset' if departure.part == 'hold' else departure.part}"


def _skipped(account: Account, stretch: tuple[float, float]) -> dict[str, float]:
    samples = account.plan.packet_samples
    first, last = (round(edge_s / account.packet_s) for edge_s in stretch)
    pieces = account.plan.script[first * samples : last * samples]
    pieces = pieces[: len(pieces) // samples * samples].reshape(-1, samples)
    speech = np.sum(levels_dbfs(pieces) >= SPEECH_DBFS) * account.packet_s * 1000 if len(pieces) else 0.0
    return {"skipped_ms": round((stretch[1] - stretch[0]) * 1000, 1), "skipped_speech_ms": round(float(speech), 1)}


def _held_span(account: Account, departure: Departure, happening: Happening) -> dict[str, float]:
    """Return the whole time during which the sender held packets back, which is its policy too."""
    fault = departure.fault
    end_s = account.zero_s + fault.end_s
    return {
        "cap_sender_start": _rounded(account.zero_s + fault.at_s),
        "cap_sender_end": _rounded(end_s),
        "rec_start": happening["rec_start"],
        "rec_end": round(float(account.recording_time(end_s)) + 2 * fault["delay_s"], 4),
        "delay_ms": fault["delay_s"] * 1000,
    }


# -- what the network lost --------------------------------------------------------------------------------------------


def _of_losses(account: Account) -> Iterator[Happening]:
    packets = account.packets
    lost = packets["sent_s"].notna() & packets["arrived_s"].isna()
    sent = np.flatnonzero(packets["sent_s"].notna().to_numpy())
    place = {row: order for order, row in enumerate(sent)}
    orders = np.array([place[row] for row in np.flatnonzero(lost.to_numpy())], dtype=int)
    for run in np.split(orders, np.flatnonzero(np.diff(orders) > 1) + 1):
        if len(run) and run[0] > 0 and run[-1] + 1 < len(sent):
            yield _of_loss(account, sent[run].tolist(), before=int(sent[run[0] - 1]), after=int(sent[run[-1] + 1]))


def _of_loss(account: Account, rows: list[int], *, before: int, after: int) -> Happening:
    fault = account.scenario.faults[account.packets["fault"].iat[rows[0]]]
    hole = hole_between(account, before, after)
    lost_ms = speech_ms(account, rows)
    evidence = _measure(account, hole)
    evidence["effective_ms"] = round(max(0.0, min(hole.gap_s * 1000, evidence["concealed_ms"])), 1)
    evidence["lost_speech_ms"] = round(lost_ms, 1)
    evidence["skipped_speech_ms"] = round(max(0.0, lost_ms - max(0.0, hole.gap_s * 1000)), 1)
    evidence["lsd_db"] = round(_distance_db(account, rows, hole), 1)
    more: dict[str, Any] = {"lost_seqs": [account.plan.packets[row].ext_sequence_number % 2**16 for row in rows]}
    kind = f"loss:{fault.kind}"
    if evidence["effective_ms"] - len(rows) * account.packet_s * 1000 >= AUDIBLE_HOLE_MS:
        extra_ms = _extra_delay_ms(account, [after])
        if extra_ms >= AUDIBLE_HOLE_MS:  # the hole is rather the wait for what came late than the little that was lost
            kind, more = f"late_packets:{fault.kind}", {**more, "max_extra_delay_ms": round(extra_ms, 1)}
            more["also_ok"] = [str(Cause.NETWORK_DROP)]
    return _happening(account, kind, fault=fault, hole=hole, evidence=evidence, **more)


def _distance_db(account: Account, rows: list[int], hole: Hole) -> float:
    first = round(hole.start_s * SPEECH_RATE_HZ)
    sent = account.sent_audio[rows].reshape(-1)
    return log_mel_distance_db(sent, account.recording[max(0, first) : max(0, first) + len(sent)])


# -- what the recording shows beside that -----------------------------------------------------------------------------


def _of_freezes(account: Account) -> Iterator[Happening]:
    holes = find_holes(account)
    for fault, stopped_s, resumed_s in account.freezes:
        from_s, to_s = (float(account.recording_time(edge)) for edge in (stopped_s, resumed_s))
        own = [_narrowed(account, h, []) for h in holes if from_s - 0.15 <= h.start_s <= to_s + AFTERMATH_S / 2]
        longest = max(own, key=lambda hole: hole.gap_s, default=None) if fault.kind == "frozen_renderer" else None
        if longest is None or _concealed_ms(account, longest, FROZEN_READING_S) < MARGINAL_HOLE_MS:
            longest = _instant(account, from_s)
        yield _of_freeze(account, fault, (stopped_s, resumed_s), longest)


def _concealed_ms(account: Account, hole: Hole, margin_s: float = 0.02) -> float:
    """Return how much of a hole was concealed rather than silent or played fast."""
    real_ms = max(0.0, hole.gap_s - silent_between(account, hole.before, hole.after)) * 1000
    return min(real_ms, measure_counters(account, hole.start_s - margin_s, hole.end_s + margin_s)["concealed_ms"])


def _instant(account: Account, at_s: float) -> Hole:
    heard = account.packets["heard_s"].to_numpy()
    before = int(np.nanargmax(np.where(heard <= at_s, heard, -np.inf)))
    return Hole(before, min(before + 1, len(heard) - 1), at_s, at_s)


def _of_freeze(account: Account, fault: Fault, stopped: tuple[float, float], hole: Hole) -> Happening:
    evidence = _measure(account, hole)
    evidence["effective_ms"] = round(_concealed_ms(account, hole, FROZEN_READING_S), 1)
    happening = _happening(account, _FREEZES[fault.kind], fault=fault, hole=hole, evidence=evidence)
    happening |= {"cap_start": _rounded(stopped[0]), "cap_end": _rounded(stopped[1])}
    silence = _device_silence(account, stopped[0], fault.duration_s)
    if silence is None:
        return happening
    gap_ms = (silence[1] - silence[0]) * 1000
    happening["evidence"]["speaker_silence_ms"] = round(gap_ms, 1)
    loud = evidence["speech_both_sides"] > 0
    return {
        **happening, "spk_start": round(silence[0], 4), "spk_end": round(silence[1], 4),
        "audible_in_speaker": bool(happening["audible"] or (loud and gap_ms >= 40)),
    }  # fmt: skip


def _device_silence(account: Account, stopped_s: float, duration_s: float) -> tuple[float, float] | None:
    """Return the longest digital silence of the device around a freeze, in seconds; None without its recording.

    The device runs on while the buffer gives nothing out, so that its time is that of the wall clock.
    """
    if account.device is None:
        return None
    near_s = stopped_s - float(account.clock[0, 0] - account.clock[0, 1])
    first = max(0, round((near_s - DEVICE_EARLY_S) * SPEECH_RATE_HZ))
    quiet = np.abs(account.device[first : first + round((duration_s + DEVICE_LATE_S) * SPEECH_RATE_HZ)]) < SILENT
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    if not len(edges):
        return near_s, near_s
    starts, ends = edges[::2], edges[1::2]
    best = int(np.argmax(ends - starts))
    return (first + int(starts[best])) / SPEECH_RATE_HZ, (first + int(ends[best])) / SPEECH_RATE_HZ


def _of_holes(account: Account, known: list[Happening]) -> list[Happening]:
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
    fault = _network_fault(account, rows)
    acted, score = (account.packets[name].to_numpy() for name in ("fault", "score"))
    unplayed = [row for row in rows[:-1] if acted[row] >= 0 and np.isfinite(score[row])]
    hole = _narrowed(account, hole, unplayed)
    evidence = _measure(account, hole)
    evidence["effective_ms"] = round(_concealed_ms(account, hole), 1)
    evidence["lost_speech_ms"] = round(speech_ms(account, unplayed), 1)
    if fault is not None:
        more = {"max_extra_delay_ms": round(_extra_delay_ms(account, rows), 1)}
        return _happening(account, f"late_packets:{fault.kind}", fault=fault, hole=hole, evidence=evidence, **more)
    return _aftermath(account, hole, evidence, known)


def _narrowed(account: Account, hole: Hole, unplayed: list[int]) -> Hole:
    """Move the far side of a hole to the first packet that was played: one altered by the merge is not found itself."""
    arrived = account.packets["arrived_s"].notna().to_numpy()
    played = (row for row in range(hole.before + 1, hole.after) if arrived[row] and row not in unplayed)
    after = next(played, hole.after)
    return hole_between(account, hole.before, after)


def _network_fault(account: Account, rows: list[int]) -> Fault | None:
    acted = account.packets["fault"].to_numpy()[rows]
    late = [account.scenario.faults[row] for row in acted if row >= 0]
    return next((fault for fault in late if fault.rules.cause is not None), None)


def _extra_delay_ms(account: Account, rows: list[int]) -> float:
    packets = account.packets.iloc[rows]
    extra = packets["arrived_s"] - packets["sent_s"] - account.scenario.network.one_way_delay_s
    return float(extra.max() * 1000) if extra.notna().any() else 0.0


def _aftermath(account: Account, hole: Hole, evidence: dict[str, float], known: list[Happening]) -> Happening:
    """Trace a hole with regular packets around it: a burst that ran dry, the refill after another hole, or nothing."""
    burst = _burst_before(account, hole.start_s)
    if burst is not None:
        return _happening(account, "unpaced_burst:underrun", fault=burst, hole=hole, evidence=evidence)
    earlier = [k for k in known if 0 <= hole.start_s - k["rec_end"] < AFTERMATH_S and k["injected_id"]]
    if earlier:
        first = max(earlier, key=lambda k: k["rec_end"])
        fault = account.scenario.faults[int(first["injected_id"][1:]) - 1]
        kind = first["kind"] if first["kind"].endswith(":refill") else f"{first['kind']}:refill"
        return _happening(account, kind, fault=fault, hole=hole, evidence=evidence)
    recent = _network_fault_before(account, hole.start_s)
    if recent is not None:
        return _happening(account, f"late_packets:{recent.kind}:refill", fault=recent, hole=hole, evidence=evidence)
    note = "not injected: the jitter buffer ran dry for a moment (scheduling of the host)"
    return _happening(account, "incidental_underrun", fault=None, hole=hole, evidence=evidence, note=note)


def _network_fault_before(account: Account, at_s: float) -> Fault | None:
    """Return the fault that last acted on a packet shortly before, though that packet itself left no hole."""
    arrived = account.recording_time(account.packets["arrived_s"].to_numpy())
    rows = np.flatnonzero((arrived > at_s - AFTERMATH_S) & (arrived <= at_s))
    return _network_fault(account, rows[::-1].tolist())


def _burst_before(account: Account, at_s: float) -> Fault | None:
    for fault in account.scenario.faults:
        if fault.kind == "unpaced_burst":
            from_s, to_s = (float(account.recording_time(account.zero_s + edge)) for edge in (fault.at_s, fault.end_s))
            if from_s <= at_s <= to_s + AFTERMATH_S:
                return fault
    return None


def _of_unplayed(account: Account, known: list[Happening]) -> list[Happening]:
    """Return runs of packets that the jitter buffer threw away without leaving a hole."""
    found = []
    for rows in unplayed_runs(account):
        before, after = rows[0] - 1, rows[-1] + 1
        if before < 0 or after >= len(account.packets):
            continue
        hole = hole_between(account, before, after)
        fault = _network_fault(account, rows) or _burst_before(account, hole.start_s)
        if (fault is None and len(rows) == 1) or _explained(hole, known):
            continue
        evidence = _measure(account, hole)
        if evidence["discarded"] < len(rows) / 2:
            continue  # played so fast, or merged so much, that it is not recognised
        lost_ms = speech_ms(account, rows)
        evidence["effective_ms"] = round(max(0.0, min(hole.gap_s * 1000, evidence["concealed_ms"])), 1)
        evidence["skipped_speech_ms"] = round(max(0.0, lost_ms - max(0.0, hole.gap_s * 1000)), 1)
        kind = "incidental_skip" if fault is None else f"{_discarded_kind(fault)}:discarded"
        found.append(_happening(account, kind, fault=fault, hole=hole, evidence=evidence))
    return found


def _discarded_kind(fault: Fault) -> str:
    return fault.kind if fault.plane == "sender" else f"late_packets:{fault.kind}"


def _absorbed(account: Account, known: list[Happening]) -> Iterator[Happening]:
    """Return one masked happening for every fault that left no trace: the jitter buffer absorbed it."""
    seen = {happening["injected_id"] for happening in known}
    for fault in account.scenario.faults:
        affects = fault.hits("downlink") or fault.kind == "unpaced_burst"
        if not affects or fault.rules.cause is None or fault_id(account, fault) in seen:
            continue
        rows = _rows_within(account, fault)
        if rows:
            hole = Hole(rows[0], rows[-1], hole_between(account, rows[0], rows[0]).end_s, 0.0)
            hole = Hole(rows[0], rows[-1], hole.start_s, hole_between(account, rows[-1], rows[-1]).end_s)
            kind = _discarded_kind(fault)
            note = "the jitter buffer absorbed it"
            yield _happening(account, kind, fault=fault, hole=hole, evidence=_measure(account, hole), note=note)


def _rows_within(account: Account, fault: Fault) -> list[int]:
    sent = account.packets["sent_s"].to_numpy() - account.zero_s
    arrived = account.packets["arrived_s"].notna().to_numpy()
    return np.flatnonzero((sent >= fault.at_s - 0.01) & (sent <= fault.end_s + 0.01) & arrived).tolist()
