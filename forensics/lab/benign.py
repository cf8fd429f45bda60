"""What looks like a fault in a call and is none: pauses, silence suppression, wraps, duplicates, interruptions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.holes import hole_between
from forensics.lab.locate import SILENT_DBFS
from forensics.lab.microphone import loud_span

Benign = dict[str, Any]

PAUSE_S = 0.25
"""A silence inside a line that lasts longer is a pause between sentences; a stop consonant closes for a tenth of it."""

HICCUP_S = 0.06
"""The browser fetches 10 ms at a time, in pairs; more than this between two fetches was not its habit."""


def find_benign(account: Account) -> list[Benign]:
    """Return everything benign, in the order in which the kinds stand here; all have `kind` and `cause` "none"."""
    found = [
        *_sentence_pauses(account),
        *_wraps(account),
        *_dtx_silences(account),
        *_duplicates(account),
        *_hiccups(account),
        *_interruptions(account),
    ]
    drift_ppm = account.scenario.sender.clock_drift_ppm
    if drift_ppm:
        found.append({"kind": "sender_clock_drift", "ppm": drift_ppm})
    return [{"kind": benign.pop("kind"), "cause": "none", **benign} for benign in found]


def _sentence_pauses(account: Account) -> Iterator[Benign]:
    packets = account.plan.packets
    loud = account.packets["level_dbfs"].to_numpy() > SILENT_DBFS
    for line in account.plan.spoken:
        rows = [p.row for p in packets if p.script_s is not None and line.start_s <= p.script_s < line.end_s]
        speaking = [row for row in rows if loud[row]]
        for before, after in itertools.pairwise(speaking):
            pause_s = (packets[after].script_s or 0.0) - (packets[before].script_s or 0.0) - account.packet_s
            if pause_s >= PAUSE_S:
                yield {"kind": "sentence_pause", **_place(account, before, after)}


def _place(account: Account, before: int, after: int) -> dict[str, float]:
    hole = hole_between(account, before, after)
    return {"rec_start": round(hole.start_s, 4), "rec_end": round(max(hole.start_s, hole.end_s), 4)}


def _wraps(account: Account) -> Iterator[Benign]:
    packets = account.plan.packets
    for before, after in itertools.pairwise(packets):
        for kind, name, modulus in (("seq_wrap", "ext_sequence_number", 2**16), ("ts_wrap", "ext_timestamp", 2**32)):
            first, second = getattr(before, name) % modulus, getattr(after, name) % modulus
            if second < first:
                start_s = hole_between(account, before.row, after.row).end_s
                yield {
                    "kind": kind, "cap": _arrival(account, after.row), "values": [first, second],
                    "rec_start": round(start_s, 4), "rec_end": round(start_s, 4),
                }  # fmt: skip


def _arrival(account: Account, row: int) -> float | None:
    arrived = float(account.packets["arrived_s"].iat[row])
    return round(arrived, 6) if np.isfinite(arrived) else None


def _dtx_silences(account: Account) -> Iterator[Benign]:
    """Stretches that a sender with silence suppression left out, refreshes included."""
    if not account.scenario.sender.dtx:
        return
    packets = account.plan.packets
    loud = np.flatnonzero(account.packets["level_dbfs"].to_numpy() > SILENT_DBFS)
    for before, after in itertools.pairwise(loud):
        silent_s = (packets[after].ext_timestamp - packets[before].ext_timestamp) / account.plan.clock_rate_hz
        if after - before < silent_s / account.packet_s - 1.5 and silent_s >= PAUSE_S:
            ends = [_arrival(account, int(before)), _arrival(account, int(after))]
            yield {
                "kind": "dtx_silence", "cap": ends, "ms": round(silent_s * 1000, 1),
                **_place(account, int(before), int(after)),
            }  # fmt: skip


def _duplicates(account: Account) -> Iterator[Benign]:
    rows = np.flatnonzero(account.packets["copies"].to_numpy() > 1)
    if len(rows):
        numbers = [account.plan.packets[row].ext_sequence_number % 2**16 for row in rows]
        cap = [_arrival(account, int(rows[0])), _arrival(account, int(rows[-1]))]
        yield {"kind": "duplicates", "cap": cap, "seqs": numbers, **_place(account, int(rows[0]), int(rows[-1]))}


def _interruptions(account: Account) -> Iterator[Benign]:
    """Yield where the agent fell silent in the middle of a line because the user spoke: a hard end, and no fault."""
    for line in account.plan.spoken:
        if line.cut_s is None or line.line.cut_at_s is None:
            continue
        rows = [p.row for p in account.plan.packets if p.script_s is not None and p.script_s < line.cut_s]
        silent_s = hole_between(account, rows[-1], rows[-1]).start_s
        users = account.scenario.lines_of("user")
        user_s, _ = loud_span(account, next(user for user in reversed(users) if user.at_s < line.line.cut_at_s))
        yield {
            "kind": "interruption", "cap": _arrival(account, rows[-1]), "user_rec_start": round(user_s, 4),
            "rec_start": round(silent_s, 4), "rec_end": round(silent_s, 4), "barge_in_s": round(silent_s - user_s, 3),
            "heard_ms": round((line.cut_s - line.start_s) * 1000),
        }  # fmt: skip


def _hiccups(account: Account) -> Iterator[Benign]:
    """Yield when the jitter buffer was not asked for audio, which nobody injected; the buffer grows by it."""
    for start_s, gap_s in unplanned_hiccups(account):
        yield {
            "kind": "unplanned_playout_hiccup", "ms": round(gap_s * 1000, 1), "rec_start": start_s, "rec_end": start_s
        }  # fmt: skip


def unplanned_hiccups(account: Account) -> Iterator[tuple[float, float]]:
    """Yield (recording time, seconds) of every wait between two fetches longer than `HICCUP_S`, freezes left out."""
    epoch, place = account.clock[:, 0], account.clock[:, 1]
    wait = np.diff(epoch) - np.diff(place)
    for row in np.flatnonzero(wait > HICCUP_S):
        frozen = any(start - 0.1 <= epoch[row + 1] and epoch[row] <= end + 0.3 for _, start, end in account.freezes)
        if not frozen:
            yield round(float(place[row]), 3), float(wait[row])
