"""How fluid is the workbench in JupyterLab on a call of an hour, in a real browser?

    python benchmarks/workbench.py [--minutes 60]

A made call at 48 kHz with two packets every 20 ms (an hour: 360 000), 180 glitches, a log and statistics. Measured are
the first picture once the diagnosis is there, the round trip of a zoom or pan (from the wheel's event until every tile
of the new window is painted), a change of a what-if slider, the kernel's memory and the saved notebook. The peer is
librosa's own picture of ten seconds, drawn in the same kernel.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

MAKE = f"""
import sys
sys.path[:0] = [{str(ROOT / "tests")!r}, {str(ROOT / "benchmarks")!r}]
from workbench import hour_of_call, high_water_mb, resident_mb
import forensics as fx
import matplotlib.pyplot as plt
import scipy.fft  # as the diagnosis would have
diagnosis = hour_of_call(MINUTES * 60.0)
before_mb = resident_mb()
high_water_mb(reset=True)
"""
SHOW = "bench = fx.workbench(diagnosis)\nbench"
PEER = """
import time
import librosa.display, matplotlib
matplotlib.use("agg")
track = diagnosis.scene.recording
def draw(at_s):
    start = time.perf_counter()
    samples = track.samples[int(at_s * 48_000):int((at_s + 10) * 48_000)]
    figure, (above, below) = plt.subplots(2)
    librosa.display.waveshow(samples, sr=48_000, ax=above)
    librosa.display.specshow(librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=48_000)), ax=below)
    figure.savefig("peer.png")
    plt.close(figure)
    return time.perf_counter() - start
