"""A simulated call as a case on disk: the files of a recorded one, but for what only a browser has (keys, its dump)."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.errors import ScenarioError
from forensics.lab.account import Account
from forensics.lab.recorder_gaps import make_recorder_gaps
from forensics.lab.scenario_file import write_scenario
from forensics.lab.simulate_wire import AGENT, AGENT_SSRC, LISTENER
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.lab.taps import Datagram, write_capture
from forensics.lab.truth import MICROPHONE_RATE_HZ, describe_truth

if TYPE_CHECKING:
    from forensics.lab.simulate import SimulatedCall

DUMP_EVERY = 10
"""Of the readings of the counters one a second is written, as chrome://webrtc-internals keeps them."""

ANCHOR_EVERY = 50  # ticks: half a second


def write_simulated(call: SimulatedCall, out: Path | str) -> Path:
    """Write a simulated call as a case with its truth.

    Parameters
    ----------
    call : SimulatedCall
    out : path-like
        A folder that does not exist yet, or is empty.

    Returns
    -------
    Path
        `out`, which holds receiver and sender captures in plain RTP, recording.flac, mic.flac, speaker.flac (where the
        receiver's machine is at fault), stats.json.gz, events.jsonl, clock.json, truth.json and scenario.toml. It
        appears whole or not at all.

    Raises
    ------
    ScenarioError
        `out` holds something already.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ScenarioError(f"{out} exists and is not an empty folder; give another one to simulate into.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        whole = Path(folder) / out.name
        whole.mkdir()
        _write_files(call, whole)
        if out.exists():
            out.rmdir()
        os.replace(whole, out)
    return out


def _write_files(call: SimulatedCall, whole: Path) -> None:
    account = call.account
    truth = {**describe_truth(account), "simulated": True, "agent_ssrc": AGENT_SSRC}
    truth["addresses"] = {"agent": list(AGENT), "listener": list(LISTENER)}
    truth["captures"] = {}
    for name in ("receiver", "sender"):
        path = whole / f"{name}.{account.scenario.capture_format}"
        write_capture(_tapped(call, name, truth), path)
        truth["captures"][name] = path.name
    _write_flac(whole / "recording.flac", make_recorder_gaps(account, truth), SPEECH_RATE_HZ)
    _write_flac(whole / "mic.flac", account.microphone, MICROPHONE_RATE_HZ)
    if account.device is not None:
        _write_flac(whole / "speaker.flac", account.device, SPEECH_RATE_HZ)
    rows = (json.dumps({"received_at": round(at_s, 6), "event": event}) + "\n" for at_s, event in call.events)
    (whole / "events.jsonl").write_text("".join(rows), encoding="utf-8")
    (whole / "stats.json.gz").write_bytes(gzip.compress("".join(_readings(call)).encode(), mtime=0))
    write_scenario(account.scenario, whole / "scenario.toml")
    _write_json(whole / "clock.json", _clock(account))
    _write_json(whole / "truth.json", truth)


def _tapped(call: SimulatedCall, name: str, truth: dict[str, Any]) -> list[Datagram]:
    """Return what a capture holds, gaps of the tap left out and told to the truth."""
    kept = call.wire.tap(name, zero_ns=call.zero_ns)
    for fault in call.account.scenario.faults_of("tap"):
        if fault["capture"] in (name, "both"):
            window = (call.zero_ns + round(fault.at_s * 1e9), call.zero_ns + round(fault.end_s * 1e9))
            missed = [datagram for datagram in kept if window[0] <= datagram.time_ns < window[1]]
            kept = [datagram for datagram in kept if not window[0] <= datagram.time_ns < window[1]]
            truth["benign"].append(_capture_gap(name, window, missed))
    return kept


def _capture_gap(name: str, window: tuple[int, int], missed: list[Datagram]) -> dict[str, Any]:
    media = [d.payload for d in missed if d.payload[8:12] == AGENT_SSRC.to_bytes(4, "big") and d.source == AGENT]
    return {
        "kind": "capture_gap",
        "cause": "none",
        "capture": name,
        "cap": [edge / 1e9 for edge in window],
        "datagrams": len(missed),
        "seqs": [int.from_bytes(payload[2:4], "big") for payload in media if not 192 <= payload[1] <= 223],
    }


def _readings(call: SimulatedCall) -> Iterator[str]:
    """Return a getStats() series as JSON lines."""
    for row in call.statistics.iloc[::DUMP_EVERY].to_dict(orient="records"):
        epoch_s = call.zero_ns / 1e9 + row.pop("at_s")
        stamp = {"timestamp": round(epoch_s * 1000, 3)}
        inbound = {name: value for name, value in row.items() if not name.startswith(".")}
        playout = {name[1:]: value for name, value in row.items() if name.startswith(".")}
        reports = [
            {"id": "IT01", "type": "inbound-rtp", "kind": "audio", "ssrc": AGENT_SSRC, **stamp, **inbound},
            {"id": "AP", "type": "media-playout", "kind": "audio", **stamp, **playout},
        ]
        yield json.dumps({"t": epoch_s, "reports": reports}) + "\n"


def _clock(account: Account) -> dict[str, Any]:
    """Return the truth for alignment: when the jitter buffer gave out which sample."""
    anchors = account.clock[::ANCHOR_EVERY, ::-1].round(6)
    return {
        "rec_first_sample_epoch": round(float(account.clock[0, 0] - account.clock[0, 1]), 6),
        "rec_rate": SPEECH_RATE_HZ,
        "anchors_rec_s_epoch": anchors.tolist(),
        "note": "when the jitter buffer gave out the block that begins at rec_s, in seconds since 1970. Recorder gaps "
        "of content 'cut' are not in these times.",
    }


def _write_flac(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    import soundfile

    soundfile.write(path, np.clip(np.round(samples * 32_768), -32_768, 32_767).astype(np.int16), rate_hz)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")
