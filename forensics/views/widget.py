"""The timeline as a widget: anywidget hosts the renderer; bulk data goes over when it is looked at.

Nothing big is a trait, so a notebook saved with the widget's state stays small.
"""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from forensics.model import Diagnosis
from forensics.views.answers import reply, takes_long
from forensics.views.beside import beside
from forensics.views.renderer import timeline_source, timeline_style
from forensics.views.still import show_beside, still_page
from forensics.views.view import View, make_view


class Timeline(anywidget.AnyWidget):
    """The linked lanes of one call in JupyterLab.

    Attributes
    ----------
    window : tuple of float
        The stretch in view, (start_s, end_s) on the axis; set it to move the view.
    glitch : str or None
        Id of the chosen glitch; set it to bring a glitch into view.
    range : tuple of float or None
        The stretch that was selected, (start_s, end_s).
    cursor_s : float
        Where the cursor stands.
    predicted : list of dict
        Holes that replays predict, per replay ``{"name": str, "holes": [(start_s, end_s), …]}``; a lane shows them.
    """

    _esm = timeline_source()
    _css = timeline_style()

    window = traitlets.Tuple(traitlets.Float(), traitlets.Float()).tag(sync=True)
    glitch = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    range = traitlets.Tuple(traitlets.Float(), traitlets.Float(), allow_none=True, default_value=None).tag(sync=True)
    cursor_s = traitlets.Float(0.0).tag(sync=True)
    still_id = traitlets.Unicode().tag(sync=True)
    predicted: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, view: View) -> None:
        super().__init__(window=(view.axis.start_s, view.axis.end_s))
        self.still_id = self.model_id
        self.view = view
        self._still: Any = None
        self.on_msg(self._answer)

    def _ipython_display_(self) -> None:
        """Show the live view, and beside it the still that a notebook opened without a kernel shows."""
        self.show_with_still(self)

    def show_with_still(self, widget: Any) -> None:
        """Display `widget`, which this timeline is part of, and a still that follows the browser's first picture."""
        summary = f"{type(widget).__name__} of {self.view.diagnosis.scene.case.name}"
        self._still = show_beside(widget, still_page(self.view, self.still_id), summary=summary)

    def keep_still_in(self, shown: Any) -> None:
        """Keep the still in the output `shown`, a display handle, from now on."""
        self._still = shown
        self._keep_still("")

    def _keep_still(self, picture: str) -> None:
        from IPython.display import HTML

        if self._still is not None:
            self._still.update(HTML(still_page(self.view, self.still_id, picture=picture)))

    def _answer(self, _: Any, message: dict[str, Any], __: Any) -> None:
        if message["kind"] == "still":
            self._keep_still(message["picture"])
        elif takes_long(message):
            beside(lambda: reply(self.view, message), lambda answered: self.send(*answered))
        else:
            self.send(*reply(self.view, message))


def timeline(diagnosis: Diagnosis) -> Timeline:
    """Return the linked timeline of `diagnosis` as a widget.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    Timeline
        Show it as the last expression of a cell; `window`, `glitch`, `range` and `cursor_s` follow the view.
    """
    return Timeline(make_view(diagnosis))
