"""The jitter buffer as the browser counted it, beside the replay: its delay and target, what it concealed and why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from forensics.model import Playout, empty_table

BUFFER_COLUMNS: Mapping[str, str] = {
    "start_s": "float64",  # of the interval between two readings, on the capture clock
    "end_s": "float64",
    "delay_s": "float64",  # mean over the interval, as the browser counted it
    "target_s": "float64",
    "replayed_delay_s": "float64",  # the same of the replay; NaN where there is none
    "replayed_target_s": "float64",
}
"""One row per interval in which the buffer gave something out."""

CONCEALMENT_COLUMNS: Mapping[str, str] = {
    "start_s": "float64",
    "end_s": "float64",
    "concealed_s": "float64",  # of sound, as the browser counted it: without what was concealed by silence
    "silent_s": "float64",  # silentConcealedSamples: comfort noise, or faded away
    "lost_s": "float64",  # of concealed_s: stood for packets that never came
    "late_s": "float64",  # of concealed_s: stood for packets that came after all
    "unsent_s": "float64",  # of concealed_s: stood for media that no packet held; the sender had stopped
    "unknown_s": "float64",  # of concealed_s: the packets give no reason for it
    "told_by": "str",  # what parted them: "replay" | "counters"
    "events": "float64",
    "packets_lost": "float64",
    "packets_discarded": "float64",
}
"""One row per interval in which something was concealed; seconds."""

FRAME_S = 0.02
"""A packet of unknown length is taken to hold 20 ms, as WebRTC's Opus does by default (RFC 7587 §3.1.1)."""


def measure_buffer(inbound: pd.DataFrame | None, *, ssrc: int, replay: Playout | None = None) -> pd.DataFrame:
    """Measure how deep the jitter buffer was and meant to be, interval by interval.

    Parameters
    ----------
    inbound : DataFrame, optional
        STATISTICS_COLUMNS of inbound-rtp with `capture_s`.
    ssrc : int
        Of the stream.
    replay : Playout, optional
        By `replay_neteq`, whose curve is averaged over the same intervals.

    Returns
    -------
    DataFrame
        BUFFER_COLUMNS. Δ jitterBufferDelay and Δ jitterBufferTargetDelay over Δ jitterBufferEmittedCount, as
        webrtc-stats §8.4 defines the averages. Dumps of before 2022 have no such counters but a gauge in milliseconds
        (`goog_jitter_buffer_ms`, `goog_preferred_jitter_buffer_ms`), which stands for the interval that it ends.
    """
    own = _own(inbound, ssrc)
    if len(own) < 2:
        return empty_table(BUFFER_COLUMNS)
    grown, at_s = own.diff().iloc[1:], own["capture_s"].to_numpy()
    emitted = grown["jitter_buffer_emitted_count"].where(grown["jitter_buffer_emitted_count"] > 0)
    table = pd.DataFrame(
        {
            "start_s": at_s[:-1],
            "end_s": at_s[1:],
            "delay_s": (grown["jitter_buffer_delay"] / emitted).to_numpy(),
            "target_s": (grown["jitter_buffer_target_delay"] / emitted).to_numpy(),
        }
    )
    for name, gauge in (("delay_s", "goog_jitter_buffer_ms"), ("target_s", "goog_preferred_jitter_buffer_ms")):
        if gauge in own:
            table[name] = table[name].fillna(pd.Series(own[gauge].to_numpy()[1:] * 1e-3))
    table["replayed_delay_s"], table["replayed_target_s"] = _of_replay(at_s, replay)
    known = table["delay_s"].notna()
    return table[known].reset_index(drop=True)[list(BUFFER_COLUMNS)].astype(dict(BUFFER_COLUMNS))