draw(1.0)
print(sorted(draw(at) for at in (10.0, 100.0, 50.0, 20.0, 70.0))[2])
"""
ROUND_TRIP = """() => {
    const stage = document.querySelector(".tl-stage");
    window.trips = [];
    const after = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    stage.addEventListener("wheel", async () => {
        const start = performance.now();
        do await after(); while (stage.getAttribute("aria-busy") !== "false");
        window.trips.push(performance.now() - start);
    }, { capture: true });
}"""
WHAT_IF = """async ms => {
    const said = document.querySelector(".forensics-what-if .forensics-said");
    const input = document.querySelector(".forensics-what-if input");
    const before = said.textContent;
    const start = performance.now();
    input.value = String(ms);
    input.dispatchEvent(new Event("input"));
    while (said.textContent === before) await new Promise(done => requestAnimationFrame(done));
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    return performance.now() - start;
}"""
FIRST_PICTURE = """async () => {
    const start = performance.now();
    jupyterapp.commands.execute("notebook:run-cell");
    const drawn = () => document.querySelector(".tl-stage[data-drawn=true]");
    while (!drawn()) await new Promise(done => requestAnimationFrame(done));
    return performance.now() - start;
}"""


def hour_of_call(seconds):
    """A finished diagnosis of a long call with the synthetic call's faults; its sound repeats each minute."""
    from dataclasses import replace

    import synthetic_call as made
    import telemetry_of_call as telemetry

    from forensics.model import AudioTrack
    from forensics.pcm import Pcm16, to_pcm16
    from forensics.playout.replay import replay_neteq

    short = made.synthetic_diagnosis()
    frames = round((seconds - 1) / made.FRAME_S)
    downlink, arrival_s = made.rtp_stream(frames=frames)
    uplink, _ = made.rtp_stream(frames=frames, ssrc=0xFEEDBEEF)
    heard, _ = made.heard_playout(downlink, arrival_s)
    minute = made.speech(60.0, seed=3)
    sound = np.tile(minute, -(-round(seconds) // 60))[: round(seconds * made.RATE_HZ)]
    track = AudioTrack("recording", Pcm16(to_pcm16(sound)), made.RATE_HZ, ((0.0, seconds),))
    scene = replace(short.scene, streams=(downlink, uplink), downlink=downlink, uplink=uplink, recording=track,
                    sent=track, heard=heard, microphone=None)  # fmt: skip
    diagnosis = telemetry.with_telemetry(
        replace(short, scene=scene, verdicts=tuple(_repeated(short.verdicts, seconds)))
    )
    return replace(diagnosis, scene=replace(diagnosis.scene, replay=replay_neteq(downlink)))


def _repeated(verdicts, seconds):
    """Three glitches a minute, all through the call."""
    from dataclasses import replace

    for minute in range(max(int(seconds // 60), 1)):
        for verdict in verdicts[:3]:
            moved = {name: getattr(verdict.glitch, name) + 60 * minute
                     for name in ("start_s", "end_s", "capture_start_s", "capture_end_s")}  # fmt: skip
            yield replace(verdict, id=f"{verdict.id}m{minute:02d}", glitch=replace(verdict.glitch, **moved))


def resident_mb():
    """Memory of this process in MB."""
    return _status("VmRSS")


def high_water_mb(*, reset=False):
    """The most memory of this process since the last reset, in MB."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return _status("VmHWM")


def _status(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def move(sheet, *, times):
    """Zoom and pan at random places, as a hand does."""
    chance = random.Random(1)
    sheet.press("0")
    box = sheet.page.locator(".tl-stage").bounding_box()
    for number in range(times):
        x = box["x"] + chance.uniform(200, box["width"] - 20)
        sheet.page.mouse.move(x, box["y"] + 300)
        if number % 15 == 14:
            sheet.press("0")
        sideways = number % 3 == 2
        if sideways:
            sheet.page.keyboard.down("Shift")
        sheet.page.mouse.wheel(0, chance.choice([-600, 600]) if sideways else chance.choice([-700, -500, -400, 300]))
        sheet.page.wait_for_function("count => window.trips.length > count", arg=number)
        if sideways:
            sheet.page.keyboard.up("Shift")
    return np.array(sheet.page.evaluate("() => window.trips"))


def measure(folder, minutes):
    """Return every figure by name."""
    from jupyterlab_session import Sheet, chromium, serve, write_notebook

    write_notebook(folder / "hour.ipynb", MAKE.replace("MINUTES", str(minutes)), SHOW)
    with serve(folder) as address, chromium() as browser:
        sheet = Sheet(browser, address).open("hour.ipynb")
        sheet.command("notebook:run-cell-and-select-next")
        sheet.page.wait_for_function("() => document.querySelectorAll('.jp-InputPrompt')[0].innerText.includes('[1]')",
                                     timeout=600_000)  # fmt: skip
        said = {"troubles before": len(sheet.troubles), "first picture, s": sheet.page.evaluate(FIRST_PICTURE) / 1e3}
        sheet.page.evaluate("() => document.querySelector('.tl-stage').scrollIntoView()")
        sheet.page.evaluate(ROUND_TRIP)
        trips = move(sheet, times=90)
        said |= {"zoom or pan, median ms": np.median(trips), "zoom or pan, 95 % ms": np.percentile(trips, 95)}
        sheet.page.locator("summary", has_text="What if").click()
        changes = []
        for ms in (60, 120, 180, 240, 300, 360, 420):
            changes.append(sheet.page.evaluate(WHAT_IF, ms))
            sheet.page.wait_for_timeout(6000)  # the whole call is replayed once the slider rests
        said |= {"what-if, median ms": np.median(changes), "what-if, worst ms": max(changes)}
        grown, high = json.loads(sheet.ask("print([resident_mb() - before_mb, high_water_mb() - before_mb])"))
        said |= {"kernel memory, growth MB": grown, "kernel memory, most MB": high}
        sheet.page.wait_for_selector(".forensics-still img", state="attached")
        sheet.save()
        said |= {"saved notebook, MB": (folder / "hour.ipynb").stat().st_size / 1e6}
        said |= {"librosa's picture of 10 s, ms": float(sheet.ask(PEER).splitlines()[-1]) * 1e3}
        said |= {"troubles": len(sheet.troubles)}
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), wanted.minutes)
    for name, value in figures.items():
        print(f"{name:32} {value:10.3f}")
    ratio = figures["librosa's picture of 10 s, ms"] / figures["zoom or pan, median ms"]
    print(f"{'librosa / ours, per picture':32} {ratio:10.1f}")


if __name__ == "__main__":
    main()
