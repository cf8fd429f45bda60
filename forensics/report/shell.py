"""What every page shares: one file, its script and style admitted by hash, the conclusion on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forensics.report.embed import content_security_policy
from forensics.views.pages import templates
from forensics.views.wording import split_sentences

FOLDER = Path(__file__).parent / "templates"


def render_page(
    template: str,
    *,
    kind: str,
    title: str,
    text: str,
    scripts: tuple[str, ...],
    styles: tuple[str, ...],
    **content: Any,
) -> str:
    """Return a page as text.

    Parameters
    ----------
    template : str
        A template that extends `base.html`.
    kind, title : str
        What kind of page it is, and of what.
    text : str
        The conclusion; its first sentence becomes the headline.
    scripts, styles : tuple of str
        Sources, joined in this order into one script and one style.
    **content
        What else the template asks for.
    """
    script, style = "\n".join(scripts), "\n".join(styles)
    headline, *conclusion = split_sentences(text)
    shared = {
        "kind": kind,
        "title": title,
        "headline": headline,
        "conclusion": conclusion,
        "policy": content_security_policy(script=script, style=style),
        "script": script,
        "style": style,
    }
    return templates(FOLDER).get_template(template).render(shared | content)


def read_part(name: str) -> str:
    """Return a script or style of the pages."""
    return (FOLDER / name).read_text(encoding="utf-8")