def measure_concealment(
    inbound: pd.DataFrame | None,
    *,
    ssrc: int,
    rate_hz: int,
    replay: Playout | None = None,
    packet_s: float = FRAME_S,
) -> pd.DataFrame:
    """Part what the browser concealed into what stood for lost packets and what stood for late ones.

    Parameters
    ----------
    inbound : DataFrame, optional
        STATISTICS_COLUMNS of inbound-rtp with `capture_s`.
    ssrc, rate_hz : int
        Of the stream; what its decoder gives out.
    replay : Playout, optional
        By `replay_neteq`: it knows of each concealment whether the packet came after all.
    packet_s : float
        Media in one packet, for the counters alone.

    Returns
    -------
    DataFrame
        CONCEALMENT_COLUMNS. The amount is the browser's in any case. Where the replay concealed something in the same
        interval its shares part it, and what it takes for lost is so for as many packets as the browser counted around;
        the rest of that was never sent. Without a replay every packet in Δ packetsLost counts as concealed for
        `packet_s`, and what is left as late: counters cannot tell late from never sent.

    Notes
    -----
    getStats cannot part them itself: concealedSamples mixes both, and libwebrtc's metric that does
    (`delayed_packet_outage`) is not in it. Concealment may come an interval later than the loss was counted.
    """
    own = _own(inbound, ssrc)
    if len(own) < 2 or own["concealed_samples"].notna().sum() < 2:
        return empty_table(CONCEALMENT_COLUMNS)
    grown, at_s = own.diff().iloc[1:].reset_index(drop=True), own["capture_s"].to_numpy()
    silent_s = grown["silent_concealed_samples"].fillna(0.0) / rate_hz
    concealed_s = (grown["concealed_samples"] / rate_hz - silent_s).clip(lower=0.0)
    lost_packets = grown["packets_lost"].clip(lower=0.0).fillna(0.0)
    if replay is None:
        parts = _by_counters(concealed_s, lost_packets * packet_s)
    else:
        around = lost_packets.rolling(3, center=True, min_periods=1).sum()
        parts = _by_replay(concealed_s, (around + (around > 0)) * packet_s, replay=replay, at_s=at_s)
    table = pd.DataFrame(
        {
            "start_s": at_s[:-1],
            "end_s": at_s[1:],
            "concealed_s": concealed_s,
            "silent_s": silent_s,
            **parts,
            "told_by": "counters" if replay is None else "replay",
            "events": grown["concealment_events"],
            "packets_lost": grown["packets_lost"],
            "packets_discarded": grown["packets_discarded"],
        }
    )
    something = (table["concealed_s"] > 0) | (table["silent_s"] > 0)
    return table[something].reset_index(drop=True).astype(dict(CONCEALMENT_COLUMNS))


def _by_counters(concealed_s: pd.Series, missing_s: pd.Series) -> dict[str, pd.Series]:
    """Part concealment by what was counted as lost."""
    lost_s = np.minimum(concealed_s, missing_s)
    nothing = 0.0 * concealed_s
    return {"lost_s": lost_s, "late_s": concealed_s - lost_s, "unsent_s": nothing, "unknown_s": nothing}


def _by_replay(
    concealed_s: pd.Series, missing_s: pd.Series, *, replay: Playout, at_s: np.ndarray
) -> dict[str, pd.Series]:
    """Part concealment by the shares of a replay; `missing_s` bounds what can have been lost."""
    replayed = np.array([_concealed_s(replay, *edge) for edge in _edges(at_s)])
    told = replayed.sum(axis=1) > 0
    late_s = concealed_s * replayed[:, 1] / np.maximum(replayed.sum(axis=1), 1e-9)
    without_s = (concealed_s - late_s).where(told, 0.0)
    lost_s = np.minimum(without_s, missing_s)
    return {
        "lost_s": lost_s,
        "late_s": late_s,
        "unsent_s": without_s - lost_s,
        "unknown_s": concealed_s.where(~told, 0.0),
    }


def _own(inbound: pd.DataFrame | None, ssrc: int) -> pd.DataFrame:
    """Placed readings of one stream, numbers only, in the order of time."""
    if inbound is None or "capture_s" not in inbound:
        return pd.DataFrame()
    own = inbound[(inbound["ssrc"] == ssrc) & np.isfinite(inbound["capture_s"])]
    return own.sort_values("capture_s", ignore_index=True).select_dtypes("number")


def _edges(at_s: np.ndarray) -> np.ndarray:
    return np.column_stack([at_s[:-1], at_s[1:]])


def _of_replay(at_s: np.ndarray, replay: Playout | None) -> tuple[np.ndarray, np.ndarray]:
    """Mean delay and target of a replay over the same intervals."""
    nothing = np.full(len(at_s) - 1, np.nan)
    curve = None if replay is None else replay.curve
    if curve is None or len(curve) == 0 or "jitter_buffer_delay" not in curve:
        return nothing, nothing
    tick_s = curve["tick_s"].to_numpy()
    waited, count = (
        np.diff(np.interp(at_s, tick_s, curve[name])) for name in ("jitter_buffer_delay", "jitter_buffer_emitted_count")
    )
    target = np.diff(np.interp(at_s, tick_s, np.cumsum(curve["target_delay_s"])))
    ticks = np.diff(np.interp(at_s, tick_s, np.arange(len(tick_s), dtype=float)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, waited / count, np.nan), np.where(ticks > 0, target / ticks, np.nan)


def _concealed_s(replay: Playout, start_s: float, end_s: float) -> tuple[float, float]:
    """Seconds that the replay concealed within an interval, for lost packets and for late ones."""
    runs = replay.concealed
    inside = np.minimum(runs["end_s"], end_s) - np.maximum(runs["start_s"], start_s)
    inside = inside.clip(lower=0.0)
    late = runs["late"].to_numpy(dtype=bool)
    return float(inside[~late].sum()), float(inside[late].sum())
