"""A real JupyterLab: the notebooks run, files are dropped, the magic diagnoses, a cell is interrupted."""

import os
import re
import shutil
from pathlib import Path

import pytest
from jupyterlab_session import Sheet, write_notebook

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
CALL = ROOT / "sample_captures" / "stalled_model"
LONGEST_RUN_MS = 300_000  # of all cells together, on a slow machine
DRAWN = ".tl-stage[aria-busy=false]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The notebooks beside the sample captures."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    os.symlink(ROOT / "sample_captures", folder / "sample_captures")
    return folder


@pytest.fixture
def open_notebook(browser, address):
    opened = []

    def open_notebook(path):
        sheet = Sheet(browser, address)
        opened.append(sheet)
        sheet.page.set_default_timeout(LONGEST_RUN_MS)
        return sheet.open(path)

    yield open_notebook
    for sheet in opened:
        assert sheet.troubles == []
        assert sheet.abroad == []
        sheet.close()


def keep_picture(sheet, name):
    if "SCREENSHOTS" in os.environ:
        sheet.page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / f"{name}.png")


@pytest.mark.tshark
def test_the_first_notebook(open_notebook, folder):
    sheet = open_notebook("notebooks/01_first_look.ipynb").run_all()
    sheet.page.get_by_text(re.compile(r"^\d+ of \d+$")).wait_for()  # the glitch that a later cell chose is in view
    sheet.settle()
    assert sheet.printed("stderr") == []
    assert (folder / "reports" / "first_look.html").is_file()
    keep_picture(sheet, "first_look")


@pytest.mark.tshark
def test_the_template_for_a_call_of_ones_own_and_its_packets(open_notebook):
    sheet = open_notebook("notebooks/investigate.ipynb").run_all()
    sheet.page.get_by_text(re.compile(r"^\d+ of \d+$")).wait_for()
    sheet.settle()
    assert sheet.printed("stderr") == []
    assert "late model output" in sheet.printed("stdout")[0]
    sheet.page.get_by_role("button", name="Open packets").click()
    sheet.page.get_by_text(re.compile(r"^Frame \d+ · ")).first.wait_for()
    keep_picture(sheet, "investigate")


def test_files_are_dropped_and_the_workbench_opens(open_notebook, folder):
    write_notebook(folder / "drop.ipynb", "%load_ext forensics\n%diagnose")
    sheet = open_notebook("drop.ipynb").run_all()
    sheet.page.wait_for_selector(".forensics-drop")
    names = ("receiver.pcap", "recording.flac", "keys.log", "mic.flac")
    sheet.page.set_input_files(".forensics-file", [CALL / name for name in names])
    sheet.page.wait_for_function("() => document.querySelectorAll('.forensics-file-row').length === 4")
    for name in names:
        assert (folder / "calls" / "call-1" / name).read_bytes() == (CALL / name).read_bytes()
    sheet.page.get_by_role("button", name="Diagnose").click()
    sheet.page.wait_for_selector(DRAWN)
    assert "late model output" in sheet.page.locator(".forensics-said").first.inner_text()
    assert sheet.ask("print(dropped.case.name, len(dropped.diagnosis.verdicts) > 0)") == "call-1 True"
    keep_picture(sheet, "dropped")


def test_the_magic_goes_from_a_path_to_the_workbench(open_notebook, folder):
    write_notebook(folder / "magic.ipynb", f"%load_ext forensics\n%diagnose {CALL}", "%diagnose nowhere.pcap")
    sheet = open_notebook("magic.ipynb").run_all()
    sheet.page.wait_for_selector(DRAWN)
    sheet.page.get_by_text("UsageError: There is no case folder or capture file nowhere.pcap").wait_for()
    assert sheet.ask("print(type(bench).__name__, diagnosis.scene.case.name)") == "Workbench stalled_model"
    assert sheet.page.locator(".jp-OutputArea progress, .jp-OutputArea .progress-bar").count() == 0


def test_an_interrupted_diagnosis_leaves_the_kernel_and_the_workbench_usable(open_notebook, folder):
    show = f"import forensics as fx\ncase = fx.open_case({str(CALL)!r})\nbench = fx.workbench(fx.diagnose(case))\nbench"
    again = "while True:\n    fx.diagnose(case, progress=True)"
    write_notebook(folder / "stop.ipynb", show, again)
    sheet = open_notebook("stop.ipynb")
    sheet.command("notebook:run-cell-and-select-next")
    sheet.begin("notebook:run-cell")
    sheet.page.locator(".jp-OutputArea :is(progress, .progress-bar):visible").first.wait_for()
    sheet.command("notebook:interrupt-kernel")
    sheet.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").wait_for(state="attached")
    assert "KeyboardInterrupt" in sheet.printed("stderr")[0]
    assert sheet.ask("print(len(fx.diagnose(case).verdicts) > 0)") == "True"
    sheet.page.wait_for_selector(DRAWN)
    sheet.press("n")
    assert sheet.reading()["glitch"].startswith("g01")
