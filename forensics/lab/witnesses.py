"""From one take to its account: clocks, fates and places of packets, and what the receiver counted."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from math import gcd
from typing import Any

import numpy as np
import pandas as pd

from forensics.errors import ForensicsError
from forensics.lab.account import CONCEALMENT_COLUMNS, PACKET_COLUMNS, Account
from forensics.lab.listener import Recorded
from forensics.lab.locate import levels_dbfs, locate_packets
from forensics.lab.microphone import MICROPHONE_RATE_HZ
from forensics.lab.payloads import decode_payloads
from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Scenario
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.lab.take import Take
from forensics.playout.arrivals import PLAYOUT_RATE_HZ

DEEPEST_BUFFER_S = 1.5
"""How long after its arrival a packet is looked for: packets waited up to 590 ms in measured calls, and up to 1.08 s in
a simulated one whose model generated at half of real time; recorded, that one could not be placed within 1 s."""

STARTED_BLOCKS, STARTED_WITHIN_S = 100, 0.05
"""The device runs where blocks come as regularly as in the first second; a track delivers one or two before."""

TOTALS = (
    "packetsReceived", "packetsLost", "packetsDiscarded", "concealedSamples", "silentConcealedSamples",
    "concealmentEvents", "insertedSamplesForDeceleration", "removedSamplesForAcceleration", "fecPacketsReceived",
    "jitter", "totalSamplesReceived",
)  # fmt: skip


def account_of(take: Take, scenario: Scenario, *, plan: SendPlan, payloads: list[bytes]) -> Account:
    """Find out what really happened in a take."""
    heard = take.listening.heard
    clock = _playing_clock(heard)
    origin_s = clock[0, 0] - clock[0, 1]
    recording = _at_rate(heard, SPEECH_RATE_HZ)
    packets = _fates(take, scenario, plan)
    account = Account(
        scenario, plan, packets, _decoded(packets, plan, payloads, scenario), recording,
        _microphone(take, origin_s), clock, pd.DataFrame(), take.zero_ns / 1e9, freezes=tuple(take.freezes),
        totals=_totals(take.listening.stats, take.ssrc), device=_device(take, recording, origin_s),
    )  # fmt: skip
    _locate(account)
    concealment = _concealment(account, take.listening.stats, take.ssrc)
    fields = {name: getattr(account, name) for name in Account.__slots__}
    return Account(**{**fields, "concealment": concealment})


def _playing_clock(heard: Recorded) -> np.ndarray:
    """Return pairs (seconds since 1970, recording time) from when the audio device ran."""
    pairs = np.column_stack([heard.arrivals[:, 1] / 1000, heard.arrivals[:, 0] / heard.rate_hz])
    lag = pairs[:, 0] - pairs[:, 1]
    started = lag > np.median(lag[:STARTED_BLOCKS]) - STARTED_WITHIN_S
    return pairs[int(np.argmax(started)) :]


def _at_rate(recorded: Recorded, rate_hz: int) -> np.ndarray:
    from scipy.signal import resample_poly

    samples = recorded.samples.astype(np.float32) / 32768
    common = gcd(recorded.rate_hz, rate_hz)
    up, down = rate_hz // common, recorded.rate_hz // common
    return samples if up == down else resample_poly(samples, up, down).astype(np.float32)


def _fates(take: Take, scenario: Scenario, plan: SendPlan) -> pd.DataFrame:
    """Pair what the agent sent with what the relay carried: both are in the order of sending."""
    carried = [entry for entry in take.relayed if entry.direction == "downlink" and entry.is_rtp]
    carried = [entry for entry in carried if entry.ssrc == take.ssrc]
    rows = [sent.row for sent in take.sent]
    numbers = [plan.packets[row].ext_sequence_number % 2**16 for row in rows]
    if numbers != [entry.sequence_number for entry in carried]:
        raise ForensicsError(
            f"The relay carried {len(carried)} packets of the agent, which sent {len(rows)}; they should be the same. "
            "Was the loopback interface disturbed? Record again."
        )
    table = pd.DataFrame(
        {name: pd.Series(np.full(len(plan.packets), np.nan), dtype="float64") for name in PACKET_COLUMNS}
    )
    faults = {id(fault): row for row, fault in enumerate(scenario.faults)}
    table["sent_s"] = _spread(rows, [entry.in_ns / 1e9 for entry in carried], len(table))
    table["arrived_s"] = _spread(rows, [min(entry.out_ns, default=np.nan) / 1e9 for entry in carried], len(table))
    table["copies"] = _spread(rows, [len(entry.out_ns) for entry in carried], len(table), 0).astype("int64")
    acted = [faults.get(id(entry.fault), -1) for entry in carried]
    table["fault"] = _spread(rows, acted, len(table), -1).astype("int64")
    return table


def _spread(rows: list[int], values: Iterable[float], length: int, empty: float = np.nan) -> np.ndarray:
    column = np.full(length, empty)
    column[rows] = list(values)
    return column


def _decoded(packets: pd.DataFrame, plan: SendPlan, payloads: list[bytes], scenario: Scenario) -> np.ndarray:
    """Decode what arrived, in media order and as one stream; rows that did not arrive keep the planned audio."""
    arrived = np.flatnonzero(packets["arrived_s"].notna().to_numpy())
    audio = plan.audio.copy()
    audio[arrived] = decode_payloads([payloads[row] for row in arrived], scenario.sender)
    return audio


def _locate(account: Account) -> None:
    packets = account.packets
    packets["level_dbfs"] = levels_dbfs(account.sent_audio)
    bursts = [fault.duration_s for fault in account.scenario.faults if fault.kind == "unpaced_burst"]
    expected = account.recording_time(packets["arrived_s"].to_numpy())
    packets["heard_s"], packets["score"] = locate_packets(
        account.sent_audio, account.recording, expected_s=expected, reach_s=DEEPEST_BUFFER_S + sum(bursts)
    )


def _microphone(take: Take, origin_s: float) -> np.ndarray:
    """Bring the microphone to 16 kHz and to the recording's origin."""
    spoken = take.listening.spoken
    samples = _at_rate(spoken, MICROPHONE_RATE_HZ)
    return _from_origin(samples, spoken.arrivals[0, 1] / 1000 - origin_s, MICROPHONE_RATE_HZ)


