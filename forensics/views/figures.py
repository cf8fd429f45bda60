"""Still figures for papers, tickets and notebooks without widgets: matplotlib, spectrograms by librosa.

Colours and names are those of the timeline; a cause always bears its name beside its colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.model import FATES, Diagnosis, Fate, RtpStream, Verdict
from forensics.views import spectrogram, waveform
from forensics.views.axis import Axis
from forensics.views.packets import lost_arrays, packet_arrays
from forensics.views.palette import LOOKS, cause_label, mechanism_label
from forensics.views.sound import Sound
from forensics.views.view import View, make_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN_S = 0.6
"""How much of the call `plot_glitch` shows on either side."""

HATCHES = {
    "cross": "xx",
    "diagonal": "//",
    "backward": "\\\\",
    "vertical": "||",
    "horizontal": "--",
    "dots": "..",
    "plain": "",
}
MARKS = {Fate.REORDERED: ("^", "reordered"), Fate.DUPLICATE: ("s", "duplicate"), Fate.LATE: ("D", "late"),
         Fate.DISCARDED: ("P", "discarded")}  # fmt: skip
PACKET_COLOUR, LOST_COLOUR, WAVE_COLOUR = "#3a6ea5", "#bb3a0c", "#35618f"


def plot_call(diagnosis: Diagnosis) -> Figure:
    """Plot the whole call: verdicts, packets, waveform and spectrogram over one time axis.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    matplotlib.figure.Figure
        One panel each for verdicts, packets (delay in ms), waveform (dBFS marks) and spectrogram (Hz, dB).
    """
    view = make_view(diagnosis)
    return _plot(view, (view.axis.start_s, view.axis.end_s), diagnosis.scene.case.name)


def plot_glitch(diagnosis: Diagnosis, glitch_id: str) -> Figure:
    """Plot one glitch with some of the call around it.

    Parameters
    ----------
    diagnosis : Diagnosis
    glitch_id : str
        Such as "g01".

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        Where there is no such glitch; the message names those that there are.
    """
    verdict = diagnosis.verdict(glitch_id)
    view = make_view(diagnosis)
    glitch = verdict.glitch
    times = [glitch.start_s, glitch.end_s, *(view.axis.captured_s(glitch) or ())]
    title = f"{verdict.id}: {cause_label(verdict.cause)}, {mechanism_label(verdict.mechanism)}"
    return _plot(view, (min(times) - MARGIN_S, max(times) + MARGIN_S), title)


def plot_relative_delay(stream: RtpStream, *, ax: Axes | None = None) -> Figure:
    """Plot arrival − media time of one stream over the capture's clock.

    Parameters
    ----------
    stream : RtpStream
    ax : matplotlib.axes.Axes, optional
        Where to plot; a new figure where none is given.

    Returns
    -------
    matplotlib.figure.Figure
        Delay in ms above the quickest packet; lost packets as crosses where they were due.
    """
    from matplotlib import pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=(10, 3), layout="constrained")
    _plot_packets(ax, stream, Axis("capture", 0.0, 0.0, None, 0), window=(-np.inf, np.inf))
    ax.set_xlabel("capture time (s)")
    ax.set_title(f"SSRC 0x{stream.ssrc:08X}, {stream.codec.name}", loc="left", fontsize=10)
    return ax.get_figure()  # type: ignore[return-value]


def _plot(view: View, window: tuple[float, float], title: str) -> Figure:
    from matplotlib import pyplot as plt
    from matplotlib.ticker import AutoLocator, ScalarFormatter

    sound = view.sounds.get("heard") or view.sounds.get("sent")
    stream = view.streams.get("downlink")
    heights = [0.55] + [1.3] * (stream is not None) + [1.0, 1.6] * (sound is not None)
    figure, grid = plt.subplots(
        len(heights), 1, figsize=(11, 1.9 * sum(heights)), sharex=True, squeeze=False, height_ratios=heights,
        layout="constrained",
    )  # fmt: skip
    panels = iter(grid[:, 0])
    _plot_verdicts(next(panels), view.diagnosis, window)
    if stream is not None:
        _plot_packets(next(panels), stream, view.axis, window=window)
    if sound is not None:
        wave = next(panels)
        _plot_wave(wave, sound, window)
        _mark_glitches(wave, view.diagnosis)
        _plot_spectrogram(next(panels), sound, window)
    last = grid[-1, 0]
    last.set_xlim(*window)
    last.xaxis.set_major_locator(AutoLocator())
    last.xaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    last.set_xlabel(f"{view.axis.name} time (s)")
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    return figure


def _plot_verdicts(ax: Any, diagnosis: Diagnosis, window: tuple[float, float]) -> None:
    """Draw a bar per glitch; each cause is named once, in the legend, by its colour and hatch."""
    named: dict[str, Any] = {}
    for verdict in diagnosis.verdicts:
        if verdict.glitch.end_s < window[0] or verdict.glitch.start_s > window[1]:
            continue
        named.setdefault(cause_label(verdict.cause), _plot_bar(ax, verdict, window))
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    ax.set_ylabel("verdict", rotation=0, ha="right", va="center")
    ax.spines[["top", "right", "left"]].set_visible(False)
    if named:
        ax.legend(
            named.values(),
            named.keys(),
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=len(named),
            frameon=False,
            fontsize=9,
        )


def _plot_bar(ax: Any, verdict: Verdict, window: tuple[float, float]) -> Any:
    look, glitch = LOOKS[verdict.cause], verdict.glitch
    width = max(glitch.end_s - glitch.start_s, (window[1] - window[0]) / 400)
    height = 0.8 if glitch.audible else 0.3
    return ax.bar(
        glitch.start_s,
        height,
        width,
        align="edge",
        color=look.light,
        hatch=HATCHES[look.pattern],
        edgecolor="white",
        linewidth=0,
    )


def _mark_glitches(ax: Any, diagnosis: Diagnosis) -> None:
    for verdict in diagnosis.verdicts:
        if verdict.glitch.audible:
            ax.axvspan(verdict.glitch.start_s, verdict.glitch.end_s, color=LOOKS[verdict.cause].light, alpha=0.15, lw=0)


def _plot_packets(ax: Any, stream: RtpStream, axis: Axis, *, window: tuple[float, float]) -> None:
    packets, lost = packet_arrays(stream, axis), lost_arrays(stream, axis)
    fate = packets["kind"] & 7
    ax.plot(packets["at_s"], packets["delay_ms"], ".", markersize=2.5, color=PACKET_COLOUR, rasterized=len(fate) > 5000)
    for mark, (shape, name) in MARKS.items():
        chosen = fate == FATES.index(mark)
        if chosen.any():
            ax.plot(
                packets["at_s"][chosen],
                packets["delay_ms"][chosen],
                shape,
                markersize=6,
                mfc="none",
                color="#8a5a00",
                label=name,
            )
    if len(lost["at_s"]):
        ax.plot(lost["at_s"], lost["delay_ms"], "x", markersize=6, color=LOST_COLOUR, label="lost")
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper right", ncols=4, fontsize=8, framealpha=0.8)
    ax.set_ylabel("arrival −\nmedia (ms)")
    inside = (packets["at_s"] >= window[0]) & (packets["at_s"] <= window[1])
    most_ms = max(float(packets["delay_ms"][inside].max(initial=0)), 20.0)
    ax.set_ylim(-0.06 * most_ms, 1.12 * most_ms)
    ax.grid(axis="y", alpha=0.3)


def _plot_wave(ax: Any, sound: Sound, window: tuple[float, float]) -> None:
    """Draw minimum to maximum of each of about 2 000 columns."""
    columns_wanted = 2000
    span = max(1, int((window[1] - window[0]) * sound.sample_rate_hz / columns_wanted))
    level = int(np.log(span) / np.log(waveform.LEVEL_FACTOR) + 1e-9)
    at_s, pairs = _columns(sound, window, level=level)
    low, high = np.where(pairs[:, :1] <= pairs[:, 1:], pairs / waveform.FULL_SCALE, np.nan).T
    peak = float(np.nanmax(np.abs([low, high]), initial=1e-3))
    ax.fill_between(at_s, low, high, step="mid", color=WAVE_COLOUR, linewidth=0.3)
    ax.set_ylim(-1.1 * peak, 1.1 * peak)
    ax.set_ylabel(f"{sound.label.lower()}\n(full scale = 1)")
    ax.grid(axis="y", alpha=0.3)


def _columns(sound: Sound, window: tuple[float, float], *, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times and extremes of the waveform's columns of `level` within `window`."""
    column_s = waveform.LEVEL_FACTOR**level / sound.sample_rate_hz
    tile_s = column_s * waveform.TILE_COLUMNS
    last = int(max(min(window[1] - sound.start_s, sound.duration_s), 0) / tile_s)
    first = min(int(max(window[0] - sound.start_s, 0) / tile_s), last)
    pairs = np.concatenate([waveform.wave_tile(sound, level=level, index=i) for i in range(first, last + 1)])
    at_s = sound.start_s + (first * waveform.TILE_COLUMNS + np.arange(len(pairs)) + 0.5) * column_s
    inside = (at_s >= window[0]) & (at_s <= window[1])
    return at_s[inside], pairs[inside]


