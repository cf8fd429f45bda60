"""Prompt integrity: what of the user's words was lost or came late on its way to the model.

The user's voice is seen where it leaves, at the listener's tap, and, with a capture from the model's side, where it
comes in; what left and did not come in was lost. Without that capture the model's side tells in its receiver reports,
or the browser in remote-inbound-rtp, how many packets it missed, if not which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.clocks.captures import find_twin
from forensics.model import FATES, Cause, ClockMap, Evidence, Fate, Prompt, RtpStream, Turn

LATE_S = 0.15
"""A packet that comes so much later than the quickest is late for a model that listens in real time: ITU-T G.114 puts
the limit of a conversation's one-way delay there."""

SHOWN_FRAMES = 20


def find_prompts(
    turns: Sequence[Turn],
    uplink: RtpStream | None,
    *,
    sender_streams: Sequence[RtpStream] = (),
    clocks: Mapping[str, ClockMap] | None = None,
    stats: Mapping[str, pd.DataFrame] | None = None,
) -> tuple[Prompt, ...]:
    """Say of each turn of the user how whole it reached the model.

    Parameters
    ----------
    turns : sequence of Turn
    uplink : RtpStream, optional
        The user's voice, at the listener's tap.
    sender_streams : sequence of RtpStream
        What the capture at the model's side holds.
    clocks : mapping of str to ClockMap
        Of the scene: "recording" for the times of the turns, "sender_capture" for the second capture.
    stats : mapping of str to DataFrame
        The browser's statistics, placed.

    Returns
    -------
    tuple of Prompt
        One per turn of the user, in the order of time; those that arrived whole say so. Empty without an uplink or
        without the turns of the user. Times and spans are in recording time, where the microphone's track is heard.

    Notes
    -----
    What the model's own jitter buffer threw away or concealed is not seen, nor what its transcriber made of a late
    packet. Losses between the microphone and the tap are told by the sequence numbers alone.
    """
    asked = [turn for turn in turns if turn.speaker == "user"]
    if uplink is None or len(uplink.packets) == 0 or not asked:
        return ()
    clocks = clocks or {}
    twin = find_twin(uplink, sender_streams)
    way = _follow(uplink, twin, clocks.get("sender_capture")) if twin is not None else _left(uplink)
    way["said_s"] = _to_recording(way["left_s"].to_numpy() - way["duration_s"].to_numpy(), clocks.get("recording"))
    way["reached_s"] = np.maximum.accumulate(way["said_s"].to_numpy())  # they were sent in the order of their sound
    told = _Told.of(uplink, stats or {})
    return tuple(_prompt(turn, way, told=told, clock=clocks.get("recording"), seen=twin is not None) for turn in asked)


def _to_recording(axis_s: np.ndarray, clock: ClockMap | None) -> np.ndarray:
    return np.asarray(clock.from_capture_s(axis_s)) if clock is not None else axis_s


# -- packets -----------------------------------------------------------------------------------------------------------


def _left(uplink: RtpStream) -> pd.DataFrame:
    """One row per packet that was sent: when it left, how long it is, its frame; those that are missing at the tap."""
    packets = uplink.packets[uplink.packets["fate"] != FATES.index(Fate.DUPLICATE)]
    table = packets.sort_values("ext_sequence_number").reset_index(drop=True)
    number, media = table["ext_sequence_number"].to_numpy(), table["ext_timestamp"].to_numpy()
    steps = np.diff(media)[np.diff(number) == 1] / uplink.codec.clock_rate_hz
    steps = steps[(steps > 0) & (steps <= 0.12)]  # RFC 7587: an Opus packet holds 120 ms at most
    duration_s = float(np.median(steps)) if len(steps) else 0.02
    came = pd.DataFrame({"number": number, "timestamp": table["timestamp"], "left_s": table["arrival_s"],
                         "frame": table["frame"], "duration_s": duration_s, "lost": False, "late_s": 0.0})  # fmt: skip
    missing = np.setdiff1d(np.arange(number[0], number[-1] + 1), number)
    gone = pd.DataFrame({"number": missing, "timestamp": -1,
                         "left_s": np.interp(missing, number, table["arrival_s"].to_numpy()),
                         "frame": -1, "duration_s": duration_s, "lost": True, "late_s": 0.0})  # fmt: skip
    return pd.concat([came, gone], ignore_index=True).sort_values("number", ignore_index=True)


