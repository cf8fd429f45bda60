"""Packets that came ahead of their time: a sender that does not pace, as the journey shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

QUICK_SHARE = 0.5
"""Audio that comes at twice its own pace, or faster, was not paced."""

EARLIER_S = 0.02
"""One packet: a timer brings packets less early than that."""

REMEMBERED_S = 10.0
"""A backlog that is let go comes as quickly, but only to where the delay had been before it was held. What comes
earlier than anything in so long a time had been sent ahead: holds of several seconds are in it."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A run of packets that came ahead of their time. `first` and `last` are journey positions."""

    first: int
    last: int
    base_s: float  # lateness of the packets before the run
    ahead_s: float  # how much earlier than that, against its timestamp, the last one came


def find_ahead(journey: pd.DataFrame, last: int, *, base_packets: int) -> Ahead | None:
    """Find the run of packets that ends at a journey position and came ahead of its time.

    Parameters
    ----------
    journey : DataFrame
        JOURNEY_COLUMNS.
    last : int
        Position of the last packet of the run.
    base_packets : int
        So many packets before the run say when packets usually came.

    Returns
    -------
    Ahead or None
        None where the packets came at their pace, or as a backlog that had been held.
    """
    arrival_s, media_s, lateness_s = (
        journey[name].to_numpy()[: last + 1] for name in ("arrival_s", "media_s", "lateness_s")
    )
    first = _behind_paced(arrival_s, media_s)
    if first == last:
        return None
    before = lateness_s[: first + 1]
    recent = before[arrival_s[: first + 1] >= arrival_s[first] - REMEMBERED_S]
    if lateness_s[last] > recent.min() - EARLIER_S:
        return None
    base_s = float(np.median(before[-base_packets:]))
    return Ahead(first, last, base_s, base_s - float(lateness_s[last]))


def _behind_paced(arrival_s: np.ndarray, media_s: np.ndarray) -> int:
    """Position behind the last step at which packets came at their pace; 0 where there is none. It is mostly near."""
    reach = 64
    while True:
        start = max(0, len(arrival_s) - reach)
        paced = np.flatnonzero(np.diff(arrival_s[start:]) >= QUICK_SHARE * np.diff(media_s[start:]))
        if len(paced) or start == 0:
            return start + int(paced[-1]) + 1 if len(paced) else 0
        reach *= 8
