"""The templates of the views: Jinja2, autoescaped, with the project's wording at hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from forensics.model import Cause, Verdict
from forensics.views.findings import merged, sides
from forensics.views.palette import LOOKS
from forensics.views.wording import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"


@cache
def templates(*folders: Path) -> Environment:
    """Return an environment that looks for templates in `folders`, then among those of the views."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([*folders, FOLDER]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(FILTERS, merged=merged)
    return environment


def verdict_page(verdict: Verdict) -> str:
    """Return `verdict` as a fragment of HTML: for, against, not checkable, remedy, what would not help."""
    return (
        templates()
        .get_template("verdict.html")
        .render(
            verdict=verdict,
            look=LOOKS[verdict.cause],
            sides=sides(verdict),
            alternatives=[(LOOKS[Cause(cause)], confidence) for cause, confidence in verdict.alternatives],
        )
    )
