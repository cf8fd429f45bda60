"""The same packets under other names: a relay that rewrites SSRC, sequence numbers and timestamps leaves a pattern.

Sizes (but for what another encryption adds), marker bits and uneven timestamps come in the same order on both sides. A
relay that terminates the media adds constants to the numbers; both are found by correlating the patterns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import fft

from forensics.model import RtpStream

LEAST_PAIRS = 50
"""One second of 20 ms packets."""

CANDIDATES = 5
"""Best places of the correlation that are checked packet by packet."""

ALIKE_SHARE = 0.95
"""So many pairs differ by the same size and the same timestamp: a relay may add or drop a header extension at times."""

LEAST_PECULIAR = 12
"""Pairs that are not of the commonest size and step. Packets of one size and pace fit everywhere; a dozen that are
peculiar in the same order, one time in ten each, fit elsewhere by chance once in 1e12."""


@dataclass(frozen=True, slots=True)
class Renumbering:
    """What has to be added to the numbers of one stream to get those of the other (extended, any sign)."""

    sequence: int
    timestamp: int
    pairs: int


def find_renumbering(stream: RtpStream, other: RtpStream) -> Renumbering | None:
    """Find by which constants the packets of `other` were renumbered to those of `stream`.

    Parameters
    ----------
    stream, other : RtpStream
        Of two captures; SSRC, keys and payloads do not matter.

    Returns
    -------
    Renumbering or None
        None where the patterns do not agree, or are too plain to tell one place from another: packets of one size that
        were sent without a pause.

    Notes
    -----
    Numbers that change by more than a constant, as an SFU's do when it switches between sources, are not followed.
    """
    if stream.codec.clock_rate_hz != other.codec.clock_rate_hz:
        return None
    here, there = _by_sequence(stream), _by_sequence(other)
    if min(len(here), len(there)) < LEAST_PAIRS:
        return None
    found = [_checked(here, there, lag) for lag in _likely_lags(_pattern(here), _pattern(there))]
    base = int(here.index[0]) - int(there.index[0])
    likely = [(lag, pairs, ticks) for lag, pairs, ticks in found if pairs]
    if not likely:
        return None
    lag, pairs, ticks = max(likely, key=lambda item: item[1])
    return Renumbering(base + lag, ticks, pairs)


def renumbered(other: RtpStream, change: Renumbering, *, ssrc: int) -> RtpStream:
    """Return `other` under the numbers, and the SSRC, of the stream that it was matched with."""
    packets = other.packets.copy()
    packets["ext_sequence_number"] += change.sequence
    packets["ext_timestamp"] += change.timestamp
    packets["sequence_number"] = (packets["ext_sequence_number"] & 0xFFFF).astype("uint16")
    packets["timestamp"] = (packets["ext_timestamp"] & 0xFFFFFFFF).astype("uint32")
    packets["ssrc"] = np.uint32(ssrc)
    losses = other.losses.assign(first_ext_sequence_number=other.losses["first_ext_sequence_number"] + change.sequence)
    return replace(other, ssrc=ssrc, packets=packets, losses=losses)


def _by_sequence(stream: RtpStream) -> pd.DataFrame:
    """First copies by sequence number: bytes, ticks, step (to the packet before), marker."""
    table = stream.packets.drop_duplicates("ext_sequence_number").set_index("ext_sequence_number").sort_index()
    ticks = table["ext_timestamp"]
    return pd.DataFrame(
        {
            "bytes": table["payload_bytes"].astype("int64"),
            "ticks": ticks,
            "step": ticks.diff().fillna(0).astype("int64"),
            "marker": table["marker"],
        }
    )


def _pattern(table: pd.DataFrame) -> np.ndarray:
    """What is peculiar about each sequence number, zero mean; zero where there is no packet."""
    size = table["bytes"].to_numpy(dtype=float)
    uneven = (table["step"] != table["step"].mode().iat[0]).to_numpy(dtype=float)
    peculiar = (size - np.median(size)) / max(float(np.std(size)), 1.0) + uneven + table["marker"].to_numpy(dtype=float)
    place = table.index.to_numpy() - int(table.index[0])
    pattern = np.zeros(int(place[-1]) + 1)
    pattern[place] = peculiar - peculiar.mean()
    return pattern


def _likely_lags(here: np.ndarray, there: np.ndarray) -> list[int]:
    """Places at which `there` has to start in `here` for the patterns to agree best."""
    size = fft.next_fast_len(len(here) + len(there), real=True)
    product = fft.irfft(fft.rfft(here, size) * np.conj(fft.rfft(there, size)), size)
    best = np.argsort(product)[::-1][:CANDIDATES]
    return [int(lag) if lag < len(here) else int(lag) - size for lag in best]


def _checked(here: pd.DataFrame, there: pd.DataFrame, lag: int) -> tuple[int, int, int]:
    """Lag, packets that pair up at it (0 where they do not agree), and by how much their timestamps differ."""
    moved = there.set_axis(there.index - int(there.index[0]) + int(here.index[0]) + lag)
    both = here.join(moved.add_suffix("_there"), how="inner")
    if len(both) < LEAST_PAIRS:
        return lag, 0, 0
    larger, ticks = both["bytes"] - both["bytes_there"], both["ticks"] - both["ticks_there"]
    same = (larger == larger.mode().iat[0]) & (ticks == ticks.mode().iat[0]) & (both["marker"] == both["marker_there"])
    plain = (both["bytes"] == both["bytes"].mode().iat[0]) & (both["step"] == both["step"].mode().iat[0])
    plain &= ~both["marker"]
    agree = same.mean() >= ALIKE_SHARE and (same & ~plain).sum() >= max(LEAST_PECULIAR, ALIKE_SHARE * (~plain).sum())
    return lag, len(both) if agree else 0, int(ticks.mode().iat[0])