def _follow(uplink: RtpStream, twin: RtpStream, clock: ClockMap | None) -> pd.DataFrame:
    """As `_left`, with what became of each packet at the model's side; beyond what that capture covers, unknown."""
    way = _left(uplink)
    there = twin.packets.drop_duplicates(["sequence_number", "timestamp"])
    came_s = there["arrival_s"].to_numpy()
    came_s = clock.to_capture_s(came_s) if clock is not None else came_s
    keys = _keys(there["sequence_number"], there["timestamp"])
    order = np.argsort(keys)
    own = _keys(way["number"] & 0xFFFF, way["timestamp"])
    place = np.minimum(np.searchsorted(keys[order], own), len(keys) - 1)
    arrived_s = np.where(keys[order][place] == own, came_s[order][place], np.nan)
    travel_s = arrived_s - way["left_s"].to_numpy()
    way["late_s"] = np.nan_to_num(travel_s - np.nanmin(travel_s))
    covered = way["left_s"].between(came_s.min() - np.nanmin(travel_s), came_s.max() - np.nanmin(travel_s))
    number = there["ext_sequence_number"].to_numpy()
    found = np.isfinite(arrived_s)
    ahead = int(np.median(way["number"].to_numpy()[found] - number[order][place][found]))
    way["lost"] = ~np.isin(way["number"], number + ahead) & covered  # what only the listener's tap missed was not lost
    return way


def _keys(sequence_number: pd.Series, timestamp: pd.Series) -> np.ndarray:
    """One number a packet, of those that a relay leaves as they are; a timestamp of -1 fits none."""
    return sequence_number.to_numpy(dtype=np.int64) << 33 | timestamp.to_numpy(dtype=np.int64) & 0x1_FFFF_FFFF


# -- reports -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """What the model's side told of its losses: cumulative packets lost, reading by reading, on the axis."""

    at_s: np.ndarray
    lost: np.ndarray
    by: str

    @classmethod
    def of(cls, uplink: RtpStream, stats: Mapping[str, pd.DataFrame]) -> _Told | None:
        blocks = uplink.reports[uplink.reports["reported_ssrc"] == uplink.ssrc]
        blocks = blocks[blocks["highest_sequence_number"] >= 0]
        if len(blocks) >= 2:
            return cls(blocks["arrival_s"].to_numpy(), blocks["packets_lost"].to_numpy(), "its receiver reports")
        table = stats.get("remote-inbound-rtp")
        if table is None or "capture_s" not in table:
            return None
        own = table[table["ssrc"] == uplink.ssrc].dropna(subset=["packets_lost"])
        if len(own) < 2:
            return None
        return cls(own["capture_s"].to_numpy(), own["packets_lost"].to_numpy(), "the browser's remote-inbound-rtp")

    def between(self, start_s: float, end_s: float) -> tuple[float, float, float] | None:
        """Packets lost from the last reading before `start_s` to the first after `end_s`, and when these were."""
        first = int(np.searchsorted(self.at_s, start_s, side="right")) - 1
        last = int(np.searchsorted(self.at_s, end_s))
        if first < 0 or last >= len(self.at_s):
            return None
        return float(self.lost[last] - self.lost[first]), float(self.at_s[first]), float(self.at_s[last])


# -- prompts -----------------------------------------------------------------------------------------------------------


def _prompt(turn: Turn, way: pd.DataFrame, *, told: _Told | None, clock: ClockMap | None, seen: bool) -> Prompt:
    inside = _during(turn, way)
    missed, waited_s = inside["lost"].to_numpy(), inside["late_s"].to_numpy()
    lost, late = inside[missed], inside[~missed & (waited_s > LATE_S)]
    claim, more_s = _reports_say(turn, told, clock, float(way["duration_s"].iat[0]), len(lost))
    if claim.cause is Cause.CAPTURE_LOSS:
        lost = lost.iloc[:0]
    spans = sorted([*_spans(lost, turn, "lost"), *_spans(late, turn, "late")])
    lost_s = sum(end - start for start, end, what in spans if what == "lost")
    late_s = sum(end - start for start, end, what in spans if what == "late")
    evidence = [_packets_say(inside, lost, late, seen=seen)]
    if not seen or claim.cause is Cause.CAPTURE_LOSS:
        evidence.append(claim)
        lost_s = max(lost_s, min(more_s, turn.end_s - turn.start_s))
    return Prompt(turn.start_s, turn.end_s, lost_s, late_s, tuple(spans), "", turn.text, tuple(evidence))


