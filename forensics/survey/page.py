"""The page over all calls of a survey: a row per call that leads to its report, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from forensics.measures import call_measures
from forensics.model import BLAMING_CAUSES, Cause
from forensics.report.shell import read_part, render_page
from forensics.views.palette import LOOKS
from forensics.views.renderer import evidence_style

if TYPE_CHECKING:
    from forensics.survey.surveying import Surveyed

CAUSES = (*BLAMING_CAUSES, Cause.UNDETERMINED)


def render_survey(name: str, surveyed: Sequence[Surveyed]) -> str:
    """Return the page of a survey of the folder called `name`."""
    from forensics import __version__

    rows = [_row(one) for one in surveyed if one.document is not None]
    broken = [(one.place.name, one.error) for one in surveyed if one.document is None]
    return render_page(
        "survey.html",
        kind="Survey",
        title=name,
        text=survey_conclusion(rows, broken=len(broken)),
        scripts=(read_part("theme.js"), read_part("table.js")),
        styles=(evidence_style(), read_part("page.css")),
        rows=rows,
        broken=broken,
        causes=[(cause, LOOKS[cause]) for cause in CAUSES],
        version=__version__,
    )


def survey_conclusion(rows: Sequence[Mapping[str, Any]], *, broken: int) -> str:
    """Say in plain words what the calls come to together."""
    audible = sum(row["audible"] for row in rows)
    minutes = sum(row["duration_s"] for row in rows) / 60
    calls = f"{len(rows)} {'call' if len(rows) == 1 else 'calls'}, {minutes:.1f} minutes"
    sentences = [f"{audible or 'No'} audible {'glitch' if audible == 1 else 'glitches'} in {calls}."]
    counts = {cause: sum(row[str(cause)] for row in rows) for cause in CAUSES}
    if audible:
        parts = [f"{n} × {LOOKS[cause].label.lower()}" for cause, n in _most_first(counts) if n]
        clean = sum(not row["audible"] for row in rows)
        sentences.append(f"By cause: {', '.join(parts)}. {_calls(clean)} without any.")
    if broken:
        sentences.append(f"{_calls(broken)} could not be read and stand{'s' if broken == 1 else ''} below the table.")
    return " ".join(sentences)


def _most_first(counts: Mapping[Cause, int]) -> Iterable[tuple[Cause, int]]:
    return sorted(counts.items(), key=lambda item: -item[1])


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number or 'No'} calls"


def _row(one: Surveyed) -> dict[str, Any]:
    assert one.document is not None
    length_s = one.document["duration_s"] or 1.0
    marks = [
        {"cause": glitch["cause"], "x": 1000 * glitch["start_s"] / length_s,
         "width": max(1000 * (glitch["end_s"] - glitch["start_s"]) / length_s, 6)}
        for glitch in one.document["glitches"] if glitch["audible"]
    ]  # fmt: skip
    return {
        "name": one.place.name,
        "link": quote(f"calls/{one.place.report.name}"),
        "marks": marks,
        "again": one.again,
        **call_measures(one.document),
    }
