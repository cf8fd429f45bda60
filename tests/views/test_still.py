"""The still: a picture and the verdicts for a notebook without a kernel."""

import pytest

from forensics.views.still import LARGEST_PICTURE, still_page

PICTURE = "data:image/webp;base64,UklGRg=="


def test_verdicts_and_conclusion_are_there_without_a_picture(view):
    page = still_page(view, "w1")
    assert "3 audible glitches" in page
    assert "<img" not in page
    assert page.count("<tr>") == 1 + len(view.diagnosis.verdicts)


def test_a_picture_from_the_canvas_is_shown(view):
    assert f'<img src="{PICTURE}"' in still_page(view, "w1", picture=PICTURE)


@pytest.mark.parametrize(
    "picture",
    ["https://example.org/x.png", 'data:image/webp;base64,AA"onerror="x', "data:text/html;base64,AAAA"],
)
def test_nothing_else_is(view, picture):
    assert "<img" not in still_page(view, "w1", picture=picture)


def test_a_picture_too_large_for_a_notebook_is_left_out(view):
    assert "<img" not in still_page(view, "w1", picture="data:image/webp;base64," + "A" * LARGEST_PICTURE)
