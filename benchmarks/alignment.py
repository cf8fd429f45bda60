"""Alignment of an hour: how exact, and how fast beside `tshark -z rtp,streams` on the capture alone.

    python benchmarks/alignment.py FOLDER [--quick]     # makes the hour in FOLDER at the first run (see hour.py)

Each row is one recorder. The largest error of the place of a sound, at both ends and a third of the way; of the drift;
of the step; and what the alignment itself says they are at most. Times are of whole processes, from the start of the
interpreter: capture read, streams found, recording aligned; tshark reads the capture only. Nothing is asserted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from hour import AGENT_SSRC, RATE_HZ, USER_SSRC, Recorder, make_call, record

from forensics.audio.excerpts import FileSound, StreamSound
from forensics.capture import read_capture
from forensics.clocks import estimate_course
from forensics.errors import ClockError
from forensics.streams import find_streams

RECORDERS = {
    "room, 20 dB, +80 ppm, gaps": Recorder(),
    "room, 20 dB, -80 ppm, gaps": Recorder(drift_ppm=-80),
    "a step of 120 ms": Recorder(drift_ppm=20, step=(1800.0, 0.12)),
    "a step of -350 ms": Recorder(drift_ppm=-60, step=(2500.0, -0.35)),
    "+500 ppm": Recorder(drift_ppm=500),
    "-500 ppm": Recorder(drift_ppm=-500),
    "begins 55 minutes into the call": Recorder(starts_s=3300.0, holes_s=()),
    "ran for an hour before the call": Recorder(starts_s=-3600.0, holes_s=()),
    "0 dB": Recorder(snr_db=0.0),
    "-6 dB": Recorder(snr_db=-6.0),
}

COLD = """
import sys
from forensics.audio.excerpts import FileSound, StreamSound
from forensics.capture import read_capture
from forensics.clocks import estimate_course
from forensics.streams import find_streams
(stream,) = [s for s in find_streams(read_capture(sys.argv[1])) if s.ssrc == int(sys.argv[3])]
print(estimate_course(StreamSound(stream), FileSound(sys.argv[2])).drift_ppm)
"""


def judge(sound: StreamSound, recorder: Recorder, path: Path) -> str:
    """One row: errors of the alignment, or its refusal."""
    start = time.perf_counter()
    try:
        course = estimate_course(sound, FileSound(path))
    except ClockError as refusal:
        return f"refused: {refusal}"
    seconds = time.perf_counter() - start
    kept = course.windows[course.windows["kept"]]["media_s"]
    places_s = kept.quantile([0.0, 0.3, 1.0]).to_numpy()
    error_ms = 1000 * (course.recording_s(places_s) - recorder.recorded_s(places_s))
    text = f"offset {np.abs(error_ms).max():.4f} ms (says {2000 * course.error_s / 2:.4f}), "
    text += f"drift {course.drift_ppm - recorder.drift_ppm:+.4f} ppm (says {course.drift_error_ppm:.4f}), "
    if recorder.step is not None or course.steps:
        true_s = recorder.media_s(np.array([recorder.step[0]]))[0] if recorder.step else np.nan
        steps = ", ".join(f"{change_s * 1e3:+.3f} ms {at_s - true_s:+.1f} s off" for at_s, change_s in course.steps)
        text += f"steps {steps or 'none'}, "
    return f"{text}{len(kept)} of {len(course.windows)} windows, {seconds:.2f} s"


RUNS = 7


def timed(*commands: Sequence[str]) -> np.ndarray:
    """Median seconds of whole processes, in turns: (commands, 2), on the clock and of the processor."""
    runs = np.empty((RUNS, len(commands), 2))
    for place in np.ndindex(runs.shape[:2]):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(commands[place[1]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        runs[place] = time.perf_counter() - start, processor_s
    return np.median(runs, axis=0)


def main(folder: Path, *, quick: bool) -> None:
    sent = make_call(folder)
    capture, recording = folder / "capture.pcap", folder / "recording.wav"
    streams = {s.ssrc: s for s in find_streams(read_capture(capture))}
    sound = StreamSound(streams[AGENT_SSRC])
    record(sent, Recorder(), recording)
    ours, tshark = timed(
        [sys.executable, "-c", COLD, str(capture), str(recording), str(AGENT_SSRC)],
        ["tshark", "-q", "-r", str(capture), "--enable-heuristic", "rtp_udp", "-z", "rtp,streams"],
    )
    print(f"cold, {len(sent) / RATE_HZ:.0f} s of call; tshark reads the capture alone")
    for what, mine, peer in zip(("clock", "processor"), ours, tshark, strict=True):
        print(f"  {what}: {mine:.2f} s, tshark {peer:.2f} s (ratio {mine / peer:.2f})")
    cases = dict(list(RECORDERS.items())[:3]) if quick else RECORDERS
    for name, recorder in cases.items():
        path = record(sent, recorder, folder / "trial.wav")
        print(f"{name}: {judge(sound, recorder, path)}", flush=True)
    print(f"the other direction: {judge(StreamSound(streams[USER_SSRC]), Recorder(), recording)}")
    whole = replace(Recorder(), snr_db=60.0, reverberant=False, drift_ppm=0.0, holes_s=())
    print(f"a clean copy: {judge(sound, whole, record(sent, whole, folder / 'trial.wav'))}")
    (folder / "trial.wav").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), quick="--quick" in sys.argv)
