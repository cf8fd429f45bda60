"""Two captures of one call on one clock: the same packets, seen at both ends of the path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from forensics.clocks.renumbering import Renumbering, find_renumbering, renumbered
from forensics.errors import ClockError
from forensics.model import ClockMap, RtpStream

MIN_PAIRS = 50
"""One second of 20 ms packets: with fewer, a quarter of them cannot span a minimum-delay line."""

DRIFT_SPAN_S = 60.0
"""Below this overlap two capture clocks are taken to run equally: 10 ppm, what two idle hosts differ by, is then
0.6 ms, less than the path's own variation, and a fitted slope would follow the variation."""


def estimate_sender_clock(streams: Sequence[RtpStream], sender_streams: Sequence[RtpStream]) -> ClockMap:
    """Bring the clock of the sender's capture onto the receiver's.

    Parameters
    ----------
    streams, sender_streams : sequence of RtpStream
        What each capture holds. Packets are matched by SSRC, sequence number and timestamp, in both directions; where
        a relay rewrote these, by the pattern of sizes, marker bits and timestamps.

    Returns
    -------
    ClockMap
        `local` "sender_capture". With both directions the offset is the middle of the two minimum delays, as NTP does
        it (RFC 5905 §8): its error is half their difference. With one direction the path is taken to need no time, and
        the error is not known better than `ONE_WAY_ERROR_S`.

    Raises
    ------
    ClockError
        The captures have fewer than `MIN_PAIRS` packets in common: they are not of the same call.

    Notes
    -----
    A path that is slower in one direction moves the offset by half of the difference; variations of delay, which the
    verdicts rest on, are not touched by it.
    """
    ways = _ways(streams, sender_streams)
    pairs = sum(len(way.pairs) for way in ways)
    if pairs < MIN_PAIRS:
        raise ClockError(
            f"The two captures have {pairs} RTP packets in common, at least {MIN_PAIRS} were "
            "expected. Are they of the same call, and is the sender's capture given as --sender-capture?"
        )
    busiest = max(ways, key=lambda way: len(way.pairs))
    drift = _drift(busiest)
    if any(len(way.pairs) < MIN_PAIRS for way in ways) or len(ways) == 1:
        offset_s, error_s, method = _quickest(busiest, drift), ONE_WAY_ERROR_S, "one-way minimum delay"
    else:
        quickest_s = [_quickest(way, drift) for way in ways]
        offset_s, error_s = float(np.mean(quickest_s)), float(np.ptp(quickest_s)) / 2
        method = "two-way minimum delay"
    return ClockMap("sender_capture", offset_s, error_s, method, drift_ppm=drift * 1e6)


ONE_WAY_ERROR_S = 0.15
"""ITU-T G.114: one-way delays above 150 ms are rare in usable calls."""


def estimate_departures(stream: RtpStream, sender_streams: Sequence[RtpStream], *, clock: ClockMap) -> np.ndarray:
    """When the sender's capture saw each packet of `stream`.

    Parameters
    ----------
    stream : RtpStream
        At the receiver.
    sender_streams : sequence of RtpStream
    clock : ClockMap
        From `estimate_sender_clock`.

    Returns
    -------
    ndarray, (n,) float64
        Capture seconds in the order of `stream.packets`; NaN for packets that the sender's capture does not hold.
    """
    departures = np.full(len(stream.packets), np.nan)
    twin = find_twin(stream, sender_streams)
    if twin is not None:
        here, there = _match(stream, twin)
        departures[here] = clock.to_capture_s(twin.packets["arrival_s"].to_numpy()[there])
    return departures


def find_twin(stream: RtpStream, others: Sequence[RtpStream]) -> RtpStream | None:
    """Return the stream of another capture that carries the same packets as `stream`, None where there is none.

    Where a relay rewrote SSRC, sequence numbers or timestamps, the stream comes back under the numbers of `stream`.
    """
    same = [other for other in others if other.ssrc == stream.ssrc]
    best = max(same, key=lambda other: len(_match(stream, other)[0]), default=None)
    if best is not None and len(_match(stream, best)[0]):
        return best
    changes = [(other, change) for other in others if (change := _renumbering(stream, other)) is not None]
    if not changes:
        return None
    other, change = max(changes, key=lambda item: item[1].pairs)
    return renumbered(other, change, ssrc=stream.ssrc)


