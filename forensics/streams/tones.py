"""Telephone events (RFC 4733) among the packets of a stream: digits and tones, once each, however often repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forensics.streams.payloads import read_telephone_event

_DIGITS = (*"0123456789*#ABCD", "flash")
"""Events 0 to 16: RFC 4733 section 3.2."""

FEWEST_FOR_TONES = 3
"""The last packet of an event is sent three times (RFC 4733 section 2.5.1.4); fewer are not taken for one unasked."""

_OCTETS = 4


@dataclass(frozen=True, slots=True)
class Tone:
    """One event: its name, when its first packet arrived, how long it lasted in ticks, and whether its end was seen."""

    name: str
    arrival_s: float
    duration_ticks: int
    ended: bool


def read_tones(payloads: Sequence[bytes], timestamps: Sequence[int], arrivals_s: Sequence[float]) -> list[Tone]:
    """Put the packets of telephone events together: those of one event share a time stamp.

    Parameters
    ----------
    payloads : sequence of bytes
        Of one payload type, in the order of arrival.
    timestamps : sequence of int
    arrivals_s : sequence of float

    Returns
    -------
    list of Tone
        In the order in which they began.
    """
    tones: dict[tuple[int, int], Tone] = {}
    for payload, timestamp, arrival_s in zip(payloads, timestamps, arrivals_s, strict=True):
        event = read_telephone_event(payload)
        if event is None:
            continue
        name = _DIGITS[event.event] if event.event < len(_DIGITS) else f"event {event.event}"
        before = tones.get((timestamp, event.event), Tone(name, arrival_s, 0, False))
        longest = max(before.duration_ticks, event.duration_ticks)
        tones[timestamp, event.event] = Tone(name, before.arrival_s, longest, before.ended or event.end)
    return list(tones.values())


def are_tones(payloads: Sequence[bytes], timestamps: Sequence[int]) -> bool:
    """Say whether payloads of an unknown type read as telephone events throughout.

    Parameters
    ----------
    payloads : sequence of bytes
        Of one payload type, in the order of arrival.
    timestamps : sequence of int

    Notes
    -----
    Four octets, a digit, the reserved bit clear, durations that grow while the time stamp stands still, and an end.
    """
    if len(payloads) < FEWEST_FOR_TONES or any(len(payload) != _OCTETS for payload in payloads):
        return False
    if any(payload[0] >= len(_DIGITS) or payload[1] & 0x40 for payload in payloads):
        return False
    longest: dict[int, int] = {}
    for payload, timestamp in zip(payloads, timestamps, strict=True):
        duration = int.from_bytes(payload[2:], "big")
        if duration < longest.get(timestamp, 0):
            return False
        longest[timestamp] = duration
    return len(longest) < len(payloads) and any(payload[1] & 0x80 for payload in payloads)
