"""A receiver without mercy for the lab's tests: every packet plays a fixed time after it was due, or not at all.

What is heard is known to the sample, so that the truth written from it can be checked to the millisecond.
"""

import numpy as np
import pandas as pd

from forensics.lab.account import CONCEALMENT_COLUMNS, PACKET_COLUMNS, Account
from forensics.lab.locate import SILENT_DBFS, levels_dbfs
from forensics.lab.path import NetworkPath
from forensics.lab.plan import plan_sending

RATE_HZ = 48_000
ZERO_S = 1_700_000_000.0
LEAD_S = 0.5  # the recording begins this long before the call


def listen_plainly(scenario, *, buffer_s=0.06, microphone=None):
    """Return the account of a call: a packet late for its place stops the playout until it is there."""
    plan = plan_sending(scenario)
    path = NetworkPath(scenario, direction="downlink")
    faults = {id(fault): row for row, fault in enumerate(scenario.faults)}
    packets = pd.DataFrame({name: pd.Series(np.full(len(plan.packets), np.nan)) for name in PACKET_COLUMNS})
    packets["copies"], packets["fault"] = 0, -1
    for packet in (p for p in plan.packets if p.sent):
        passage = path.carry(packet.due_s, 100)
        packets.loc[packet.row, ["sent_s", "copies", "fault"]] = (
            ZERO_S + packet.due_s, len(passage.out_s), faults.get(id(passage.fault), -1),
        )  # fmt: skip
        if passage.out_s:
            packets.loc[packet.row, "arrived_s"] = ZERO_S + passage.out_s[0]
    packets["level_dbfs"] = levels_dbfs(plan.audio)
    places, recording, concealed = _play(packets, plan, buffer_s, scenario.duration_s)
    loud = packets["level_dbfs"].to_numpy() > SILENT_DBFS
    packets["heard_s"] = np.where(loud, places, np.nan)
    packets["score"] = np.where(loud & packets["arrived_s"].notna(), 1.0, np.nan)
    seconds = np.arange(0, len(recording) / RATE_HZ, 0.01)
    clock = np.column_stack([ZERO_S - LEAD_S + seconds, seconds])
    silence = np.zeros(len(recording) // 3, np.float32)
    return Account(
        scenario, plan, packets.astype(dict(PACKET_COLUMNS)), plan.audio, recording,
        silence if microphone is None else microphone, clock, concealed, ZERO_S,
    )  # fmt: skip


def _play(packets, plan, buffer_s, duration_s):
    """Return where each packet plays, the recording, and its concealment on a grid of 100 ms."""
    packet_s = plan.packet_samples / RATE_HZ
    recording = np.zeros(round((duration_s + LEAD_S + 2) * RATE_HZ), np.float32)
    heard, places = np.zeros(len(recording), bool), np.full(len(packets), np.nan)
    lag_s, last_ts, free_s = None, None, 0.0
    for row, arrived_s in enumerate(packets["arrived_s"]):
        if np.isnan(arrived_s):
            continue
        media_s = plan.packets[row].ext_timestamp / plan.clock_rate_hz
        lag_s = arrived_s + buffer_s - media_s if lag_s is None else max(lag_s, arrived_s - media_s)
        place = max(free_s, media_s + lag_s - ZERO_S + LEAD_S)
        first = round(place * RATE_HZ)
        recording[first : first + plan.packet_samples] = plan.audio[row]
        heard[first : first + plan.packet_samples] = True
        places[row], free_s, last_ts = first / RATE_HZ, place + packet_s, media_s
    assert last_ts is not None
    first, last = np.flatnonzero(heard)[[0, -1]]
    missing = ~heard
    missing[:first] = missing[last:] = False
    grid = np.add.reduceat(missing, np.arange(0, len(missing), RATE_HZ // 10)) / (RATE_HZ / 1000)
    rows = [(k * 0.1, k * 0.1 + 0.1, ms, 0.0, 0.0, 0.0, 0.0) for k, ms in enumerate(grid)]
    return places, recording, pd.DataFrame(rows, columns=list(CONCEALMENT_COLUMNS))
