"""What the voice AI sends and when: the scenario's model and sender faults, played out packet by packet.

A sender works on a clock of one tick per packet. At each tick it takes the next piece of the script (the agent's lines
on a silent ground), numbers it, stamps it and sends it; every fault of the model or the sender is a departure from
that, and `Departure` keeps which packets stand on its two sides. The plan is computed before the call, so that the
recorder and the simulator send the same packets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.lab.planned import Departure, PlannedPacket
from forensics.lab.scenario import Scenario
from forensics.lab.script import SpokenLine, lay_out, place_lines
from forensics.lab.sender_loop import SenderLoop
from forensics.lab.speech import speak_all


@dataclass(frozen=True, slots=True, eq=False)
class SendPlan:
    """Everything the sender will do. `audio` is (packets, samples of one packet) float32 at 48 kHz."""

    packets: tuple[PlannedPacket, ...]
    audio: np.ndarray
    departures: tuple[Departure, ...]
    spoken: tuple[SpokenLine, ...]
    script: np.ndarray
    clock_rate_hz: int

    @property
    def packet_samples(self) -> int:
        """Samples of one packet at 48 kHz."""
        return int(self.audio.shape[1])


def plan_sending(scenario: Scenario) -> SendPlan:
    """Play the scenario's agent out into packets.

    Returns
    -------
    SendPlan
        Packets in the order in which they are made; `due_s` need not be sorted where the sender holds packets back.

    Raises
    ------
    ScenarioError
        The agent still speaks when the call ends, or is cut off when it does not speak.
    """
    speak_all(scenario)
    spoken = place_lines(scenario)
    script = lay_out(spoken, scenario.duration_s)
    loop = SenderLoop(scenario, script, spoken)
    for tick in range(round(scenario.duration_s / scenario.sender.packet_s)):
        loop.step(tick)
    packets = tuple(loop.packets)
    audio = np.stack(loop.audio) if loop.audio else np.zeros((0, loop.samples), np.float32)
    departures = tuple(loop.departures())
    return SendPlan(packets, audio, departures, loop.spoken, script, loop.clock_rate_hz)
