"""The what-if panel: sliders and switches, and the holes that a replay predicts under them."""

from __future__ import annotations

import asyncio
from typing import Any

import ipywidgets
import numpy as np

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
from forensics.views.widget import Timeline

QUICK_PACKETS = 4_000
"""As many packets are replayed within 0.1 s on one core of 2024: more are first replayed for the stretch in view only,
so that the picture follows the slider, and all of them once it rests."""

REST_S = 0.5
LARGEST_TARGET_MS = 1000
LARGEST_LEAD_MS = 1000


class WhatIf(ipywidgets.VBox):
    """Controls of the replay; each change redraws the predicted holes on `timeline`."""

    def __init__(self, stream: RtpStream, timeline: Timeline, *, sent_s: np.ndarray | None = None) -> None:
        self._stream = stream
        self._sent_s = sent_s
        self._timeline = timeline
        self._before: dict[Span | None, np.ndarray] = {}
        self._resting: asyncio.TimerHandle | None = None
        self.target_ms = _slider("Buffer target, ms", LARGEST_TARGET_MS)
        self.lead_ms = _slider("Send lead, ms", LARGEST_LEAD_MS)
        self.repaired = ipywidgets.Checkbox(False, description="losses repaired", indent=False)
        self.prompt = ipywidgets.Checkbox(False, description="sender never late", indent=False)
        self.steady = ipywidgets.Checkbox(False, description="network without jitter", indent=False)
        self._said = ipywidgets.HTML()
        switches = ipywidgets.HBox([self.repaired, self.prompt, self.steady], layout={"flex_flow": "row wrap"})
        for control in (self.target_ms, self.lead_ms, self.repaired, self.prompt, self.steady):
            control.observe(self._predict, "value")
        super().__init__([self.target_ms, self.lead_ms, switches, self._said])

    @property
    def settings(self) -> Settings:
        """What the controls say."""
        return Settings(
            target_s=self.target_ms.value / 1e3,
            lead_s=self.lead_ms.value / 1e3,
            repaired=self.repaired.value,
            prompt=self.prompt.value,
            steady=self.steady.value,
        )

    @property
    def said(self) -> str:
        """What the replay came to, in a sentence."""
        return str(self._said.value)

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
        self._said.value = f'<p class="forensics">{compare_holes(before, after, where=where)}</p>'


def _slider(label: str, largest: int) -> ipywidgets.IntSlider:
    return ipywidgets.IntSlider(
        0, 0, largest, 10, description=label, style={"description_width": "120px"}, layout={"width": "460px"}
    )
