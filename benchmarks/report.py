"""How large a report is, and how soon it opens: a call of half a minute and one of an hour with a hundred glitches.

    python benchmarks/report.py [RECORDING]

RECORDING is an hour of sound to draw and to clip; without it a minute of made speech goes round. Opening is timed in
Chromium from the file system, until the timeline of the whole call is drawn; beside it, an empty page of the same size.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from synthetic_call import RATE_HZ, heard_playout, rtp_stream, speech, synthetic_diagnosis

from forensics.audio.recording import read_recording
from forensics.model import AudioTrack, Diagnosis
from forensics.playout.replay import replay_neteq
from forensics.report import write_report

HOUR_S, GLITCHES = 3600.0, 100
PROGRAM = "/usr/bin/chromium"


def hour_call(recording: Path | None) -> Diagnosis:
    """A diagnosis of an hour with a hundred audible glitches."""
    made = synthetic_diagnosis()
    stream, arrival_s = rtp_stream(frames=int((HOUR_S - 1) / 0.02))
    heard, _ = heard_playout(stream, arrival_s)
    if recording is None:
        track = AudioTrack("recording", np.tile(speech(60.0, seed=3), 60), RATE_HZ, ((0.0, HOUR_S),))
    else:
        track = replace(read_recording(recording), name="recording")
    verdicts = [_moved(made.verdicts[k % 4], k) for k in range(GLITCHES)]
    sent = AudioTrack("sent", track.samples, track.sample_rate_hz)
    scene = replace(
        made.scene, streams=(stream,), downlink=stream, uplink=replace(stream, ssrc=0xC0FFEE), recording=track,
        sent=sent, heard=heard, replay=replay_neteq(stream), microphone=None,
    )  # fmt: skip
    return replace(made, scene=scene, verdicts=tuple(sorted(verdicts, key=lambda v: v.glitch.start_s)))


def _moved(verdict, place):
    by_s = place * (HOUR_S - 60) / GLITCHES
    glitch = verdict.glitch
    times = {name: getattr(glitch, name) + by_s for name in ("start_s", "end_s", "capture_start_s", "capture_end_s")}
    return replace(verdict, id=f"g{place + 1:03d}", glitch=replace(glitch, **times, audible=True))


def opening_times(paths: list[Path], *, times: int = 3) -> Iterator[float]:
    """The median time until each page is ready, in seconds."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        for path in paths:
            taken = []
            for _ in range(times):
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                began = time.perf_counter()
                page.goto(path.as_uri(), wait_until="commit")
                page.wait_for_selector("html[data-ready]")
                taken.append(time.perf_counter() - began)
                page.close()
            yield float(np.median(taken))
        browser.close()


def main() -> None:
    """Write, measure and print."""
    recording = Path(sys.argv[1]) if sys.argv[1:] else None
    with tempfile.TemporaryDirectory() as folder:
        pages = []
        for name, make in (
            ("30 s", lambda: synthetic_diagnosis(seconds=30.0)),
            ("1 hour", lambda: hour_call(recording)),
        ):
            diagnosis = make()
            for audio in ("call", "glitches", "none"):
                began = time.perf_counter()
                path = write_report(diagnosis, Path(folder) / f"{name}-{audio}.html", audio=audio)
                pages.append((name, audio, path, time.perf_counter() - began))
        empty = Path(folder) / "empty.html"
        empty.write_text(f"<!doctype html><html data-ready><!--{'x' * pages[3][2].stat().st_size}-->")
        opened = list(opening_times([*(path for _, _, path, _ in pages), empty]))
        for (name, audio, path, took_s), open_s in zip(pages, opened, strict=False):
            size = path.stat().st_size / 1e6
            print(f"{name:7} audio {audio:9} {size:6.2f} MB, written in {took_s:5.1f} s, opens in {open_s:.2f} s")
        print(f"an empty page as large as the hour's opens in {opened[-1]:.2f} s")


if __name__ == "__main__":
    main()
