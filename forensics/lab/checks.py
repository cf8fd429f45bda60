"""Whether a take may be kept: the captures agree with what was done, and the machine itself did not disturb the call.

A machine under load sends late, forwards late and fetches late, and each of these makes holes that nobody injected. A
truth with such holes in it would be wrong, so the take is refused and made again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from forensics.errors import ForensicsError
from forensics.lab.account import Account
from forensics.lab.benign import unplanned_hiccups
from forensics.lab.relay import Relayed
from forensics.lab.take import Take
from forensics.lab.witnesses import DEEPEST_BUFFER_S

LATEST_SEND_S = 0.04
"""Two packets, the least that a jitter buffer holds: what comes later than this is a fault of its own. That less did no
harm either is held by the checks of the recording."""

LATEST_FORWARD_S = 0.04
LONGEST_HICCUP_S = 0.12
"""What the device's own buffer bridges in Chromium; hiccups below it are listed as benign."""

LEAST_FOUND = 0.97
"""Share of the speech packets that were played on time which must be found in the recording; concealment, merging and
time stretching alter a few packets beside every fault."""

MOST_UNEXPLAINED_MS = 80.0
"""Concealment while the agent is heard that no event explains: Chromium conceals 20 to 40 ms when a stream begins."""

EXPLAINING_MARGIN_S = 0.35
"""Around an event its concealment may be counted: the counters are read every 100 ms, and lag by a reading."""


class Disturbed(ForensicsError):
    """The machine disturbed the take, or its witnesses contradict each other: it must be made again."""


def check_take(take: Take, account: Account, truth: dict[str, Any]) -> dict[str, Any]:
    """Check a take against its truth.

    Returns
    -------
    dict
        The figures that were checked, for truth.json's `verification`.

    Raises
    ------
    Disturbed
        With the first thing that is wrong; all of them would have one reason.
    """
    figures = {**_captures(take), **_pacing(take), **_playing(account, truth)}
    for name, limit, what in (
        (
            "capture_disagreements",
            0,
            "datagrams passed the captures in another way than the network let them",
        ),
        ("latest_send_ms", LATEST_SEND_S * 1000, "ms was the latest packet behind its plan"),
        ("latest_forward_ms", LATEST_FORWARD_S * 1000, "ms was the relay's latest datagram behind its plan"),
        ("longest_hiccup_ms", LONGEST_HICCUP_S * 1000, "ms passed without the browser fetching audio"),
        ("unfound_share", 1 - LEAST_FOUND, "of the speech packets cannot be found in the recording"),
        ("concealed_ms_unexplained", MOST_UNEXPLAINED_MS, "ms were concealed without a fault to explain them"),
        ("incidental_audible", 0, f"audible holes have no injected cause, {_places(truth)}"),
    ):
        if figures[name] > limit:
            raise Disturbed(
                f"The call was disturbed: {figures[name]:g} {what} (allowed {limit:g}). Leave the machine alone while "
                "it records, and record again."
            )
    return figures


def _captures(take: Take) -> dict[str, Any]:
    """Compare the two taps during the call: what differs must be exactly what the path was to drop or double."""
    during = _during(take)
    tapped = {
        "downlink": Counter(datagram.payload for datagram in take.receiver_tap),
        "uplink": Counter(datagram.payload for datagram in take.sender_tap),
    }
    came_in = {
        "downlink": Counter(datagram.payload for datagram in take.sender_tap),
        "uplink": Counter(datagram.payload for datagram in take.receiver_tap),
    }
    disagreements = 0
    for entry in during:
        seen, expected = tapped[entry.direction][entry.payload], len(entry.planned_ns)
        disagreements += seen != expected or came_in[entry.direction][entry.payload] != 1
    return {
        "packets_sent": len(take.sent),
        "datagrams_relayed": len(during),
        "datagrams_dropped": sum(not entry.out_ns for entry in during),
        "capture_disagreements": disagreements,
    }


