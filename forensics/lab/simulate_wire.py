"""The datagrams of a simulated call on both sides of its network: RTP, RTCP and STUN, in plain.

Time here is seconds of the call: zero is when the first packet of the voice AI is due.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from forensics.lab.agent import audio_level
from forensics.lab.path import DIRECTIONS, NetworkPath
from forensics.lab.payloads import PAYLOAD_TYPES
from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Fault, Scenario
from forensics.lab.simulate_stun import (
    AGENT_PEER,
    ANSWER_S,
    LISTENER_PEER,
    IcePeer,
    binding_request,
    binding_success,
    check_times,
    is_request,
)
from forensics.lab.taps import Datagram, Endpoint

AGENT: Endpoint = ("192.0.2.10", 5004)
LISTENER: Endpoint = ("198.51.100.20", 6004)
"""Addresses that RFC 5737 sets aside for documentation."""

AGENT_SSRC, LISTENER_SSRC = 0x0A6E7A11, 0x0115E4E2

SCHEDULING_S = 0.0003
"""Mean lateness of a sender's timer: an event loop on an idle machine (exponential, at most `LATEST_S`)."""
LATEST_S = 0.004

SENDER_REPORT_S = (0.5, 1.5)
"""aiortc draws the wait between two reports from this range."""

RECEIVER_REPORT_S = (1.5, 2.5)

SRTP_BYTES, SRTCP_BYTES = 10, 14
"""What encryption adds (RFC 3711): a tag of 80 bits, and for RTCP its index of 32. The captures are in plain, but a
rate-limited link carries what a real call weighs."""

AGENT_CNAME, LISTENER_CNAME = b"agent@call.example", b"listener@call.example"

NTP_OFFSET_S = 2_208_988_800
"""From 1900, NTP's epoch, to 1970."""

LEVEL_EXTENSION, SEND_TIME_EXTENSION = 1, 3
SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION = 200, 201, 202


_ANSWERS = {"uplink": ("downlink", AGENT_PEER, LISTENER), "downlink": ("uplink", LISTENER_PEER, AGENT)}
"""For what came on either direction: where the answer goes, who gives it, and where the request came from."""


@dataclass(slots=True)
class Trip:
    """One datagram: when it entered the network and when it came out, and the row of the plan if it is the agent's."""

    at_s: float
    payload: bytes
    row: int = -1
    out_s: tuple[float, ...] = ()
    fault: Fault | None = None


@dataclass(slots=True, eq=False)
class Wire:
    """Everything that passed, per direction in the order of entering."""

    downlink: list[Trip] = field(default_factory=list)
    uplink: list[Trip] = field(default_factory=list)

    def tap(self, side: str, *, zero_ns: int) -> list[Datagram]:
        """Return what a capture on `side` ("sender" or "receiver") holds."""
        datagrams = []
        for trips, near, source, destination in (
            (self.downlink, "sender", AGENT, LISTENER),
            (self.uplink, "receiver", LISTENER, AGENT),
        ):
            for trip in trips:
                for time_s in (trip.at_s,) if side == near else trip.out_s:
                    datagrams.append(Datagram(zero_ns + round(time_s * 1e9), source, destination, trip.payload))
        return sorted(datagrams, key=lambda datagram: datagram.time_ns)


def transmit(scenario: Scenario, plan: SendPlan, *, payloads: list[bytes], uplink: list[bytes], zero_ns: int) -> Wire:
    """Send a call through its network.

    Parameters
    ----------
    scenario : Scenario
        Its seed decides about everything that is left to chance.
    plan : SendPlan
    payloads : list of bytes
        RTP payload of each planned packet.
    uplink : list of bytes
        RTP payload of each 20 ms of the listener's microphone.
    zero_ns : int
        When the call begins, ns since 1970: sender reports and abs-send-time carry the wall clock.
    """
    rng = np.random.default_rng([scenario.seed, 2])
    sent = list(_agent_packets(scenario, plan, payloads, rng=rng, zero_ns=zero_ns))
    traffic = _Traffic(scenario, _Feedback(plan))
    traffic.enter("downlink", sent)
    traffic.enter("downlink", _sender_reports(sent, plan, payloads, rng=rng, scenario=scenario, zero_ns=zero_ns))
    traffic.enter("uplink", _listener_packets(uplink, rng=rng))
    traffic.enter("uplink", (Trip(at_s, b"") for at_s in _times(RECEIVER_REPORT_S, scenario.duration_s, rng)))
    chance = np.random.default_rng([scenario.seed, 7])
    traffic.enter("uplink", _checks(LISTENER_PEER, AGENT_PEER, scenario, rng=chance))
    traffic.enter("downlink", _checks(AGENT_PEER, LISTENER_PEER, scenario, rng=chance))
    return traffic.run()


