"""Spectrogram and envelope pyramid of an hour at 48 kHz, beside `librosa.feature.melspectrogram` in one call.

    python benchmarks/spectrogram.py [--minutes 60]

Each row is a process of its own with the same samples in memory (float32, 691 MB for an hour, which both need and
which is taken off its peak); seconds on the clock and of the processor, and the ratio to the peer. What the timeline
asks for when an hour is opened is its overview; a window every 10 ms of the whole hour is what the peer makes.
Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

SETUP = """
import json, resource, sys, time
import numpy as np
seconds = {seconds}
rng = np.random.default_rng(1)
samples = np.empty(seconds * 48_000, np.float32)
for at in range(0, len(samples), 480_000):
    samples[at : at + 480_000] = rng.standard_normal(min(480_000, len(samples) - at), dtype=np.float32) * 0.1
"""

OURS = """
from forensics.model import AudioTrack
from forensics.views.sound import Piece, Sound
from forensics.views.spectrogram import TILE_COLUMNS, spectrogram_levels, spectrogram_tile
from forensics.views.waveform import TILE_COLUMNS as WAVE_COLUMNS, wave_levels, wave_tile
track = AudioTrack("heard", samples, 48_000, ((0.0, float(seconds)),))
sound = Sound("heard", "heard", track, 0.0, float(seconds), (Piece(0, 0, len(samples)),))
def spectrogram(level):
    tiles = int(np.ceil(seconds / (0.0025 * 4**level) / TILE_COLUMNS))
    return sum(spectrogram_tile(sound, scale="mel", level=level, index=k).nbytes for k in range(tiles))
def pyramid():
    return sum(wave_tile(sound, level=level, index=0).nbytes for level in range(4, wave_levels(sound)))
"""

WORK = {
    "librosa.feature.melspectrogram": "import librosa\ndef work(): "
    "return librosa.feature.melspectrogram(y=samples, sr=48_000, n_mels=96, hop_length=480).nbytes\n",
    "overview and pyramid, as an hour is opened": OURS
    + "def work(): return sum(spectrogram(k) for k in range(spectrogram_levels(sound) - 2, spectrogram_levels(sound)))"
    " + pyramid()\n",
    "a window every 10 ms of the whole, and pyramid": OURS + "def work(): return spectrogram(2) + pyramid()\n",
    "one tile of 10 ms columns, when looked at": OURS
    + "def work(): return spectrogram_tile(sound, scale='mel', level=1, index=3).nbytes\n",
}

MEASURE = """
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
wall, processor = time.perf_counter(), time.process_time()
octets = work()
print(json.dumps([time.perf_counter() - wall, time.process_time() - processor,
                  (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, octets / 1e6]))
"""


def measure(code: str, seconds: int) -> list[float]:
    """Return seconds on the clock, of the processor, MB above the samples, MB of the result."""
    script = SETUP.format(seconds=seconds) + code + MEASURE
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=60)
    seconds = parser.parse_args().minutes * 60
    start = time.perf_counter()
    results = {name: measure(code, seconds) for name, code in WORK.items()}
    peer = results["librosa.feature.melspectrogram"]
    for name, (wall, processor, memory, size) in results.items():
        print(
            f"{name:45s} {wall:7.2f} s ({peer[0] / max(wall, 1e-9):6.1f} times as fast), processor {processor:7.2f} s "
            f"({peer[1] / max(processor, 1e-9):6.1f}), {memory:7.0f} MB ({memory / max(peer[2], 1e-9):.3f}), "
            f"result {size:.1f} MB"
        )
    print(f"in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
