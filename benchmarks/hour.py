"""A made hour: a call of two voices as plain RTP, and what a recorder with faults of its own made of it.

    python benchmarks/hour.py FOLDER            # capture.pcap and recording.wav in FOLDER, some 400 MB, two minutes
    python benchmarks/hour.py FOLDER --diagnose # and how long its full diagnosis takes, both voices decoded

Speech is espeak-ng's, no two sentences alike; Opus at 24 kbit/s, 20 ms a packet. Packets take 30 ms and some jitter;
2 % of the agent's are lost in bursts. The listener hears the agent from a fixed buffer, in a room (a direct sound and a
tail that decays by 60 dB in 0.3 s, 5 dB below it), on a recorder with a clock of its own. Nothing of it is kept in git.

The diagnosis is a process of its own, timed from the start of its interpreter, and so is the peer: the decoding of both
voices alone, one after the other, without which no such diagnosis can be. The processors' time of the one over that of
the other says what everything but the decoding costs. Nothing is asserted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from forensics.audio.resample import resample_track
from forensics.lab.payloads import decode_payloads, encode_payloads
from forensics.lab.scenario import Sender
from forensics.lab.taps import Datagram, write_capture
from forensics.model import AudioTrack

HOUR_S = 3600.0
PACKET_S, RATE_HZ = 0.02, 48_000
ORIGIN_NS = 1_780_000_000_000_000_000
AGENT, USER = ("192.0.2.10", 40_000), ("198.51.100.7", 51_000)
AGENT_SSRC, USER_SSRC = 0xA6E47, 0x05E4
PATH_S = 0.03
BUFFER_S = 0.06
"""From the sending of a packet to its sound."""

LOSS_SHARE, LONGEST_BURST = 0.02, 25
SYLLABLES = ("ba", "ne", "ri", "to", "su", "ka", "mel", "dor", "fin", "gu", "lash", "pem", "vo", "zi", "thra", "quen")


@dataclass(frozen=True)
class Recorder:
    """What a recorder does to a sound: its clock runs `drift_ppm` fast, and jumps by `step` = (at_s, change_s)."""

    drift_ppm: float = 80.0
    snr_db: float = 20.0
    reverberant: bool = True
    step: tuple[float, float] | None = None
    starts_s: float = 2.5  # of the call; negative: the recorder ran before it
    holes_s: tuple[tuple[float, float], ...] = ((700.0, 705.0), (2200.0, 2202.0), (3000.0, 3008.0))

    def recorded_s(self, media_s: np.ndarray | float) -> np.ndarray | float:
        """Recording time of each media time: what an alignment has to find."""
        line_s = (media_s + PATH_S + BUFFER_S - self.starts_s) * (1 + self.drift_ppm * 1e-6)
        if self.step is None:
            return line_s
        return line_s + np.where(line_s >= self.step[0], self.step[1], 0.0)

    def media_s(self, recorded_s: np.ndarray) -> np.ndarray:
        """Media time of each recording time."""
        if self.step is not None:
            recorded_s = np.where(
                recorded_s >= self.step[0] + max(self.step[1], 0), recorded_s - self.step[1], recorded_s
            )
        return recorded_s / (1 + self.drift_ppm * 1e-6) - PATH_S - BUFFER_S + self.starts_s


def speak(words: int, *, voice: str, seed: int) -> np.ndarray:
    """Say words that nobody said before, one sentence a line."""
    rng = np.random.default_rng(seed)
    text = "".join(
        "".join(rng.choice(SYLLABLES, rng.integers(1, 4))) + (".\n" if k % 9 == 8 else " ") for k in range(words)
    )
    spoken = subprocess.run(
        ["espeak-ng", "-v", voice, "--stdout"], input=text.encode(), capture_output=True, check=True
    )
    samples = np.frombuffer(spoken.stdout[44:], np.int16).astype(np.float32) / 32_768
    return np.asarray(resample_track(AudioTrack(voice, samples, 22_050), sample_rate_hz=RATE_HZ).samples)


def converse(seconds: float, *, seed: int = 1) -> dict[str, np.ndarray]:
    """Both voices in turn, each with pauses, (n,) float32."""
    rng, size = np.random.default_rng(seed), round(seconds * RATE_HZ)
    words = round(seconds * 2.4) + 40
    said = {"agent": speak(words, voice="en-us+f3", seed=seed), "user": speak(words, voice="en-gb+m3", seed=seed + 1)}
    out = {name: np.zeros(size, np.float32) for name in said}
    used, at, turn = dict.fromkeys(said, 0), round(0.5 * RATE_HZ), 0
    while at < size:
        name, long_s = ("agent", rng.uniform(4, 12)) if turn % 2 == 0 else ("user", rng.uniform(2, 6))
        piece = said[name][used[name] : used[name] + round(long_s * RATE_HZ)]
        room = out[name][at : at + len(piece)]
        room += 0.5 * piece[: len(room)]
        used[name] = (used[name] + len(piece)) % max(1, len(said[name]) - 13 * RATE_HZ)
        at += max(len(piece), RATE_HZ) + round(rng.uniform(0.3, 1.2) * RATE_HZ)
        turn += 1
    return {name: np.clip(sound + rng.normal(0, 1e-4, size).astype(np.float32), -1, 1) for name, sound in out.items()}


def encode(sound: np.ndarray) -> list[bytes]:
    """Opus packets of 20 ms."""
    step = round(PACKET_S * RATE_HZ)

    class Plan:
        audio = sound[: len(sound) // step * step].reshape(-1, step)

    return encode_payloads(Plan, Sender(bitrate_bps=24_000))  # type: ignore[arg-type]


def bursts(packets: int, *, seed: int = 3) -> np.ndarray:
    """Which packets are lost: bursts of 1 to `LONGEST_BURST`."""
    rng, lost = np.random.default_rng(seed), np.zeros(packets, bool)
    while lost.mean() < LOSS_SHARE:
        first = rng.integers(50, packets)
        lost[first : first + rng.integers(1, LONGEST_BURST)] = True
    return lost


def travel(payloads: list[bytes], lost: np.ndarray, *, agent: bool) -> Iterator[Datagram]:
    """RTP as it arrives."""
    rng = np.random.default_rng(4 + agent)
    ends = (AGENT, USER) if agent else (USER, AGENT)
    ssrc = AGENT_SSRC if agent else USER_SSRC
    late_s = PATH_S + rng.exponential(0.001, len(payloads))
    for k in np.flatnonzero(~lost).tolist():
        header = bytes([0x80, 111]) + (k & 0xFFFF).to_bytes(2, "big") + (960 * k).to_bytes(4, "big")
        at_ns = ORIGIN_NS + round((k * PACKET_S + late_s[k]) * 1e9)
        yield Datagram(at_ns, *ends, header + ssrc.to_bytes(4, "big") + payloads[k])


def make_call(folder: Path, *, seconds: float = HOUR_S) -> np.ndarray:
    """Write capture.pcap and sent.npy, what a listener's decoder makes of the agent's packets; return that."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "capture.pcap").exists():
        return np.load(folder / "sent.npy", mmap_mode="r")
    voices = {name: encode(sound) for name, sound in converse(seconds).items()}
    lost = bursts(len(voices["agent"]))
    datagrams = [*travel(voices["agent"], lost, agent=True)]
    datagrams += travel(voices["user"], np.zeros(len(voices["user"]), bool), agent=False)
    decoded = decode_payloads(voices["agent"], Sender())
    decoded[lost] = 0
    np.save(folder / "sent.npy", decoded.reshape(-1))
    write_capture(datagrams, folder / "capture.pcap")
    return decoded.reshape(-1)


