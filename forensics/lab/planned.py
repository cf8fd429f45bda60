"""What a sender's loop makes: packets with their numbers and times, and its departures from regular sending."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.lab.scenario import Fault

SILENT = 1e-4
"""Samples below this (-80 dBFS) are silence: what digital speech is between the words."""


@dataclass(frozen=True, slots=True)
class PlannedPacket:
    """One packet: when it is due on the clock of the call, its numbers, and where its audio is.

    `script_s` is the place of its first sample in the script, None where silence was put in for missing audio.
    `tick_s` is when it was made; `due_s` is later while the sender holds packets back.
    """

    row: int
    tick_s: float
    due_s: float
    ext_sequence_number: int
    ext_timestamp: int
    script_s: float | None
    marker: bool = False
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Departure:
    """One departure from regular sending: the fault, what it did, and the rows of the packets before and after it."""

    fault: Fault
    part: str  # stall | fill | skip | hold | release_burst | release_drop | burst
    before: int
    after: int
    start_s: float
    end_s: float
    skipped: tuple[float, float] | None = None  # stretch of the script that was never sent
