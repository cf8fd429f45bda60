"""Payloads that are no plain codec frames: RED, RTX, telephone events, comfort noise, and Opus with FEC inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST_FOR_RED = 16
"""Packets that must all read as RED, with the same primary payload type, before it is taken for RED unasked. Ours."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a RED packet: where it lies in the payload, and how far back in time it belongs (0: the primary)."""

    payload_type: int
    back_ticks: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """A telephone event (RFC 4733): digit or tone, whether it ends, its level and how long it has lasted."""

    event: int
    end: bool
    level_dbm0: int
    duration_ticks: int


def read_red(payload: bytes) -> list[Block]:
    """Split a RED payload (RFC 2198) into its blocks, the primary last.

    Parameters
    ----------
    payload : bytes
        An RTP payload.

    Returns
    -------
    list of Block
        Empty where the headers contradict the length: it is no RED.
    """
    headers: list[tuple[int, int, int]] = []
    position = 0
    while position < len(payload) and payload[position] & 0x80:
        if position + 4 > len(payload):
            return []
        word = int.from_bytes(payload[position : position + 4], "big")
        headers.append((word >> 24 & 0x7F, word >> 10 & 0x3FFF, word & 0x3FF))
        position += 4
    if position >= len(payload):
        return []
    primary, position = payload[position] & 0x7F, position + 1
    blocks = []
    for kind, back, size in headers:
        blocks.append(Block(kind, back, position, size))
        position += size
    if position > len(payload):
        return []
    return [*blocks, Block(primary, 0, position, len(payload) - position)]


def is_red(payloads: list[bytes], payload_type: int) -> bool:
    """Say whether payloads of one type read as RED throughout, around one other payload type, most with a repetition.

    Parameters
    ----------
    payloads : list of bytes
        Of one stream and payload type.
    payload_type : int
        Theirs.
    """
    split = [read_red(payload) for payload in payloads if payload]
    inside = {blocks[-1].payload_type if blocks else -1 for blocks in split}
    if len(split) < FEWEST_FOR_RED or len(inside) != 1 or not inside.isdisjoint({-1, payload_type}):
        return False
    repeating = [blocks for blocks in split if len(blocks) > 1]
    alike = all(block.payload_type in inside and block.back_ticks > 0 for blocks in repeating for block in blocks[:-1])
    return alike and 2 * len(repeating) > len(split)


def original_sequence_number(payload: bytes) -> int | None:
    """Return which packet a retransmission repeats (RFC 4588 section 4): its first two octets."""
    return int.from_bytes(payload[:2], "big") if len(payload) >= 2 else None


def read_telephone_event(payload: bytes) -> TelephoneEvent | None:
    """Read the payload of a telephone event (RFC 4733 section 2.3); None where it is too short."""
    if len(payload) < 4:
        return None
    return TelephoneEvent(
        payload[0], bool(payload[1] & 0x80), -(payload[1] & 0x3F), int.from_bytes(payload[2:4], "big")
    )


def opus_frame_samples(toc: np.ndarray) -> np.ndarray:
    """Return the length of the frames that Opus table-of-contents octets announce, in samples of 48 kHz.

    Parameters
    ----------
    toc : ndarray of uint8, shape (n,)
        First octet of each payload (RFC 6716 section 3.1).

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    silk = np.array([480, 960, 1920, 2880])
    hybrid = np.array([480, 960])
    celt = np.array([120, 240, 480, 960])
    config = toc.astype(np.int64) >> 3
    return np.where(config < 12, silk[config % 4], np.where(config < 16, hybrid[config % 2], celt[config % 4]))


def opus_has_fec(head: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Say which Opus packets repeat an earlier frame at a low bit rate (RFC 6716 sections 4.2.3 and 4.2.4).

    Parameters
    ----------
    head : ndarray of uint8, shape (n, 4)
        First octets of each packet; what lies behind its end does not matter.
    size : ndarray of int64, shape (n,)
        Octets of each packet.

    Returns
    -------
    ndarray of bool, shape (n,)

    Notes
    -----
    Only SILK and hybrid frames can. The first frame of a packet is looked at, mono or the mid channel of stereo;
    packets of an arbitrary number of frames (code 3) are not.
    """
    config, code = head[:, 0] >> 3, head[:, 0] & 3
    silk_frames = np.where(config < 12, np.array([1, 1, 2, 3])[config % 4], 1)
    start = np.where(code < 2, 1, np.where(head[:, 1] >= 252, 3, 2))
    first = head[np.arange(len(head)), start]
    flag = first >> (7 - silk_frames) & 1  # behind one voice activity bit for each SILK frame of 20 ms
    return (config < 16) & (code < 3) & (size > start) & (flag == 1)
