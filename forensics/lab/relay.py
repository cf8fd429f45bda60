"""A relay between the voice AI and the listener, in user space on loopback: it impairs both directions and taps both.

The sender's side has its socket on 127.0.0.2, the listener's on 127.0.0.3. Either peer sees only the relay's socket as
its partner, so that every datagram passes here: it is tapped as it comes in, asked of the `NetworkPath` of its
direction, and tapped again as it goes out. No root, no kernel queueing discipline, and a tap that misses nothing.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial

from forensics.errors import ForensicsError
from forensics.lab.path import NetworkPath, Passage
from forensics.lab.scenario import Fault, Scenario
from forensics.lab.taps import Datagram, Endpoint

SENDER_SIDE, LISTENER_SIDE = "127.0.0.2", "127.0.0.3"


@dataclass(slots=True)
class Relayed:
    """What the relay did with one datagram; times are ns since 1970, `planned_ns` when it should have gone out."""

    direction: str
    payload: bytes
    in_ns: int
    planned_ns: tuple[int, ...]
    fault: Fault | None
    out_ns: list[int] = field(default_factory=list)

    @property
    def is_rtp(self) -> bool:
        """RTP by RFC 7983 (first byte) and RFC 5761 (payload types of RTCP)."""
        return is_rtp(self.payload)

    @property
    def sequence_number(self) -> int:
        """The RTP sequence number, which SRTP leaves readable."""
        return int.from_bytes(self.payload[2:4], "big")

    @property
    def ssrc(self) -> int:
        """The RTP synchronisation source."""
        return int.from_bytes(self.payload[8:12], "big")


def is_rtp(payload: bytes) -> bool:
    """Tell RTP from the other protocols that share a WebRTC port (RFC 7983, RFC 5761)."""
    return len(payload) >= 12 and 128 <= payload[0] <= 191 and not 192 <= payload[1] <= 223


def no_port(host: str, reason: str) -> ForensicsError:
    """Return the error of a peer or a relay that could not bind a port."""
    return ForensicsError(
        f"No UDP port to be had on {host}: {reason}. The lab needs loopback, and a free port on each of 127.0.0.1 to "
        "127.0.0.3; end a program that holds many of them."
    )


def _given(side: _Side) -> _Side:
    return side


class _Side(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, direction: str) -> None:
        self.relay, self.direction = relay, direction
        self.peer: Endpoint | None = None

    def datagram_received(self, data: bytes, address: Endpoint) -> None:
        if not address[0].startswith("127."):
            return  # the browser asks from its other interfaces too; only loopback is used
        self.peer = address
        self.relay.take(self.direction, data, address)


class Relay:
    """Two UDP sockets and what happens between them.

    Attributes
    ----------
    sender_tap, receiver_tap : list of Datagram
        What passed on either side, dropped datagrams on the side they came from only.
    log : list of Relayed
        One entry per datagram that came in, in the order of arrival.

    Notes
    -----
    Faults begin with `start_call`; until then, and outside of the call's duration, the path only delays. Times come
    from one monotonic clock tied to the wall clock when the relay opens, so that a step of the wall clock cannot move
    packets.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._paths = {name: NetworkPath(scenario, direction=name) for name in ("downlink", "uplink")}
        self._delay_s = scenario.network.one_way_delay_s
        self._call_zero_s: float | None = None
        self._epoch_ns = time.time_ns() - time.monotonic_ns()
        self._transports: dict[str, asyncio.DatagramTransport] = {}
        self._addresses: dict[str, Endpoint] = {}
        self._sides: dict[str, _Side] = {}
        self.sender_tap: list[Datagram] = []
        self.receiver_tap: list[Datagram] = []
        self.log: list[Relayed] = []

    async def open(self) -> None:
        """Bind both sockets on free ports of loopback."""
        loop = asyncio.get_running_loop()
        for direction, host in (("downlink", SENDER_SIDE), ("uplink", LISTENER_SIDE)):
            side = _Side(self, direction)
            try:
                transport, _ = await loop.create_datagram_endpoint(partial(_given, side), local_addr=(host, 0))
            except OSError as reason:
                self.close()
                raise no_port(host, reason.strerror or str(reason)) from reason
            self._transports[direction], self._sides[direction] = transport, side
            self._addresses[direction] = tuple(transport.get_extra_info("sockname")[:2])

    def close(self) -> None:
        """Unbind both sockets; datagrams under way are forgotten."""
        while self._transports:
            self._transports.popitem()[1].abort()

    @property
    def sender_side(self) -> Endpoint:
        """Where the voice AI finds the listener."""
        return self._address("downlink")

    @property
    def listener_side(self) -> Endpoint:
        """Where the listener finds the voice AI."""
        return self._address("uplink")

    def _address(self, direction: str) -> Endpoint:
        return self._addresses[direction]

    def expect(self, sender: Endpoint) -> None:
        """Say where the voice AI listens, so that the listener may speak first."""
        self._sides["downlink"].peer = sender

    def start_call(self, zero_s: float) -> None:
        """Begin the call's clock at `zero_s` of the monotonic clock: from then on the scenario's faults act."""
        self._call_zero_s = zero_s

    def wall_ns(self, monotonic_s: float) -> int:
        """Return the wall clock in ns for a time of the monotonic clock."""
        return self._epoch_ns + round(monotonic_s * 1e9)

    def take(self, direction: str, data: bytes, source: Endpoint) -> None:
        """Tap a datagram that came in and send it on its way."""
        now_s = time.monotonic()
        tap = self.sender_tap if direction == "downlink" else self.receiver_tap
        tap.append(Datagram(self.wall_ns(now_s), source, self._address(direction), data))
        passage = self._passage(direction, data, now_s)
        entry = Relayed(
            direction, data, self.wall_ns(now_s), tuple(self.wall_ns(out) for out in passage.out_s), passage.fault
        )
        self.log.append(entry)
        for out_s in passage.out_s:
            asyncio.get_running_loop().call_at(out_s, self._forward, entry)

    def _passage(self, direction: str, data: bytes, now_s: float) -> Passage:
        if self._call_zero_s is None:
            return Passage((now_s + self._delay_s,))
        passage = self._paths[direction].carry(now_s - self._call_zero_s, len(data), media=is_rtp(data))
        return Passage(tuple(self._call_zero_s + out for out in passage.out_s), passage.fault)

    def _forward(self, entry: Relayed) -> None:
        far = "uplink" if entry.direction == "downlink" else "downlink"
        peer = self._sides[far].peer
        if not self._transports or peer is None:
            return
        now_ns = self.wall_ns(time.monotonic())
        source = self._address(far)
        self._transports[far].sendto(entry.payload, peer)
        tap = self.receiver_tap if entry.direction == "downlink" else self.sender_tap
        tap.append(Datagram(now_ns, source, peer, entry.payload))
        entry.out_ns.append(now_ns)
