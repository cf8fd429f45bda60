"""The page in a real browser: offline, drawn, driven by wheel and keys, heard."""

import pytest
from synthetic_call import LOST
from told_call import hostile_diagnosis

from forensics.report import write_report

OWN = ("file:", "data:", "blob:")

pytestmark = pytest.mark.browser

PIXELS = """([top, height]) => {
    const canvas = document.querySelector("#timeline canvas");
    const ratio = canvas.ratio;
    const width = canvas.width - 170 * ratio;
    const data = canvas.getContext("2d").getImageData(168 * ratio, top * ratio, width, height * ratio).data;
    return new Set(new Uint32Array(data.buffer)).size;
}"""
LANES = """() => [...document.querySelectorAll("#timeline .tl-head")].map(head => ({
    name: head.querySelector(".tl-fold").getAttribute("aria-label"),
    folded: head.classList.contains("tl-folded"), top: head.offsetTop, height: head.offsetHeight}))"""
READING = """() => Object.fromEntries([...document.querySelectorAll("#timeline .tl-pair")].map(
    pair => [pair.firstChild.textContent, pair.lastChild.textContent]))"""


@pytest.fixture(scope="module")
def report(diagnosis, tmp_path_factory):
    return write_report(diagnosis, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def troubles():
    return []


@pytest.fixture
def page(browser, report, troubles):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: None if request.url.startswith(OWN) else troubles.append(request.url),
    )
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-ready]")
    yield page
    page.close()
    assert troubles == []


def reading(page):
    return page.evaluate(READING)


def seconds(text):
    minutes, rest = text.replace("−", "-").split(":")
    return int(minutes) * 60 + float(rest)


def until(page, script, *, tries=200):
    """Wait until `script` gives true; the page's policy forbids Playwright's own polling."""
    for _ in range(tries):
        if page.evaluate(script):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never true: {script}")


def press(page, *keys):
    page.locator("#timeline .tl-stage").focus()
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_timeout(60)


def window(page):
    """The first and the last moment in view, as the table says."""
    details = page.locator("#timeline details").first
    if details.get_attribute("open") is None:
        details.locator("summary").click()
    page.wait_for_timeout(60)
    start, end = details.locator("caption").inner_text().split(",")[0].split(" to ")
    return seconds(start), seconds(end)


def test_every_open_lane_is_drawn(page):
    lanes = page.evaluate(LANES)
    assert [lane["name"] for lane in lanes if not lane["folded"]] == [
        "Verdicts", "Turns", "Speech", "RTP downlink", "As heard, waveform", "As heard, spectrogram",
    ]  # fmt: skip
    for lane in lanes:
        colours = page.evaluate(PIXELS, [lane["top"] + 1, lane["height"] - 2])
        assert colours == 1 if lane["folded"] else colours > 5, lane


def test_a_folded_lane_opens(page):
    page.get_by_role("button", name="As sent, waveform").click()
    lane = next(lane for lane in page.evaluate(LANES) if lane["name"] == "As sent, waveform")
    until(page, f"() => ({PIXELS})([{lane['top'] + 1}, {lane['height'] - 2}]) > 5")


