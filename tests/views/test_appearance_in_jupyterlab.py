"""The workbench in light and dark, narrow, wide and enlarged; reachable for everybody."""

import os
from pathlib import Path

import pytest
from jupyterlab_session import Sheet, write_notebook

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from synthetic_call import synthetic_diagnosis
from telemetry_of_call import with_telemetry
import forensics as fx
bench = fx.workbench(with_telemetry(synthetic_diagnosis()))
bench.glitch = "g02"
bench
"""
GROUND = """() => {
    const canvas = document.querySelector(".tl-stage canvas");
    return [...canvas.getContext("2d").getImageData(2, canvas.height / 2, 1, 1).data].slice(0, 3);
}"""
STICKING_OUT = """() => {
    const cell = document.querySelector(".jp-OutputArea").getBoundingClientRect();
    return [...document.querySelectorAll(".tl, .tl *, .forensics, .forensics *")]
        .filter(node => node.checkVisibility() && !node.closest(".forensics-scroll, .tl-live, .tl-head"))
        .filter(node => node.getBoundingClientRect().right > cell.right + 1).map(node => node.outerHTML.slice(0, 90));
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "bench.ipynb", CELL)
    return folder


@pytest.fixture
def show(browser, address):
    """Give a function that shows the workbench in a theme, a window and an enlargement."""
    opened = []

    def show(theme="Light", **size):
        sheet = Sheet(browser, address, **size).open("bench.ipynb")
        opened.append(sheet)
        sheet.theme(f"JupyterLab {theme}")
        sheet.run_all()
        sheet.page.wait_for_selector(".tl-stage[aria-busy=false]")
        sheet.page.wait_for_selector(".forensics-verdict h3")
        sheet.settle()
        return sheet

    yield show
    for sheet in opened:
        assert sheet.troubles == []
        sheet.close()


@pytest.mark.parametrize("theme", ["Light", "Dark"])
@pytest.mark.parametrize(("width", "zoom"), [(1280, 1.0), (2560, 1.0), (1280, 2.0)])
def test_it_fits_and_follows_the_theme(show, theme, width, zoom):
    sheet = show(theme, width=width, height=1500, zoom=zoom)
    ground = sheet.page.evaluate(GROUND)
    assert max(ground) < 60 if theme == "Dark" else min(ground) > 230
    assert sheet.page.evaluate(STICKING_OUT) == []
    if "SCREENSHOTS" in os.environ:
        sheet.page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / f"workbench_{theme}_{width}_{zoom:.0%}.png")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_on_our_part_of_the_page(show, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    sheet = show(theme)
    sheet.page.locator(".tl-details summary").first.click()
    sheet.page.locator("summary", has_text="What if").click()
    ours = {"include": [[selector] for selector in (".tl", ".jp-OutputArea .widget-vbox")]}
    violations = axe.Axe().run(sheet.page, context=ours).response["violations"]
    assert [(v["id"], v["help"], [node["html"][:120] for node in v["nodes"]]) for v in violations] == []


def test_every_control_is_reached_by_the_tab_key(show):
    sheet = show()
    sheet.page.get_by_role("button", name="Play (space)").focus()
    reached = set()
    for _ in range(90):
        reached.add(sheet.page.evaluate("() => document.activeElement.ariaLabel || document.activeElement.textContent"))
        sheet.page.keyboard.press("Tab")
    wanted = {"Play (space)", "Which sound (b: as heard, as sent)", "Loop the selection (l)", "Zoom in (+)",
              "Next glitch (n)", "Frequency scale", "Verdicts", "Height of Verdicts", "Statistics", "Cause", "g01",
              "What is in view, as a table", "Keys and gestures"}  # fmt: skip
    assert wanted <= reached
    assert any("Keys are listed below" in name for name in reached)
