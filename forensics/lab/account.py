"""The account of a call: for every packet that was planned, what really became of it. Truth is written from this.

The recorder fills it from what its relay, its browser and its clocks saw; the simulator from what it computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Fault, Scenario

PACKET_COLUMNS: Mapping[str, str] = {
    "sent_s": "float64",  # seconds since 1970 at the sender's tap; NaN: numbered or planned, but never sent
    "arrived_s": "float64",  # first arrival at the receiver's tap; NaN: the network lost it
    "copies": "int64",  # how often it arrived
    "fault": "int64",  # row of Scenario.faults that acted on it in the network; -1
    "heard_s": "float64",  # recording time of its first sample; NaN: silent, or not played
    "score": "float64",  # normalised correlation with the recording there; NaN: silent, nothing to look for
    "level_dbfs": "float64",  # RMS of what it carries
}
"""One row per planned packet, the row number being that of the plan."""

CONCEALMENT_COLUMNS: Mapping[str, str] = {
    "start_s": "float64",  # recording time
    "end_s": "float64",
    "concealed_ms": "float64",
    "silent_ms": "float64",  # the part of it that was concealed with silence
    "events": "float64",
    "removed_ms": "float64",  # time compression (removedSamplesForAcceleration)
    "discarded": "float64",  # packets thrown away by the jitter buffer
}
"""What the receiver's own counters say, one row per interval between two readings."""


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """Everything known of one call. Times ending in `_s` are recording time, those of `packets` as documented there.

    `clock` holds pairs (seconds since 1970, recording time): when the jitter buffer gave out which sample.
    `sent_audio` is what a receiver would have decoded, (packets, samples) float32 at 48 kHz.
    """

    scenario: Scenario
    plan: SendPlan
    packets: pd.DataFrame
    sent_audio: np.ndarray
    recording: np.ndarray  # (n,) float32, 48 kHz
    microphone: np.ndarray  # (n,) float32, 16 kHz, same origin
    clock: np.ndarray  # (n, 2)
    concealment: pd.DataFrame
    zero_s: float  # when the call's clock began, seconds since 1970
    device: np.ndarray | None = None  # (n,) float32, 48 kHz, same origin
    freezes: tuple[tuple[Fault, float, float], ...] = ()  # seconds since 1970
    totals: Mapping[str, float] = field(default_factory=dict)

    def recording_time(self, epoch_s: float | np.ndarray) -> np.ndarray:
        """Return when in the recording something was heard that left the jitter buffer at `epoch_s`."""
        beyond = np.maximum(0, np.asarray(epoch_s) - self.clock[-1, 0]) + np.minimum(0, epoch_s - self.clock[0, 0])
        return np.interp(epoch_s, self.clock[:, 0], self.clock[:, 1]) + beyond

    def epoch(self, recording_s: float) -> float:
        """Return when the jitter buffer gave out the sample at `recording_s`, in seconds since 1970."""
        return float(np.interp(recording_s, self.clock[:, 1], self.clock[:, 0]))

    @property
    def packet_s(self) -> float:
        """Length of one packet."""
        return self.scenario.sender.packet_s
