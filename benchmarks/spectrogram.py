"""Spectrogram and envelope pyramid of an hour at 48 kHz, beside `librosa.feature.melspectrogram` in one call.

    python benchmarks/spectrogram.py [--minutes 60]

Each row is a process of its own with the same samples in memory (float32, 691 MB for an hour, which both need and
which is taken off its peak); seconds on the clock and of the processor, and the ratio to the peer. The peer is asked
for what ours has: windows of 1024 samples every 10 ms, 96 rows from 50 Hz to 12 kHz, padded to 2048 points or not. What
it gives is not the same: it sums the power in each row, as float32 without decibels, where ours takes the loudest bin
as a byte in decibels. Imports are not timed. All of ours is kept until the end, as the peer's is. What the timeline
asks for when an hour is opened is its overview; "columns of 40 ms" hold the loudest of their four windows each,
"columns of 10 ms" one window, padded. Nothing is asserted.
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
    return [spectrogram_tile(sound, scale="mel", level=level, index=k) for k in range(tiles)]
def pyramid():
    return [wave_tile(sound, level=level, index=0) for level in range(4, wave_levels(sound))]
spectrogram_tile(sound, scale="mel", level=2, index=0)
def work():
    top = spectrogram_levels(sound)
    return sum(tile.nbytes for tile in {tiles})
"""

PEER = """
import librosa
librosa.feature.melspectrogram(y=samples[:48_000], sr=48_000)  # its imports are not timed
def work():
    return librosa.feature.melspectrogram(
        y=samples, sr=48_000, n_fft={n_fft}, win_length=1024, hop_length=480, n_mels=96, fmin=50, fmax=12_000
    ).nbytes
"""

LIKE = {"1024": "librosa, 1024 points", "2048": "librosa, padded to 2048"}
WORK = {
    LIKE["1024"]: (PEER.replace("{n_fft}", "1024"), "1024"),
    LIKE["2048"]: (PEER.replace("{n_fft}", "2048"), "2048"),
    "overview and pyramid, as an hour is opened": ("spectrogram(top - 2) + spectrogram(top - 1) + pyramid()", "1024"),
    "columns of 40 ms, four windows each, and pyramid": ("spectrogram(2) + pyramid()", "1024"),
    "columns of 10 ms, and pyramid": ("spectrogram(1) + pyramid()", "2048"),
    "one tile of 10 ms columns, when looked at": ("[spectrogram_tile(sound, scale='mel', level=1, index=3)]", "2048"),
}
"""What is done, and which of the peer's calls it is held against."""

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
    results = {name: (measure(code(tiles), seconds), like) for name, (tiles, like) in WORK.items()}
    for name, ((wall, processor, memory, size), like) in results.items():
        peer = results[LIKE[like]][0]
        print(
            f"{name:48s} {wall:7.2f} s ({peer[0] / max(wall, 1e-9):6.1f} times as fast), processor {processor:7.2f} s "
            f"({peer[1] / max(processor, 1e-9):6.1f}), {memory:7.0f} MB ({memory / max(peer[2], 1e-9):.3f}), "
            f"result {size:.1f} MB"
        )
    print(f"in {time.perf_counter() - start:.0f} s")


def code(tiles: str) -> str:
    """Return what defines `work`: the peer's as it stands, ours with the tiles that it makes."""
    return tiles if "librosa" in tiles else OURS.replace("{tiles}", tiles)


if __name__ == "__main__":
    main()
