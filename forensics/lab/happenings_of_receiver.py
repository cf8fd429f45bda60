"""What the receiver's machine did: while it stood still, the device was silent, and the jitter buffer may run dry."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import MARGINAL_HOLE_MS
from forensics.lab.happening import AFTERMATH_S, Happening, describe_happening, measure_hole, rounded
from forensics.lab.holes import Hole, concealed_ms, find_holes, narrowed
from forensics.lab.planned import SILENT
from forensics.lab.scenario import Fault
from forensics.lab.speech import SPEECH_RATE_HZ

FROZEN_READING_S = 0.3
"""A frozen browser does not read its counters either: what it concealed shows in the reading after the freeze."""

DEVICE_EARLY_S, DEVICE_LATE_S = 0.05, 0.35
"""Where a device's silence is looked for: its own buffers hold 10 to 100 ms, which it plays before it starves."""

_FREEZES = {"frozen_renderer": "sigstop:renderer", "frozen_audio_service": "sigstop:audio"}


def of_freezes(account: Account) -> Iterator[Happening]:
    """Yield one happening per time that the receiver's machine stood still."""
    holes = find_holes(account)
    for fault, stopped_s, resumed_s in account.freezes:
        from_s, to_s = (float(account.recording_time(edge)) for edge in (stopped_s, resumed_s))
        own = [narrowed(account, h, []) for h in holes if from_s - 0.15 <= h.start_s <= to_s + AFTERMATH_S / 2]
        longest = max(own, key=lambda hole: hole.gap_s, default=None) if fault.kind == "frozen_renderer" else None
        if longest is None or concealed_ms(account, longest, FROZEN_READING_S) < MARGINAL_HOLE_MS:
            longest = _instant(account, from_s)
        yield _of_freeze(account, fault, (stopped_s, resumed_s), longest)


def _instant(account: Account, at_s: float) -> Hole:
    heard = account.packets["heard_s"].to_numpy()
    before = int(np.nanargmax(np.where(heard <= at_s, heard, -np.inf)))
    return Hole(before, min(before + 1, len(heard) - 1), at_s, at_s)


def _of_freeze(account: Account, fault: Fault, stopped: tuple[float, float], hole: Hole) -> Happening:
    evidence = measure_hole(account, hole)
    evidence["effective_ms"] = round(concealed_ms(account, hole, FROZEN_READING_S), 1)
    happening = describe_happening(account, _FREEZES[fault.kind], fault=fault, hole=hole, evidence=evidence)
    happening |= {"cap_start": rounded(stopped[0]), "cap_end": rounded(stopped[1])}
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