@dataclass(slots=True, eq=False)
class _Traffic:
    """Both directions in one order of time: what arrives may call for an answer."""

    scenario: Scenario
    feedback: _Feedback
    _agenda: list[tuple[float, int, str, Trip]] = field(default_factory=list)
    _number: int = 0

    def enter(self, direction: str, trips: Iterable[Trip]) -> None:
        """Put datagrams on the agenda."""
        for trip in trips:
            heapq.heappush(self._agenda, (trip.at_s, self._number, direction, trip))
            self._number += 1

    def run(self) -> Wire:
        """Ask the network about each datagram as it enters."""
        wire, paths = Wire(), {name: NetworkPath(self.scenario, direction=name) for name in DIRECTIONS}
        while self._agenda:
            at_s, _, direction, trip = heapq.heappop(self._agenda)
            if not trip.payload:
                trip.payload = self.feedback.report(at_s)
            if trip.payload:
                passage = paths[direction].carry(at_s, _weight(trip.payload), media=_is_rtp(trip.payload))
                trip.out_s, trip.fault = passage.out_s, passage.fault
                getattr(wire, direction).append(trip)
                self._answer(direction, trip)
        return wire

    def _answer(self, direction: str, trip: Trip) -> None:
        if is_request(trip.payload):
            back, peer, source = _ANSWERS[direction]
            response = binding_success(trip.payload, peer, asked_from=source)
            self.enter(back, (Trip(out_s + ANSWER_S, response) for out_s in trip.out_s))
        elif direction == "downlink":
            self.feedback.arrive(trip)


def _is_rtp(payload: bytes) -> bool:
    return payload[0] >> 6 == 2 and not 192 <= payload[1] <= 223


def _weight(payload: bytes) -> int:
    """Return the bytes of a datagram as it would be encrypted; STUN is never."""
    if payload[0] >> 6 != 2:
        return len(payload)
    return len(payload) + (SRTP_BYTES if _is_rtp(payload) else SRTCP_BYTES)


# ---------------------------------------------------------------------------------------------------------------------
# RTP (RFC 3550, RFC 8285)
# ---------------------------------------------------------------------------------------------------------------------


def _agent_packets(
    scenario: Scenario, plan: SendPlan, payloads: list[bytes], *, rng: np.random.Generator, zero_ns: int
) -> Iterator[Trip]:
    sender = scenario.sender
    late_s = np.minimum(rng.exponential(SCHEDULING_S, len(plan.packets)), LATEST_S)
    last_s = -np.inf
    for packet in sorted((p for p in plan.packets if p.sent), key=lambda packet: (packet.due_s, packet.row)):
        last_s = max(last_s, packet.due_s + float(late_s[packet.row]))
        extensions = _element(LEVEL_EXTENSION, bytes([audio_level(plan.audio[packet.row])]))
        if sender.abs_send_time:
            extensions += _element(SEND_TIME_EXTENSION, _send_time(zero_ns / 1e9 + last_s))
        header = _rtp_header(
            PAYLOAD_TYPES[sender.codec],
            packet.ext_sequence_number,
            packet.ext_timestamp,
            ssrc=AGENT_SSRC,
            marker=packet.marker,
            extensions=extensions,
        )
        yield Trip(last_s, header + payloads[packet.row], packet.row)


def _listener_packets(uplink: list[bytes], *, rng: np.random.Generator) -> Iterator[Trip]:
    late_s = np.minimum(rng.exponential(SCHEDULING_S, len(uplink)), LATEST_S)
    for number, payload in enumerate(uplink):
        header = _rtp_header(PAYLOAD_TYPES["opus"], number, number * 960, ssrc=LISTENER_SSRC, marker=number == 0)
        yield Trip(number * 0.02 + float(late_s[number]), header + payload)


