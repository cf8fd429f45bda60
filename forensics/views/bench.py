"""The workbench: the timeline, the list of glitches, the verdict with its evidence, and the frames behind it."""

from __future__ import annotations

from html import escape
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets

from forensics.errors import ForensicsError
from forensics.model import Diagnosis, Scene, Verdict
from forensics.views.findings import frames_around
from forensics.views.note_pad import NotePad
from forensics.views.pages import verdict_page
from forensics.views.palette import looks_as_data
from forensics.views.renderer import evidence_style, glitch_list_source
from forensics.views.selection import Selection
from forensics.views.view import make_view
from forensics.views.what_if import WhatIf
from forensics.views.widget import Timeline

FRAMES_SHOWN = 12
"""Frames dissected at once; each costs some milliseconds, and nobody reads more."""


class GlitchList(anywidget.AnyWidget):
    """The glitches as a table that sorts and filters; `glitch` is the id of the chosen one."""

    _esm = glitch_list_source()
    _css = evidence_style()

    rows: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    causes = traitlets.Dict().tag(sync=True)
    glitch = traitlets.Unicode(None, allow_none=True).tag(sync=True)


class Workbench(ipywidgets.VBox):
    """Linked views of one diagnosis.

    Attributes
    ----------
    diagnosis : Diagnosis
    timeline : Timeline
    what_if : WhatIf or None
        None where there is no stream to replay.
    """

    def __init__(self, diagnosis: Diagnosis) -> None:
        view = make_view(diagnosis)
        self.diagnosis = diagnosis
        self.timeline = Timeline(view)
        self._list = GlitchList(rows=view.header["glitches"], causes=looks_as_data())
        self._verdict = ipywidgets.HTML()
        self._open = ipywidgets.Button(description="Open packets", icon="search", disabled=True)
        self._frames = ipywidgets.HTML()
        self._notes = NotePad(diagnosis)
        ipywidgets.jslink((self.timeline, "glitch"), (self._list, "glitch"))
        self.timeline.observe(self._show_verdict, "glitch")
        self._open.on_click(self._show_frames)
        stream = view.streams.get("downlink")
        sent_s = departures(diagnosis.scene)
        self.what_if = WhatIf(stream, self.timeline, sent_s=sent_s) if stream is not None else None
        self._show_verdict()
        listing = ipywidgets.VBox([self._list, self._notes], layout={"flex": "1 1 480px", "min_width": "0"})
        verdict = [self._verdict, self._open, self._frames]
        detail = ipywidgets.VBox(verdict, layout={"flex": "1 1 420px", "min_width": "0"})
        below = ipywidgets.HBox([listing, detail], layout={"flex_flow": "row wrap", "grid_gap": "12px 24px"})
        super().__init__([part for part in (self.timeline, self.what_if, below) if part is not None])

    def _ipython_display_(self) -> None:
        self.timeline.show_with_still(self)

    @property
    def glitch(self) -> Verdict | None:
        """The verdict that is chosen; set it to an id (or None) to bring a glitch into view."""
        return self.diagnosis.verdict(self.timeline.glitch) if self.timeline.glitch else None

    @glitch.setter
    def glitch(self, glitch_id: str | None) -> None:
        self.timeline.glitch = self.diagnosis.verdict(glitch_id).id if glitch_id else None

    @property
    def selection(self) -> Selection:
        """What is selected on the timeline; without a selection, what is in view."""
        start_s, end_s = self.timeline.range or self.timeline.window
        return Selection(start_s, end_s, self.timeline.view)

    def _show_verdict(self, _: Any = None) -> None:
        verdict = self.glitch
        self._frames.value = ""
        self._notes.show(verdict)
        self._open.disabled = verdict is None or self.diagnosis.scene.case.capture is None
        self._verdict.value = verdict_page(verdict) if verdict else _said(self.diagnosis.conclusion)

    def _show_frames(self, _: Any) -> None:
        """Dissect the frames of the chosen glitch; what cannot be done is said where they would stand."""
        verdict = self.glitch
        if verdict is None:
            return
        self._open.disabled = True
        scene = self.diagnosis.scene
        stream = scene.uplink if verdict.glitch.direction == "uplink" else scene.downlink
        try:
            self._frames.value = self._dissected(frames_around(verdict, stream, most=FRAMES_SHOWN))
        except ForensicsError as error:
            self._frames.value = _said(str(error))
        finally:
            self._open.disabled = False

    def _dissected(self, frames: tuple[int, ...]) -> str:
        from forensics.capture.dissect import dissect

        packets = dissect(self.diagnosis.scene.case, frames)
        return f'<div class="forensics forensics-frames">{"".join(p._repr_html_() for p in packets)}</div>'


def workbench(diagnosis: Diagnosis) -> Workbench:
    """Return the workbench of `diagnosis`: show it as the last expression of a cell.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    Workbench
        `glitch` is the chosen verdict, `selection` the selected stretch with its packets, samples and statistics as
        tables.
    """
    return Workbench(diagnosis)


def departures(scene: Scene) -> np.ndarray | None:
    """Return when each packet of the downlink left the sender, on the capture's clock; None unless all are known."""
    if scene.downlink is None or scene.journey is None:
        return None
    known = scene.journey.drop_duplicates("row").set_index("row")["departure_s"]
    sent_s = known.reindex(np.arange(len(scene.downlink.packets))).to_numpy(dtype=float)
    return sent_s if np.isfinite(sent_s).all() else None


def _said(text: str) -> str:
    return f'<div class="forensics forensics-verdict"><p>{escape(text)}</p></div>'
