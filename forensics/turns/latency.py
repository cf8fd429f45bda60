"""What a response latency consists of: endpointing, model, synthesis, send, network, buffer.

The parts are what lies between marks: the user's last sound (asked), the end of the turn as the server took it
(decided), the answer's first audio (produced), its first packet at the sender (departed) and at the listener's tap
(arrived), its first sample as heard. Marks that no witness tells are left out, and the part that then spans more is
called by what it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd

from forensics.model import EventKind
from forensics.turns.responses import Response
from forensics.turns.witnesses import Witnesses

CHAIN = ("asked", "decided", "produced", "departed", "arrived", "heard")

PARTS: Mapping[tuple[str, str], str] = {
    ("asked", "decided"): "endpointing_s",
    ("decided", "produced"): "model_s",
    ("produced", "departed"): "send_s",
    ("departed", "arrived"): "network_s",
    ("arrived", "heard"): "buffer_s",
    # wider ones, for want of a mark in between
    ("asked", "produced"): "model_s",
    ("asked", "departed"): "sender_s",
    ("asked", "arrived"): "sender_s",
    ("decided", "departed"): "model_s",
    ("decided", "arrived"): "model_s",
    ("produced", "arrived"): "send_s",
    ("departed", "heard"): "delivery_s",
    ("produced", "heard"): "delivery_s",
    ("decided", "heard"): "delivery_s",
}
"""Between which marks lies what."""

DOWNSTREAM = ("network_s", "buffer_s", "delivery_s")
"""The parts behind the sender."""

CLOSE_S = 0.1
"""An event is a measurement where its clock is known this well: a tenth of the second that an answer may take."""

SLIP_S = 0.1
"""A mark that lies further than this before the one in front of it belongs to something else."""


def split_latency(
    asked_s: float, heard_s: float, *, witnesses: Witnesses, responses: tuple[Response, ...] = ()
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Split a response latency.

    Parameters
    ----------
    asked_s, heard_s : float
        The user's last sound and the first of the agent that was heard, in recording time.
    witnesses : Witnesses
    responses : tuple of Response
        The answers that this turn consists of.

    Returns
    -------
    parts : dict of str to float
        Seconds, in the order of time; their sum is the latency. Empty where nothing stands between the two.
    measured : tuple of str
        Those with both ends seen where they happened. The others are inferred: from half a round trip, from a clock
        that is not known to `CLOSE_S`, or they hold more than their name says.

    Notes
    -----
    Endpointing counts from the user's last sound to when the server's word of it came, so it holds the uplink's delay.
    Without the server's word, what is called the model's holds the endpointing, and without a log all of it is the
    sender's.
    """
    marks = _marks(asked_s, heard_s, witnesses, responses)
    if len(marks) < 3:
        return {}, ()
    parts: dict[str, float] = {}
    measured: list[str] = []
    for before, after in pairwise(marks):
        name = PARTS[before, after]
        parts[name] = marks[after][0] - marks[before][0]
        adjacent = CHAIN.index(after) == CHAIN.index(before) + 1 or (name == "sender_s" and after == "departed")
        if adjacent and marks[before][1] and marks[after][1]:
            measured.append(name)
    return _with_synthesis(parts, tuple(measured), marks, witnesses)


def _marks(
    asked_s: float, heard_s: float, witnesses: Witnesses, responses: tuple[Response, ...]
) -> dict[str, tuple[float, bool]]:
    """Name → (axis time, seen where it happened), in the order of `CHAIN`."""
    first, last = witnesses.to_axis_s(asked_s), witnesses.to_axis_s(heard_s)
    found: dict[str, tuple[float, bool]] = {}
    packet = witnesses.first_packet(heard_s)
    if packet is not None:
        found["arrived"] = float(packet["arrival_s"]), True
        departed = _departed(packet, witnesses)
        if departed is not None:
            found["departed"] = departed
    sent_s = found.get("departed", found.get("arrived", (last, True)))[0]
    found |= _of_log(first, sent_s, witnesses, responses)
    return _in_order({"asked": (first, True), **found, "heard": (last, packet is not None and bool(packet["located"]))})


def _departed(packet: pd.Series, witnesses: Witnesses) -> tuple[float, bool] | None:
    """When a packet was sent: at the sender's tap, else half a round trip and what it was late by before it came."""
    if np.isfinite(packet["departure_s"]):
        clock = witnesses.clocks.get("sender_capture")
        return float(packet["departure_s"]), clock is None or clock.error_s <= CLOSE_S
    round_trip_s = witnesses.round_trip_s(float(packet["arrival_s"]))
    return None if round_trip_s is None else (float(packet["arrival_s"]) - round_trip_s / 2, False)


def _of_log(
    asked_s: float, sent_s: float, witnesses: Witnesses, responses: tuple[Response, ...]
) -> dict[str, tuple[float, bool]]:
    """The marks that the model's log has between the question and the first packet of the answer."""
    clock = witnesses.clocks.get("events")
    close = clock is not None and clock.error_s <= CLOSE_S
    marks = {}
    first = next((response for response in responses if response.began_s >= asked_s - SLIP_S), None)
    if first is not None and first.has_audio and first.began_s <= sent_s + SLIP_S:
        marks["produced"] = first.began_s, close
    until_s = marks.get("produced", (sent_s,))[0]
    for kind in (EventKind.SPEECH_STOPPED, EventKind.RESPONSE_STARTED):
        at_s = witnesses.of_kind(kind)["capture_s"].to_numpy()
        inside = at_s[(at_s >= asked_s - SLIP_S) & (at_s <= until_s)]
        if len(inside):
            marks["decided"] = float(inside[-1]), close
            break
    return marks


def _in_order(marks: Mapping[str, tuple[float, bool]]) -> dict[str, tuple[float, bool]]:
    """Marks in the order of `CHAIN`, each held between the first and the last."""
    low, high = marks["asked"][0], marks["heard"][0]
    ordered: dict[str, tuple[float, bool]] = {}
    reached = low
    for name in CHAIN:
        if name in marks:
            at_s, seen = marks[name]
            reached = min(max(at_s, reached), high)
            ordered[name] = reached, seen
    return ordered


def _with_synthesis(
    parts: dict[str, float],
    measured: tuple[str, ...],
    marks: Mapping[str, tuple[float, bool]],
    witnesses: Witnesses,
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Part the synthesis from the model where the log has how long the first audio of it took."""
    if "model_s" not in parts or "produced" not in marks:
        return parts, measured
    took = witnesses.of_kind(EventKind.METRIC)
    if len(took) == 0:
        return parts, measured
    took = took[took["text"].eq("tts_ttfb") & took["capture_s"].between(marks["asked"][0], marks["heard"][0] + 1)]
    if len(took) == 0:
        return parts, measured
    tts_s = min(float(took["duration_s"].iat[0]), parts["model_s"])
    split: dict[str, float] = {}
    for name, seconds in parts.items():
        split |= {"model_s": seconds - tts_s, "tts_s": tts_s} if name == "model_s" else {name: seconds}
    return split, (*measured, "tts_s") if "model_s" in measured else measured
