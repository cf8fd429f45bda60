"""The listener's end of a recorded call: headless Chromium with its own jitter buffer, driven by playwright.

The page is served from memory under http://localhost, which browsers trust with a microphone, so no port is opened.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.errors import ForensicsError, MissingToolError
from forensics.lab.processes import command_line, descendants
from forensics.lab.speech import resample

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Playwright, Route

CHROMIUM_PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
PAGE = "http://localhost/listener.html"
INTERNALS = "chrome://webrtc-internals"
DUMP_TIMEOUT_MS = 15_000

_SWITCHES = (
    "--no-sandbox",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--force-webrtc-ip-handling-policy=default",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",  # it looks for its vendor's servers, and must not
)

PROCESS_MARKS = {"renderer": "--type=renderer", "audio_service": "--utility-sub-type=audio.mojom.AudioService"}
"""What the command line of each process of Chromium says that it is."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the page recorded of one track: int16 samples (n,), their rate, when each block came (ms since 1970)."""

    samples: np.ndarray
    rate_hz: int
    arrivals: np.ndarray  # (blocks, 3): samples before the block, ms since 1970, the browser's media time in µs


@dataclass(frozen=True, slots=True)
class Listening:
    """Everything that the listener hands over at the end of a call."""

    heard: Recorded
    spoken: Recorded
    stats: list[dict[str, Any]]
    dump: bytes


