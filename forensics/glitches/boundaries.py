"""What happened between each packet and the next: the one table that the packet and playout detectors read."""

from __future__ import annotations

import numpy as np
import pandas as pd

SIDE_S = 0.06
"""Packets that lie on either side at least in part within this decide by their speech whether something happened inside
a word: the closure of a stop consonant is about as long (means of 52 to 69 ms, Byrd 1993)."""


ENDED_DB = 35.0
"""A sound has ended when it is this far below loud speech: 30 dB is the range of speech itself, and codecs ring on
5 dB above what was encoded."""


def measure_boundaries(journey: pd.DataFrame) -> pd.DataFrame:
    """Compare each packet of a journey with the one before it in media order.

    Parameters
    ----------
    journey : DataFrame
        JOURNEY_COLUMNS, n rows.

    Returns
    -------
    DataFrame, n - 1 rows, indexed by the journey position of the later packet
        `lost_packets` (sequence numbers between the two), `media_gap_s` (timestamps between the end of one and the
        start of the other), `arrival_gap_s` (time between the arrivals less the one packet's length), `lateness_step_s`
        (how much later the second came than its timestamp says), `departure_step_s` (the same at the sender's tap),
        `start_s` and `end_s` (recording time: the end of the one as heard, the start of the other), `inserted_s`
        (recording time between the two beyond their media time: concealment, or minus what was skipped). Packets that
        were discarded were not heard: the boundary before a run of them lasts until the next one that was, those
        behind have no extent; `discarded_packets` counts such a run,
        `speech_before`, `speech_after` (any speech within `SIDE_S`), `cut_off` (the sound before had not ended:
        its last 5 ms are within `ENDED_DB` of loud speech; where payloads are closed: the last packet held speech and
        the next bears no marker).
    """
    columns = {name: journey[name].to_numpy() for name in journey.columns}
    before = {name: values[:-1] for name, values in columns.items()}
    after = {name: values[1:] for name, values in columns.items()}
    media_gap_s = after["media_s"] - before["media_s"] - before["duration_s"]
    discarded, played = columns["discarded"], _next_played(columns["discarded"])
    start_s, end_s = _edges_as_heard(columns, played)
    tail_dbfs = before["tail_dbfs"]
    loud_dbfs = np.nanpercentile(columns["level_dbfs"], 95) if np.isfinite(columns["level_dbfs"]).any() else np.nan
    cut_off = np.where(np.isfinite(tail_dbfs), tail_dbfs > loud_dbfs - ENDED_DB, before["speech"] & ~after["marker"])
    speech, side = pd.Series(columns["speech"].astype(float)), _side_packets(columns["duration_s"])
    recent = speech.rolling(side, min_periods=1).max().to_numpy() > 0
    coming = speech[::-1].rolling(side, min_periods=1).max().to_numpy()[::-1] > 0
    return pd.DataFrame(
        {
            "lost_packets": after["ext_sequence_number"] - before["ext_sequence_number"] - 1,
            "media_gap_s": media_gap_s,
            "arrival_gap_s": after["arrival_s"] - before["arrival_s"] - before["duration_s"],
            "lateness_step_s": after["lateness_s"] - before["lateness_s"],
            "departure_step_s": (after["departure_s"] - after["media_s"]) - (before["departure_s"] - before["media_s"]),
            "start_s": start_s,
            "end_s": end_s,
            "inserted_s": end_s - start_s - media_gap_s,
            "discarded_packets": np.where(discarded[:-1], 0, (played - np.arange(len(journey)))[1:]),
            "cut_off": cut_off,
            "speech_before": recent[:-1],
            "speech_after": coming[1:],
        },
        index=np.arange(1, len(journey)),
    )


def _side_packets(duration_s: np.ndarray) -> int:
    """How many packets begin within `SIDE_S`; two at least, for a single one may be all closure."""
    return max(2, int(np.ceil(SIDE_S / np.median(duration_s) - 1e-6))) if len(duration_s) else 2


def _edges_as_heard(columns: dict[str, np.ndarray], played: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return when the one packet had been heard and when the next one that was played began, (n - 1,) each."""
    heard_s = columns["heard_s"]
    end_s = heard_s[np.minimum(played, len(heard_s) - 1)[1:]]
    start_s = np.where(columns["discarded"][:-1], end_s, (heard_s + columns["duration_s"])[:-1])
    return start_s, end_s


def _next_played(discarded: np.ndarray) -> np.ndarray:
    """Return the position of the first packet that was played, from each on, (n,); n where none was."""
    position = np.arange(len(discarded))
    return np.minimum.accumulate(np.where(discarded, len(discarded), position)[::-1])[::-1]