def _from_origin(samples: np.ndarray, begins_s: float, rate_hz: int) -> np.ndarray:
    shift = round(begins_s * rate_hz)
    return np.concatenate([np.zeros(shift, np.float32), samples]) if shift >= 0 else samples[-shift:]


def _device(take: Take, recording: np.ndarray, origin_s: float) -> np.ndarray | None:
    """Bring what the device played to the recording's origin, by content: programs cannot tell when it began.

    Only the sound before the first freeze is compared; from then on the device is behind what the buffer gave out.
    """
    from scipy.signal import correlate

    if take.device is None or not np.any(take.device):
        return None
    samples = take.device.astype(np.float32) / 32768
    rough = _from_origin(samples, take.device_epoch_s - origin_s, SPEECH_RATE_HZ)
    frozen_s = min((start_s for _, start_s, _ in take.freezes), default=np.inf) - origin_s
    length = int(min(len(rough), len(recording), frozen_s * SPEECH_RATE_HZ))
    step = 4
    match = correlate(rough[:length:step], recording[:length:step], mode="full", method="fft")
    lag = (int(np.argmax(match)) - (len(recording[:length:step]) - 1)) * step
    return _from_origin(rough, -lag / SPEECH_RATE_HZ, SPEECH_RATE_HZ)


def _inbound(stats: list[dict[str, Any]], ssrc: int) -> list[tuple[float, Mapping[str, Any]]]:
    found = []
    for reading in stats:
        for report in reading["reports"]:
            if report["type"] == "inbound-rtp" and report.get("ssrc") == ssrc:
                found.append((report["timestamp"] / 1000, report))
    return found


def _totals(stats: list[dict[str, Any]], ssrc: int) -> dict[str, float]:
    readings = _inbound(stats, ssrc)
    if not readings:
        raise ForensicsError("getStats() never reported the agent's stream; did its first packets arrive?")
    return {name: readings[-1][1].get(name, 0) for name in TOTALS}


def _concealment(account: Account, stats: list[dict[str, Any]], ssrc: int) -> pd.DataFrame:
    """Return what was concealed between each two readings of the receiver's counters."""
    readings = _inbound(stats, ssrc)
    samples_per_ms = PLAYOUT_RATE_HZ[account.scenario.sender.codec] / 1000
    rows = []
    for (t0, before), (t1, after) in itertools.pairwise(readings):

        def grown(name: str, a: Mapping[str, Any] = before, b: Mapping[str, Any] = after) -> float:
            return float(b.get(name, 0) - a.get(name, 0))

        rows.append((
            *account.recording_time(np.array([t0, t1])), grown("concealedSamples") / samples_per_ms,
            grown("silentConcealedSamples") / samples_per_ms, grown("concealmentEvents"),
            grown("removedSamplesForAcceleration") / samples_per_ms, grown("packetsDiscarded"),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(CONCEALMENT_COLUMNS))
