"""The what-if panel: sliders and switches, and the holes that a replay predicts under them."""

from __future__ import annotations

import asyncio
from typing import Any

import anywidget
import numpy as np
import traitlets

from forensics.model import RtpStream
from forensics.views.beside import beside
from forensics.views.predictions import (
    AS_IT_WAS,
    Settings,
    Span,
    compare_holes,
    cut_stream,
    holes_of,
    prediction_rows,
    replay_what_if,
)
from forensics.views.renderer import evidence_style, what_if_source
from forensics.views.widget import Timeline

QUICK_PACKETS = 4_000
"""As many packets are replayed within 0.1 s on one core of 2024: more are first replayed for the stretch in view only,
so that the picture follows the slider, and all of them once it rests."""

REST_S = 0.5
LARGEST_TARGET_MS = 1000
LARGEST_LEAD_MS = 1000


class WhatIf(anywidget.AnyWidget):
    """Controls of the replay; each change redraws the predicted holes on `timeline`.

    Attributes
    ----------
    target_ms, lead_ms : int
        The receiver's buffer target and the sender's lead.
    repaired, prompt, steady : bool
        As in `Settings`.
    said : str
        What the replay came to, in a sentence.
    """

    _esm = what_if_source()
    _css = evidence_style()

    target_ms = traitlets.Int(0, min=0, max=LARGEST_TARGET_MS).tag(sync=True)
    lead_ms = traitlets.Int(0, min=0, max=LARGEST_LEAD_MS).tag(sync=True)
    repaired = traitlets.Bool(False).tag(sync=True)
    prompt = traitlets.Bool(False).tag(sync=True)
    steady = traitlets.Bool(False).tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    largest = traitlets.Dict({"target_ms": LARGEST_TARGET_MS, "lead_ms": LARGEST_LEAD_MS}).tag(sync=True)

    def __init__(self, stream: RtpStream, timeline: Timeline, *, sent_s: np.ndarray | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._sent_s = sent_s
        self._timeline = timeline
        self._before: dict[Span | None, np.ndarray] = {}
        self._resting: asyncio.TimerHandle | None = None
        self.observe(self._predict, ["target_ms", "lead_ms", "repaired", "prompt", "steady"])

    @property
    def settings(self) -> Settings:
        """What the controls say."""
        return Settings(self.target_ms / 1e3, self.lead_ms / 1e3, self.repaired, self.prompt, self.steady)

    def _predict(self, _: Any = None) -> None:
        """Show what the settings change: at once where that is quick, else in view first and everywhere at rest."""
        if self._resting is not None:
            self._resting.cancel()
        span_s = self._stretch()
        self._show(span_s, *self._replay(self.settings, span_s))
        if span_s is not None:
            self._predict_at_rest()

    def _predict_at_rest(self) -> None:
        settings = self.settings
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel, nobody who drags a slider
            self._show(None, *self._replay(settings, None))
            return
        self._resting = loop.call_later(
            REST_S, beside, lambda: self._replay(settings, None), lambda holes: self._show_if(settings, holes)
        )

    def _show_if(self, settings: Settings, holes: tuple[np.ndarray, np.ndarray]) -> None:
        if settings == self.settings:
            self._show(None, *holes)

    def _stretch(self) -> Span | None:
        """The stretch to replay first, on the capture's clock; None where all of the call is quick enough."""
        packets = len(self._stream.packets)
        if packets <= QUICK_PACKETS:
            return None
        arrival_s = self._stream.packets["arrival_s"]
        start_s, end_s = (float(self._timeline.view.axis.to_capture(t)) for t in self._timeline.window)
        quick_s = QUICK_PACKETS / packets * float(arrival_s.iloc[-1] - arrival_s.iloc[0])
        middle_s, half_s = (start_s + end_s) / 2, min(end_s - start_s, quick_s) / 2
        return middle_s - half_s, middle_s + half_s

    def _replay(self, settings: Settings, span_s: Span | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the holes of the call as it was, and under `settings`."""
        stream, sent_s = self._stream, self._sent_s
        if span_s is not None:
            stream, rows = cut_stream(stream, span_s)
            sent_s = None if sent_s is None else sent_s[rows]
        if not len(stream.packets):
            return np.zeros((0, 2)), np.zeros((0, 2))
        if span_s not in self._before:
            if span_s is not None:
                self._before = {key: holes for key, holes in self._before.items() if key is None}
            self._before[span_s] = holes_of(replay_what_if(stream, AS_IT_WAS), span_s)
        return self._before[span_s], holes_of(replay_what_if(stream, settings, sent_s=sent_s), span_s)

    def _show(self, span_s: Span | None, before: np.ndarray, after: np.ndarray) -> None:
        where = " of the stretch in view" if span_s is not None else ""
        self._timeline.predicted = prediction_rows({"as it was": before, "what if": after}, self._timeline.view.axis)
        self.said = compare_holes(before, after, where=where)
