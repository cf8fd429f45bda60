"""A scenario: what is said in a call and what goes wrong in it. `scenario_file` reads it from a small TOML file.

Every time is in seconds of the call: zero is when the first packet of the voice AI is due. A fault is one `[[fault]]`
table; `FAULT_KINDS` is the whole vocabulary, one row per kind, with the cause and mechanism that a diagnosis should
give it. Faults of the network and the tap act on the wall clock, faults of the model and the sender on the sender's
packet clock, which is the same but for the drift that the scenario asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.model import Cause

SHORTEST_CALL_S, LONGEST_CALL_S = 2.0, 600.0

CODECS = ("opus", "pcmu", "pcma", "g722")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number or choice that a kind of fault takes. `default=None` means that it must be given."""

    default: float | str | None = None
    low: float = 0.0
    high: float = LONGEST_CALL_S
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a kind of fault is: where it acts, what a diagnosis should call it, which parameters it takes."""

    plane: str  # network | model | sender | receiver | tap | recorder
    cause: Cause | None  # None: benign
    mechanism: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    has_duration: bool = True


_CHANCE = Parameter(low=0.0, high=1.0)
_DIRECTION = Parameter("downlink", choices=("downlink", "uplink", "both"))
_STAMPS = Parameter("contiguous", choices=("contiguous", "clock", "fill"))

FAULT_KINDS: Mapping[str, FaultKind] = {
    # what the network does; `direction` says to which voice
    "packet_loss": FaultKind("network", Cause.NETWORK_DROP, "isolated_loss",
                             {"packets": Parameter(1.0, 1, 1000), "direction": _DIRECTION}, has_duration=False),
    "independent_loss": FaultKind("network", Cause.NETWORK_DROP, "isolated_loss",
                                  {"probability": _CHANCE, "direction": _DIRECTION}),
    "burst_loss": FaultKind("network", Cause.NETWORK_DROP, "burst_loss", {"direction": _DIRECTION}),
    "gilbert_elliott_loss": FaultKind("network", Cause.NETWORK_DROP, "burst_loss",
                                      {"good_to_bad": _CHANCE, "bad_to_good": _CHANCE,
                                       "loss_in_bad": Parameter(1.0, 0, 1), "direction": _DIRECTION}),
    "rate_limit": FaultKind("network", Cause.NETWORK_DROP, "queue_overflow",
                            {"rate_bps": Parameter(low=1000, high=1e9), "queue_bytes": Parameter(6000.0, 100, 1e7),
                             "direction": _DIRECTION}),
    "jitter": FaultKind("network", Cause.BUFFER_UNDERRUN, "jitter",
                        {"mean_s": Parameter(low=0.0, high=2.0), "shape": Parameter(0.5, 0.05, 50.0),
                         "direction": _DIRECTION}),
    "delay_spike": FaultKind("network", Cause.BUFFER_UNDERRUN, "delay_spike", {"direction": _DIRECTION}),
    "reordering": FaultKind("network", Cause.BUFFER_UNDERRUN, "reordering",
                            {"probability": _CHANCE, "delay_s": Parameter(0.06, 0.0, 2.0), "direction": _DIRECTION}),
    "duplication": FaultKind("network", None, "duplicates", {"probability": _CHANCE, "direction": _DIRECTION}),
    # what the model does
    "stall": FaultKind("model", Cause.LATE_MODEL_OUTPUT, "stall", {"timestamps": _STAMPS}),
    "slow_generation": FaultKind("model", Cause.LATE_MODEL_OUTPUT, "slow_generation",
                                 {"real_time_factor": Parameter(low=1.01, high=10.0),
                                  "chunk_s": Parameter(0.4, 0.04, 5.0), "timestamps": _STAMPS}),
    "late_first_audio": FaultKind("model", Cause.LATE_MODEL_OUTPUT, "late_first_audio"),
    # what the sender chooses
    "artificial_delay": FaultKind("sender", Cause.SENDER_POLICY, "artificial_delay",
                                  {"delay_s": Parameter(low=0.02, high=5.0),
                                   "release": Parameter("burst", choices=("burst", "drop"))}),
    "deliberate_drop": FaultKind("sender", Cause.SENDER_POLICY, "deliberate_drop",
                                 {"numbering": Parameter("contiguous",
                                                         choices=("contiguous", "timestamp_jump", "sequence_gap"))}),
    "unpaced_burst": FaultKind("sender", Cause.SENDER_POLICY, "unpaced_burst"),
    # what the receiver's machine does
    "frozen_renderer": FaultKind("receiver", Cause.BUFFER_UNDERRUN, "playout_stall"),
    "frozen_audio_service": FaultKind("receiver", Cause.BUFFER_UNDERRUN, "playout_stall"),
    # what only the witnesses missed
    "capture_gap": FaultKind("tap", Cause.CAPTURE_LOSS, "",
                             {"capture": Parameter("receiver", choices=("receiver", "sender", "both"))}),
    "recording_gap": FaultKind("recorder", Cause.RECORDING_ARTEFACT, "",
                               {"content": Parameter("zeros", choices=("zeros", "cut"))}),
}  # fmt: skip
"""Every kind of fault by name. `duration_s` is the length of the fault; for `deliberate_drop` of the audio skipped, for
`unpaced_burst` of the audio sent at once, for `late_first_audio` of the wait before the line that begins at `at_s`."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How espeak-ng speaks: a voice file with an optional variant ("en-us+f3"), words per minute, pitch 0..99."""

    name: str = "en-us"
    speed_wpm: int = 165
    pitch: int = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said: text for espeak-ng, or a sound file, by "agent" or "user", from `at_s` of the call on.

    The user may speak while the agent does. An agent that lets itself be interrupted falls silent at `cut_at_s` of the
    call, and what is left of its line is never said. `line` is its line in the TOML file.
    """

    who: str
    at_s: float
    text: str = ""
    wav: Path | None = None
    cut_at_s: float | None = None
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sender:
    """How the voice AI sends: codec, packet length, silence suppression, clock, where its counters begin."""

    codec: str = "opus"
    packet_s: float = 0.02
    bitrate_bps: int = 32_000
    dtx: bool = False
    inband_fec: bool = False
    clock_drift_ppm: float = 0.0
    first_sequence_number: int = 1000
    first_timestamp: int = 90_000
    abs_send_time: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """What the path does all the time: its one-way delay."""

    one_way_delay_s: float = 0.02


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `parameters` holds what its kind takes, defaults filled in; `line` is its line in the TOML file."""

    kind: str
    at_s: float
    duration_s: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    line: int | None = None

    @property
    def rules(self) -> FaultKind:
        """The row of FAULT_KINDS for this kind."""
        return FAULT_KINDS[self.kind]

    @property
    def plane(self) -> str:
        """Where it acts: network, model, sender, receiver, tap or recorder."""
        return self.rules.plane

    @property
    def end_s(self) -> float:
        """When it ends on the clock of the call; a point fault ends where it begins."""
        return self.at_s + self.duration_s

    def __getitem__(self, name: str) -> Any:
        """Return a parameter, or its default where it was not given."""
        return self.parameters.get(name, self.rules.parameters[name].default)

    def hits(self, direction: str) -> bool:
        """Say whether a network fault acts on `direction`, "downlink" or "uplink"."""
        return self.plane == "network" and self["direction"] in (direction, "both")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole call. The same scenario and seed give the same packets, whoever plays it."""

    name: str
    duration_s: float
    lines: tuple[Line, ...] = ()
    faults: tuple[Fault, ...] = ()
    description: str = ""
    seed: int = 0
    capture_format: str = "pcap"
    agent: Voice = Voice()
    user: Voice = Voice("en+f2", 150, 55)
    sender: Sender = Sender()
    network: Network = Network()

    def faults_of(self, *planes: str) -> tuple[Fault, ...]:
        """Return the faults of the named planes, in the order of time."""
        return tuple(sorted((f for f in self.faults if f.plane in planes), key=lambda fault: fault.at_s))

    def lines_of(self, who: str) -> tuple[Line, ...]:
        """Return what "agent" or "user" says, in the order of time."""
        return tuple(sorted((line for line in self.lines if line.who == who), key=lambda line: line.at_s))
