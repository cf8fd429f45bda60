"""The recording's clock on the capture's axis, from where its packets were heard."""

from __future__ import annotations

import numpy as np

from forensics.errors import ClockError
from forensics.model import ClockMap, Playout, RtpStream

EARLIEST = 0.98
"""Quantile that stands for the packets that waited least; above it lie wrong matches and recorder hiccups."""

LEAST_WAIT_S = 0.02
"""What a receiver needs at least between arrival and sound: decoding, one 10 ms tick, half a packet; NetEq's emptiest
buffer played packets 4 to 34 ms after their arrival in measured calls."""

WAIT_ERROR_S = 0.04
"""Uncertainty of that wait: one packet more or less in the emptiest buffer on either side."""


def estimate_recording_clock(playout: Playout, stream: RtpStream) -> ClockMap:
    """Place the recording on the capture's clock.

    Parameters
    ----------
    playout : Playout
        What was heard.
    stream : RtpStream
        The same stream.

    Returns
    -------
    ClockMap
        `local` "recording". No packet is heard before it arrived, and the one that waits least waits `LEAST_WAIT_S`.

    Raises
    ------
    ClockError
        Not one packet was located in the recording.

    Notes
    -----
    The wait itself cannot be seen from packets and sound; `error_s` holds it. Differences of time, on which verdicts
    rest, do not depend on it.
    """
    heard = playout.packets.dropna(subset="heard_s")
    if len(heard) == 0:
        raise ClockError(
            f"None of {len(playout.packets)} packets was located in the recording. Is it one of a few syllables only?"
        )
    arrival_s = stream.packets["arrival_s"].to_numpy()[heard["row"]]
    ahead_s = arrival_s - heard["heard_s"].to_numpy()
    found = len(heard) / len(playout.packets)
    return ClockMap(
        local="recording",
        offset_s=float(np.quantile(ahead_s, EARLIEST)) + LEAST_WAIT_S,
        error_s=WAIT_ERROR_S,
        method="decoded-audio",
        notes=(f"{len(heard)} of {len(playout.packets)} packets ({found:.0%}) were located in the recording",),
    )