def _during(turn: Turn, way: pd.DataFrame) -> pd.DataFrame:
    """The packets that hold sound of a turn."""
    said_s = way["reached_s"].to_numpy()
    first = np.searchsorted(said_s, turn.start_s - float(way["duration_s"].iat[0]), side="right")
    return way.iloc[int(first) : int(np.searchsorted(said_s, turn.end_s))]


def _spans(packets: pd.DataFrame, turn: Turn, what: str) -> list[tuple[float, float, str]]:
    """Runs of consecutive packets as stretches of the turn."""
    if len(packets) == 0:
        return []
    runs = (packets["number"].diff() != 1).cumsum()
    return [
        (
            max(float(run["said_s"].iat[0]), turn.start_s),
            min(float((run["said_s"] + run["duration_s"]).iat[-1]), turn.end_s),
            what,
        )
        for _, run in packets.groupby(runs)
    ]


def _packets_say(inside: pd.DataFrame, lost: pd.DataFrame, late: pd.DataFrame, *, seen: bool) -> Evidence:
    """What the taps show of one turn."""
    frames = tuple(int(frame) for frame in [*lost["frame"], *late["frame"]] if frame >= 0)[:SHOWN_FRAMES]
    if not seen and len(lost) == 0:
        statement = (
            f"All {len(inside)} packets of these words left the listener's side; what became of them is not seen."
        )
        return Evidence("uplink_packets", Cause.NETWORK_DROP, None, statement)
    if len(lost) == 0 and len(late) == 0:
        statement = f"All {len(inside)} packets of these words reached the model's side in time."
        return Evidence("uplink_packets", Cause.NETWORK_DROP, False, statement)
    where = "on the way to the model's side" if seen else "before the listener's tap"
    parts = [f"{len(lost)} of the {len(inside)} packets of these words were lost {where}"] if len(lost) else []
    if len(late):
        parts.append(
            f"{len(late)} came up to {1000 * late['late_s'].max():.0f} ms later than the quickest of the {len(inside)}"
        )
    cause = Cause.NETWORK_DROP if len(lost) else Cause.BUFFER_UNDERRUN
    return Evidence("uplink_packets", cause, True, f"{'; '.join(parts)}.", frames)


def _reports_say(
    turn: Turn, told: _Told | None, clock: ClockMap | None, duration_s: float, missing: int
) -> tuple[Evidence, float]:
    """What the model's side told of its losses around one turn, and how many seconds of these words that may be."""
    if told is None:
        reason = "The model's side sent no reports of its losses; a capture from there would tell."
        return Evidence("uplink_reports", Cause.NETWORK_DROP, None, reason), 0.0
    edges = [turn.start_s, turn.end_s] if clock is None else [float(clock.to_capture_s(edge)) for edge in
                                                               (turn.start_s, turn.end_s)]  # fmt: skip
    around = told.between(*edges)
    if around is None:
        reason = f"No two of {told.by} lie around these words."
        return Evidence("uplink_reports", Cause.NETWORK_DROP, None, reason), 0.0
    count, first_s, last_s = around
    if count <= 0 and missing:
        statement = (
            f"{missing} packets of these words are missing in the capture, but by {told.by} the model's side missed "
            "none: only the tap did."
        )
        return Evidence("uplink_reports", Cause.CAPTURE_LOSS, True, statement), 0.0
    if count <= 0:
        statement = f"By {told.by} the model's side missed nothing of these words."
        return Evidence("uplink_reports", Cause.NETWORK_DROP, False, statement), 0.0
    statement = (
        f"By {told.by} the model's side missed {count:.0f} packets in the {last_s - first_s:.1f} s around these words; "
        "which ones is not told."
    )
    if last_s - first_s > 2 * (turn.end_s - turn.start_s) and missing == 0:
        return Evidence("uplink_reports", Cause.NETWORK_DROP, None, statement), 0.0
    return Evidence("uplink_reports", Cause.NETWORK_DROP, True, statement), count * duration_s