def test_wheel_and_keys_move_the_axis(page):
    whole = window(page)
    stage = page.locator("#timeline .tl-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 500, box["y"] + 200)
    page.mouse.move(box["x"] + 600, box["y"] + 210)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    zoomed = window(page)
    assert whole[0] < zoomed[0] < zoomed[1] < whole[1]
    press(page, "ArrowRight")
    assert window(page)[0] > zoomed[0]
    press(page, "Home")
    assert window(page)[0] == whole[0]
    press(page, "0")
    assert window(page) == whole


def test_a_page_that_scrolls_under_a_resting_pointer_goes_on_scrolling(page):
    before = window(page)
    page.mouse.move(640, 450)
    for _ in range(12):
        page.mouse.wheel(0, 200)
        page.wait_for_timeout(20)
    assert window(page) == before
    assert page.evaluate("scrollY") > 1000


def test_next_glitch_comes_into_view_with_its_readings(page):
    press(page, "n")
    start, end = window(page)
    lost_at = LOST.start * 0.02 + 0.012
    assert start < lost_at < end
    assert end - start < 3
    said = reading(page)
    assert said["glitch"] == "g01 Network drop, 210 ms"
    assert seconds(said["recording"]) == pytest.approx(lost_at, abs=0.002)
    assert said["capture"].endswith("±4 ms")
    press(page, "n", "p")
    assert reading(page)["glitch"].startswith("g01")


def test_shift_and_drag_measure(page):
    page.locator("#timeline .tl-stage").scroll_into_view_if_needed()
    box = page.locator("#timeline .tl-stage").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 400, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 300)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_timeout(60)
    assert reading(page)["selection"].endswith(" s")
    press(page, "Escape")
    assert "selection" not in reading(page)


def test_playback_moves_the_cursor(page):
    press(page, "Home", " ")
    until(page, f"() => parseFloat(({READING})().recording.split(':')[1]) > 0.3")
    assert page.get_by_role("button", name="Stop (space)").is_visible()
    press(page, " ")
    stopped = reading(page)["recording"]
    page.wait_for_timeout(150)
    assert reading(page)["recording"] == stopped


def test_a_clip_can_be_decoded(page):
    page.evaluate("() => document.querySelectorAll('audio').forEach(audio => audio.load(audio.preload = 'auto'))")
    until(page, "() => [...document.querySelectorAll('audio')].every(audio => audio.duration > 1)")


def test_the_verdict_table_leads_to_the_timeline(page):
    page.get_by_role("button", name="Show g03 on the timeline").click()
    page.wait_for_timeout(60)
    assert reading(page)["glitch"].startswith("g03")


def test_pictures_of_glitches_are_drawn_when_they_come_into_sight(page):
    assert page.locator("#g03 .picture canvas").count() == 0
    page.locator("#g03").scroll_into_view_if_needed()
    until(page, "() => document.querySelector('#g03 .picture canvas')?.width > 0")


def test_every_control_has_a_name_and_a_key(page):
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button:not([hidden]), select, audio, [role], [tabindex]')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.getAttribute('aria-labelledby')))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize("width", [390, 1280, 2560])
def test_nothing_sticks_out_at_any_width(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelector('#timeline canvas').offsetWidth") <= width


def test_the_ground_turns_dark_with_the_theme(page):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    page.wait_for_timeout(100)
    corner = page.evaluate(
        "() => document.querySelector('#timeline canvas').getContext('2d').getImageData(4, 4, 1, 1).data[0]"
    )
    assert corner < 60


def test_it_prints_with_every_picture(page):
    until(page, "() => document.documentElement.dataset.warm === 'true'")
    assert page.locator("#g03 .picture canvas").count() == 0
    count = "document.querySelectorAll('.picture canvas').length"
    page.evaluate(f"() => addEventListener('beforeprint', () => {{ window.paper = {count}; }})")
    assert page.pdf(format="A4").startswith(b"%PDF")
    assert page.evaluate("window.paper") == 3
    until(page, "() => !document.documentElement.classList.contains('printing')")


def test_hostile_text_stays_text_in_what_the_script_draws(browser, troubles, tmp_path):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(write_report(hostile_diagnosis(tmp_path), tmp_path / "report.html").as_uri())
    page.wait_for_selector("html[data-ready]")
    page.evaluate("document.querySelectorAll('details').forEach(each => (each.open = true))")
    press(page, "n", "n", "Home")
    stage = page.locator("#timeline .tl-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    for place in range(200, int(box["width"]), 60):
        page.mouse.move(box["x"] + place, box["y"] + 150)
    assert page.evaluate("document.images.length + document.querySelectorAll('img, iframe, object').length") == 0
    assert "<img src=x" in page.locator("h1").inner_text()
    page.close()
    assert troubles == []