def _during(take: Take) -> list[Relayed]:
    """Return what came in from the call's zero until its last packet: before and after nobody listens."""
    last_ns = round(take.zero_ns + (take.sent[-1].sent_s - take.zero_monotonic_s) * 1e9) if take.sent else take.zero_ns
    return [entry for entry in take.relayed if take.zero_ns <= entry.in_ns <= last_ns]


def _pacing(take: Take) -> dict[str, float]:
    late_send = max((sent.sent_s - sent.due_s for sent in take.sent), default=0.0)
    late_out = max((real - plan for entry in _during(take)
                    for real, plan in zip(entry.out_ns, entry.planned_ns, strict=False)), default=0) / 1e9  # fmt: skip
    return {"latest_send_ms": round(late_send * 1000, 1), "latest_forward_ms": round(late_out * 1000, 1)}


def _playing(account: Account, truth: dict[str, Any]) -> dict[str, float]:
    packets = account.packets
    looked_for = packets[packets["score"].notna() & ~_touched(account, truth)]
    hiccups = [gap_s for _, gap_s in unplanned_hiccups(account)]
    score = looked_for["score"].to_numpy()
    return {
        "speech_packets_looked_for": len(looked_for),
        "correlation_median": round(float(np.median(score)), 4) if len(score) else 0.0,
        "unfound_share": round(_unfound_share(looked_for if len(score) else packets[packets["score"].notna()]), 4),
        "longest_hiccup_ms": round(max(hiccups, default=0.0) * 1000, 1),
        "concealed_ms_unexplained": round(_unexplained_ms(account, truth), 1),
        "incidental_audible": len(_incidental(truth)),
    }


def _unfound_share(packets: pd.DataFrame) -> float:
    """Return the share of packets that are nowhere in the recording; none of none where nobody spoke."""
    return float(packets["heard_s"].isna().mean()) if len(packets) else 0.0


def _incidental(truth: dict[str, Any]) -> list[dict[str, Any]]:
    return [event for event in truth["events"] if event["kind"].startswith("incidental") and event["audible"]]


def _places(truth: dict[str, Any]) -> str:
    places = (f"{e['kind']} at {e['rec_start']:.2f} to {e['rec_end']:.2f} s" for e in _incidental(truth))
    return ", ".join(places) or "none"


def _touched(account: Account, truth: dict[str, Any]) -> np.ndarray:
    """Say which packets may rightly be altered or missing: delayed by a fault, near to one, or played fast."""
    arrived = account.recording_time(account.packets["arrived_s"].to_numpy())
    touched = account.packets["fault"].to_numpy() >= 0
    for event in truth["events"]:
        if event["injected_id"]:
            touched |= (arrived > event["rec_start"] - 0.7) & (arrived < event["rec_end"] + 0.7)
    fast = account.concealment[account.concealment["removed_ms"] > 0]
    for start_s, end_s in zip(fast["start_s"], fast["end_s"], strict=True):
        touched |= (arrived > start_s - DEEPEST_BUFFER_S) & (arrived < end_s + EXPLAINING_MARGIN_S)
    return touched


def _unexplained_ms(account: Account, truth: dict[str, Any]) -> float:
    """Concealment between the first and the last packet, outside of events, silences and senders that pause."""
    heard = account.packets["heard_s"].dropna()
    if heard.empty:
        return 0.0
    table = account.concealment
    own = table[(table["start_s"] > heard.min()) & (table["end_s"] < heard.max())]
    spans = [(e["rec_start"], e["rec_end"]) for e in truth["events"] if e["injected_id"]]
    spans += [tuple(i["window_rec"]) for i in truth["injected"]]
    spans += [(b["rec_start"], b["rec_end"]) for b in truth["benign"] if b["kind"] == "dtx_silence"]
    explained = np.zeros(len(own), bool)
    for start_s, end_s in spans:
        explained |= (own["end_s"] > start_s - EXPLAINING_MARGIN_S) & (own["start_s"] < end_s + EXPLAINING_MARGIN_S)
    loud = own["concealed_ms"] - own["silent_ms"]
    return float(loud[~explained].sum())