@lru_cache(maxsize=8)
def _renumbering(stream: RtpStream, other: RtpStream) -> Renumbering | None:
    """`find_renumbering`, once for the same two streams: rules ask for the twin glitch by glitch."""
    return find_renumbering(stream, other)


def _match(a: RtpStream, b: RtpStream) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the same packets in two streams, by 16 bit sequence number and 32 bit timestamp, first copies only."""
    keys = ["sequence_number", "timestamp"]
    left = a.packets[keys].drop_duplicates().reset_index(names="here")
    right = b.packets[keys].drop_duplicates().reset_index(names="there")
    both = left.merge(right, on=keys)
    return both["here"].to_numpy(), both["there"].to_numpy()


@dataclass(frozen=True, slots=True)
class _Way:
    """One direction of a call: `sender_s` of its packets and `ahead_s`, receiver's clock - sender's clock.

    The path adds to `ahead_s` towards the receiver (`sign` 1) and takes from it on the way back (`sign` -1).
    """

    pairs: pd.DataFrame
    sign: int = 1


def _ways(streams: Sequence[RtpStream], sender_streams: Sequence[RtpStream]) -> list[_Way]:
    """Both directions of the packets that two captures share, or the one there is, or none.

    The path takes time in either direction, so towards the receiver is the one in which its clock seems further ahead.
    A single direction is taken for that one.
    """
    shared = [(stream, pairs) for stream in streams if len(pairs := _pairs(stream, sender_streams))]
    if not shared:
        return []
    first = max(shared, key=lambda item: len(item[1]))[0]
    with_it = [pairs for stream, pairs in shared if not _opposite(stream, first)]
    against_it = [pairs for stream, pairs in shared if _opposite(stream, first)]
    tables = [pd.concat(tables, ignore_index=True) for tables in (with_it, against_it) if tables]
    tables.sort(key=lambda table: table["ahead_s"].median(), reverse=True)
    return [_Way(table, sign) for table, sign in zip(tables, (1, -1), strict=False)]


def _pairs(stream: RtpStream, sender_streams: Sequence[RtpStream]) -> pd.DataFrame:
    """`sender_s` and `ahead_s` of the packets of a stream that the sender's capture holds too."""
    twin = find_twin(stream, sender_streams)
    if twin is None:
        return pd.DataFrame({"sender_s": [], "ahead_s": []})
    here, there = _match(stream, twin)
    sender_s = twin.packets["arrival_s"].to_numpy()[there]
    return pd.DataFrame({"sender_s": sender_s, "ahead_s": stream.packets["arrival_s"].to_numpy()[here] - sender_s})


def _opposite(a: RtpStream, b: RtpStream) -> bool:
    """Whether two streams of one capture run against each other: by their endpoints, else by their hosts."""
    if (a.source, a.destination) == (b.destination, b.source):
        return True
    hosts = [endpoint.rpartition(":")[0] for endpoint in (a.source, a.destination, b.source, b.destination)]
    return hosts[0] != hosts[1] and hosts[:2] == hosts[:1:-1]


def _drift(way: _Way) -> float:
    """Slope of the minimum-delay line over windows of a tenth of the overlap; zero for a short one."""
    pairs = way.pairs
    span_s = pairs["sender_s"].max() - pairs["sender_s"].min()
    if not span_s >= DRIFT_SPAN_S:
        return 0.0
    window = ((pairs["sender_s"] - pairs["sender_s"].min()) / span_s * 10).astype(int).clip(upper=9)
    quickest = pairs.loc[(way.sign * pairs["ahead_s"]).groupby(window).idxmin()]
    return float(np.polyfit(quickest["sender_s"], quickest["ahead_s"], 1)[0])


def _quickest(way: _Way, drift: float) -> float:
    """`ahead_s` of the packet that was on its way for the shortest time, once the drift is taken out."""
    return way.sign * float((way.sign * (way.pairs["ahead_s"] - drift * way.pairs["sender_s"])).min())
