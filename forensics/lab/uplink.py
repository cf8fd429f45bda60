"""What became of the user's voice on its way to the voice AI: a model that was given holes answers a garbled prompt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import SPEECH_DBFS
from forensics.lab.happening import fault_id, scorer_cause
from forensics.lab.locate import levels_dbfs
from forensics.lab.microphone import MICROPHONE_RATE_HZ
from forensics.lab.relay import Relayed
from forensics.lab.scenario import Fault

PACKET_S = 0.02
"""Chromium sends Opus in packets of 20 ms."""


def describe_uplink(relayed: Iterable[Relayed], account: Account) -> list[dict[str, Any]]:
    """Return one entry per fault that hit the uplink: what it lost or delayed, and how much speech was in it."""
    carried = [entry for entry in relayed if entry.direction == "uplink" and entry.is_rtp]
    faults = [fault for fault in account.scenario.faults_of("network") if fault.hits("uplink")]
    return [_entry(account, fault, [entry for entry in carried if entry.fault is fault]) for fault in faults]


def _entry(account: Account, fault: Fault, touched: list[Relayed]) -> dict[str, Any]:
    lost = [entry for entry in touched if not entry.out_ns]
    window = [account.zero_s + fault.at_s, account.zero_s + fault.end_s]
    said = [float(account.recording_time(edge)) for edge in window]
    late_ms = [(min(entry.out_ns) - entry.in_ns) / 1e6 for entry in touched if entry.out_ns]
    return {
        "kind": f"uplink:{fault.kind}",
        "direction": "uplink",
        "cause": scorer_cause(fault, fault.kind),
        "mechanism": fault.rules.mechanism,
        "injected_id": fault_id(account, fault),
        "cap_start": round(min((entry.in_ns / 1e9 for entry in touched), default=window[0]), 6),
        "cap_end": round(max((entry.in_ns / 1e9 for entry in touched), default=window[1]), 6),
        "rec_start": round(said[0], 4),
        "rec_end": round(said[1], 4),
        "packets_touched": len(touched),
        "lost_seqs": [entry.sequence_number for entry in lost],
        "lost_speech_ms": round(sum(_speech_ms(account, entry) for entry in lost), 1),
        "latest_ms": round(max(late_ms, default=0.0), 1),
    }


def _speech_ms(account: Account, entry: Relayed) -> float:
    """Return the length of a packet if there was speech in it; it is placed in the microphone by the clock."""
    first = max(0, round((float(account.recording_time(entry.in_ns / 1e9)) - PACKET_S) * MICROPHONE_RATE_HZ))
    piece = account.microphone[first : first + round(PACKET_S * MICROPHONE_RATE_HZ)]
    loud = len(piece) > 0 and bool(levels_dbfs(np.asarray(piece)[None, :])[0] >= SPEECH_DBFS)
    return PACKET_S * 1000 if loud else 0.0
