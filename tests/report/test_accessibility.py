"""axe finds nothing: every kind of page, light and dark, on a desk and on a phone."""

from importlib.resources import files
from pathlib import Path

import pytest
from made_findings import made_findings
from told_call import told_diagnosis

from forensics.comparison import compare
from forensics.report import write_comparison, write_report
from forensics.survey.page import render_survey
from forensics.survey.record import place_of
from forensics.survey.surveying import Surveyed

pytestmark = pytest.mark.browser

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""WCAG 2.2 at level AA, and what axe holds to be good practice beyond it."""

RUN = """async (tags) => {
    const found = await axe.run(document, {runOnly: tags});
    const told = (rule) => `${rule.id}: ${rule.nodes.map(node => node.html).slice(0, 3).join(" | ")}`;
    return [found.passes.length, found.violations.map(told)];
}"""


@pytest.fixture(scope="module")
def axe():
    """The program axe-core, as its wheel carries it."""
    pytest.importorskip("axe_playwright_python", reason="needs the package axe-playwright-python")
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    before = [made_findings(f"call-{i}", latencies_s=(0.5, 0.9), network_drop=9, minutes=3) for i in range(3)]
    after = [made_findings(f"call-{i}", latencies_s=(1.5, 1.9), late_model_output=4, minutes=3) for i in range(3)]
    place = place_of(Path("calls/monday"), folder=Path("calls"), out=Path("out"))
    surveyed = [Surveyed(place, after[0], 2.0), Surveyed(place, None, 0.0, "It is no capture.")]
    (folder / "survey.html").write_text(render_survey("calls", surveyed), encoding="utf-8")
    return {
        "report": write_report(told_diagnosis(), folder / "report.html"),
        "comparison": write_comparison(compare(before, after), folder / "comparison.html"),
        "survey": folder / "survey.html",
    }


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [
        ("report", 1280, "light"),
        ("report", 390, "dark"),
        ("comparison", 1280, "dark"),
        ("comparison", 390, "light"),
        ("survey", 1280, "light"),
        ("survey", 390, "dark"),
    ],
)
def test_axe_finds_nothing(pages, browser, axe, kind, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(pages[kind].as_uri())
    page.wait_for_selector("html[data-ready]")
    page.evaluate("document.querySelectorAll('details').forEach(each => (each.open = true))")
    page.evaluate(axe)
    passed, violated = page.evaluate(RUN, list(RULES))
    page.close()
    assert violated == []
    assert passed > 20


@pytest.mark.parametrize("kind", ["comparison", "survey"])
def test_a_table_sorts_by_its_heads(pages, browser, kind):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(pages[kind].as_uri())
    page.wait_for_selector("html[data-ready]")
    head = page.locator("table.sortable").first.locator("thead th").filter(has_text="Length")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.evaluate("document.documentElement.scrollWidth") == 1280
    page.close()
