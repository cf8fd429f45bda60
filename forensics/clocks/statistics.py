"""The browser's statistics on the capture's clock: by the packets that they count, else by wall time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

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


def choose_connection(
    stats: Mapping[str, pd.DataFrame], *, ssrc: int
) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Choose the peer connection that received a stream.

    Parameters
    ----------
    stats : mapping of str to DataFrame
        Tables of STATISTICS_COLUMNS.
    ssrc : int
        Of the stream that the listener heard.

    Returns
    -------
    tables : dict of str to DataFrame
        What was read of that connection.
    notes : tuple of str
        Which was taken, where there was a choice.

    Raises
    ------
    TelemetryError
        No connection received it: the statistics are of another call.
    """
    inbound = stats.get("inbound-rtp")
    received = {} if inbound is None else {name: own for name, own in inbound.groupby("connection", sort=False)}
    candidates = {name: own[own["ssrc"] == ssrc] for name, own in received.items() if (own["ssrc"] == ssrc).any()}
    if not candidates:
        raise TelemetryError(
            f"By the statistics {_received(received) or 'no stream came in'}; the capture's stream is {ssrc:#010x}. "
            "They are of another call or of another connection; give those of this call."
        )
    chosen = max(candidates, key=lambda name: float(candidates[name]["packets_received"].max()))
    tables = {kind: table[table["connection"] == chosen].reset_index(drop=True) for kind, table in stats.items()}
    tables = {kind: table for kind, table in tables.items() if len(table)}
    if len(received) < 2:
        return tables, ()
    others = {name: own for name, own in received.items() if name != chosen}
    why = "it received" if len(candidates) == 1 else "it received most packets of"
    note = f"Of {len(received)} peer connections {chosen} is taken: {why} SSRC {ssrc:#010x}; {_received(others)}."
    return tables, (note,)


def _received(connections: Mapping[str, pd.DataFrame]) -> str:
    """What each connection received, the first few of them."""
    told = []
    for name, own in list(connections.items())[:4]:
        ssrcs = ", ".join(f"{ssrc:#010x}" for ssrc in own["ssrc"].unique()[:5] if ssrc >= 0) or "none"
        told.append(f"{name or 'the browser'} received SSRC {ssrcs}")
    return ", ".join(told) + (" and more" if len(connections) > 4 else "")


def estimate_stats_clock(inbound: pd.DataFrame, stream: RtpStream, *, origin_ns: int) -> ClockMap:
    """Place the readings of `inbound-rtp` on the capture's clock.

    Parameters
    ----------
    inbound : DataFrame
        STATISTICS_COLUMNS of inbound-rtp; readings of other streams are passed over.
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
        No reading is of this stream; or their packet counts do not place them, and by wall time they were taken when
        the stream did not run.
    """
    own = inbound[inbound["ssrc"] == stream.ssrc]
    if len(own) == 0:
        choose_connection({"inbound-rtp": inbound}, ssrc=stream.ssrc)
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
    _check_time(own["time_s"].to_numpy(), stream.packets["arrival_s"].to_numpy() + origin_ns * 1e-9)
    return ClockMap("stats", 0.0, WALL_ERROR_S, "wall-clock")


def _check_time(read_s: np.ndarray, ran_s: np.ndarray) -> None:
    """Refuse readings that were taken, by the wall, when the stream did not run."""
    if read_s.min() <= ran_s.max() + WALL_ERROR_S and read_s.max() >= ran_s.min() - WALL_ERROR_S:
        return
    raise TelemetryError(
        f"The statistics were read from {_clock(read_s.min())} to {_clock(read_s.max())} UTC, the stream ran from "
        f"{_clock(ran_s.min())} to {_clock(ran_s.max())}, and the packets that they count do not place them either. "
        "They are of another call; give those of this call."
    )


def _clock(epoch_s: float) -> str:
    return datetime.fromtimestamp(float(epoch_s), tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def place_stats(stats: Mapping[str, pd.DataFrame], clock: ClockMap, *, origin_ns: int) -> dict[str, pd.DataFrame]:
    """Return the tables with a column `capture_s`: when each reading was taken, on the capture's clock."""
    return {
        kind: table.assign(capture_s=clock.to_capture_s(table["time_s"].to_numpy() - origin_ns * 1e-9))
        for kind, table in stats.items()
    }
