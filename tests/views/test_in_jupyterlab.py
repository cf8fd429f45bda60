"""The workbench in a real JupyterLab: drawn, driven by wheel, keys and pointer, heard, followed by the kernel."""

import json
import re
from pathlib import Path

import pytest
from jupyterlab_session import Sheet, write_notebook
from synthetic_call import LOST, STALLED_AT

pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

TESTS = Path(__file__).parents[1]
CELL = f"""
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from synthetic_call import synthetic_diagnosis
from telemetry_of_call import with_telemetry
import forensics as fx
from forensics.model import Case
diagnosis = with_telemetry(synthetic_diagnosis())
case = Case("synthetic", folder=Path.cwd())
diagnosis = replace(diagnosis, scene=replace(diagnosis.scene, case=case, epoch_ns=1_795_356_000_000_000_000))
bench = fx.workbench(diagnosis)
bench
"""
LANES = """() => [...document.querySelectorAll(".tl-head")].map(head => {
    const canvas = document.querySelector(".tl-stage canvas");
    const top = head.offsetTop + (head.closest(".tl-narrow") ? head.offsetHeight : 0);
    const box = [168, top + 2, 900, Math.max(head.offsetHeight - 4, 12)].map(v => Math.round(v * canvas.ratio));
    const pixels = new Uint32Array(canvas.getContext("2d").getImageData(...box).data.buffer);
    return { name: head.querySelector(".tl-fold").getAttribute("aria-label"), top: head.offsetTop,
             height: head.offsetHeight, folded: head.classList.contains("tl-folded"), colours: new Set(pixels).size };
})"""
ALL_LANES = ["Verdicts", "Turns", "Speech", "Model events", "Slack", "Call set-up", "RTP downlink", "Statistics",
             "As sent, waveform", "As heard, waveform", "As sent, spectrogram", "As heard, spectrogram",
             "Microphone, waveform", "Microphone, spectrogram"]  # fmt: skip
LOST_AT_S = LOST.start * 0.02 + 0.012


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    write_notebook(folder / "bench.ipynb", CELL)
    return folder


@pytest.fixture(scope="module")
def drawn(browser, address):
    """The notebook run, the timeline drawn."""
    sheet = Sheet(browser, address).open("bench.ipynb").run_all()
    sheet.page.wait_for_selector(".tl-stage[aria-busy=false]")
    yield sheet
    sheet.close()


@pytest.fixture
def sheet(drawn):
    """The whole call in view, nothing chosen, the cursor at its start."""
    drawn.press("Escape", "0", "Home")
    drawn.page.locator(".tl-stage").scroll_into_view_if_needed()
    yield drawn
    drawn.page.mouse.move(5, 5)
    assert drawn.troubles == []
    assert drawn.abroad == []


def lanes(sheet):
    return {lane["name"]: lane for lane in sheet.page.evaluate(LANES)}


def window(sheet):
    """The first and the last moment in view, as the table beside the canvas says."""
    details = sheet.page.locator(".tl-details").first
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    sheet.settle()
    return tuple(map(seconds, details.locator("caption").inner_text().split(",")[0].split(" to ")))


def seconds(text):
    minutes, rest = text.replace("−", "-").split(":")
    return int(minutes) * 60 + float(rest)


def point(sheet, x, lane="As heard, waveform"):
    """The place on the page that is `x` pixels into the canvas, in the middle of a lane."""
    box = sheet.page.locator(".tl-stage").bounding_box()
    at = lanes(sheet)[lane]
    return box["x"] + x, box["y"] + at["top"] + at["height"] / 2


def test_every_lane_is_drawn_once_it_is_open(sheet):
    assert [*lanes(sheet)] == ALL_LANES
    folded = [name for name, lane in lanes(sheet).items() if lane["folded"]]
    assert all(lane["colours"] == 1 for lane in lanes(sheet).values() if lane["folded"])
    for name in folded:
        sheet.page.get_by_role("button", name=name, exact=True).click()
    sheet.settle()
    few = {"Verdicts": 5, "Speech": 3, "Call set-up": 3, "Model events": 3}
    for name, lane in lanes(sheet).items():
        assert lane["colours"] >= few.get(name, 6), name
    for name in folded:
        sheet.page.get_by_role("button", name=name, exact=True).click()


def test_wheel_and_keys_move_the_axis(sheet):
    whole = window(sheet)
    x, y = point(sheet, 600)
    sheet.page.mouse.move(x - 20, y)
    sheet.page.mouse.move(x, y)
    sheet.page.mouse.wheel(0, -400)
    sheet.settle()
    zoomed = window(sheet)
    assert whole[0] < zoomed[0] < zoomed[1] < whole[1]
    sheet.press("ArrowRight")
    assert window(sheet)[0] > zoomed[0]
    sheet.press("+")
    assert window(sheet)[1] - window(sheet)[0] == pytest.approx((zoomed[1] - zoomed[0]) / 2, abs=0.02)
    sheet.press("Home")
    assert window(sheet)[0] == whole[0]
    sheet.press("0")
    assert window(sheet) == whole