class Listener:
    """One page of one browser.

    Parameters
    ----------
    microphone : Path
        A WAV file that Chromium plays once as its microphone.
    environment : mapping
        Environment variables for the browser (where its audio server is).
    folder : Path
        An empty folder for the browser's profile and downloads; the caller removes it.
    """

    def __init__(self, microphone: Path, *, folder: Path, environment: Mapping[str, str]) -> None:
        self._microphone, self._folder, self._environment = microphone, folder, dict(environment)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._page: Page | None = None
        self._internals: Page | None = None

    async def open(self) -> None:
        """Start the browser and load the page.

        Raises
        ------
        MissingToolError
            Playwright or Chromium is not installed.
        """
        try:
            from playwright.async_api import Error, async_playwright
        except ImportError as reason:
            raise MissingToolError(
                "Recording needs aiortc and playwright: pip install 'voice-forensics[lab]'."
            ) from reason
        executable = chromium_path()
        self._playwright = await async_playwright().start()
        try:
            self._browser = await self._playwright.chromium.launch(
                executable_path=str(executable),
                headless=True,
                ignore_default_args=["--mute-audio"],
                args=[*_SWITCHES, f"--use-file-for-fake-audio-capture={self._microphone}%noloop"],
                env={**os.environ, **self._environment},
                downloads_path=str(self._folder),
                handle_sigint=False,
            )
        except Error as reason:
            raise ForensicsError(
                f"Chromium at {executable} did not start: {reason.message.splitlines()[0]}"
            ) from reason
        context = await self._browser.new_context(accept_downloads=True)
        await context.route("http://localhost/**", _serve)
        self._internals = await context.new_page()
        await self._internals.goto(INTERNALS)
        self._page = await context.new_page()
        await self._page.goto(PAGE)

    async def offer(self, codec: str) -> str:
        """Return the session description that the listener offers."""
        return str(await self._call("listener.offer(codec)", codec=codec))

    async def accept(self, answer: str) -> None:
        """Take the answer and wait until the connection stands."""
        await self._call("listener.accept(sdp)", sdp=answer)

    async def speak(self) -> float:
        """Open the microphone; return when its first sound came, in seconds since 1970."""
        return float(await self._call("listener.speak()")) / 1000

    async def finish(self) -> Listening:
        """End the call on this side and take what was recorded."""
        dump = await self._dump()
        result = await self._call("listener.finish()")
        return Listening(_recorded(result["heard"]), _recorded(result["spoken"]), result["stats"], dump)

    async def _call(self, expression: str, **arguments: Any) -> Any:
        from playwright.async_api import Error

        assert self._page is not None
        names = ", ".join(arguments)
        try:
            return await self._page.evaluate(f"async ({{{names}}}) => await {expression}", arguments)
        except Error as reason:
            said = reason.message.splitlines()[0]
            raise ForensicsError(f"The listener's page failed in {expression}: {said}. Record again.") from reason

    async def _dump(self) -> bytes:
        """Have webrtc-internals write its dump, as a person would by its button; empty where a browser has none."""
        from playwright.async_api import Error

        assert self._internals is not None
        try:
            async with self._internals.expect_download(timeout=DUMP_TIMEOUT_MS) as waiting:
                await self._internals.evaluate(_PRESS_DUMP)
            return Path(await (await waiting.value).path()).read_bytes()
        except Error:
            return b""

    async def freeze(self, what: str, duration_s: float) -> tuple[float, float]:
        """Stop the "renderer" or the "audio_service" for a while; return when, in seconds of the monotonic clock."""
        processes = self._processes(what)
        loop = asyncio.get_running_loop()
        try:
            start_s = loop.time()
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            await asyncio.sleep(duration_s)
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)
        return start_s, loop.time()

    def _processes(self, what: str) -> list[int]:
        """Find this browser's own processes: those below it in the process tree that say they are `what`."""
        found = [pid for pid in descendants(os.getpid()) if PROCESS_MARKS[what] in command_line(pid)]
        if not found:
            raise ForensicsError(f"This Chromium has no {what.replace('_', ' ')} process of its own to freeze.")
        return found

    async def close(self) -> None:
        """Close the browser, whatever state it is in."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        self._browser = self._playwright = None


_PRESS_DUMP = """() => {
  document.getElementById('dump-checkbox').checked = false;
  document.getElementById('dump-click-target').click();
}"""


def chromium_path() -> Path:
    """Return where Chromium is installed.

    Raises
    ------
    MissingToolError
        It is in none of the usual places.
    """
    for path in map(Path, CHROMIUM_PATHS):
        if path.exists():
            return path
    raise MissingToolError("Chromium is not installed, and the lab listens with it: apt-get install chromium.")


async def _serve(route: Route) -> None:
    name = route.request.url.rsplit("/", 1)[-1]
    kinds = {"listener.html": "text/html", "listener.js": "text/javascript"}
    if name not in kinds:
        await route.fulfill(status=404)
        return
    body = files("forensics.lab").joinpath(name).read_text(encoding="utf-8")
    await route.fulfill(body=body, content_type=kinds[name])


def _recorded(result: dict[str, Any] | None) -> Recorded:
    if not result or not result["arrivals"]:
        raise ForensicsError("The browser delivered no audio; does its version have MediaStreamTrackProcessor?")
    samples = np.frombuffer(base64.b64decode(result["pcm"]), dtype="<i2")
    return at_one_rate(samples, np.array(result["arrivals"], dtype=np.float64))


def at_one_rate(samples: np.ndarray, blocks: np.ndarray) -> Recorded:
    """Bring what a track delivered to the highest of its rates: Chromium goes to the codec's with the first packet.

    Parameters
    ----------
    samples : ndarray, (n,) int16
        Block after block, each at its own rate.
    blocks : ndarray, (b, 4) float64
        Samples before the block, ms since 1970, media time in µs, rate in Hz.

    Returns
    -------
    Recorded
    """
    first, rates = blocks[:, 0].astype(int), blocks[:, 3].astype(int)
    rate_hz, begins, pieces, done = int(rates.max()), np.empty(len(blocks)), [], 0
    cuts = [0, *(np.flatnonzero(np.diff(rates)) + 1).tolist(), len(blocks)]
    for start, stop in pairwise(cuts):
        sound = samples[first[start] : first[stop] if stop < len(blocks) else len(samples)]
        begins[start:stop] = done + (first[start:stop] - first[start]) * (rate_hz / rates[start])
        if rates[start] != rate_hz:
            raised = resample(sound, from_hz=int(rates[start]), to_hz=rate_hz)
            sound = np.clip(np.round(raised), -32_768, 32_767).astype(np.int16)
        pieces.append(sound)
        done += len(sound)
    return Recorded(np.concatenate(pieces), rate_hz, np.column_stack([begins, blocks[:, 1:3]]))
