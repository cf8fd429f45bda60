"""A fixed playout buffer: the plain model, as Wireshark's RTP player has it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.model import PLAYOUT_COLUMNS, Playout, RtpStream
from forensics.playout.arrivals import Arrivals, arrange_packets

WIRESHARK_DELAY_S = 0.05
"""Wireshark's RTP player: 50 ms unless the user sets another depth."""

SAME_RUN_S = 0.0005
"""Silences closer together than half a millisecond are one."""


def replay_fixed(
    stream: RtpStream, *, delay_s: float = WIRESHARK_DELAY_S, arrival_s: np.ndarray | None = None
) -> Playout:
    """Play each packet `delay_s` after the first packet's arrival plus its media time, or not at all.

    Parameters
    ----------
    stream : RtpStream
    delay_s : float
        Depth of the buffer, from 0 on. The first packet anchors it; it never moves.
    arrival_s : ndarray, (n,) float64, optional
        Other arrivals than those of `stream.packets`, row by row.

    Returns
    -------
    Playout
        method "fixed": the same tables as `replay_neteq`. `concealed` are the silences, `late` says that a packet came
        in vain. `curve` has one row per packet.

    Notes
    -----
    Nothing follows the drift of the sender's clock: after an hour at 50 ppm everything is 180 ms early or late. A
    sender that stalls with contiguous timestamps loses all that follows, as it does in Wireshark.

    Examples
    --------
    >>> replay_fixed(stream, delay_s=0.2).counters["packets_discarded"]
    """
    arrivals = arrange_packets(stream, arrival_s=arrival_s)
    media_s, duration_s = arrivals.start / arrivals.rate_hz, arrivals.length / arrivals.rate_hz
    anchor = int(np.argmin(arrivals.arrival_s))
    due_s = arrivals.arrival_s[anchor] - media_s[anchor] + media_s + delay_s
    played = (arrivals.arrival_s <= due_s) & ~arrivals.dtx
    packets = pd.DataFrame(
        {
            "row": arrivals.row,
            "media_s": media_s,
            "duration_s": duration_s,
            "heard_s": np.where(played, due_s, np.nan),
            "score": np.nan,
            "level_dbfs": np.nan,
        }
    ).astype(dict(PLAYOUT_COLUMNS))
    concealed = _silences(arrivals, due_s, duration_s, played=played)
    curve = pd.DataFrame(
        {
            "tick_s": due_s,
            "target_delay_s": delay_s,
            "buffer_s": np.maximum(due_s - arrivals.arrival_s, 0),
            "action": pd.Categorical(np.where(played, "normal", "expand"), categories=["normal", "expand"]),
        }
    )
    counters = _counters(arrivals, concealed, played=played, waited_s=due_s - arrivals.arrival_s)
    return Playout(stream.ssrc, "fixed", packets, concealed, counters, curve)


def _silences(arrivals: Arrivals, due_s: np.ndarray, duration_s: np.ndarray, *, played: np.ndarray) -> pd.DataFrame:
    """Stretches between packets that were played; comfort noise and what the sender left out after it are none."""
    index = np.flatnonzero(played)
    start_s, end_s = (due_s + duration_s)[index][:-1], due_s[index][1:]
    came_late = np.cumsum(~played & ~arrivals.dtx)[index]
    quiet = np.cumsum(arrivals.dtx)[index]
    missing = (end_s - start_s > SAME_RUN_S) & (np.diff(quiet) == 0)
    return pd.DataFrame(
        {"start_s": start_s[missing], "end_s": end_s[missing], "late": (np.diff(came_late) > 0)[missing]}
    )


def _counters(
    arrivals: Arrivals, concealed: pd.DataFrame, *, played: np.ndarray, waited_s: np.ndarray
) -> dict[str, float]:
    samples = arrivals.length[played]
    concealed_s = float((concealed["end_s"] - concealed["start_s"]).sum())
    return {
        "packets_received": len(arrivals) + arrivals.duplicates,
        "packets_lost": arrivals.lost,
        "packets_discarded": int((~played & ~arrivals.dtx).sum()) + arrivals.duplicates,
        "concealed_samples": round(concealed_s * arrivals.rate_hz),
        "silent_concealed_samples": round(concealed_s * arrivals.rate_hz),
        "concealment_events": len(concealed),
        "inserted_samples_for_deceleration": 0,
        "removed_samples_for_acceleration": 0,
        "jitter_buffer_delay": float((waited_s[played] * samples).sum()),
        "jitter_buffer_emitted_count": int(samples.sum()),
    }
