"""A picture of a simulated call: when its packets came, and what was heard of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.lab.truth import describe_truth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forensics.lab.simulate import SimulatedCall

PACKET_COLOUR, LOST_COLOUR, WAVE_COLOUR, MASKED_COLOUR = "#3a6ea5", "#bb3a0c", "#35618f", "#8a949e"
WAVE_POINTS = 2000
LEAST_RANGE_MS = 60.0  # a millisecond of scheduling is not drawn as large as a fault


def plot_simulated_call(call: SimulatedCall, *, span_s: tuple[float, float] | None = None) -> Figure:
    """Plot a simulated call over recording time.

    Parameters
    ----------
    call : SimulatedCall
    span_s : (start, end), optional
        Which part of the recording; all of it otherwise.

    Returns
    -------
    matplotlib.figure.Figure
        Above, how late each packet came (arrival less media time, ms over the quickest), lost ones crossed; below, the
        waveform, with the faults of the truth: red where they are audible by the lab's rule, grey where masked.
    """
    from matplotlib import pyplot as plt

    figure, (packets, wave) = plt.subplots(2, 1, figsize=(10, 4), layout="constrained", sharex=True)
    plt.close(figure)  # it is returned: what shows open figures by itself must not show it twice
    _draw_packets(packets, call)
    _draw_wave(wave, call, span_s or (0.0, len(call.account.recording) / SPEECH_RATE_HZ))
    for event in describe_truth(call.account)["events"]:
        if event["cause"] != "none":
            _mark(wave, event)
    return figure


def _draw_packets(axes: Axes, call: SimulatedCall) -> None:
    account = call.account
    media_s = np.array([packet.ext_timestamp for packet in account.plan.packets]) / account.plan.clock_rate_hz
    arrived_s, sent_s = (account.packets[name].to_numpy() for name in ("arrived_s", "sent_s"))
    late_ms = (arrived_s - media_s - np.nanmin(arrived_s - media_s)) * 1000
    lost = np.isnan(arrived_s) & np.isfinite(sent_s)
    axes.plot(account.recording_time(arrived_s), late_ms, ".", ms=3, color=PACKET_COLOUR, label="came")
    axes.plot(account.recording_time(sent_s[lost]), np.zeros(lost.sum()), "x", ms=5, color=LOST_COLOUR, label="lost")
    axes.set(ylim=(-0.05 * LEAST_RANGE_MS, max(LEAST_RANGE_MS, 1.1 * float(np.nanmax(late_ms)))), ylabel="late (ms)")
    axes.legend(loc="upper left", ncols=2, frameon=False)


def _draw_wave(axes: Axes, call: SimulatedCall, span_s: tuple[float, float]) -> None:
    first, last = (round(edge_s * SPEECH_RATE_HZ) for edge_s in span_s)
    samples = call.account.recording[first:last]
    block = max(1, len(samples) // WAVE_POINTS)
    blocks = samples[: len(samples) // block * block].reshape(-1, block)
    seconds = span_s[0] + np.arange(len(blocks)) * block / SPEECH_RATE_HZ
    axes.fill_between(seconds, blocks.min(axis=1), blocks.max(axis=1), color=WAVE_COLOUR, lw=0)
    axes.set(xlim=span_s, ylim=(-0.6, 0.6), yticks=[], ylabel="heard", xlabel="recording time (s)")


def _mark(axes: Axes, event: dict[str, Any]) -> None:
    colour = LOST_COLOUR if event["audible"] else MASKED_COLOUR
    axes.axvspan(event["rec_start"], event["rec_end"], color=colour, alpha=0.3, lw=0)
    text = f"{event['mechanism'].replace('_', ' ')}, {event['audibility']}"
    axes.annotate(text, (event["rec_start"], 0.5), color=colour, fontsize=8, va="center")
