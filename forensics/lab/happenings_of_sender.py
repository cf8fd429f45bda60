"""What the sender did: its stalls, its fills, its holds and what it threw away, as the listener met them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import SPEECH_DBFS
from forensics.lab.happening import Happening, describe_happening, measure_hole, rounded
from forensics.lab.holes import hole_between
from forensics.lab.locate import levels_dbfs
from forensics.lab.planned import Departure

_STAMPS = {"contiguous": "contig", "clock": "clock", "fill": "fill"}
_NUMBERING = {"contiguous": "contig", "timestamp_jump": "ts_jump", "sequence_gap": "seq_gap"}


def of_departures(account: Account) -> Iterator[Happening]:
    """Yield one happening per departure from regular sending; a burst shows in what came of it."""
    for departure in account.plan.departures:
        if departure.part != "burst":
            yield _of_departure(account, departure)


def _of_departure(account: Account, departure: Departure) -> Happening:
    fault, kind = departure.fault, _kind_of(departure)
    hole = hole_between(account, departure.before, departure.after)
    evidence = measure_hole(account, hole)
    hole_ms = max(0.0, hole.gap_s * 1000)
    filled = departure.part == "fill"
    evidence["effective_ms"] = round(hole_ms if filled else min(hole_ms, evidence["concealed_ms"]), 1)
    more: dict[str, Any] = {}
    if departure.skipped is not None:
        evidence |= _skipped(account, departure.skipped)
        more["skipped"] = {"from_s": departure.skipped[0], "to_s": departure.skipped[1]}
    if departure.part in ("stall", "fill"):
        more["stall_ms"] = round((departure.end_s - departure.start_s) * 1000, 1)
    happening = describe_happening(account, kind, fault=fault, hole=hole, evidence=evidence, **more)
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
        "cap_sender_start": rounded(account.zero_s + fault.at_s),
        "cap_sender_end": rounded(end_s),
        "rec_start": happening["rec_start"],
        "rec_end": round(float(account.recording_time(end_s)) + 2 * fault["delay_s"], 4),
        "delay_ms": fault["delay_s"] * 1000,
    }
