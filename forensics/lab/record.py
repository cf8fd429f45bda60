"""Record a labelled call through a real browser: `record_call(scenario, out)`."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from forensics.errors import ScenarioError
from forensics.lab.account import Account
from forensics.lab.checks import Disturbed, check_take
from forensics.lab.listener import chromium_path
from forensics.lab.payloads import encode_payloads
from forensics.lab.plan import plan_sending
from forensics.lab.recorder_gaps import make_recorder_gaps
from forensics.lab.scenario import Scenario
from forensics.lab.scenario_file import write_scenario
from forensics.lab.take import Take, run_take
from forensics.lab.taps import Datagram, write_capture
from forensics.lab.truth import describe_truth
from forensics.lab.uplink import describe_uplink
from forensics.lab.witnesses import MICROPHONE_RATE_HZ, RECORDING_RATE_HZ, account_of

ATTEMPTS = 4
"""How often a disturbed call is tried before the recorder gives up; on a quiet machine the first one is kept."""

ANCHOR_EVERY_S = 0.5


def record_call(
    scenario: Scenario, out: Path | str, *, attempts: int = ATTEMPTS, tell: Callable[[str], None] = lambda _: None
) -> Path:
    """Record a call and write it as a case with its truth.

    Parameters
    ----------
    scenario : Scenario
        What is said and what goes wrong. The call takes its duration and some seconds more.
    out : path-like
        A folder that does not exist yet, or is empty.
    attempts : int
        How often to try again when the machine disturbed the call.
    tell : callable
        Called with one sentence per attempt that was refused.

    Returns
    -------
    Path
        `out`, which holds receiver and sender captures, keys.log, recording.flac, mic.flac, speaker.flac (where the
        receiver's machine is at fault and PulseAudio is there), stats.json.gz, getstats.jsonl.gz, events.jsonl,
        clock.json, truth.json and scenario.toml.

    Raises
    ------
    MissingToolError
        Chromium, espeak-ng, aiortc or playwright is not installed.
    ScenarioError
        `out` holds something already, or the scenario cannot be played.
    Disturbed
        Every attempt was disturbed.

    Notes
    -----
    Only loopback is used. Nothing is written to `out` before the call was checked; it then appears whole.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ScenarioError(f"{out} exists and is not an empty folder; give another one to record into.")
    chromium_path()
    plan = plan_sending(scenario)
    payloads = encode_payloads(plan, scenario.sender)
    for attempt in range(1, attempts + 1):
        take = run_take(scenario, plan, payloads)
        account = account_of(take, scenario, plan=plan, payloads=payloads)
        truth = {**describe_truth(account), "uplink": describe_uplink(take, account)}
        try:
            figures = check_take(take, account, truth)
        except Disturbed as reason:
            tell(f"attempt {attempt} of {attempts}: {reason}")
            if attempt == attempts:
                raise
            continue
        break
    return _write_case(out, scenario, take=take, account=account, truth={**truth, "verification": figures})


def _write_case(out: Path, scenario: Scenario, *, take: Take, account: Account, truth: dict[str, Any]) -> Path:
    """Write every file beside `out`, then move the folder to its place in one step."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        whole = Path(folder) / out.name
        whole.mkdir()
        _write_captures(whole, scenario, take=take, truth=truth)
        _write_sound(whole, account, truth)
        _write_logs(whole, take)
        write_scenario(scenario, whole / "scenario.toml")
        _write_json(whole / "clock.json", _clock(account))
        _write_json(whole / "truth.json", truth)
        if out.exists():
            out.rmdir()
        os.replace(whole, out)
    return out


def _write_captures(whole: Path, scenario: Scenario, *, take: Take, truth: dict[str, Any]) -> None:
    names = {"receiver": take.receiver_tap, "sender": take.sender_tap}
    for name, tapped in names.items():
        kept = tapped
        for fault in scenario.faults_of("tap"):
            if fault["capture"] in (name, "both"):
                window = (take.zero_ns + round(fault.at_s * 1e9), take.zero_ns + round(fault.end_s * 1e9))
                missed = [datagram for datagram in kept if window[0] <= datagram.time_ns < window[1]]
                kept = [datagram for datagram in kept if not window[0] <= datagram.time_ns < window[1]]
                truth["benign"].append(_capture_gap(name, window, missed, take.ssrc))
        write_capture(kept, whole / f"{name}.{scenario.capture_format}")
    truth["captures"] = {name: f"{name}.{scenario.capture_format}" for name in names} | {"keys": "keys.log"}
    truth["agent_ssrc"] = take.ssrc
    truth["addresses"] = {name: list(endpoint) for name, endpoint in take.addresses.items()}


def _capture_gap(name: str, window: tuple[int, int], missed: list[Datagram], ssrc: int) -> dict[str, Any]:
    own = [datagram.payload for datagram in missed if datagram.payload[8:12] == ssrc.to_bytes(4, "big")]
    media = [payload for payload in own if not 192 <= payload[1] <= 223]
    return {
        "kind": "capture_gap", "cause": "none", "capture": name, "cap": [window[0] / 1e9, window[1] / 1e9],
        "datagrams": len(missed), "seqs": [int.from_bytes(payload[2:4], "big") for payload in media],
    }  # fmt: skip


def _write_sound(whole: Path, account: Account, truth: dict[str, Any]) -> None:
    recording = make_recorder_gaps(account, truth)
    _write_flac(whole / "recording.flac", recording, RECORDING_RATE_HZ)
    _write_flac(whole / "mic.flac", account.microphone[: len(account.recording) // 3], MICROPHONE_RATE_HZ)
    if account.device is not None and account.scenario.faults_of("receiver"):
        _write_flac(whole / "speaker.flac", account.device, RECORDING_RATE_HZ)


def _write_flac(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    import soundfile

    soundfile.write(path, np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16), rate_hz)


def _write_logs(whole: Path, take: Take) -> None:
    (whole / "keys.log").write_bytes(b"".join(line + b"\n" for line in take.key_log))
    if take.listening.dump:
        _write_gzip(whole / "stats.json.gz", take.listening.dump)
    readings = "".join(json.dumps(reading) + "\n" for reading in take.listening.stats)
    _write_gzip(whole / "getstats.jsonl.gz", readings.encode())
    rows = (json.dumps({"received_at": round(at_s, 6), "event": event}) + "\n" for at_s, event in take.events)
    (whole / "events.jsonl").write_text("".join(rows), encoding="utf-8")


def _write_gzip(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, mtime=0))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, default=float) + "\n", encoding="utf-8")


def _clock(account: Account) -> dict[str, Any]:
    """Return the truth for alignment: when the jitter buffer gave out which sample."""
    seconds = np.arange(account.clock[0, 1], account.clock[-1, 1], ANCHOR_EVERY_S)
    return {
        "rec_first_sample_epoch": round(float(account.clock[0, 0] - account.clock[0, 1]), 6),
        "rec_rate": RECORDING_RATE_HZ,
        "anchors_rec_s_epoch": [[round(float(s), 4), round(account.epoch(s), 6)] for s in seconds],
        "note": "when the jitter buffer gave out the block that holds rec_s, in seconds since 1970; the browser "
        "fetches in bursts, so 20 ms of jitter is normal. Recorder gaps of content 'cut' are not in these times.",
    }