def record(sent: np.ndarray, recorder: Recorder, path: Path, *, seed: int = 7) -> Path:
    """Write what `recorder` makes of the sound that the listener hears, 16 bit at 48 kHz."""
    from scipy.signal import oaconvolve

    rng = np.random.default_rng(seed)
    room = np.zeros(round(0.3 * RATE_HZ))
    if recorder.reverberant:
        tail = rng.normal(size=len(room)) * 10 ** (-3 * np.arange(len(room)) / len(room))
        tail[: round(0.002 * RATE_HZ)] = 0
        room = tail * 10 ** (-5 / 20) / np.sqrt(np.sum(tail**2))
    room[0] = 1.0
    wet = oaconvolve(sent, room.astype(np.float32)).astype(np.float32)[: len(sent)]
    noise = float(np.sqrt(np.mean(wet[np.abs(wet) > 1e-3] ** 2))) * 10 ** (-recorder.snr_db / 20)
    last_s = float(recorder.recorded_s(len(sent) / RATE_HZ))
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        for first in range(0, round(last_s * RATE_HZ), 1 << 20):
            at_s = np.arange(first, first + (1 << 20)) / RATE_HZ
            place = recorder.media_s(at_s) * RATE_HZ
            low = max(0, int(place[0]) - 2)
            near = wet[low : max(low, int(place[-1]) + 3)]
            block = np.interp(place - low, np.arange(len(near)), near, left=0, right=0) if len(near) else 0 * place
            block += rng.normal(0, noise, len(block))
            for begin_s, end_s in recorder.holes_s:
                block[(at_s >= begin_s) & (at_s < end_s)] = 0
            file.write(0.7 * block.astype(np.float32))
    return path


DIAGNOSE = """
import sys
from pathlib import Path
import forensics as fx
folder = Path(sys.argv[1])
found = fx.diagnose(fx.Case("hour", capture=folder / "capture.pcap", recording=folder / "recording.wav"))
for step in found.steps:
    if step.seconds > 0.05:
        print(f"  {step.seconds:6.2f} s  {step.stage}: {step.action}")
"""
DECODE = """
import sys
from forensics.audio import decode_stream
from forensics.capture import read_capture
from forensics.streams import find_streams
for stream in find_streams(read_capture(sys.argv[1] + "/capture.pcap")):
    decode_stream(stream, sample_rate_hz=16_000)
"""


def diagnose_hour(folder: Path) -> None:
    """Print how long the diagnosis takes, how much memory, and how long the decoding alone."""
    processors_s = []
    for name, script in (("both voices decoded, nothing else", DECODE), ("full diagnosis", DIAGNOSE)):
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True, text=True)
        clock_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        processors_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(
            f"{name}: {clock_s:.1f} s on the clock ({HOUR_S / clock_s:.0f} times real time), {processors_s[-1]:.1f} s "
            f"of processors ({HOUR_S / processors_s[-1]:.0f}), peak {after.ru_maxrss / 1024:.0f} MiB\n{done.stdout}",
            end="",
        )
    print(f"diagnosis / decoding, of processors: {processors_s[1] / processors_s[0]:.2f}")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    if not (where / "recording.wav").exists():
        record(make_call(where), Recorder(), where / "recording.wav")
    if "--diagnose" in sys.argv:
        diagnose_hour(where)
