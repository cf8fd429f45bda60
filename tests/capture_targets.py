"""What is fuzzed: each target takes any octets and may raise nothing but our own errors."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from forensics.capture import read_capture
from forensics.capture.demultiplex import HEAD_OCTETS, tell_apart
from forensics.capture.dtls import CLIENT_HELLO, SERVER_HELLO, find_handshakes, parse_hello
from forensics.capture.keylog import parse_key_log
from forensics.capture.turn import find_attribute, find_peer
from forensics.errors import ForensicsError
from forensics.streams import find_feedback, find_streams, measure_streams
from forensics.streams.extended import read_extended_report
from forensics.streams.extensions import infer_identifiers, read_elements
from forensics.streams.feedback import MOST_ROWS, read_nack, read_transport_feedback
from forensics.streams.headers import padding, read_headers
from forensics.streams.payloads import read_red
from forensics.streams.rtcp import parse_rtcp
from forensics.streams.sdp import parse_description


def reader(octets: bytes) -> None:
    """From a file to figures in chunks, without pandas: hundreds of inputs a second."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(ForensicsError):
        path = Path(folder) / "fuzz"
        path.write_bytes(octets)
        measure_streams(path, decode_as={"udp.port==6000": "rtp"})


def tables(octets: bytes) -> None:
    """From a file to the tables of its streams."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz"
        path.write_bytes(octets)
        with contextlib.suppress(ForensicsError):
            capture = read_capture(path)
            for row in range(len(capture.datagrams)):
                capture.payload(row)
            find_handshakes(capture)
            find_feedback(capture)
            find_streams(capture, decode_as={"udp.port==6000": "rtp"})


def rtp(octets: bytes) -> None:
    """Headers, extensions and padding of the octets as one packet, and as packets of 40 octets."""
    buffer = np.frombuffer(octets + bytes(64), np.uint8)
    size = min(max(len(octets), 12), 40)
    offset = np.arange(0, max(len(octets) - size, 0) + 1, size)
    captured = np.full(len(offset), size)
    headers = read_headers(buffer, offset, captured, captured)
    elements = read_elements(buffer, headers)
    infer_identifiers(buffer, elements, np.arange(len(offset)) * 0.02)
    padding(buffer, headers, offset + captured, np.maximum(captured - headers.header, 0))
    read_red(octets)


def rtcp(octets: bytes) -> None:
    for row in parse_rtcp(octets):
        assert len(row) >= 13
    read_nack(octets)
    read_transport_feedback(octets)
    for _ in islice(read_extended_report(octets), MOST_ROWS):
        pass


def stun(octets: bytes) -> None:
    find_attribute(octets)
    find_peer(octets)
    head = np.frombuffer(octets[:HEAD_OCTETS].ljust(HEAD_OCTETS, b"\0"), np.uint8).reshape(1, -1)
    tell_apart(head, np.array([len(octets)]), np.array([len(octets)]))


def dtls(octets: bytes) -> None:
    for kind in (CLIENT_HELLO, SERVER_HELLO):
        parse_hello(kind, octets)


def texts(octets: bytes) -> None:
    parse_key_log(octets)
    parse_description(octets.decode("utf-8", "replace"))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reader": reader,
    "tables": tables,
    "rtp": rtp,
    "rtcp": rtcp,
    "stun": stun,
    "dtls": dtls,
    "texts": texts,
}
