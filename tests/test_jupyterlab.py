"""The first notebook runs from top to bottom in a real JupyterLab, and its timeline is drawn."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = "notebooks/01_first_look.ipynb"
OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--port=0",
    "--IdentityProvider.token=test",
    "--LabApp.expose_app_in_browser=True",
)
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
RUN_ALL = """async () => {
    const notebook = jupyterapp.shell.currentWidget;
    await notebook.context.ready;
    await notebook.sessionContext.ready;
    await jupyterapp.commands.execute("notebook:run-all-cells");
}"""
LONGEST_RUN_MS = 300_000  # of all cells together, on a slow machine


@pytest.fixture
def jupyterlab(tmp_path):
    """Serve a copy of the notebook beside the sample captures; give the address."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / NOTEBOOK, tmp_path / NOTEBOOK)
    os.symlink(ROOT / "sample_captures", tmp_path / "sample_captures")
    homes = {f"JUPYTER_{name}_DIR": str(tmp_path / ".jupyter" / name) for name in ("CONFIG", "RUNTIME")}
    homes |= {f"JUPYTERLAB_{name}_DIR": str(tmp_path / ".jupyter" / name) for name in ("SETTINGS", "WORKSPACES")}
    settings = tmp_path / ".jupyter" / "SETTINGS" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *OPTIONS],
        cwd=tmp_path,
        env={**os.environ, **homes},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(server.stderr.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
        threading.Thread(target=lambda: [*lines], daemon=True).start()
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def page():
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


def colours_in(canvas):
    """How many different colours a canvas shows."""
    return canvas.evaluate(
        """canvas => {
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(new Uint32Array(pixels.buffer)).size;
        }"""
    )


@pytest.mark.browser
@pytest.mark.tshark
@pytest.mark.slow
def test_the_first_notebook_in_jupyterlab(jupyterlab, page, tmp_path):
    page.set_default_timeout(LONGEST_RUN_MS)
    page.goto(f"{jupyterlab}lab/tree/{NOTEBOOK}?reset&token=test")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.evaluate(RUN_ALL)

    for stream in ("error", "stderr"):
        shown = page.locator(f"[data-mime-type='application/vnd.jupyter.{stream}']")
        assert shown.all_inner_texts() == []
    canvas = page.locator(".jp-Notebook canvas").first
    canvas.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.jp-Notebook canvas').width > 0")
    assert colours_in(canvas) > 5
    page.get_by_text(re.compile(r"^\d+ of \d+$")).wait_for()  # the glitch that a later cell chose is in view
    assert (tmp_path / "reports" / "first_look.html").is_file()
    if "SCREENSHOTS" in os.environ:
        page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / "first_look.png")
