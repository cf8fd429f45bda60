"""What the network lost, and what it held so long that it stands for the hole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from forensics.audio.log_mel import log_mel_distance_db
from forensics.lab.account import Account
from forensics.lab.audibility import AUDIBLE_HOLE_MS, speech_ms
from forensics.lab.happening import AFTERMATH_S, Happening, describe_happening, measure_hole
from forensics.lab.holes import Hole, hole_between
from forensics.lab.scenario import Fault
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.model import Cause


def of_losses(account: Account) -> Iterator[Happening]:
    """Yield one happening per run of packets that the network lost."""
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
    evidence = measure_hole(account, hole)
    evidence["effective_ms"] = round(max(0.0, min(hole.gap_s * 1000, evidence["concealed_ms"])), 1)
    evidence["lost_speech_ms"] = round(lost_ms, 1)
    evidence["skipped_speech_ms"] = round(max(0.0, lost_ms - max(0.0, hole.gap_s * 1000)), 1)
    evidence["lsd_db"] = round(_distance_db(account, rows, hole), 1)
    more: dict[str, Any] = {"lost_seqs": [account.plan.packets[row].ext_sequence_number % 2**16 for row in rows]}
    kind = f"loss:{fault.kind}"
    if evidence["effective_ms"] - len(rows) * account.packet_s * 1000 >= AUDIBLE_HOLE_MS:
        extra_ms = extra_delay_ms(account, [after])
        if extra_ms >= AUDIBLE_HOLE_MS:  # the hole is rather the wait for what came late than the little that was lost
            kind, more = f"late_packets:{fault.kind}", {**more, "max_extra_delay_ms": round(extra_ms, 1)}
            more["also_ok"] = [str(Cause.NETWORK_DROP)]
    return describe_happening(account, kind, fault=fault, hole=hole, evidence=evidence, **more)


def _distance_db(account: Account, rows: list[int], hole: Hole) -> float:
    first = round(hole.start_s * SPEECH_RATE_HZ)
    sent = account.sent_audio[rows].reshape(-1)
    heard = account.recording[max(0, first) : max(0, first) + len(sent)]
    return log_mel_distance_db(sent, heard, rate_hz=SPEECH_RATE_HZ)


def network_fault(account: Account, rows: list[int]) -> Fault | None:
    """Return the first fault that delayed or lost one of these packets, None where none did."""
    acted = account.packets["fault"].to_numpy()[rows]
    late = [account.scenario.faults[row] for row in acted if row >= 0]
    return next((fault for fault in late if fault.rules.cause is not None), None)


def network_fault_before(account: Account, at_s: float) -> Fault | None:
    """Return the fault that last acted on a packet shortly before, though that packet itself left no hole."""
    arrived = account.recording_time(account.packets["arrived_s"].to_numpy())
    rows = np.flatnonzero((arrived > at_s - AFTERMATH_S) & (arrived <= at_s))
    return network_fault(account, rows[::-1].tolist())


def extra_delay_ms(account: Account, rows: list[int]) -> float:
    """Return how much longer than usual the slowest of these packets was under way."""
    packets = account.packets.iloc[rows]
    extra = packets["arrived_s"] - packets["sent_s"] - account.scenario.network.one_way_delay_s
    return float(extra.max() * 1000) if extra.notna().any() else 0.0
