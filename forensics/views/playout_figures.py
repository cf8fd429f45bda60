"""Still figures of the playout: when each packet was heard, how deep the buffer was, what another depth would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forensics.audio.payloads import media_time_s
from forensics.views.figures import LOST_COLOUR, PACKET_COLOUR, plot_relative_delay

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forensics.model import Playout, RtpStream

TARGET_COLOUR, LEVEL_COLOUR, MOVED_COLOUR = "#111111", "#855c00", "#8a35a6"

STEP_S = 0.004
"""A playout curve that moves by less between two packets is flat: NetEq's shortest pitch period is 2.5 ms."""

LEAST_MARKED_S = 0.03
"""Holes from here on are marked; shorter ones are single time scalings."""


def plot_playout_curve(playout: Playout, *, ax: Axes | None = None) -> Figure:
    """Plot when each packet was heard against when it was due: the playout curve.

    Parameters
    ----------
    playout : Playout
        "heard" (on the recording's clock) or a replay (on the capture's).
    ax : matplotlib.axes.Axes, optional
        Where to plot; a new figure where none is given.

    Returns
    -------
    matplotlib.figure.Figure
        Heard less media time in ms, above its smallest value. A step up is time that was put in: a hole, or speech that
        was slowed down; a step down is time that was taken out. Holes of `LEAST_MARKED_S` and longer are shaded, and
        what was put in and taken out over the call is in the title.
    """
    ax = _axes(ax)
    heard = playout.packets.dropna(subset="heard_s")
    at_s = heard["heard_s"].to_numpy()
    behind_s = at_s - heard["media_s"].to_numpy()
    base_s = behind_s.min() if len(behind_s) else 0.0
    moved_s = np.diff(behind_s, prepend=behind_s[:1])
    moved_s = np.where(np.abs(moved_s) >= STEP_S, moved_s, 0.0)
    ax.step(at_s, 1e3 * (behind_s - base_s), where="post", color=PACKET_COLOUR, lw=1.2, label="heard − media time")
    for row in np.flatnonzero(moved_s >= LEAST_MARKED_S):
        ax.axvspan(at_s[row] - moved_s[row], at_s[row], color=LOST_COLOUR, alpha=0.25, lw=0)
    if (moved_s >= LEAST_MARKED_S).any():
        ax.axvspan(np.nan, np.nan, color=LOST_COLOUR, alpha=0.25, lw=0, label="hole")
    clock = "recording" if playout.method == "heard" else "capture"
    ax.set_xlabel(f"{clock} time (s)")
    ax.set_ylabel("heard − media (ms)")
    inserted_s, removed_s = moved_s[moved_s > 0].sum(), -moved_s[moved_s < 0].sum()
    title = f"Playout curve ({playout.method}): {inserted_s * 1e3:.0f} ms put in, {removed_s * 1e3:.0f} ms taken out"
    return _finished(ax, title)


def plot_buffer_target(stream: RtpStream, replay: Playout, *, ax: Axes | None = None) -> Figure:
    """Plot how late packets came, with the target that the jitter buffer set itself and what it held.

    Parameters
    ----------
    stream : RtpStream
    replay : Playout
        Of that stream, with a curve (`replay_neteq` or `replay_fixed`).
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
        Relative delay of each packet, target delay and level of the buffer in ms over the capture's clock; what was
        concealed is shaded.

    Raises
    ------
    ValueError
        `replay` is what was heard: a recording does not show a buffer.
    """
    if replay.curve is None:
        raise ValueError(f"A playout that was {replay.method!r} has no buffer curve. Give a replay of the stream.")
    ax = _axes(ax)
    plot_relative_delay(stream, ax=ax)
    ax.plot([], [], ".", color=PACKET_COLOUR, label="packet, above the quickest")
    tick_s = replay.curve["tick_s"]
    level_ms, target_ms = 1e3 * replay.curve["buffer_s"], 1e3 * replay.curve["target_delay_s"]
    ax.step(tick_s, level_ms, where="post", color=LEVEL_COLOUR, lw=0.7, alpha=0.6, label="buffered")
    ax.step(tick_s, target_ms, where="post", color=TARGET_COLOUR, lw=1.5, label="target")
    for number, hole in enumerate(replay.concealed.itertuples()):
        ax.axvspan(hole.start_s, hole.end_s, color=LOST_COLOUR, alpha=0.25, lw=0, label="" if number else "concealed")
    highest = np.nanmax([level_ms.max(), target_ms.max(), 1e3 * _relative_delay_s(stream).max()])
    ax.set_ylim(0, 1.08 * highest)
    ax.set_ylabel("ms")
    return _finished(ax, f"Relative delay and the buffer's target ({replay.method})")


def plot_what_if_curve(curve: pd.DataFrame, *, ax: Axes | None = None) -> Figure:
    """Plot what a deeper buffer, or a longer send lead, would have saved and cost.

    Parameters
    ----------
    curve : DataFrame
        From `forensics.playout.estimate_buffer_curve` or `estimate_lead_curve`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
        Concealed time and added latency, both in ms, over the setting.
    """
    ax = _axes(ax)
    name = curve.columns[0]
    setting_ms = 1e3 * curve[name]
    ax.plot(setting_ms, 1e3 * curve["concealed_s"], "o-", color=LOST_COLOUR, label="concealed")
    ax.plot(
        setting_ms, 1e3 * curve["interruption_s"], "x:", color=LOST_COLOUR, label="of it in runs of 150 ms and more"
    )
    ax.set_xlabel({"minimum_delay_s": "buffer target (ms)", "lead_s": "send lead (ms)"}.get(name, name))
    ax.set_ylabel("concealed in the call (ms)", color=LOST_COLOUR)
    ax.set_ylim(bottom=0)
    right = ax.twinx()
    right.plot(setting_ms, 1e3 * curve["added_latency_s"], "s--", color=PACKET_COLOUR, label="added latency")
    right.set_ylabel("added latency, mean (ms)", color=PACKET_COLOUR)
    right.set_ylim(bottom=min(0.0, 1e3 * curve["added_latency_s"].min()))
    lines = [*ax.get_lines(), *right.get_lines()]
    ax.legend(lines, [str(line.get_label()) for line in lines], loc="upper center", fontsize=8, frameon=False)
    ax.set_title("What another setting would have saved and cost", loc="left", fontsize=10)
    return ax.get_figure()  # type: ignore[return-value]


def _relative_delay_s(stream: RtpStream) -> np.ndarray:
    """Lateness above the quickest packet, as `plot_relative_delay` draws it."""
    late_s = stream.packets["arrival_s"].to_numpy() - media_time_s(stream)
    return late_s - late_s.min()


def _axes(ax: Axes | None) -> Axes:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(10, 3.2), layout="constrained")[1]


def _finished(ax: Axes, title: str) -> Figure:
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2, fontsize=8, ncols=4, frameon=False)
    ax.set_title(title, loc="left", fontsize=10)
    ax.margins(x=0.01)
    return ax.get_figure()  # type: ignore[return-value]