def test_dragging_pans(sheet):
    sheet.press("+", "+")
    before = window(sheet)
    x, y = point(sheet, 700)
    sheet.page.mouse.move(x, y)
    sheet.page.mouse.down()
    sheet.page.mouse.move(x - 90, y, steps=3)
    sheet.page.mouse.up()
    sheet.settle()
    assert window(sheet)[0] > before[0]


def test_a_lane_is_resized_and_moved_by_key_and_by_dragging(sheet):
    grip = sheet.page.get_by_role("separator", name="Height of Turns")
    before = lanes(sheet)["Turns"]["height"]
    grip.focus()
    sheet.page.keyboard.press("ArrowDown")
    assert lanes(sheet)["Turns"]["height"] == before + 8
    sheet.page.keyboard.press("ArrowUp")
    head = sheet.page.get_by_role("button", name="Turns", exact=True)
    head.focus()
    sheet.page.keyboard.press("Alt+ArrowDown")
    assert lanes(sheet)["Turns"]["top"] > lanes(sheet)["Speech"]["top"]
    at = head.bounding_box()
    sheet.page.mouse.move(at["x"] + 20, at["y"] + 5)
    sheet.page.mouse.down()
    sheet.page.mouse.move(at["x"] + 20, at["y"] - 45, steps=6)
    sheet.page.mouse.up()
    assert lanes(sheet)["Turns"]["top"] < lanes(sheet)["Speech"]["top"]
    assert not lanes(sheet)["Turns"]["folded"]


def test_the_crosshair_reads_every_clock(sheet):
    sheet.press("n")
    x, y = point(sheet, 500)
    sheet.page.mouse.move(x - 3, y)
    sheet.page.mouse.move(x, y)
    sheet.settle()
    said = sheet.reading()
    assert {"recording", "capture", "RTP timestamp", "sequence", "frame", "As heard peak", "turn", "slack"} <= {*said}
    assert seconds(said["capture"].split(" ±")[0]) - seconds(said["recording"]) == pytest.approx(0.418, abs=2e-3)
    hour, minute, second = said["UTC"].split(":")
    assert (hour, minute) == ("14", "00")
    assert float(second) == pytest.approx(seconds(said["capture"].split(" ±")[0]), abs=2e-3)


def test_shift_and_drag_measure_and_python_has_the_selection(sheet):
    x, y = point(sheet, 400)
    sheet.page.keyboard.down("Shift")
    sheet.page.mouse.move(x, y)
    sheet.page.mouse.down()
    sheet.page.mouse.move(x + 150, y, steps=3)
    sheet.page.mouse.up()
    sheet.page.keyboard.up("Shift")
    sheet.settle()
    measured = float(sheet.reading()["selection"].split()[0])
    sheet.page.wait_for_timeout(300)  # the traits follow once the hand rests
    span, packets = sheet.ask("s = bench.selection; print(s.end_s - s.start_s, len(s.packets))").split()
    assert float(span) == pytest.approx(measured, abs=0.01)
    assert int(packets) == pytest.approx(measured / 0.02, abs=15)  # less those that were lost
    sheet.press("Escape")
    assert "selection" not in sheet.reading()


def test_the_scale_of_frequencies_is_switched(sheet):
    mel = sheet.page.locator(".tl-stage canvas").first.screenshot()
    sheet.page.get_by_label("Frequency scale").select_option("linear")
    sheet.settle()
    assert sheet.page.locator(".tl-stage canvas").first.screenshot() != mel
    sheet.page.get_by_label("Frequency scale").select_option("mel")


def test_playback_moves_the_cursor_and_loops_over_the_selection(sheet):
    sheet.page.mouse.click(*point(sheet, 300))
    sheet.page.mouse.move(5, 5)
    sheet.settle()
    start = seconds(sheet.reading()["recording"])
    sheet.press("m", *[">"] * 4, "l", " ")
    length = float(sheet.reading()["selection"].split()[0])
    sheet.page.wait_for_function(f"() => {CURSOR} > {start + 0.7 * length}")
    sheet.page.wait_for_function(f"() => {CURSOR} < {start + 0.5 * length}")
    assert sheet.page.get_by_role("button", name="Stop (space)").is_visible()
    sheet.page.get_by_label("Speed; slower").select_option("0.5")
    chosen = sheet.page.get_by_label("Which sound")
    assert chosen.input_value() == "heard"
    sheet.press("b")
    assert chosen.input_value() == "sent"
    sheet.press("b", " ", "l")
    assert chosen.input_value() == "heard"
    stopped = sheet.reading()["recording"]
    sheet.page.wait_for_timeout(150)
    assert sheet.reading()["recording"] == stopped
    sheet.page.get_by_label("Speed; slower").select_option("1")


CURSOR = """(([...document.querySelectorAll(".tl-pair")].find(p => p.firstChild.textContent === "recording")
    .lastChild.textContent).split(":").pop() * 1)"""


