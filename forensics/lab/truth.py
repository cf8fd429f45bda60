"""truth.json: what was done in a call and what came of it, written from its account.

Times: `cap_*` are seconds since 1970 on the receiver's side, `cap_sender_*` on the sender's; `rec_*` are seconds since
the first sample of the recording. `events` are faults, `benign` what only looks like one, `injected` what was asked
for, `uplink` what became of the user's voice, `observed` what the receiver's own counters say.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import SPEECH_DBFS
from forensics.lab.benign import find_benign
from forensics.lab.happening import Happening, fault_id
from forensics.lab.happenings import find_happenings
from forensics.lab.microphone import loud_span, span_of
from forensics.lab.scenario import Fault, Line
from forensics.lab.script import SpokenLine
from forensics.lab.speech import SPEECH_RATE_HZ

TIME_NOTES = (
    "cap_* are seconds since 1970 at the receiver's tap, cap_sender_* at the sender's; rec_* are seconds since the "
    "first sample of the recording, spk_* of what the device played"
)


def describe_truth(account: Account) -> dict[str, Any]:
    """Return the truth about a call, ready for JSON.

    Returns
    -------
    dict
        As described at the head of this module. Audibility follows the rule of `forensics.lab.audibility`.

    Notes
    -----
    A hole is placed by the packets on its two sides, found in the recording by correlation; where these are silent, by
    the nearest speech, so that a fault in silence is placed to a few milliseconds only.
    """
    scenario = account.scenario
    events = [*find_happenings(account), *_response_latencies(account)]
    return {
        "case": scenario.name,
        "description": scenario.description,
        "duration_s": round(len(account.recording) / SPEECH_RATE_HZ, 3),
        "rec_first_sample_epoch": round(float(account.clock[0, 0] - account.clock[0, 1]), 6),
        "call_zero_epoch": round(account.zero_s, 6),
        "base_one_way_delay_ms": scenario.network.one_way_delay_s * 1000,
        "injected": [_injected(account, fault) for fault in scenario.faults],
        "events": sorted(events, key=lambda event: event["rec_start"]),
        "benign": find_benign(account),
        "observed": {"concealment_intervals": _concealed(account), "totals": dict(account.totals)},
        "transcript": [
            {"who": line.line.who, "text": line.line.text, "script_start_s": round(line.start_s, 3),
             "rec_start": _heard_from(account, line), "sentences": [[s.start_s, s.end_s, s.text]
                                                                    for s in line.speech.sentences]}
            for line in account.plan.spoken
        ],
        "time_notes": TIME_NOTES,
    }  # fmt: skip


def _injected(account: Account, fault: Fault) -> dict[str, Any]:
    row = account.scenario.faults.index(fault)
    acted = account.packets["fault"].to_numpy() == row
    lost = acted & account.packets["arrived_s"].isna().to_numpy()
    window = [account.zero_s + fault.at_s, account.zero_s + fault.end_s]
    return {
        "id": fault_id(account, fault),
        "where": fault.plane,
        "kind": fault.kind,
        "params": {"at_s": fault.at_s, "duration_s": fault.duration_s, **fault.parameters},
        "window_cap": [round(edge, 6) for edge in window],
        "window_rec": [round(float(account.recording_time(edge)), 4) for edge in window],
        "packets_touched": int(acted.sum()),
        "packets_dropped": int(lost.sum()),
    }


def _concealed(account: Account) -> list[dict[str, float]]:
    table = account.concealment[account.concealment["concealed_ms"] > 0]
    names = {"start_s": "rec_start", "end_s": "rec_end"}
    return table.rename(columns=names).round(3).to_dict(orient="records")


# -- response latency -------------------------------------------------------------------------------------------------


def _response_latencies(account: Account) -> list[Happening]:
    """Return, for each answer of the agent, the wait as heard: from the user's last sound to the agent's first."""
    said = [(span_of(line, account.scenario)[1], line) for line in account.scenario.lines_of("user")]
    found = []
    for line in account.plan.spoken:
        answered = [(end_s, user) for end_s, user in said if end_s <= line.start_s]
        heard_s = _heard_from(account, line)
        if answered and heard_s is not None and not _answered_before(account, line, answered[-1][0]):
            found.append(_response_latency(account, line, answered[-1][1], heard_s))
    return found


def _answered_before(account: Account, line: SpokenLine, end_s: float) -> bool:
    return any(end_s <= other.start_s < line.start_s for other in account.plan.spoken)


def _response_latency(account: Account, line: SpokenLine, user: Line, heard_s: float) -> Happening:
    fault = next((f for f in account.scenario.faults
                  if f.kind == "late_first_audio" and abs(f.at_s - line.line.at_s) <= 0.25), None)  # fmt: skip
    _, quiet_s = loud_span(account, user)
    first = _first_row(account, line)
    return {
        "kind": "slow_first_audio" if fault else "response_latency",
        "cause": "late_model_output" if fault else "none",
        "mechanism": "late_first_audio" if fault else "",
        "category": "response_latency",
        "injected_id": fault_id(account, fault),
        "cap_start": round(account.epoch(quiet_s), 6),
        "cap_end": round(float(account.packets["arrived_s"].iat[first]), 6),
        "rec_start": round(quiet_s, 4),
        "rec_end": round(heard_s, 4),
        "audible": fault is not None,
        "audibility": "audible" if fault else "masked",
        "latency_s": round(heard_s - quiet_s, 3),
        "server_added_s": round(fault.duration_s if fault else 0.0, 3),
        "evidence": {"gap_ms": round((heard_s - quiet_s) * 1000, 1)},
        "note": "from the user's last loud 10 ms in the microphone to the agent's first speech in the recording; "
        "what lies between is silence, not a hole",
    }


def _first_row(account: Account, line: SpokenLine) -> int:
    level = account.packets["level_dbfs"].to_numpy()
    rows = (p.row for p in account.plan.packets if p.script_s is not None and p.script_s >= line.start_s - 1e-6)
    return next(row for row in rows if level[row] >= SPEECH_DBFS)


def _heard_from(account: Account, line: SpokenLine) -> float | None:
    """Return when the first speech of a line that was found in the recording is heard."""
    heard = account.packets["heard_s"].to_numpy()
    rows = [p.row for p in account.plan.packets if p.script_s is not None and line.start_s <= p.script_s < line.end_s]
    return next((round(float(heard[row]), 4) for row in rows if np.isfinite(heard[row])), None)
