"""Where people confirm, overrule or comment on a verdict in the workbench."""

from __future__ import annotations

import getpass
from html import escape
from typing import Any

import ipywidgets

from forensics.errors import ForensicsError
from forensics.model import Diagnosis, Verdict
from forensics.views.notes import DECISIONS, make_note, notes_on, read_notes, write_notes
from forensics.views.pages import templates


class NotePad(ipywidgets.VBox):
    """The notes on the chosen glitch, and a form for one more; `save` keeps them beside the case."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._case = diagnosis.scene.case
        self._verdict: Verdict | None = None
        self._shown = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        short = {"description_width": "initial"}
        self.decision = ipywidgets.Dropdown(
            options=DECISIONS, description="I", style=short, layout={"width": "150px"}, tooltip="What you say"
        )
        self.author = ipywidgets.Text(_user(), description="Author", style=short, layout={"width": "200px"})
        self.text = ipywidgets.Textarea(
            description="Note", placeholder="Why?", style=short, layout={"width": "100%", "height": "54px"}
        )
        self.save = ipywidgets.Button(description="Save note", icon="pencil")
        self.save.on_click(self._save)
        row = ipywidgets.HBox([self.decision, self.author, self.save], layout={"flex_flow": "row wrap"})
        self._form = ipywidgets.VBox([row, self.text, self._said])
        super().__init__([self._shown, self._form])
        self.show(None)

    def show(self, verdict: Verdict | None) -> None:
        """Show the notes on `verdict`; without one, nothing."""
        self._verdict = verdict
        self._said.value = ""
        self._form.layout.display = "" if verdict else "none"
        self._shown.value = self._page(verdict) if verdict else ""

    def _page(self, verdict: Verdict) -> str:
        try:
            notes = notes_on(verdict, read_notes(self._case))
        except ForensicsError as error:
            return f'<p class="forensics">{escape(str(error))}</p>'
        page = templates().get_template("notes.html").render(notes=notes)
        return f'<div class="forensics forensics-verdict">{page}</div>'

    def _save(self, _: Any) -> None:
        if self._verdict is None:
            return
        note = make_note(self._verdict, decision=self.decision.value, text=self.text.value, author=self.author.value)
        try:
            path = write_notes(self._case, (*read_notes(self._case), note))
        except (ForensicsError, OSError) as error:
            self._said.value = f'<p class="forensics">The note was not saved: {escape(str(error))}</p>'
            return
        self.text.value = ""
        self.show(self._verdict)
        self._said.value = f'<p class="forensics">Saved in {escape(path.name)}.</p>'


def _user() -> str:
    try:
        return getpass.getuser()
    except OSError:  # no such user: a container with a bare id
        return ""
