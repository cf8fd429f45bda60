"""The browser's statistics on the capture's clock: by wall time first, then by the packets that they count."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.errors import TelemetryError
from forensics.model import FATES, ClockMap, Fate, RtpStream

WALL_ERROR_S = 1.0
"""Wall clocks of two programs on one host agree to milliseconds, of two hosts with NTP to well below a second."""

LEAST_READINGS = 5
"""Readings with a usable packet count that a placement by content needs."""

AGREE_S = 0.1
"""The middle half of the readings has to place the clock within this; else packets were missed."""


def estimate_stats_clock(inbound: pd.DataFrame, stream: RtpStream, *, origin_ns: int) -> ClockMap:
    """Place the readings of `inbound-rtp` on the capture's clock.

    Parameters
    ----------
    inbound : DataFrame
        The inbound-rtp table of `read_stats`, with `time_s`, `ssrc` and `packets_received`.
    stream : RtpStream
        The stream that the browser received.
    origin_ns : int
        UTC of the capture's zero.

    Returns
    -------
    ClockMap
        `local` "stats", from seconds since 1970 less `origin_ns`. A reading that counts n packets was taken between
        the arrivals of packet n and packet n + 1, which places each to half a packet.

    Raises
    ------
    TelemetryError
        The dump does not know the SSRC of the stream: it is of another call or another connection.
    """
    own = inbound[inbound["ssrc"] == stream.ssrc] if "ssrc" in inbound else inbound.iloc[:0]
    if len(own) == 0:
        known = ", ".join(f"{int(ssrc):#010x}" for ssrc in inbound.get("ssrc", pd.Series()).dropna().unique()[:5])
        raise TelemetryError(
            f"The statistics list inbound SSRC {known or 'none'}, the capture's stream is {stream.ssrc:#010x}. "
            "Are they of the same call?"
        )
    first_copies = stream.packets["fate"].to_numpy() != FATES.index(Fate.DUPLICATE)
    arrival_s = stream.packets["arrival_s"].to_numpy()[first_copies]
    local_s = own["time_s"].to_numpy() - origin_ns * 1e-9
    counted = own["packets_received"].to_numpy(dtype=float)
    usable = np.isfinite(counted) & (counted >= 1) & (counted < len(arrival_s))
    number = counted[usable].astype(int)
    if usable.sum() >= LEAST_READINGS:
        offset_s = (arrival_s[number - 1] + arrival_s[number]) / 2 - local_s[usable]
        low, middle, high = np.quantile(offset_s, [0.25, 0.5, 0.75])
        if high - low <= AGREE_S:
            return ClockMap("stats", float(middle), float(max(high - low, 0.01)), "packet-count")
    return ClockMap("stats", 0.0, WALL_ERROR_S, "wall-clock")


def place_stats(stats: dict[str, pd.DataFrame], clock: ClockMap, *, origin_ns: int) -> dict[str, pd.DataFrame]:
    """Return the tables with a column `capture_s`: when each reading was taken, on the capture's clock."""
    return {
        kind: table.assign(capture_s=clock.to_capture_s(table["time_s"].to_numpy() - origin_ns * 1e-9))
        for kind, table in stats.items()
    }