def test_choosing_a_glitch_brings_it_into_view_with_its_verdict(sheet):
    sheet.page.locator(".forensics-list tbody tr", has_text="g02").click()
    sheet.page.wait_for_function("() => document.body.innerText.includes('faster generation')")
    sheet.settle()
    start, end = window(sheet)
    assert start < STALLED_AT * 0.02 < end
    assert end - start < 4
    assert sheet.reading()["glitch"].startswith("g02 Late model output")
    for said in ("For", "Against", "Not checkable", "What would help", "What would not help"):
        assert sheet.page.locator(".forensics-verdict h4", has_text=re.compile(f"{said}$")).first.is_visible()
    assert sheet.ask("print(bench.glitch.id)") == "g02"
    sheet.press("n")
    assert sheet.reading()["glitch"].startswith("g03")
    sheet.ask("bench.glitch = 'g01'")
    sheet.page.wait_for_function("() => document.querySelector('.tl-count').textContent === '1 of 4'")
    assert window(sheet)[0] < LOST_AT_S < window(sheet)[1]


def test_the_list_sorts_and_filters(sheet):
    def shown():
        return sheet.page.locator(".forensics-list tbody th").all_inner_texts()

    audible = sheet.page.get_by_label("Audibility")
    assert shown() == ["g01", "g02", "g03"]  # heard, as there are masked ones, too
    audible.select_option("")
    sheet.page.get_by_role("button", name="Confidence").click()
    assert shown() == ["g04", "g03", "g02", "g01"]
    for label, option, left in [("Cause", "network_drop", ["g01"]), ("Mechanism", "stall", ["g02"]),
                                ("Confidence", "0.8", ["g03", "g02", "g01"])]:  # fmt: skip
        sheet.page.get_by_label(label, exact=True).and_(sheet.page.locator("select")).select_option(option)
        assert shown() == left
        sheet.page.get_by_label(label, exact=True).and_(sheet.page.locator("select")).select_option(index=0)
    audible.select_option("false")
    assert shown() == ["g04"]
    audible.select_option("true")
    sheet.page.get_by_role("button", name="Starts").click()
    sheet.page.locator(".forensics-list tbody button", has_text="g01").focus()
    sheet.page.keyboard.press("ArrowDown")
    assert sheet.page.locator(".forensics-list tr[aria-current] th").inner_text() == "g02"


def test_what_if_redraws_the_predicted_glitches(sheet):
    sheet.page.locator("summary", has_text="What if").click()
    sheet.page.get_by_text("losses repaired").click()
    sheet.page.wait_for_function("() => document.body.innerText.includes('With these settings')")
    assert lanes(sheet)["Replayed"]["colours"] > 3
    repaired = sheet.page.locator(".tl-stage canvas").first.screenshot()
    said = sheet.page.get_by_text("With these settings").inner_text()
    sheet.page.get_by_role("slider", name="Send lead").focus()
    sheet.page.keyboard.press("PageUp")
    sheet.page.wait_for_function("said => !document.body.innerText.includes(said)", arg=said)
    sheet.settle()
    assert sheet.page.locator(".tl-stage canvas").first.screenshot() != repaired
    assert float(sheet.ask("print(bench.what_if.settings.lead_s)")) > 0


def test_a_note_is_kept_beside_the_case_and_comes_back(sheet, folder, browser, address):
    sheet.page.locator(".forensics-list tbody tr", has_text="g02").click()
    sheet.page.locator("textarea[placeholder='Why?']").fill("Heard it.")
    sheet.page.get_by_label("Author").fill("Ada")
    sheet.page.get_by_text("Save note").click()
    sheet.page.wait_for_function("() => document.body.innerText.includes('Saved in notes.json')")
    (note,) = json.loads((folder / "notes.json").read_text())["notes"]
    assert (note["text"], note["author"], note["glitch"]) == ("Heard it.", "Ada", "g02")
    assert sheet.ask("fx.write_report(diagnosis, 'report.html')") == ""
    assert "Heard it." in (folder / "report.html").read_text()

    again = Sheet(browser, address).open("bench.ipynb").run_all()
    again.page.wait_for_selector(".tl-stage[aria-busy=false]")
    again.page.locator(".forensics-list tbody tr", has_text="g02").click()
    again.page.wait_for_selector(".notes li")
    assert "Ada" in again.page.locator(".notes").inner_text()
    assert again.troubles == []
    again.close()


def test_without_a_kernel_a_picture_and_the_verdicts_stay(browser, address, folder):
    write_notebook(folder / "still.ipynb", CELL)
    live = Sheet(browser, address).open("still.ipynb").run_all()
    live.page.wait_for_function("() => document.querySelector('.forensics-still img')")
    assert not live.page.locator(".forensics-still").is_visible()
    live.save()
    live.shut_down()
    live.close()
    assert (folder / "still.ipynb").stat().st_size < 2_000_000

    still = Sheet(browser, address)
    still.page.goto(f"{address}doc/tree/still.ipynb?reset&token=test")
    still.page.wait_for_selector(".forensics-still img")
    still.page.wait_for_selector(".jp-OutputArea-output.jupyter-widgets", state="attached")
    assert still.page.locator(".forensics-still").is_visible()
    assert "Network drop" in still.page.locator(".forensics-still table").inner_text()
    assert not still.page.get_by_text("model not found").is_visible()
    assert still.abroad == []
    still.close()
