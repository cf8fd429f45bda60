"""Which of the datagrams that look like RTP go on as a stream does, without any signalling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.model import PROTOCOLS, Protocol
from forensics.streams.timeline import MAX_MISORDER

FEWEST_PACKETS = 4
"""RFC 3550 appendix A.1 asks for two packets in sequence; without signalling, chance needs more to be ruled out."""

_CONVINCING = 0.8
"""Share of the steps that must be those of a source that counts. Ours; reordering is no obstacle to it."""

LEFT_OUT = "RTP-like datagram that goes on in no stream"

_LONGEST_STEP_TICKS = 60 * 90_000
"""A time stamp that moves farther in one step than a minute at the fastest clock is no time stamp."""


@dataclass(slots=True, eq=False)
class Candidates:
    """Streams by number: how many packets they have, and how many of their steps are a source's."""

    packets: np.ndarray
    steps: np.ndarray
    credible: np.ndarray


def weigh(stream: np.ndarray, sequence_number: np.ndarray, timestamp: np.ndarray, *, streams: int) -> Candidates:
    """Weigh candidate streams.

    Parameters
    ----------
    stream : ndarray of int, shape (n,)
        Candidate of each packet, sorted.
    sequence_number, timestamp : ndarray, shape (n,)
        RTP header fields of the same packets, in the order of arrival inside a candidate.
    streams : int
        How many candidates there are.

    Returns
    -------
    Candidates
        Repetitions of a packet (equal sequence numbers) count neither for nor against.
    """
    same = stream[1:] == stream[:-1]
    step = np.diff(sequence_number.astype(np.int64)).astype(np.int16).astype(np.int64)
    ticks = np.diff(timestamp.astype(np.int64)).astype(np.int32).astype(np.int64)
    counted = same & (step != 0)
    credible = counted & (np.abs(step) <= MAX_MISORDER) & (np.abs(ticks) <= _LONGEST_STEP_TICKS)
    owner = stream[1:]
    return Candidates(
        packets=np.bincount(stream, minlength=streams),
        steps=np.bincount(owner[counted], minlength=streams),
        credible=np.bincount(owner[credible], minlength=streams),
    )


def are_streams(candidates: Candidates) -> np.ndarray:
    """Say which candidates are streams: enough packets, most of which go on where the one before left off."""
    return (
        (candidates.packets >= FEWEST_PACKETS)
        & (candidates.credible >= FEWEST_PACKETS - 1)
        & (candidates.credible >= _CONVINCING * candidates.steps)
    )


def no_rtp(path: Path, seen: Sequence[int], skipped: Mapping[str, int]) -> str:
    """Say that a capture has no stream: what it has instead, and what to do next.

    Parameters
    ----------
    path : Path
        The capture.
    seen : sequence of int
        Datagrams by `PROTOCOLS`.
    skipped : Mapping of str to int
        What was left out, by reason.
    """
    if not sum(seen):
        others = ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "it holds no packet"
        return f"No RTP in {path.name}: no UDP datagram at all ({others}). Capture on the interface that the call uses."
    kinds = ", ".join(f"{count} {kind}" for kind, count in zip(PROTOCOLS, seen, strict=True) if count)
    looks = seen[PROTOCOLS.index(Protocol.RTP)]
    none = "none goes on as an RTP stream does" if looks else "none parses as RTP version 2"
    return (
        f"No RTP in {path.name}: {sum(seen)} datagrams ({kinds}), {none}. Was the call relayed over TURN/TCP, "
        "or captured on another interface? If a port carries RTP, give `--decode-as udp.port==PORT,rtp`."
    )
