"""Holes that only the recorder made: cut into a recording after the call, and told to its truth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from forensics.lab.account import Account
from forensics.lab.scenario import Fault
from forensics.lab.speech import SPEECH_RATE_HZ

_EVENT_TIMES = ("rec_start", "rec_end", "user_rec_start")


def make_recorder_gaps(account: Account, truth: dict[str, Any]) -> np.ndarray:
    """Return the recording with the scenario's `recording_gap` faults in it, and correct `truth` for them.

    A gap of content "zeros" silences the samples, one of "cut" leaves them out, as a recorder does that lost a buffer:
    everything after it comes earlier. Gaps are entered as benign; times of the truth after a cut are moved.
    """
    recording = account.recording.copy()
    gaps = [fault for fault in account.scenario.faults_of("recorder") if fault.kind == "recording_gap"]
    for fault in reversed(gaps):
        start_s = float(account.recording_time(account.zero_s + fault.at_s))
        first, last = round(start_s * SPEECH_RATE_HZ), round((start_s + fault.duration_s) * SPEECH_RATE_HZ)
        recording[first:last] = 0
        truth["benign"].append(_entry(fault, start_s))
        if fault["content"] == "cut":
            recording = np.delete(recording, slice(first, last))
            _move_back(truth, start_s=start_s, by_s=fault.duration_s)
    truth["duration_s"] = round(len(recording) / SPEECH_RATE_HZ, 3)
    return recording


def _entry(fault: Fault, start_s: float) -> dict[str, Any]:
    return {
        "kind": "recording_gap", "cause": "none", "content": fault["content"], "ms": round(fault.duration_s * 1000, 1),
        "rec_start": round(start_s, 4), "rec_end": round(start_s + fault.duration_s, 4),
    }  # fmt: skip


def _move_back(truth: dict[str, Any], *, start_s: float, by_s: float) -> None:
    """Move every recording time after a cut; one inside it goes to its place."""
    entries = [*truth["events"], *truth["benign"], *truth["transcript"], *truth["observed"]["concealment_intervals"]]
    entries += [event["span"] for event in truth["events"] if "span" in event]
    for entry in entries:
        for name in _EVENT_TIMES:
            if entry.get(name) is not None:
                entry[name] = round(_moved(entry[name], start_s, by_s), 4)
    for injected in truth["injected"]:
        injected["window_rec"] = [round(edge, 4) for edge in _all_moved(injected["window_rec"], start_s, by_s)]


def _moved(at_s: float, start_s: float, by_s: float) -> float:
    return at_s if at_s <= start_s else max(start_s, at_s - by_s)


def _all_moved(times: Iterable[float], start_s: float, by_s: float) -> list[float]:
    return [_moved(at_s, start_s, by_s) for at_s in times]
