"""The workbench in a real JupyterLab: drawn, driven, kept, and there without a kernel."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TESTS = Path(__file__).parents[1]
CELL = f"""
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {str(TESTS)!r})
from synthetic_call import synthetic_diagnosis
import forensics as fx
from forensics.model import Case
diagnosis = synthetic_diagnosis()
scene = replace(diagnosis.scene, case=Case("synthetic", folder=Path.cwd()))
bench = fx.workbench(replace(diagnosis, scene=scene))
bench
"""
RUN = """async () => {
    const notebook = jupyterapp.shell.currentWidget;
    await notebook.context.ready;
    await notebook.sessionContext.ready;
    await jupyterapp.commands.execute("notebook:run-all-cells");
}"""
SAVE = "async () => { await jupyterapp.commands.execute('docmanager:save'); }"
SHUT_DOWN = "async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"
COLOURS = """() => [...document.querySelectorAll(".tl-head:not(.tl-folded)")].map(head => {
    const canvas = document.querySelector(".tl-stage canvas");
    const box = [168, head.offsetTop + 1, 900, head.offsetHeight - 2].map(v => v * canvas.ratio);
    return new Set(new Uint32Array(canvas.getContext("2d").getImageData(...box).data.buffer)).size;
})"""


@pytest.fixture
def folder(tmp_path):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": CELL}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "bench.ipynb").write_text(json.dumps(notebook))
    return tmp_path


@pytest.fixture
def address(folder):
    """Serve the folder with JupyterLab, with settings of its own and no news."""
    homes = {f"JUPYTER_{name}_DIR": str(folder / ".jupyter" / name) for name in ("CONFIG", "RUNTIME")}
    homes |= {f"JUPYTERLAB_{name}_DIR": str(folder / ".jupyter" / name) for name in ("SETTINGS", "WORKSPACES")}
    settings = folder / ".jupyter" / "SETTINGS" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    news = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(news))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
               "--IdentityProvider.token=test", "--LabApp.expose_app_in_browser=True"]  # fmt: skip
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, **homes}, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(server.stderr.readline, "")
        found = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
        threading.Thread(target=lambda: [*lines], daemon=True).start()
        yield found
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def page():
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1300})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def reading(page, name):
    return page.locator(".tl-pair", has=page.get_by_text(name, exact=True)).locator("b").inner_text()


def test_the_workbench_from_first_picture_to_a_notebook_without_a_kernel(address, folder, page):
    troubles, abroad = [], []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
            else abroad.append(r.url))  # fmt: skip
    page.goto(f"{address}doc/tree/bench.ipynb?token=test")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.evaluate(RUN)

    page.wait_for_selector(".tl-stage canvas")
    page.wait_for_function(f"() => {{ const c = ({COLOURS})(); return c.length === 5 && c.every(n => n > 5); }}")

    page.locator(".forensics-list tbody tr", has_text="g02").click()
    page.wait_for_function("() => document.body.innerText.includes('faster generation')")
    assert reading(page, "glitch").startswith("g02 Late model output")

    page.get_by_text("What if").first.click()
    page.get_by_text("losses repaired").click()
    page.wait_for_function("() => document.body.innerText.includes('With these settings')")
    assert page.get_by_role("button", name="Replayed").is_visible()

    page.locator("textarea[placeholder='Why?']").fill("Heard it.")
    page.get_by_text("Save note").click()
    page.wait_for_function("() => document.body.innerText.includes('Saved in notes.json')")
    assert json.loads((folder / "notes.json").read_text())["notes"][0]["text"] == "Heard it."

    page.wait_for_function("() => document.querySelector('.forensics-still img')")
    assert not page.locator(".forensics-still").is_visible()
    page.evaluate(SAVE)
    page.evaluate(SHUT_DOWN)
    assert (folder / "bench.ipynb").stat().st_size < 2_000_000
    assert troubles == []

    page.reload()
    page.wait_for_selector(".forensics-still img")
    assert page.locator(".forensics-still").is_visible()
    assert "Network drop" in page.locator(".forensics-still table").inner_text()
    assert abroad == []
