"""What stays of a live view when its notebook is opened without a kernel: a picture and the table of verdicts."""

from __future__ import annotations

import re
from typing import Any

from forensics.views.pages import templates
from forensics.views.palette import LOOKS
from forensics.views.view import View

_PICTURE = re.compile(r"data:image/(?:webp|png);base64,[A-Za-z0-9+/]+={0,2}")
"""What a canvas gives; anything else that a browser sends is not put into the page."""

LARGEST_PICTURE = 1_000_000  # characters; a notebook saved with the view is to stay below 2 MB


def still_page(view: View, widget_id: str, *, picture: str = "") -> str:
    """Return the still of `view` as HTML; the live widget `widget_id` hides it as long as it is there.

    Parameters
    ----------
    view : View
    widget_id : str
    picture : str
        A data: URL that the browser drew; left out where it is none, or too large.
    """
    fits = len(picture) <= LARGEST_PICTURE and _PICTURE.fullmatch(picture)
    verdicts = sorted(view.diagnosis.verdicts, key=lambda v: v.glitch.start_s)
    return (
        templates()
        .get_template("still.html")
        .render(
            widget_id=widget_id,
            picture=picture if fits else "",
            conclusion=view.diagnosis.conclusion,
            title=view.diagnosis.scene.case.name,
            verdicts=[(verdict, LOOKS[verdict.cause]) for verdict in verdicts],
        )
    )


def still_note(widget_id: str) -> str:
    """Return what stands in a notebook without a kernel where there is nothing to see yet."""
    return templates().get_template("still_note.html").render(widget_id=widget_id)


def show_beside(widget: Any, page: str, *, summary: str) -> Any:
    """Display `widget`, and `page`, which a notebook opened without a kernel shows in its place.

    Parameters
    ----------
    widget : ipywidgets.Widget
    page : str
        HTML, from `still_page` or `still_note`.
    summary : str
        What stands for the widget where neither it nor HTML can be shown.

    Returns
    -------
    IPython.display.DisplayHandle
        Of the page.
    """
    from IPython.display import HTML, display

    bundle = widget._repr_mimebundle_()  # ipywidgets gives the data alone, anywidget its metadata with them
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    display({**data, "text/plain": summary}, metadata=metadata, raw=True)
    return display(HTML(page), display_id=True)
