"""The jitter buffer replayed under other conditions, for a stretch of a call or all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forensics.model import Playout, RtpStream
from forensics.playout.interventions import without_delay_variation, without_network_loss, without_sender_stalls
from forensics.playout.replay import replay_neteq
from forensics.playout.send_lead import with_send_lead
from forensics.views.axis import Axis
from forensics.views.wording import milliseconds

Span = tuple[float, float]

SETTLING_S = 10.0
"""A replay of a stretch begins this much earlier: NetEq's memory of arrivals is 2 s long, its histogram forgets with a
factor of 0.983 each half second (DIAGNOSIS.md section 3), so after 10 s two thirds of it are the stretch's own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Other conditions for the same call.

    Attributes
    ----------
    target_s : float
        The receiver's `jitterBufferTarget`, 0..4 s; 0 leaves it to NetEq.
    lead_s : float
        A cushion that the sender holds: every utterance starts this much later and then keeps its pace.
    repaired : bool
        Lost packets come after all, as with error correction or retransmission that never fails.
    prompt : bool
        The sender never falls behind.
    steady : bool
        The network takes as long for every packet as for the quickest.
    """

    target_s: float = 0.0
    lead_s: float = 0.0
    repaired: bool = False
    prompt: bool = False
    steady: bool = False


AS_IT_WAS = Settings()


def replay_what_if(stream: RtpStream, settings: Settings = AS_IT_WAS, *, sent_s: np.ndarray | None = None) -> Playout:
    """Replay `stream` under other conditions.

    Parameters
    ----------
    stream : RtpStream
    settings : Settings
    sent_s : ndarray, (n,) float64, optional
        When each row of `stream.packets` left the sender, on the capture's clock. Without it a send lead also covers
        what the path delayed.

    Returns
    -------
    Playout
        On the clock of the capture.
    """
    if settings.lead_s > 0:
        stream = with_send_lead(stream, lead_s=settings.lead_s, sent_s=sent_s)
    for wanted, without in (
        (settings.repaired, without_network_loss),
        (settings.prompt, without_sender_stalls),
        (settings.steady, without_delay_variation),
    ):
        if wanted:
            stream = without(stream)
    return replay_neteq(stream, minimum_delay_s=settings.target_s)


def cut_stream(stream: RtpStream, span_s: Span) -> tuple[RtpStream, np.ndarray]:
    """Return `stream` with the packets that arrived within `span_s`, less its settling, and their rows."""
    arrival_s = stream.packets["arrival_s"].to_numpy()
    rows = np.flatnonzero((arrival_s >= span_s[0] - SETTLING_S) & (arrival_s <= span_s[1]))
    packets = stream.packets.iloc[rows].reset_index(drop=True)
    return replace(stream, packets=packets, losses=stream.losses.iloc[:0]), rows


def holes_of(replay: Playout, span_s: Span | None = None) -> np.ndarray:
    """Return the holes of `replay`, those that end within `span_s`, as (start_s, end_s) on the capture's clock."""
    holes = replay.concealed[["start_s", "end_s"]].to_numpy(dtype=float)
    return holes if span_s is None else holes[(holes[:, 1] > span_s[0]) & (holes[:, 0] < span_s[1])]


def prediction_rows(replays: dict[str, np.ndarray], axis: Axis) -> list[dict[str, Any]]:
    """Return what the timeline draws: per replay its name and its holes as (start_s, end_s) on the axis."""
    return [{"name": name, "holes": np.asarray(axis.from_capture(holes)).tolist()} for name, holes in replays.items()]


def compare_holes(before: np.ndarray, after: np.ndarray, *, where: str = "") -> str:
    """Return one sentence: how much is concealed in either replay."""
    had, has = (float((holes[:, 1] - holes[:, 0]).sum()) for holes in (before, after))
    change = "as much as" if abs(has - had) < 1e-3 else ("less than" if has < had else "more than")
    return (
        f"With these settings {milliseconds(has)} would be concealed in {_counted(after)}{where}, {change} the "
        f"{milliseconds(had)} in {_counted(before)} of the call as it was, replayed."
    )


def _counted(holes: np.ndarray) -> str:
    return f"{len(holes)} {'hole' if len(holes) == 1 else 'holes'}"
