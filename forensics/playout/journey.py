"""The journey of every packet: when it was sent, when it arrived, when it was heard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from forensics.audio.levels import piece_levels_dbfs
from forensics.audio.payloads import media_time_s
from forensics.model import FATES, JOURNEY_COLUMNS, AudioTrack, ClockMap, Fate, Playout, RtpStream
from forensics.playout.discarded import find_discarded

SPEECH_RANGE_DB = 30.0
"""ITU-T P.56 puts the margin between active speech level and the activity threshold at 15.9 dB; consonants lie up to
another 15 dB below vowels (Fletcher 1953)."""

STEP_S = 0.002
"""A playout curve that moves by less between two located packets is not split between them."""

TAIL_S = 0.005
"""Long enough for a level, short enough to see a sound end within its last packet."""

SIZE_SHARE = 0.3
"""Closed payloads: a packet counts as speech from this share of the way between silence's size and loud speech's."""


def trace_journey(
    stream: RtpStream,
    *,
    departures_s: np.ndarray | None = None,
    playout: Playout | None = None,
    to_recording: ClockMap | None = None,
    sent: AudioTrack | None = None,
) -> pd.DataFrame:
    """Put sender, path and playout of each packet of a stream side by side.

    Parameters
    ----------
    stream : RtpStream
    departures_s : ndarray, (n,), optional
        From `forensics.clocks.captures.estimate_departures`.
    playout : Playout, optional
        What was heard ("heard"), or a replay on the capture clock.
    to_recording : ClockMap, optional
        Maps a replay's capture seconds to recording seconds; not used for what was heard.
    sent : AudioTrack, optional
        The decoded stream on its media clock.

    Returns
    -------
    DataFrame
        JOURNEY_COLUMNS in media order, duplicates left out.
    """
    packets = stream.packets
    media_s = media_time_s(stream)
    keep = (packets["fate"] != FATES.index(Fate.DUPLICATE)) & (
        packets["payload_type"] == packets["payload_type"].mode().iat[0]
    )
    rows = np.flatnonzero(keep.to_numpy())
    rows = rows[np.argsort(media_s[rows], kind="stable")]
    journey = pd.DataFrame(
        {
            "row": rows,
            "frame": packets["frame"].to_numpy()[rows],
            "ext_sequence_number": packets["ext_sequence_number"].to_numpy()[rows],
            "media_s": media_s[rows],
            "duration_s": _durations_s(media_s[rows], packets["ext_sequence_number"].to_numpy()[rows]),
            "departure_s": np.nan if departures_s is None else departures_s[rows],
            "arrival_s": packets["arrival_s"].to_numpy()[rows],
            "marker": packets["marker"].to_numpy()[rows],
        }
    )
    lateness_s = journey["arrival_s"] - journey["media_s"]
    journey["lateness_s"] = lateness_s - lateness_s.min()
    _add_playout(journey, playout, to_recording)
    journey["discarded"] = find_discarded(journey, to_recording=to_recording)
    _add_levels(journey, packets, playout, sent)
    journey["tail_dbfs"] = np.nan if sent is None else _tail_dbfs(journey, sent)
    return journey[list(JOURNEY_COLUMNS)].astype(dict(JOURNEY_COLUMNS))


def _level_dbfs(journey: pd.DataFrame, sent: AudioTrack) -> pd.Series:
    """Level of each packet in the decoded stream."""
    edges = journey["media_s"].to_numpy()[:, None] + np.array([0.0, 1.0]) * journey[["duration_s"]].to_numpy()
    first, last = (edges * sent.sample_rate_hz).round().astype(int).T
    return pd.Series(piece_levels_dbfs(sent.samples, first, last))


def _tail_dbfs(journey: pd.DataFrame, sent: AudioTrack) -> np.ndarray:
    """Level of the last `TAIL_S` of each packet."""
    ends = ((journey["media_s"] + journey["duration_s"]).to_numpy() * sent.sample_rate_hz).round().astype(int)
    length = round(TAIL_S * sent.sample_rate_hz)
    return piece_levels_dbfs(sent.samples, ends - length, ends)


def _durations_s(media_s: np.ndarray, sequence: np.ndarray) -> np.ndarray:
    """Length of each packet: the commonest timestamp step between neighbours in sequence."""
    steps = np.diff(media_s)[np.diff(sequence) == 1]
    steps = steps[(steps > 0) & (steps <= 0.12)]  # RFC 7587: an Opus packet holds 120 ms at most
    common = float(pd.Series(np.round(steps, 4)).mode().iat[0]) if len(steps) else 0.02
    return np.full(len(media_s), common)


def _add_playout(journey: pd.DataFrame, playout: Playout | None, to_recording: ClockMap | None) -> None:
    """Fill `heard_s` and `located`; between located packets the playout curve is continued from its neighbours."""
    journey["heard_s"], journey["located"] = np.nan, False
    if playout is None:
        return
    heard = playout.packets.dropna(subset="heard_s").set_index("row")["heard_s"]
    if playout.method != "heard" and to_recording is not None:
        heard = to_recording.from_capture_s(heard)
    found = journey["row"].map(heard)
    journey["located"] = found.notna() if playout.method == "heard" else False
    offset_s = (found - journey["media_s"]).to_numpy(dtype=float)
    journey["heard_s"] = journey["media_s"] + _continue_curve(journey, offset_s)


def _continue_curve(journey: pd.DataFrame, offset_s: np.ndarray) -> np.ndarray:
    """Fill the playout curve between located packets: it steps where media is missing, else where one came latest."""
    filled = pd.Series(offset_s).ffill().bfill().to_numpy(copy=True)
    missing = np.diff(journey["media_s"].to_numpy(), prepend=np.nan) > 1.5 * journey["duration_s"].to_numpy()
    later_s = np.diff(journey["lateness_s"].to_numpy(), prepend=0.0)
    located = np.flatnonzero(np.isfinite(offset_s))
    for before, after in pairwise(located):
        if after - before > 1 and abs(offset_s[after] - offset_s[before]) > STEP_S:
            between = slice(before + 1, after + 1)
            step = before + 1 + int(np.argmax(np.where(missing[between], np.inf, later_s[between])))
            filled[step:after] = offset_s[after]
    return filled


def _add_levels(journey: pd.DataFrame, packets: pd.DataFrame, playout: Playout | None, sent: AudioTrack | None) -> None:
    """Fill `level_dbfs` and `speech` from the best source there is: samples, RFC 6464, sizes."""
    extension = packets["audio_level_dbov"].to_numpy(dtype=float)[journey["row"]]
    level = pd.Series(extension)
    if playout is not None and playout.method == "heard":
        decoded = journey["row"].map(playout.packets.set_index("row")["level_dbfs"])
        level = decoded.where(decoded.notna(), level)
    elif sent is not None:
        level = _level_dbfs(journey, sent)
    journey["level_dbfs"] = level.to_numpy()
    if level.notna().any():
        journey["speech"] = (level > np.nanpercentile(level, 95) - SPEECH_RANGE_DB).to_numpy()
        return
    size = packets["payload_bytes"].to_numpy(dtype=float)[journey["row"]]
    quiet, loud = np.percentile(size, 1), np.percentile(size, 90)
    journey["speech"] = size > quiet + SIZE_SHARE * (loud - quiet) if loud > 1.2 * quiet else True
