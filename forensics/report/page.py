"""Writes the report: one HTML file with everything in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from forensics.model import Diagnosis
from forensics.report.content import page_data
from forensics.report.embed import content_security_policy, script_json
from forensics.report.sections import cause_rows, facts, glitch_sections, provenance, turn_table
from forensics.report.wording import FILTERS
from forensics.views.renderer import timeline_source, timeline_style
from forensics.views.view import make_view

HERE = Path(__file__).parent


def write_report(diagnosis: Diagnosis, path: str | Path, *, audio: bool = True) -> Path:
    """Write `diagnosis` as one self-contained page that opens from the file system and fetches nothing.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
        The HTML file to write; folders above it are made.
    audio : bool
        Whether the page carries sound: a clip per glitch and, for calls up to two minutes, the whole call.

    Returns
    -------
    Path
        The file that was written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_report(diagnosis, audio=audio), encoding="utf-8")
    return path


def render_report(diagnosis: Diagnosis, *, audio: bool = True) -> str:
    """Return the page of `diagnosis` as text."""
    view = make_view(diagnosis)
    script = f"{timeline_source()}\n{_read('page.js')}"
    style = f"{timeline_style()}\n{_read('page.css')}"
    return (
        _templates()
        .get_template("report.html")
        .render(
            diagnosis=diagnosis,
            title=diagnosis.scene.case.name,
            axis=view.axis,
            facts=facts(diagnosis, view),
            causes=cause_rows(diagnosis),
            glitches=glitch_sections(diagnosis, view, audio=audio),
            turns=turn_table(diagnosis),
            provenance=provenance(diagnosis),
            policy=content_security_policy(script=script, style=style),
            script=script,
            style=style,
            data=script_json(page_data(view, audio=audio)),
        )
    )


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    templates.filters.update(FILTERS)
    return templates


def _read(name: str) -> str:
    return (HERE / "templates" / name).read_text(encoding="utf-8")
