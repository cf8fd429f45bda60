"""What a DTLS handshake says in the clear: randoms, cipher suite, SRTP profile (RFC 6347, RFC 9147, RFC 5764)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from forensics.capture.demultiplex import DTLS
from forensics.model import Capture

HANDSHAKE = 22
CLIENT_HELLO, SERVER_HELLO = 1, 2
DTLS_1_3 = 0xFEFC
_USE_SRTP, _SUPPORTED_VERSIONS = 14, 43
_RANDOM_END = 34  # two octets of version, 32 of random
_HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 4.1.3
_LONGEST_HELLO = 65_536


@dataclass(frozen=True, slots=True)
class Hello:
    """One ClientHello or ServerHello, as far as it was captured."""

    random: bytes
    suite: int = 0
    version: int = 0
    profiles: tuple[int, ...] = ()
    mki: bytes = b""


@dataclass(frozen=True, slots=True)
class Handshake:
    """A DTLS handshake between two endpoints. `profile` is 0 where the answer is not to be seen (DTLS 1.3, a cut).

    `mki` is the master key identifier that both agreed to put into every packet, usually none.
    """

    client_flow: int
    server_flow: int
    client_random: bytes
    server_random: bytes
    suite: int
    profile: int
    offered: tuple[int, ...]
    version: int
    mki: bytes = b""


@dataclass(slots=True)
class _Message:
    kind: int
    length: int
    fragments: dict[int, bytes] = field(default_factory=dict)

    def beginning(self) -> bytes:
        """The octets from the first on, up to the first that is missing."""
        octets = b""
        for offset in sorted(self.fragments):
            if offset > len(octets):
                break
            octets += self.fragments[offset][len(octets) - offset :]
        return octets


def find_handshakes(capture: Capture) -> tuple[Handshake, ...]:
    """Find the DTLS handshakes of a capture, in the order of their ClientHello.

    Parameters
    ----------
    capture : Capture
        As `read_capture` returns it.

    Returns
    -------
    tuple of Handshake
        Those of which the random of the client was captured; `server_random` is empty where the answer was not.
    """
    hellos = list(_hellos(capture))
    turned = _reversed_flows(capture)
    found: list[Handshake] = []
    for flow, kind, hello in hellos:
        if kind == CLIENT_HELLO:
            found.append(_offered(flow, turned.get(flow, -1), hello))
        else:
            _answer(found, flow, turned.get(flow, -1), hello)
    unique: dict[tuple[bytes, bytes], Handshake] = {(h.client_random, h.server_random): h for h in found}
    answered = {client for client, server in unique if server}
    return tuple(h for h in unique.values() if h.server_random or h.client_random not in answered)


def _offered(flow: int, back: int, hello: Hello) -> Handshake:
    return Handshake(flow, back, hello.random, b"", 0, 0, hello.profiles, hello.version)


def _answer(found: list[Handshake], flow: int, back: int, hello: Hello) -> None:
    """Complete the latest handshake that this ServerHello answers; the addresses may have moved (ICE)."""
    same_path = [at for at, h in enumerate(found) if h.client_flow == back]
    waiting = same_path or [at for at, h in enumerate(found) if not h.server_random]
    if waiting:
        profile = hello.profiles[0] if hello.profiles else 0
        found[waiting[-1]] = replace(
            found[waiting[-1]],
            server_flow=flow,
            server_random=hello.random,
            suite=hello.suite,
            profile=profile,
            version=hello.version,
            mki=hello.mki,
        )


def _reversed_flows(capture: Capture) -> dict[int, int]:
    ends = capture.flows[["transport", "source_address", "source_port", "destination_address", "destination_port"]]
    numbers = {tuple(row): at for at, row in enumerate(ends.itertuples(index=False, name=None))}
    return {at: numbers.get((t, da, dp, sa, sp), -1) for (t, sa, sp, da, dp), at in numbers.items()}


def _hellos(capture: Capture) -> Iterator[tuple[int, int, Hello]]:
    """Yield flow, kind and content of every hello once it is whole, or at the end as far as it was captured."""
    messages: dict[tuple[int, int, int], _Message] = {}
    yielded: set[tuple[int, bytes]] = set()
    for flow, octets in _handshake_datagrams(capture):
        for kind, number, length, offset, fragment in _fragments(octets):
            message = messages.setdefault((flow, kind, number), _Message(kind, length))
            if message.length != length or (
                offset == 0 and message.fragments.get(0, fragment)[:_RANDOM_END] != fragment[:_RANDOM_END]
            ):  # another handshake on the same path
                message = messages[flow, kind, number] = _Message(kind, length)
            message.fragments[offset] = fragment
            body = message.beginning()
            if len(body) >= length:
                hello = parse_hello(kind, body)
                if hello is not None and (flow, hello.random) not in yielded:
                    yielded.add((flow, hello.random))
                    yield flow, kind, hello
    for (flow, kind, _), message in messages.items():
        hello = parse_hello(kind, message.beginning())
        if hello is not None and (flow, hello.random) not in yielded:
            yield flow, kind, hello


def _handshake_datagrams(capture: Capture) -> Iterator[tuple[int, bytes]]:
    table = capture.datagrams
    rows = np.flatnonzero((table["protocol"].to_numpy() == DTLS) & (table["payload_bytes"].to_numpy() > 13))
    starts = table["payload_offset"].to_numpy()[rows]
    flows = table["flow"].to_numpy()
    for row in rows[capture.octets[starts] == HANDSHAKE].tolist():
        yield int(flows[row]), capture.payload(row)


def _fragments(datagram: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Yield kind, message number, message length, offset and octets of each fragment of a hello."""
    position = 0
    while position + 13 <= len(datagram):
        content, _, epoch, length = struct.unpack_from(">BHH6xH", datagram, position)
        if content != HANDSHAKE or epoch != 0:
            return
        record = datagram[position + 13 : position + 13 + length]
        yield from _hello_fragments(record)
        position += 13 + length


