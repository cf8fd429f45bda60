"""The RTP lane as arrays: where each packet arrived, how late, and what it was; and where the lost ones belong."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.model import FATES, Fate, Playout, RtpStream
from forensics.views.axis import Axis

MARKER_BIT = 8
"""Flag of a packet whose marker bit is set; the low three bits of `kind` are its Fate."""

DTX_BIT = 16
"""Flag of a packet too small to carry speech."""

DTX_OCTETS = 3
"""Opus: a frame of two octets or fewer stands for no transmission (RFC 6716, section 3.1; RFC 7587, section 3.1.3);
one octet more allows for a closed payload's padding."""

LOST_LIMIT = 20_000
"""Lost packets drawn one by one at most; beyond it a run keeps its two ends."""


def packet_arrays(stream: RtpStream, axis: Axis, *, replay: Playout | None = None) -> dict[str, np.ndarray]:
    """Return one entry per packet, in the order of the axis.

    Parameters
    ----------
    stream : RtpStream
    axis : Axis
    replay : Playout, optional
        Of this stream: tells which packets came too late for their playout, and which were thrown away.

    Returns
    -------
    dict of numpy.ndarray, each of shape (packets,)
        ``at_s`` (float64, axis), ``delay_ms`` (float32, arrival − media time less its minimum), ``kind`` (uint8),
        ``frame`` (uint32), ``sequence_number`` (uint16), ``timestamp`` (uint32), ``octets`` (uint16).
    """
    packets = stream.packets if replay is None else stream.packets.assign(fate=replayed_fates(stream, replay))
    packets = packets.sort_values("arrival_s", kind="stable")
    columns = {name: packets[name].to_numpy() for name in packets.columns}
    small = columns["payload_bytes"] <= DTX_OCTETS
    return {
        "at_s": np.asarray(axis.from_capture(columns["arrival_s"]), dtype=np.float64),
        "delay_ms": (columns["relative_delay_s"] * 1e3).astype(np.float32),
        "kind": (columns["fate"] | columns["marker"] * MARKER_BIT | small * DTX_BIT).astype(np.uint8),
        "frame": columns["frame"].astype(np.uint32),
        "sequence_number": columns["sequence_number"].astype(np.uint16),
        "timestamp": columns["timestamp"].astype(np.uint32),
        "octets": np.minimum(columns["payload_bytes"], 65_535).astype(np.uint16),
    }


def replayed_fates(stream: RtpStream, replay: Playout) -> np.ndarray:
    """Return the fate of each row of `stream.packets` as far as a jitter buffer decides it; uint8 of shape (packets,).

    Late is what came while the buffer was concealing for want of it; discarded what it took and never played.
    """
    fates = stream.packets["fate"].to_numpy().copy()
    arrival_s = stream.packets["arrival_s"].to_numpy()
    single = fates != FATES.index(Fate.DUPLICATE)
    if len(replay.concealed):
        outages = replay.concealed[replay.concealed["late"].astype(bool)].sort_values("start_s")
        waiting = np.searchsorted(outages["start_s"], arrival_s, side="right") > np.searchsorted(
            outages["end_s"], arrival_s, side="left"
        )
        fates[waiting & single] = FATES.index(Fate.LATE)
    if len(replay.packets):
        never = replay.packets.loc[~np.isfinite(replay.packets["heard_s"]), "row"].to_numpy()
        never = never[never >= 0]  # less those that came only as a copy within another packet
        fates[never[single[never]]] = FATES.index(Fate.DISCARDED)
    return fates


def lost_arrays(stream: RtpStream, axis: Axis) -> dict[str, np.ndarray]:
    """Return one entry per packet that never arrived, placed where it was due between its neighbours.

    Returns
    -------
    dict of numpy.ndarray, each of shape (lost,)
        ``at_s`` (float64, axis), ``delay_ms`` (float32, that of the packet before the gap), ``sequence_number``.
    """
    runs = stream.losses
    counts = _drawn(runs["packets"].to_numpy())
    run = np.repeat(np.arange(len(runs)), counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (step + 1) / (counts[run] + 1)
    before, after = _neighbours(stream.packets, runs, run)
    due_s = before["arrival_s"] + share * (after["arrival_s"] - before["arrival_s"])
    first = runs["first_ext_sequence_number"].to_numpy()[run]
    return {
        "at_s": np.asarray(axis.from_capture(due_s), dtype=np.float64),
        "delay_ms": (before["relative_delay_s"] * 1e3).astype(np.float32),
        "sequence_number": ((first + step) & 0xFFFF).astype(np.uint16),
    }


def _drawn(packets: np.ndarray) -> np.ndarray:
    """How many marks each run gets."""
    return packets if packets.sum() <= LOST_LIMIT else np.minimum(packets, 2)


def _neighbours(
    packets: pd.DataFrame, runs: pd.DataFrame, run: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Arrival and delay of the packets before and after each gap."""
    columns = ("arrival_s", "relative_delay_s")
    rows = [runs[side].to_numpy()[run] for side in ("before", "after")]
    before, after = ({name: packets[name].to_numpy()[row] for name in columns} for row in rows)
    return before, after


def thinned(arrays: dict[str, np.ndarray], *, rows: int, keep_s: list[tuple[float, float]]) -> dict[str, np.ndarray]:
    """Keep what a picture of about `rows` packets needs: all near `keep_s`, all out of the ordinary, and the extremes.

    Of each run of ordinary packets in between, the least and the most delayed stay, so that the outline is the same.
    """
    count = len(arrays["at_s"])
    if count <= rows:
        return arrays
    near = np.zeros(count, dtype=bool)
    for start_s, end_s in keep_s:
        near[np.searchsorted(arrays["at_s"], start_s) : np.searchsorted(arrays["at_s"], end_s)] = True
    chosen = near | (arrays["kind"] != 0)
    chosen[_extreme_rows(arrays["delay_ms"], groups=max(rows // 2, 1))] = True
    return {name: values[chosen] for name, values in arrays.items()}


def _extreme_rows(delay_ms: np.ndarray, *, groups: int) -> np.ndarray:
    group = np.arange(len(delay_ms)) * groups // len(delay_ms)
    frame = pd.Series(delay_ms).groupby(group)
    return np.r_[frame.idxmin().to_numpy(), frame.idxmax().to_numpy()]
