"""A real JupyterLab and a headless Chromium before it, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

OPTIONS = ("--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token=test",
           "--LabApp.expose_app_in_browser=True")  # fmt: skip
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}
NOTEBOOK = "jupyterapp.shell.currentWidget"
READY = f"""async () => {{
    await {NOTEBOOK}.context.ready;
    await {NOTEBOOK}.sessionContext.ready;
}}"""
ASK = f"""async code => {{
    const said = [];
    const kernel = {NOTEBOOK}.sessionContext.session.kernel;
    let reply;
    do {{  // after an error or an interrupt a kernel turns down what stood in its queue, and says so
        const future = kernel.requestExecute({{ code, store_history: false }});
        future.onIOPub = message => {{
            if (message.header.msg_type === "stream") said.push(message.content.text);
            if (message.header.msg_type === "error") said.push(message.content.ename + ": " + message.content.evalue);
        }};
        reply = await future.done;
    }} while (reply.content.status === "aborted");
    return said.join("").trim();
}}"""
READING = """() => [...document.querySelectorAll(".tl-pair")].map(
    pair => [pair.firstChild.textContent, pair.lastChild.textContent])"""
PATIENCE_MS = 120_000


@contextmanager
def serve(folder: Path):
    """Serve `folder` with a JupyterLab that has settings of its own and fetches no news; give its address."""
    homes = {f"JUPYTER_{name}_DIR": str(folder / ".jupyter" / name) for name in ("CONFIG", "RUNTIME")}
    homes |= {f"JUPYTERLAB_{name}_DIR": str(folder / ".jupyter" / name) for name in ("SETTINGS", "WORKSPACES")}
    settings = folder / ".jupyter" / "SETTINGS" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS]
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, **homes}, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(server.stderr.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
        threading.Thread(target=lambda: [*lines], daemon=True).start()
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def chromium():
    """Give a headless browser in which sound may play without a click."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as player:
        options = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = player.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells."""
    entries = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
        for i, cell in enumerate(cells)
    ]
    path.write_text(json.dumps({"cells": entries, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}))
    return path


class Sheet:
    """One notebook in one page of the browser, with whatever went wrong in it.

    `troubles` are exceptions and console errors, `abroad` requests that left the machine.
    """

    def __init__(self, browser, address: str, *, width: int = 1280, height: int = 1300, zoom: float = 1.0):
        self.address = address
        size = {"width": round(width / zoom), "height": round(height / zoom)}
        self.page = browser.new_page(viewport=size, device_scale_factor=zoom)
        self.page.set_default_timeout(PATIENCE_MS)
        self.troubles: list[str] = []
        self.abroad: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: None if self._own(request.url) else self.abroad.append(request.url))

    def _own(self, url: str) -> bool:
        return url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:"))

    def open(self, path: str):
        """Open a notebook in JupyterLab's single-document mode, its kernel ready."""
        self.page.goto(f"{self.address}doc/tree/{path}?reset&token=test")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.evaluate(READY)
        return self

    def command(self, name: str):
        """Execute a command of JupyterLab and wait until it is done."""
        self.page.evaluate("name => jupyterapp.commands.execute(name)", name)

    def begin(self, name: str):
        """Execute a command of JupyterLab, and do not wait for it."""
        self.page.evaluate("name => { jupyterapp.commands.execute(name); }", name)

    def run_all(self):
        self.command("notebook:run-all-cells")
        return self

    def save(self):
        self.command("docmanager:save")

    def shut_down(self):
        self.page.evaluate(f"() => {NOTEBOOK}.sessionContext.shutdown()")

    def theme(self, name: str):
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)

    def printed(self, stream: str) -> list[str]:
        """What the cells wrote to "stdout" or "stderr"; JupyterLab shows errors as the latter."""
        return self.page.locator(f"[data-mime-type='application/vnd.jupyter.{stream}']").all_text_contents()

    def ask(self, code: str) -> str:
        """Run `code` in the notebook's kernel, beside the cells; give what it printed."""
        return self.page.evaluate(ASK, code)

    def press(self, *keys: str):
        """Press keys while the timeline has the focus."""
        self.page.locator(".tl-stage").first.focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def settle(self):
        """Wait until nothing is on its way to the timeline, and it is painted."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_selector(".tl-stage[aria-busy=false]")

    def reading(self) -> dict[str, str]:
        """What stands under the crosshair or the cursor, by name."""
        return dict(self.page.evaluate(READING))

    def close(self):
        self.page.close()