def _hello_fragments(record: bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
    position = 0
    while position + 12 <= len(record):
        kind = record[position]
        total = int.from_bytes(record[position + 1 : position + 4], "big")
        number = int.from_bytes(record[position + 4 : position + 6], "big")
        offset = int.from_bytes(record[position + 6 : position + 9], "big")
        size = int.from_bytes(record[position + 9 : position + 12], "big")
        if kind in (CLIENT_HELLO, SERVER_HELLO) and offset + size <= total <= _LONGEST_HELLO:
            yield kind, number, total, offset, record[position + 12 : position + 12 + size]
        position += 12 + size


def parse_hello(kind: int, body: bytes) -> Hello | None:
    """Read a ClientHello or ServerHello, as far as it is there.

    Parameters
    ----------
    kind : int
        `CLIENT_HELLO` or `SERVER_HELLO`.
    body : bytes
        The message behind its handshake header; it may end early.

    Returns
    -------
    Hello or None
        None where the random is not whole, and for a HelloRetryRequest, which decides nothing.
    """
    if len(body) < _RANDOM_END or body[2:_RANDOM_END] == _HELLO_RETRY:
        return None
    hello = Hello(random=body[2:_RANDOM_END], version=int.from_bytes(body[:2], "big"))
    position = _RANDOM_END + 1 + _octet(body, _RANDOM_END)
    if kind == CLIENT_HELLO:
        position += 1 + _octet(body, position)  # cookie
        position += 2 + _number(body, position)  # cipher suites
        position += 1 + _octet(body, position)  # compression methods
        suite = 0
    else:
        suite = _number(body, position)
        position += 3
    extensions = dict(_extensions(body[position + 2 :]))
    versions = extensions.get(_SUPPORTED_VERSIONS, b"")
    version = _number(versions, 0) if kind == SERVER_HELLO and len(versions) == 2 else hello.version
    use_srtp = extensions.get(_USE_SRTP, b"")
    return replace(hello, suite=suite, version=version, profiles=_profiles(use_srtp), mki=_identifier(use_srtp))


def _profiles(octets: bytes) -> tuple[int, ...]:
    count = min(_number(octets, 0), len(octets) - 2) // 2
    return tuple(_number(octets, 2 + 2 * at) for at in range(max(count, 0)))


def _identifier(octets: bytes) -> bytes:
    """The master key identifier behind the profiles of use_srtp (RFC 5764 section 4.1.1)."""
    position = 2 + _number(octets, 0)
    return octets[position + 1 : position + 1 + _octet(octets, position)]


def _extensions(octets: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(octets):
        size = _number(octets, position + 2)
        yield _number(octets, position), octets[position + 4 : position + 4 + size]
        position += 4 + size


def _octet(octets: bytes, position: int) -> int:
    return octets[position] if position < len(octets) else 0


def _number(octets: bytes, position: int) -> int:
    return int.from_bytes(octets[position : position + 2], "big")
