"""What a browser's counters say of a call by themselves: when there was sound, and when some of it was made up."""

from __future__ import annotations

import numpy as np
import pandas as pd

SPEECH_RMS = 0.01
"""Mean level between two readings from which on somebody spoke: -40 dBFS, 10 dB below quiet speech (ITU-T P.56) and 20
above the noise of a quiet room."""

COUNTED = (
    "concealed_samples",
    "silent_concealed_samples",
    "packets_lost",
    "packets_discarded",
    "total_samples_received",
    "total_audio_energy",
    "total_samples_duration",
)
"""Counters of inbound-rtp whose growth is told."""


def grow_between_readings(inbound: pd.DataFrame) -> pd.DataFrame:
    """Growth of the counters of the stream that received most packets, from each reading to the next.

    Parameters
    ----------
    inbound : DataFrame
        Readings of inbound-rtp, with `ssrc`, `packets_received` and a time in `capture_s`, else in `time_s`.

    Returns
    -------
    DataFrame
        `start_s` and `end_s` of each pair of readings, and the growth of each of `COUNTED`; NaN where it was not read.
    """
    main = inbound.groupby("ssrc")["packets_received"].max()
    own = inbound[inbound["ssrc"] == main.idxmax()] if main.notna().any() else inbound.iloc[:0]
    time = own["capture_s"] if "capture_s" in own else own["time_s"]
    grown = own.reindex(columns=list(COUNTED)).astype(float).diff().iloc[1:]
    return (
        grown.assign(start_s=time.to_numpy()[:-1], end_s=time.to_numpy()[1:])
        if len(own) > 1
        else grown.assign(start_s=np.nan, end_s=np.nan).iloc[:0]
    )


def find_counted_speech(inbound: pd.DataFrame, *, epoch_s: float = 0.0) -> tuple[tuple[float, float], ...]:
    """Stretches in which the sound received had the energy of speech.

    Parameters
    ----------
    inbound : DataFrame
        Readings of inbound-rtp with `total_audio_energy` and `total_samples_duration`.
    epoch_s : float
        Taken off the times.

    Returns
    -------
    tuple of (start_s, end_s)
        No finer than the readings are apart.
    """
    grown = grow_between_readings(inbound)
    spoken = grown[grown["total_audio_energy"] > SPEECH_RMS**2 * grown["total_samples_duration"]]
    spans: list[tuple[float, float]] = []
    for start, end in zip(spoken["start_s"] - epoch_s, spoken["end_s"] - epoch_s, strict=True):
        joined = bool(spans) and start - spans[-1][1] < 1e-6
        spans[-1:] = [(spans[-1][0], float(end))] if joined else [*spans[-1:], (float(start), float(end))]
    return tuple(spans)
