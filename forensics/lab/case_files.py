"""A case folder as the lab writes it, whether its call was recorded or simulated. It appears whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from forensics.errors import ScenarioError
from forensics.lab.account import Account
from forensics.lab.microphone import MICROPHONE_RATE_HZ
from forensics.lab.recorder_gaps import make_recorder_gaps
from forensics.lab.scenario import Scenario
from forensics.lab.scenario_file import write_scenario
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.lab.taps import Datagram, write_capture

ANCHOR_EVERY_S = 0.5

TimedEvents = Iterable[tuple[float, dict[str, Any]]]
"""Events of the model with the time at which each came, seconds since 1970."""


def check_unused(out: Path, *, verb: str) -> None:
    """Refuse a folder that holds something.

    Raises
    ------
    ScenarioError
        `out` is a file, or a folder that is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ScenarioError(f"{out} exists and is not an empty folder; give another one to {verb} into.")


@contextmanager
def folder_that_appears_whole(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` to write into, and move it to its place once everything is written."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        whole = Path(folder) / out.name
        whole.mkdir()
        yield whole
        if out.exists():
            out.rmdir()
        os.replace(whole, out)


def write_call(
    whole: Path, account: Account, truth: dict[str, Any], *, taps: Mapping[str, list[Datagram]], events: TimedEvents
) -> None:
    """Write what every call has: captures, sound, the model's events, the clock, the scenario and the truth.

    `taps` holds what each capture saw. Gaps of the witnesses are made here, and told to the truth.
    """
    truth["captures"] = {name: _write_capture(whole, name, taps[name], account, truth) for name in taps}
    _write_sound(whole, account, truth)
    rows = (json.dumps({"received_at": round(at_s, 6), "event": event}) + "\n" for at_s, event in events)
    (whole / "events.jsonl").write_text("".join(rows), encoding="utf-8")
    write_scenario(_with_sounds_beside(account.scenario, whole), whole / "scenario.toml")
    _write_json(whole / "clock.json", _clock(account))
    _write_json(whole / "truth.json", truth)


def _with_sounds_beside(scenario: Scenario, whole: Path) -> Scenario:
    """Copy the sound files of the lines into the case, so that the call can be made again from its folder alone."""
    lines = list(scenario.lines)
    for row, line in enumerate(lines):
        if line.wav is not None:
            copied = shutil.copyfile(line.wav, whole / f"said_{row + 1}{line.wav.suffix}")
            lines[row] = replace(line, wav=Path(copied.name))
    return replace(scenario, lines=tuple(lines))


def write_readings(whole: Path, readings: Iterable[Mapping[str, Any]]) -> None:
    """Write a series of getStats() readings, one JSON object a line."""
    write_gzip(whole / "getstats.jsonl.gz", "".join(json.dumps(reading) + "\n" for reading in readings).encode())


def write_gzip(path: Path, content: bytes) -> None:
    """Write a gzip file that is the same on any day."""
    path.write_bytes(gzip.compress(content, mtime=0))


def _write_capture(whole: Path, name: str, tapped: list[Datagram], account: Account, truth: dict[str, Any]) -> str:
    """Write one capture without what its tap missed; return the name of the file."""
    kept = tapped
    for fault in account.scenario.faults_of("tap"):
        if fault["capture"] in (name, "both"):
            start_ns, end_ns = (round((account.zero_s + edge_s) * 1e9) for edge_s in (fault.at_s, fault.end_s))
            missed = [datagram for datagram in kept if start_ns <= datagram.time_ns < end_ns]
            kept = [datagram for datagram in kept if not start_ns <= datagram.time_ns < end_ns]
            truth["benign"].append(_capture_gap(name, (start_ns, end_ns), missed, truth["agent_ssrc"]))
    return write_capture(kept, whole / f"{name}.{account.scenario.capture_format}").name


def _capture_gap(name: str, window: tuple[int, int], missed: list[Datagram], ssrc: int) -> dict[str, Any]:
    own = [datagram.payload for datagram in missed if datagram.payload[8:12] == ssrc.to_bytes(4, "big")]
    media = [payload for payload in own if not 192 <= payload[1] <= 223]
    return {
        "kind": "capture_gap", "cause": "none", "capture": name, "cap": [window[0] / 1e9, window[1] / 1e9],
        "datagrams": len(missed), "seqs": [int.from_bytes(payload[2:4], "big") for payload in media],
    }  # fmt: skip


def _write_sound(whole: Path, account: Account, truth: dict[str, Any]) -> None:
    recording = make_recorder_gaps(account, truth)
    _write_flac(whole / "recording.flac", recording, SPEECH_RATE_HZ)
    length = len(account.recording) * MICROPHONE_RATE_HZ // SPEECH_RATE_HZ
    _write_flac(whole / "mic.flac", account.microphone[:length], MICROPHONE_RATE_HZ)
    if account.device is not None and account.scenario.faults_of("receiver"):
        _write_flac(whole / "speaker.flac", account.device, SPEECH_RATE_HZ)


def _write_flac(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    import soundfile

    soundfile.write(path, np.clip(np.round(samples * 32_768), -32_768, 32_767).astype(np.int16), rate_hz)


def _clock(account: Account) -> dict[str, Any]:
    """Return the truth for alignment: when the jitter buffer gave out which sample."""
    seconds = np.arange(account.clock[0, 1], account.clock[-1, 1], ANCHOR_EVERY_S)
    return {
        "rec_first_sample_epoch": round(float(account.clock[0, 0] - account.clock[0, 1]), 6),
        "rec_rate": SPEECH_RATE_HZ,
        "anchors_rec_s_epoch": [[round(float(s), 4), round(account.epoch(s), 6)] for s in seconds],
        "note": "when the jitter buffer gave out the block that holds rec_s, in seconds since 1970; a browser fetches "
        "in bursts, so 20 ms of jitter is normal. Recorder gaps of content 'cut' are not in these times.",
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")
