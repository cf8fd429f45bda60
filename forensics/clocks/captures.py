"""Two captures of one call on one clock: the same packets, seen at both ends of the path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

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
        What each capture holds. Packets are matched by SSRC, sequence number and timestamp, in both directions.

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
    forward, backward = _delays(streams, sender_streams)
    if len(forward) + len(backward) < MIN_PAIRS:
        raise ClockError(
            f"The two captures have {len(forward) + len(backward)} RTP packets in common, at least {MIN_PAIRS} were "
            "expected. "
            "Are they of the same call, and is the sender's capture given as --sender-capture?"
        )
    drift = _drift(forward if len(forward) >= len(backward) else backward)
    low = {
        name: _floor(pairs, drift)
        for name, pairs in (("forward", forward), ("backward", backward))
        if len(pairs) >= MIN_PAIRS
    }
    if len(low) == 2:
        return ClockMap(
            "sender_capture",
            (low["forward"] + low["backward"]) / 2,
            abs(low["forward"] - low["backward"]) / 2,
            "two-way minimum delay",
            drift_ppm=drift * 1e6,
        )
    return ClockMap(
        "sender_capture", next(iter(low.values())), ONE_WAY_ERROR_S, "one-way minimum delay", drift_ppm=drift * 1e6
    )


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
    """Return the stream of another capture that carries the same packets as `stream`, None where there is none."""
    same = [other for other in others if other.ssrc == stream.ssrc]
    best = max(same, key=lambda other: len(_match(stream, other)[0]), default=None)
    return best if best is not None and len(_match(stream, best)[0]) else None


def _match(a: RtpStream, b: RtpStream) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the same packets in two streams, by 16 bit sequence number and 32 bit timestamp, first copies only."""
    keys = ["sequence_number", "timestamp"]
    left = a.packets[keys].drop_duplicates().reset_index(names="here")
    right = b.packets[keys].drop_duplicates().reset_index(names="there")
    both = left.merge(right, on=keys)
    return both["here"].to_numpy(), both["there"].to_numpy()


def _delays(streams: Sequence[RtpStream], sender_streams: Sequence[RtpStream]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs (sender_s, delay_s = receiver's clock - sender's clock) of each direction.

    A packet that the sender's tap saw first on its way to the receiver is forward; which direction a stream has shows
    in the mean delay of one against the other, so the direction with the larger difference is forward.
    """
    tables = []
    for stream in streams:
        twin = find_twin(stream, sender_streams)
        if twin is None:
            continue
        here, there = _match(stream, twin)
        sender_s = twin.packets["arrival_s"].to_numpy()[there]
        tables.append(
            pd.DataFrame({"sender_s": sender_s, "delay_s": stream.packets["arrival_s"].to_numpy()[here] - sender_s})
        )
    empty = pd.DataFrame({"sender_s": [], "delay_s": []})
    tables.sort(key=lambda table: table["delay_s"].median(), reverse=True)
    if not tables:
        return empty, empty
    return tables[0], tables[-1] if len(tables) > 1 else empty


def _drift(pairs: pd.DataFrame) -> float:
    """Slope of the minimum-delay line over windows of a tenth of the overlap; zero for a short one."""
    span_s = pairs["sender_s"].max() - pairs["sender_s"].min()
    if not span_s >= DRIFT_SPAN_S:
        return 0.0
    window = ((pairs["sender_s"] - pairs["sender_s"].min()) / span_s * 10).astype(int)
    lowest = pairs.loc[pairs.groupby(window)["delay_s"].idxmin()]
    return float(np.polyfit(lowest["sender_s"], lowest["delay_s"], 1)[0])


def _floor(pairs: pd.DataFrame, drift: float) -> float:
    """Smallest delay once the drift is taken out."""
    return float((pairs["delay_s"] - drift * pairs["sender_s"]).min())
