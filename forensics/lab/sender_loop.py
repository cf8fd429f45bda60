"""The sender's loop: at each tick it takes the next piece of the script, numbers it, stamps it, and sends it or not.

Every fault of the model or the sender is a departure from that, and a `Departure` keeps which packets stand on its two
sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from forensics.lab.pauses import Pause, pauses_of
from forensics.lab.planned import SILENT, Departure, PlannedPacket
from forensics.lab.scenario import Fault, Scenario
from forensics.lab.script import LINE_GAP_S, SpokenLine, stops_of
from forensics.lab.speech import SPEECH_RATE_HZ

BURST_SPACING_S = 0.0005
"""Packets released together leave half a millisecond apart, as a loop that does nothing else sends them."""

DTX_HANGOVER_S = 0.1
DTX_REFRESH_S = 0.4
"""A sender with silence suppression stops after a tenth of a second and sends one packet every 400 ms, as Opus does
(RFC 6716 leaves it to the encoder; libopus refreshes every 20 frames)."""


@dataclass(slots=True, eq=False)
class SenderLoop:
    """The sender's loop, tick by tick. `behind_s` is how late the script runs because of the model."""

    scenario: Scenario
    script: np.ndarray
    spoken: tuple[SpokenLine, ...]
    packets: list[PlannedPacket] = field(default_factory=list)
    audio: list[np.ndarray] = field(default_factory=list)
    samples: int = field(init=False)
    clock_rate_hz: int = field(init=False)
    _pauses: list[Pause] = field(init=False)
    _choices: list[Fault] = field(init=False)
    _open: list[Departure] = field(default_factory=list)
    _position_s: float = 0.0
    _behind_s: float = 0.0
    _sequence_number: int = field(init=False)
    _timestamp: int = field(init=False)
    _silent_s: float = 0.0
    _quiet_s: float = 0.0
    _queued_s: float = 0.0
    _backlog: dict[int, int] = field(default_factory=dict)
    _skipped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        sender = self.scenario.sender
        self.samples = round(sender.packet_s * SPEECH_RATE_HZ)
        self.clock_rate_hz = SPEECH_RATE_HZ if sender.codec == "opus" else 8000
        self._sequence_number, self._timestamp = sender.first_sequence_number, sender.first_timestamp
        self._pauses = pauses_of(self.scenario)
        self._choices = list(self.scenario.faults_of("sender"))

    # -- one tick ----------------------------------------------------------------------------------------------------

    def step(self, tick: int) -> None:
        """Do what is due at one tick."""
        now_s = tick * self.scenario.sender.packet_s
        self._fall_silent(now_s)
        pause = next((p for p in self._pauses if p.start_s - 1e-9 <= now_s < p.end_s - 1e-9), None)
        if pause is not None:
            self._stand_still(pause, now_s)
            return
        self._catch_up_in_silence()
        for fault in self._choices:
            self._skip_speech(fault, now_s)
        holding = next((f for f in self._choices if f.at_s - 1e-9 <= now_s < f.end_s - 1e-9), None)
        self._send_next(now_s, holding)

    def _fall_silent(self, now_s: float) -> None:
        """Drop what is left of a line that the user interrupts, from a packet's edge on, as a server does."""
        stops = stops_of(self.spoken, self.scenario.duration_s)
        for place, (line, stop_s) in enumerate(zip(self.spoken, stops, strict=True)):
            cut_at_s = line.line.cut_at_s
            if cut_at_s is not None and line.cut_s is None and now_s >= cut_at_s - 1e-9:
                cut_s = min(max(self._position_s, line.start_s), line.whole_end_s)
                self.script[round(cut_s * SPEECH_RATE_HZ) : round(stop_s * SPEECH_RATE_HZ)] = 0
                self.spoken = (*self.spoken[:place], replace(line, cut_s=cut_s), *self.spoken[place + 1 :])

    def _stand_still(self, pause: Pause, now_s: float) -> None:
        packet_s = self.scenario.sender.packet_s
        if now_s < pause.start_s + packet_s - 1e-9:
            self._depart(pause.fault, "fill" if pause.timestamps == "fill" else "stall", now_s, pause.end_s)
        self._behind_s += packet_s
        if pause.timestamps == "fill":
            self._append(now_s, now_s, np.zeros(self.samples, np.float32), script_s=None)
        elif pause.timestamps == "clock":
            self._advance_timestamp()

    def _catch_up_in_silence(self) -> None:
        """Let the script make up for its lateness while nobody speaks: a pause between two lines is shortened."""
        packet_s = self.scenario.sender.packet_s
        while self._behind_s > packet_s / 2 and self._between_lines(self._position_s, self._position_s + packet_s):
            self._position_s += packet_s
            self._behind_s -= packet_s

    def _between_lines(self, start_s: float, end_s: float) -> bool:
        started = any(line.start_s < start_s for line in self.spoken)
        return started and not any(line.start_s < end_s + LINE_GAP_S and start_s < line.end_s for line in self.spoken)

    def _skip_speech(self, fault: Fault, now_s: float) -> None:
        """Throw speech away at one instant: the script jumps, and with it the timestamps or not."""
        if fault.kind != "deliberate_drop" or fault["numbering"] == "sequence_gap":
            return
        if fault.at_s - 1e-9 <= now_s and id(fault) not in self._skipped:
            self._skipped.add(id(fault))
            ticks = round(fault.duration_s / self.scenario.sender.packet_s)
            skipped_s = ticks * self.scenario.sender.packet_s
            stretch = (self._position_s, self._position_s + skipped_s)
            self._depart(fault, "skip", now_s, now_s, skipped=stretch)
            self._position_s += skipped_s
            if fault["numbering"] == "timestamp_jump":
                self._advance_timestamp(ticks)

    def _send_next(self, now_s: float, holding: Fault | None) -> None:
        first = round(self._position_s * SPEECH_RATE_HZ)
        piece = self.script[first : first + self.samples].copy()
        if len(piece) < self.samples:
            piece = np.pad(piece, (0, self.samples - len(piece)))
        due_s, sent, kept = now_s, True, True
        if holding is not None:
            due_s, sent, kept = self._hold(holding, now_s)
        if kept and self._voiced(piece):
            self._append(now_s, due_s, piece, script_s=self._position_s, sent=sent)
        else:
            self._advance_timestamp()
        self._position_s += self.scenario.sender.packet_s

    def _hold(self, fault: Fault, now_s: float) -> tuple[float, bool, bool]:
        """Return when a packet made under a sender's policy is due, whether it is sent, whether it is made at all."""
        first = now_s < fault.at_s + self.scenario.sender.packet_s - 1e-9
        place = round((now_s - fault.at_s) / self.scenario.sender.packet_s)
        if fault.kind == "unpaced_burst":
            if first:
                self._depart(fault, "burst", now_s, fault.end_s)
            return fault.at_s + place * BURST_SPACING_S, True, True
        if fault.kind == "artificial_delay":
            return self._hold_back(fault, now_s, first)
        if fault["numbering"] == "sequence_gap":
            if first:
                stretch = (self._position_s, self._position_s + fault.duration_s)
                self._depart(fault, "skip", now_s, fault.end_s, skipped=stretch)
            return now_s, False, True
        return now_s, True, True

    def _hold_back(self, fault: Fault, now_s: float, first: bool) -> tuple[float, bool, bool]:
        delay_s = fault["delay_s"]
        if first:
            self._depart(fault, "hold", now_s, now_s + delay_s)
        if now_s + delay_s < fault.end_s - 1e-9:
            return now_s + delay_s, True, True
        backlog = self._backlog.get(id(fault), 0)
        self._backlog[id(fault)] = backlog + 1
        if fault["release"] == "burst":
            if backlog == 0:
                self._depart(fault, "release_burst", fault.end_s, fault.end_s)
            return fault.end_s + backlog * BURST_SPACING_S, True, True
        if backlog == 0:
            stretch = (self._position_s, self._position_s + min(delay_s, fault.end_s - now_s))
            self._depart(fault, "release_drop", fault.end_s, fault.end_s, skipped=stretch)
        return now_s, False, False

    # -- numbering ---------------------------------------------------------------------------------------------------

    def _voiced(self, piece: np.ndarray) -> bool:
        """Say whether a piece is sent: always, but for the silences of a sender with DTX."""
        packet_s = self.scenario.sender.packet_s
        self._silent_s = 0.0 if np.any(np.abs(piece) > SILENT) else self._silent_s + packet_s
        if not self.scenario.sender.dtx or self._silent_s <= DTX_HANGOVER_S:
            return True
        return self._quiet_s >= DTX_REFRESH_S - packet_s - 1e-9

    def _append(
        self, now_s: float, due_s: float, piece: np.ndarray, *, script_s: float | None, sent: bool = True
    ) -> None:
        rate = 1 + self.scenario.sender.clock_drift_ppm * 1e-6
        row = len(self.packets)
        self._queued_s = due_s = max(due_s, self._queued_s)  # nothing overtakes what waits before it
        marker = row == 0 or (self.scenario.sender.dtx and self._quiet_s > 0 and bool(np.any(np.abs(piece) > SILENT)))
        packet = PlannedPacket(row, now_s / rate, due_s / rate, self._sequence_number, self._timestamp, script_s)
        self.packets.append(replace(packet, marker=marker, sent=sent))
        self.audio.append(piece)
        self._sequence_number += 1
        self._advance_timestamp()
        self._quiet_s = 0.0

    def _advance_timestamp(self, ticks: int = 1) -> None:
        self._timestamp += ticks * round(self.scenario.sender.packet_s * self.clock_rate_hz)
        self._quiet_s += ticks * self.scenario.sender.packet_s

    # -- departures --------------------------------------------------------------------------------------------------

    def _depart(
        self, fault: Fault, part: str, start_s: float, end_s: float, *, skipped: tuple[float, float] | None = None
    ) -> None:
        row = len(self.packets)
        self._open.append(Departure(fault, part, row - 1, row, start_s, end_s, skipped))

    def departures(self) -> list[Departure]:
        """Return the departures that have sent packets on both sides, each with the first packet sent after it."""
        return [closed for departure in self._open if (closed := self._close(departure)) is not None]

    def _close(self, departure: Departure) -> Departure | None:
        after = departure.after
        if departure.part == "fill":
            after = next((p.row for p in self.packets[after:] if p.script_s is not None), len(self.packets))
        after = next((p.row for p in self.packets[after:] if p.sent), len(self.packets))
        before = next((p.row for p in reversed(self.packets[: departure.before + 1]) if p.sent), -1)
        if before < 0 or after >= len(self.packets):
            return None
        return replace(departure, before=before, after=after)