def _rtp_header(
    payload_type: int, sequence: int, timestamp: int, *, ssrc: int, marker: bool, extensions: bytes = b""
) -> bytes:
    first = 0x90 if extensions else 0x80
    header = struct.pack("!BBHII", first, payload_type | marker << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    if not extensions:
        return header
    padded = extensions + bytes(-len(extensions) % 4)
    return header + struct.pack("!HH", 0xBEDE, len(padded) // 4) + padded


def _element(identifier: int, data: bytes) -> bytes:
    return bytes([identifier << 4 | len(data) - 1]) + data


def _send_time(epoch_s: float) -> bytes:
    """Encode 24 bits of 6.18 fixed-point seconds of the NTP clock (the abs-send-time extension)."""
    return (round((epoch_s + NTP_OFFSET_S) * 2**18) & 0xFFFFFF).to_bytes(3, "big")


# ---------------------------------------------------------------------------------------------------------------------
# RTCP (RFC 3550 §6.4) and STUN
# ---------------------------------------------------------------------------------------------------------------------


def _sender_reports(
    sent: list[Trip],
    plan: SendPlan,
    payloads: list[bytes],
    *,
    rng: np.random.Generator,
    scenario: Scenario,
    zero_ns: int,
) -> Iterator[Trip]:
    """Tie the timestamp of the packet sent last to the instant when it was made, as aiortc and libwebrtc do."""
    at = np.array([trip.at_s for trip in sent])
    octets = np.cumsum([len(payloads[trip.row]) for trip in sent])
    for at_s in _times(SENDER_REPORT_S, scenario.duration_s, rng):
        count = int(np.searchsorted(at, at_s, side="right"))
        if count:
            last = sent[count - 1]
            planned = plan.packets[last.row]
            made_s = last.at_s - max(0.0, planned.due_s - planned.tick_s)
            stamp = planned.ext_timestamp & 0xFFFFFFFF
            body = struct.pack("!IQIII", AGENT_SSRC, _ntp(zero_ns / 1e9 + made_s), stamp, count, int(octets[count - 1]))
            report = struct.pack("!BBH", 0x80, SENDER_REPORT, len(body) // 4) + body
            yield Trip(at_s, report + _description(AGENT_SSRC, AGENT_CNAME))


def _description(ssrc: int, cname: bytes) -> bytes:
    """Return the source description that every compound packet has to hold (RFC 3550 §6.1)."""
    chunk = struct.pack("!IBB", ssrc, 1, len(cname)) + cname
    chunk += bytes(4 - len(chunk) % 4)
    return struct.pack("!BBH", 0x81, SOURCE_DESCRIPTION, len(chunk) // 4) + chunk


@dataclass(slots=True, eq=False)
class _Feedback:
    """What the listener counts, for its receiver reports."""

    plan: SendPlan
    _media: list[tuple[float, int]] = field(default_factory=list)
    _reports: list[tuple[float, int]] = field(default_factory=list)
    _before: tuple[int, int] = (0, 0)

    def arrive(self, trip: Trip) -> None:
        """Count a datagram that comes out at the listener."""
        if trip.row >= 0 and trip.out_s:
            self._media.append((min(trip.out_s), trip.row))
        elif trip.payload[1] == SENDER_REPORT and trip.out_s:
            self._reports.append((min(trip.out_s), int.from_bytes(trip.payload[10:14], "big")))

    def report(self, at_s: float) -> bytes:
        """Return the receiver report of `at_s`; nothing before the first packet."""
        media = sorted(entry for entry in self._media if entry[0] <= at_s)
        if not media:
            return b""
        numbers = [self.plan.packets[row].ext_sequence_number for _, row in media]
        expected = max(numbers) - min(numbers) + 1
        lost = expected - len(set(numbers))
        fraction = max(0.0, (lost - self._before[1]) / max(1, expected - self._before[0]))
        self._before = (expected, lost)
        came_s, middle = max((entry for entry in self._reports if entry[0] <= at_s), default=(at_s, 0))
        body = struct.pack(
            "!IIIIIII", LISTENER_SSRC, AGENT_SSRC, min(255, int(fraction * 256)) << 24 | lost & 0xFFFFFF,
            max(numbers), self._jitter(media), middle, round((at_s - came_s) * 65_536),
        )  # fmt: skip
        report = struct.pack("!BBH", 0x81, RECEIVER_REPORT, len(body) // 4) + body
        return report + _description(LISTENER_SSRC, LISTENER_CNAME)

    def _jitter(self, media: list[tuple[float, int]]) -> int:
        """Interarrival jitter of RFC 3550 §6.4.1 in timestamp units; 200 packets are more than its memory of 16."""
        jitter, last = 0.0, None
        for came_s, row in media[-200:]:
            transit = came_s * self.plan.clock_rate_hz - self.plan.packets[row].ext_timestamp
            jitter += (abs(transit - (transit if last is None else last)) - jitter) / 16
            last = transit
        return int(jitter)


def _times(wait_s: tuple[float, float], end_s: float, rng: np.random.Generator) -> Iterator[float]:
    at_s = float(rng.uniform(*wait_s))
    while at_s < end_s:
        yield at_s
        at_s += float(rng.uniform(*wait_s))


def _ntp(epoch_s: float) -> int:
    return int((epoch_s + NTP_OFFSET_S) * 2**32)


def _checks(peer: IcePeer, other: IcePeer, scenario: Scenario, *, rng: np.random.Generator) -> Iterator[Trip]:
    """Make the connectivity checks of one peer, and those by which it sees that the other still consents."""
    for at_s in check_times(peer, scenario.duration_s, rng=rng):
        yield Trip(at_s, binding_request(peer, other, transaction=rng.bytes(12)))
