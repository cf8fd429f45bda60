"""What another setting would have cost and saved: concealment against latency, over buffer depth and over send lead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forensics.model import Playout, RtpStream
from forensics.playout.fixed import replay_fixed
from forensics.playout.replay import INTERRUPTION_S, replay_neteq
from forensics.playout.send_lead import arrivals_with_send_lead, find_utterance_starts

MINIMUM_DELAYS_S = (0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
"""From NetEq's own choice to the deepest buffer that people still talk through (ITU-T G.114: 400 ms one way)."""

SAME_MOMENT_S = 1e-6  # of a run's end and the packet that ended it, in float64

LEADS_S = (0.0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)


def estimate_buffer_curve(
    stream: RtpStream,
    *,
    minimum_delays_s: Sequence[float] = MINIMUM_DELAYS_S,
    model: str = "neteq",
    starts: np.ndarray | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Replay the call with deeper and deeper buffers.

    Parameters
    ----------
    stream : RtpStream
    minimum_delays_s : sequence of float
        Values for `jitterBufferTarget` ("neteq"), or depths of the buffer ("fixed").
    model : {"neteq", "fixed"}
    starts : ndarray of int, optional
        Rows of `stream.packets` that begin an utterance: the pause before them is no hole. Without it marker bits, the
        end of comfort noise, and jumps of timestamps that are too long for a stall (`LONGEST_STALL_S`).
    **settings
        Passed on to `replay_neteq` or `replay_fixed`: `sent`, `arrival_s`, …

    Returns
    -------
    DataFrame
        One row per value: minimum_delay_s; concealed_s, concealment_events, interruption_s (in runs of 150 ms or
        more); mean_delay_s from arrival to playout; added_latency_s against the first row; saved, the share of the
        first row's concealment that is gone (NaN where there was none).

    Notes
    -----
    In "neteq" a deeper buffer also waits longer before it decodes again after a hole, so more depth can conceal more.

    Examples
    --------
    >>> curve = estimate_buffer_curve(stream, minimum_delays_s=(0, 0.1, 0.2))
    >>> curve.loc[curve.saved >= 0.9, "minimum_delay_s"].min()
    """
    if model == "neteq":
        replays = [replay_neteq(stream, minimum_delay_s=value, **settings) for value in minimum_delays_s]
    elif model == "fixed":
        replays = [replay_fixed(stream, delay_s=value, **settings) for value in minimum_delays_s]
    else:
        raise ValueError(f'Unknown model {model!r}. Choose "neteq" or "fixed".')
    truth = np.asarray(settings.get("arrival_s", stream.packets["arrival_s"]))
    costs = [_cost(replay, truth, _begins(stream, starts)) for replay in replays]
    return _curve("minimum_delay_s", minimum_delays_s, costs)


def estimate_lead_curve(
    stream: RtpStream,
    *,
    leads_s: Sequence[float] = LEADS_S,
    sent_s: np.ndarray | None = None,
    starts: np.ndarray | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Replay the call with a sender that holds a cushion before it starts to speak.

    Each replay is that of `with_send_lead`.

    Parameters
    ----------
    stream : RtpStream
    leads_s : sequence of float
    sent_s : ndarray, (n,) float64, optional
        When each row of `stream.packets` left the sender, on the capture's clock. Without it the time of arrival stands
        for it, so the cushion covers delays of the path as well.
    starts : ndarray of int, optional
        Rows of `stream.packets` that begin an utterance, as in `estimate_buffer_curve`.
    **settings
        Passed on to `replay_neteq`.

    Returns
    -------
    DataFrame
        As `estimate_buffer_curve`, with lead_s in the first column; mean_delay_s and added_latency_s count from when
        the packet came in truth, so they include the lead.

    Notes
    -----
    A stall after which the timestamps went on with the clock leaves a hole that no cushion of this kind fills.

    Examples
    --------
    >>> curve = estimate_lead_curve(stream)
    >>> curve.loc[curve.lead_s == 0.06, ["saved", "added_latency_s"]]      # "60 ms would have covered …"
    """
    truth = stream.packets["arrival_s"].to_numpy()
    arrivals = [arrivals_with_send_lead(stream, lead_s=lead_s, sent_s=sent_s, starts=starts) for lead_s in leads_s]
    replays = [replay_neteq(stream, arrival_s=arrival_s, **settings) for arrival_s in arrivals]
    return _curve("lead_s", leads_s, [_cost(replay, truth, _begins(stream, starts)) for replay in replays])


def _begins(stream: RtpStream, starts: np.ndarray | None) -> np.ndarray:
    """Mark the rows that begin an utterance: those given, else as far as headers tell."""
    return find_utterance_starts(stream) if starts is None else np.isin(np.arange(len(stream.packets)), starts)


def _curve(name: str, values: Iterable[float], costs: list[dict[str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(costs)
    table.insert(0, name, np.array(list(values), dtype=float))
    table["added_latency_s"] = table["mean_delay_s"] - table["mean_delay_s"].iloc[0]
    before_s = table["concealed_s"].iloc[0]
    table["saved"] = 1 - table["concealed_s"] / before_s if before_s > 0 else np.nan
    return table


def _cost(replay: Playout, arrival_s: np.ndarray, begins: np.ndarray) -> dict[str, float]:
    """Sum up what a listener pays: holes, and the time from arrival to playout."""
    heard_s, row = replay.packets["heard_s"].to_numpy(), replay.packets["row"].to_numpy()
    ended_by = np.searchsorted(np.fmax.accumulate(np.nan_to_num(heard_s)), replay.concealed["end_s"] - SAME_MOMENT_S)
    holes = replay.concealed[~begins[row[np.minimum(ended_by, len(row) - 1)]]]
    runs_s = (holes["end_s"] - holes["start_s"]).to_numpy()
    return {
        "concealed_s": float(runs_s.sum()),
        "concealment_events": len(runs_s),
        "interruption_s": float(runs_s[runs_s >= INTERRUPTION_S].sum()),
        "mean_delay_s": float(np.nanmean(heard_s - arrival_s[row])),
    }
