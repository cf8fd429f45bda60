"""Sources that change their SSRC: one stream ends, and another goes on for it on the same path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forensics.model import RtpStream

LONGEST_PAUSE_S = 5.0
"""A stream that begins later is a new one. Ours: longer than a transfer or a restart of the encoder takes."""

MOST_OVERLAP_S = 0.5
"""Packets of the old SSRC may still be under way when the new one begins. Ours: some target delays."""


def name_successions(streams: Sequence[RtpStream]) -> list[RtpStream]:
    """Note where one stream takes over from another: the same endpoints and codec, one after the other.

    Parameters
    ----------
    streams : sequence of RtpStream
        All of a capture, in the order of their first packet.

    Returns
    -------
    list of RtpStream
        In the same order. Each stays a stream of its own: a new SSRC counts and times anew (RFC 3550 section 8).
    """
    notes: list[list[str]] = [[] for _ in streams]
    for mates in on_one_path(streams):
        waiting: list[int] = []
        for at in mates:
            before = [i for i in waiting if _takes_over(streams[i], streams[at])]
            if before:
                last = max(before, key=lambda i: _end_s(streams[i]))
                waiting.remove(last)
                notes[at].append(f"it takes over from SSRC 0x{streams[last].ssrc:08X} on the same path")
                notes[last].append(f"SSRC 0x{streams[at].ssrc:08X} takes over from it on the same path")
            waiting.append(at)
    return [replace(stream, notes=(*stream.notes, *more)) for stream, more in zip(streams, notes, strict=True)]


def on_one_path(streams: Sequence[RtpStream]) -> list[list[int]]:
    """Return the places of the streams that share their endpoints, path by path, in their order."""
    paths: dict[tuple[str, str], list[int]] = {}
    for at, stream in enumerate(streams):
        paths.setdefault((stream.source, stream.destination), []).append(at)
    return list(paths.values())


def _end_s(stream: RtpStream) -> float:
    return float(stream.packets["arrival_s"].iat[-1])


def _takes_over(before: RtpStream, after: RtpStream) -> bool:
    pause_s = float(after.packets["arrival_s"].iat[0]) - _end_s(before)
    return (
        (before.codec.name, before.codec.clock_rate_hz) == (after.codec.name, after.codec.clock_rate_hz)
        and before.repaired_ssrc is None
        and after.repaired_ssrc is None
        and -MOST_OVERLAP_S <= pause_s <= LONGEST_PAUSE_S
    )
