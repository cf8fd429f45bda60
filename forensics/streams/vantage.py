"""Where a capture was taken: the endpoint that answers at once is the one beside the tap."""

from __future__ import annotations

import numpy as np

from forensics.model import PROTOCOLS, Capture, Protocol

REQUEST, SUCCESS = 0x0001, 0x0101
"""STUN binding request and success response (RFC 8489 §5); the transaction id of 12 octets pairs them."""

LEAST_PAIRS = 2
"""Answered requests that each side needs."""

NEARER = 2.0
"""The far side needs this many times as long to answer as the near one; between equals there is no telling."""


def find_near_endpoint(capture: Capture) -> str | None:
    """Find the endpoint at which a capture was taken.

    Parameters
    ----------
    capture : Capture

    Returns
    -------
    str or None
        "address:port"; None without STUN, or where both sides answer equally fast (a tap in the middle of the path).

    Notes
    -----
    Between a request and its answer lies the way from the tap to the one who answers and back, plus his own time, which
    is well below a millisecond for STUN. So the median of an endpoint's answers tells its distance from the tap.
    """
    waits_s = _answer_times_s(capture)
    medians = sorted(
        (float(np.median(waits)), endpoint) for endpoint, waits in waits_s.items() if len(waits) >= LEAST_PAIRS
    )
    if len(medians) < 2 or medians[-1][0] < NEARER * medians[0][0]:
        return None
    return medians[0][1]


def _answer_times_s(capture: Capture) -> dict[str, list[float]]:
    """Seconds between request and answer at the tap, by the endpoint that answered."""
    table = capture.datagrams
    rows = np.flatnonzero(table["protocol"].to_numpy() == PROTOCOLS.index(Protocol.STUN))
    asked: dict[bytes, float] = {}
    waits_s: dict[str, list[float]] = {}
    for row in rows:
        message = capture.payload(int(row))
        kind, transaction = int.from_bytes(message[:2], "big"), message[8:20]
        arrival_s = float(table["arrival_s"].iat[row])
        if kind == REQUEST:
            asked.setdefault(transaction, arrival_s)
        elif kind == SUCCESS and transaction in asked:
            flow = capture.flows.iloc[int(table["flow"].iat[row])]
            waits_s.setdefault(f"{flow['source_address']}:{flow['source_port']}", []).append(
                arrival_s - asked.pop(transaction)
            )
    return waits_s
