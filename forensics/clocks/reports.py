"""The sender's own clocks against each other: RTCP sender reports pair its wall clock with its media clock."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from forensics.model import RtpStream


@lru_cache(maxsize=4)
def read_sender_clock(stream: RtpStream) -> pd.DataFrame:
    """Wall clock less media clock of the sender, at each of its sender reports.

    Parameters
    ----------
    stream : RtpStream

    Returns
    -------
    DataFrame
        `frame`, `arrival_s`, `media_s` (RTP timestamp of the report on the stream's media clock), `ntp_s` (wall clock
        since the first report), `offset_s` (wall clock - media clock, zero at the first report) and `packet_count`.
        Without readable sender reports the table is empty.

    Notes
    -----
    RFC 3550 §6.4.1 asks for the timestamp "that corresponds to the same time as the NTP timestamp". A sender whose
    source stood still and went on without advancing its timestamps shows a step up in `offset_s`, one that threw media
    away and advanced them a step down, one that only held packets back none. Senders that extrapolate differently
    exist; a step is read together with what the packets did.
    """
    reports = stream.reports
    columns = ["frame", "arrival_s", "media_s", "ntp_s", "offset_s", "packet_count"]
    sealed = stream.encrypted and not stream.readable  # what stands behind the first eight bytes is no report then
    if len(reports) == 0 or len(stream.packets) == 0 or sealed:
        return pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})
    own = reports[(reports["packet_type"] == "SR") & (reports["sender_ssrc"] == stream.ssrc) & (reports["ntp_ns"] != 0)]
    own = own.drop_duplicates("frame").sort_values("arrival_s")
    first = int(stream.packets["ext_timestamp"].min())
    ticks = (own["rtp_timestamp"].to_numpy("int64") - first + 2**31) % 2**32 - 2**31
    media_s = _unwrap(ticks) / stream.codec.clock_rate_hz
    ntp_ns = own["ntp_ns"].to_numpy("int64")
    ntp_s = (ntp_ns - ntp_ns[:1]) * 1e-9 if len(own) else np.empty(0)
    offset_s = ntp_s - (media_s - media_s[:1]) if len(own) else np.empty(0)
    return pd.DataFrame(
        {
            "frame": own["frame"].to_numpy(),
            "arrival_s": own["arrival_s"].to_numpy(),
            "media_s": media_s,
            "ntp_s": ntp_s,
            "offset_s": offset_s,
            "packet_count": own["packet_count"].to_numpy(),
        }
    )


def _unwrap(ticks: np.ndarray) -> np.ndarray:
    """Undo wraps of 32 bits in a rising series."""
    return np.unwrap(ticks.astype(np.float64), period=2.0**32)
