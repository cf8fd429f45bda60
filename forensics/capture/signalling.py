"""SIP in a capture: the session descriptions that it carries."""

from __future__ import annotations

import numpy as np

from forensics.capture.demultiplex import OTHER
from forensics.model import Capture

_METHODS = (b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"REGISTER", b"PRACK", b"UPDATE", b"INFO", b"SUBSCRIBE",
            b"NOTIFY", b"REFER", b"MESSAGE", b"PUBLISH")  # fmt: skip
SIP_STARTS = (b"SIP/2.0 ", *(method + b" sip" for method in _METHODS), *(method + b" tel:" for method in _METHODS))
"""How a SIP message begins: an answer, or a request to a sip:, sips: or tel: address (RFC 3261 section 7)."""

_STARTS = tuple(int.from_bytes(word, "big") for word in (b"SIP/", b"INVI", b"UPDA", b"ACK ", b"PRAC"))
"""The first four octets of the SIP messages that may describe a session (RFC 3261, RFC 3311, RFC 3262)."""

_LONGEST_SHOWN = 1 << 16


def are_signalling(head: np.ndarray, protocol: np.ndarray) -> np.ndarray:
    """Say which datagrams begin as a SIP message that may describe a session.

    Parameters
    ----------
    head : ndarray of uint8, shape (n, at least 4)
    protocol : ndarray of uint8, shape (n,)
    """
    rows = np.flatnonzero(protocol == OTHER)
    words = np.ascontiguousarray(head[rows, :4]).view(">u4").ravel()
    found = np.zeros(len(protocol), bool)
    found[rows[np.isin(words, _STARTS)]] = True
    return found


def description_in(message: bytes) -> str:
    """Return the session description that a SIP message carries; empty where it has none."""
    start = message[:_LONGEST_SHOWN].find(b"v=0")
    return message[start:].decode("utf-8", "replace") if start >= 0 else ""


def find_descriptions(capture: Capture) -> tuple[str, ...]:
    """Return the session descriptions (SDP, RFC 8866) that SIP over UDP or TCP carries in a capture, each once.

    Parameters
    ----------
    capture : Capture

    Notes
    -----
    SIP over TLS or WebSocket is not read, nor what the snap length cut off.
    """
    table = capture.datagrams
    rows = np.flatnonzero((table["protocol"].to_numpy() == OTHER) & (table["payload_bytes"].to_numpy() >= 8))
    start = table["payload_offset"].to_numpy()[rows]
    head = capture.octets[start[:, None] + np.arange(4)] if len(rows) else np.zeros((0, 4), np.uint8)
    chosen = rows[are_signalling(head, np.full(len(rows), OTHER))]
    texts = (description_in(capture.payload(row)) for row in chosen.tolist())
    return tuple(dict.fromkeys(text for text in texts if text))
