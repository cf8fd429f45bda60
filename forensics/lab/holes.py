"""Where the recording departs from the packets: every stretch between two packets that were played apart."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from forensics.lab.account import Account
from forensics.lab.audibility import measure_counters
from forensics.lab.locate import SILENT_DBFS

LEAST_HOLE_S = 0.02
"""A time scaling of NetEq inserts one pitch period, at most 15 ms; from 20 ms on it is a hole."""

REACH = 50  # packets to either side in which a neighbour that was found is looked for


@dataclass(frozen=True, slots=True)
class Hole:
    """Two packets played apart: their rows, when the first ended and the second began, in recording time."""

    before: int
    after: int
    start_s: float
    end_s: float

    @property
    def gap_s(self) -> float:
        """How long there was neither; negative where they overlap."""
        return self.end_s - self.start_s


def hole_between(account: Account, before: int, after: int) -> Hole:
    """Return the stretch between two packets; one that is silent is placed by its nearest neighbour that was found."""
    return Hole(before, after, _end_of(account, before), _start_of(account, after))


def _place(account: Account, row: int, rows: range) -> float | None:
    """Return the recording time of a packet's first sample, by the first of `rows` that was found."""
    heard = account.packets["heard_s"].to_numpy()
    for other in rows:
        if 0 <= other < len(heard) and np.isfinite(heard[other]):
            return float(heard[other]) + _media_s(account, other, row)
    return None


def _media_s(account: Account, first: int, second: int) -> float:
    packets = account.plan.packets
    return (packets[second].ext_timestamp - packets[first].ext_timestamp) / account.plan.clock_rate_hz


def _end_of(account: Account, row: int) -> float:
    place = _place(account, row, range(row, row - REACH, -1))
    return (_by_arrival(account, row) if place is None else place) + account.packet_s


def _start_of(account: Account, row: int) -> float:
    place = _place(account, row, range(row, row + REACH))
    return _by_arrival(account, row) if place is None else place


def _by_arrival(account: Account, row: int) -> float:
    """Place a packet with no speech near it: its arrival and the median wait of the packets that were found."""
    packets = account.packets
    wait = np.nanmedian(packets["heard_s"] - account.recording_time(packets["arrived_s"].to_numpy()))
    arrived = packets["arrived_s"].iat[row]
    when = arrived if np.isfinite(arrived) else packets["sent_s"].iat[row] + account.scenario.network.one_way_delay_s
    return float(account.recording_time(when)) + (float(wait) if np.isfinite(wait) else 0.04)


def find_holes(account: Account) -> list[Hole]:
    """Return every hole of `LEAST_HOLE_S` or more between consecutive packets that were played, in order."""
    heard = account.packets["heard_s"].to_numpy()
    found = np.flatnonzero(np.isfinite(heard))
    holes = []
    for before, after in itertools.pairwise(found):
        hole = Hole(int(before), int(after), float(heard[before]) + account.packet_s, float(heard[after]))
        if hole.gap_s - silent_between(account, int(before), int(after)) >= LEAST_HOLE_S:
            holes.append(hole)
    return holes


def silent_between(account: Account, before: int, after: int) -> float:
    """Return how much silence was received between two packets: it plays, though it cannot be looked for."""
    arrived, level = (account.packets[name].to_numpy()[before + 1 : after] for name in ("arrived_s", "level_dbfs"))
    return float(np.sum(np.isfinite(arrived) & (level <= SILENT_DBFS))) * account.packet_s


def unplayed_runs(account: Account) -> list[list[int]]:
    """Return runs of packets that arrived, carry sound, and are nowhere in the recording."""
    packets = account.packets
    missing = packets["arrived_s"].notna() & packets["score"].notna() & packets["heard_s"].isna()
    rows = np.flatnonzero(missing.to_numpy())
    return [run.tolist() for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(run)]


def narrowed(account: Account, hole: Hole, unplayed: list[int]) -> Hole:
    """Move the far side of a hole to the first packet that was played: one altered by the merge is not found itself."""
    arrived = account.packets["arrived_s"].notna().to_numpy()
    played = (row for row in range(hole.before + 1, hole.after) if arrived[row] and row not in unplayed)
    after = next(played, hole.after)
    return hole_between(account, hole.before, after)


def concealed_ms(account: Account, hole: Hole, margin_s: float = 0.02) -> float:
    """Return how much of a hole was concealed rather than silent or played fast."""
    real_ms = max(0.0, hole.gap_s - silent_between(account, hole.before, hole.after)) * 1000
    return min(real_ms, measure_counters(account, hole.start_s - margin_s, hole.end_s + margin_s)["concealed_ms"])
