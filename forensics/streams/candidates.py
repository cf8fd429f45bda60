"""Which of the datagrams that look like RTP go on as a stream does, without any signalling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.streams.timeline import MAX_MISORDER

FEWEST_PACKETS = 4
"""A stream needs this many packets. RFC 3550 appendix A.1 asks for two in sequence; random headers need more to be ruled out."""

_CONVINCING = 0.8
"""Share of the steps that must be those of a source that counts. Ours; a call with 20 % of its packets reordered passes."""

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