def _plot_spectrogram(ax: Any, sound: Sound, window: tuple[float, float]) -> None:
    """Draw the level in dB on a mel axis, as librosa does; columns of the tiles that the timeline shows."""
    import librosa.display

    level, hop_s = 0, spectrogram.HOP_S
    while (window[1] - window[0]) / hop_s > 2000:
        level, hop_s = level + 1, hop_s * spectrogram.LEVEL_FACTOR
    first = int(max(window[0] - sound.start_s, 0) / hop_s / spectrogram.TILE_COLUMNS)
    last = int(max(min(window[1] - sound.start_s, sound.duration_s), 0) / hop_s / spectrogram.TILE_COLUMNS)
    cells = np.concatenate(
        [spectrogram.spectrogram_tile(sound, scale="mel", level=level, index=i) for i in range(first, last + 1)]
    )
    edges_hz = spectrogram.row_edges_hz(sound.sample_rate_hz, "mel")
    at_s = sound.start_s + (first * spectrogram.TILE_COLUMNS + np.arange(len(cells)) + 0.5) * hop_s
    image = librosa.display.specshow(
        spectrogram.cell_levels_db(cells).T, x_coords=at_s, y_coords=(edges_hz[1:] + edges_hz[:-1]) / 2,
        x_axis="s", y_axis="mel", cmap="magma", vmin=spectrogram.FLOOR_DB, vmax=0, ax=ax, rasterized=True,
    )  # fmt: skip
    ax.set_xlabel("")
    ax.set_ylabel("frequency (Hz)")
    ax.get_figure().colorbar(image, ax=ax, format="%+.0f dB", pad=0.01, aspect=12)
