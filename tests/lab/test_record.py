import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from forensics.capture import read_capture
from forensics.case import open_case
from forensics.errors import ForensicsError, MissingToolError, ScenarioError
from forensics.lab import listener, record, take
from forensics.lab.agent import audio_level, candidates_of, with_candidate
from forensics.lab.checks import Disturbed
from forensics.lab.listener import chromium_path
from forensics.lab.processes import command_line, descendants, threads
from forensics.lab.scenario import Fault, Line, Scenario, Sender
from forensics.lab.scenario_file import read_scenario

SDP = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    "a=candidate:1 1 udp 2122194687 127.0.0.1 43405 typ host generation 0\r\n"
    "a=candidate:2 1 udp 2122063615 192.0.2.2 58464 typ host generation 0\r\n"
    "a=candidate:3 1 tcp 1518214911 127.0.0.1 9 typ host tcptype active\r\n"
    "a=ice-ufrag:xZQZ\r\na=ice-pwd:secret\r\n"
)


def test_everything_has_to_pass_the_relay():
    assert candidates_of(SDP) == [("127.0.0.1", 43405), ("192.0.2.2", 58464)]
    only = with_candidate(SDP, ("127.0.0.3", 7000))
    assert candidates_of(only) == [("127.0.0.3", 7000)]
    assert only.count("a=candidate") == 1
    assert only.index("a=candidate") < only.index("a=ice-ufrag")


def test_audio_levels_are_those_of_rfc_6464():
    assert [audio_level(np.full(960, level)) for level in (1.0, 0.1, 0.0)] == [0, 20, 127]


def test_without_chromium_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(listener, "CHROMIUM_PATHS", ("/nowhere/chromium",))
    with pytest.raises(MissingToolError, match="apt-get install chromium"):
        chromium_path()


def test_a_voice_ai_without_a_port_is_told_in_one_sentence():
    class Peer:
        async def offer(self, codec):
            return SDP

        async def answer(self, offer):
            return SDP.replace("127.0.0.1", "192.0.2.9")  # every port of loopback was taken

    relay = SimpleNamespace(sender_side=("127.0.0.2", 4000), listener_side=("127.0.0.3", 4000))
    with pytest.raises(
        ForensicsError, match=r"^No UDP port to be had on 127\.0\.0\.1: the voice AI's peer was given none"
    ):
        asyncio.run(take._connect(Peer(), relay, Peer(), codec="opus"))


def test_processes_below_this_one_are_found():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        import os

        assert child.pid in descendants(os.getpid())
        assert threads(child.pid) == [child.pid]
    finally:
        child.communicate(b"\n")
    assert command_line(child.pid) == ""
    assert threads(child.pid) == []


def test_a_folder_that_holds_something_is_not_recorded_into(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ScenarioError, match="exists and is not an empty folder"):
        record.record_call(Scenario("s", 4.0), tmp_path)


@pytest.fixture
def spoken(tmp_path):
    """Two seconds that sound like a voice, every moment of it unlike the others."""
    t = np.arange(2 * 48_000) / 48_000
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(1.7 * t) + 10 * np.sin(5.3 * t)) / 48_000
    path = tmp_path / "voice.wav"
    soundfile.write(path, 0.1 * sum(np.sin(k * phase + k) / k for k in range(1, 20)), 48_000)
    return path


@pytest.fixture
def short_call(spoken):
    faults = (Fault("burst_loss", 1.2, 0.2), Fault("stall", 2.0, 0.2, {"timestamps": "clock"}))
    return Scenario("short_call", 4.0, (Line("agent", 0.6, wav=spoken),), faults)


def test_a_call_that_stays_disturbed_is_given_up_and_leaves_nothing(short_call, tmp_path, monkeypatch):
    def refuse(*_):
        raise Disturbed("The call was disturbed: by the test.")

    monkeypatch.setattr(record, "chromium_path", lambda: None)
    monkeypatch.setattr(record, "run_take", lambda *_: None)
    monkeypatch.setattr(record, "account_of", lambda *_, **__: None)
    monkeypatch.setattr(record, "_truth", lambda *_: {})
    monkeypatch.setattr(record, "check_take", refuse)
    told = []
    with pytest.raises(Disturbed, match="by the test"):
        record.record_call(short_call, tmp_path / "out", attempts=2, tell=told.append)
    assert len(told) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(("codec", "rate_hz"), [("opus", 48_000), ("pcma", 8_000)])
def test_a_real_call_is_recorded_with_its_truth(short_call, tmp_path, codec, rate_hz):
    out = tmp_path / "short_call"
    try:
        record.record_call(replace(short_call, sender=Sender(codec=codec)), out, attempts=3)
    except Disturbed as reason:
        pytest.skip(f"this machine is too busy to record on: {reason}")
    case = open_case(out)
    assert None not in (case.capture, case.sender_capture, case.recording, case.microphone, case.keys, case.stats)
    truth = json.loads((out / "truth.json").read_text())
    faults: dict = {}
    missing_ms = Counter()
    for event in truth["events"]:  # the fault itself comes first, what it left behind (a refill) after it
        faults.setdefault(event["injected_id"], event)
        missing_ms[event["injected_id"]] += event["evidence"]["gap_ms"] + event["evidence"]["removed_ms"]
    assert faults["f1"]["cause"] == "network_drop"
    assert len(faults["f1"]["lost_seqs"]) == pytest.approx(10, abs=1)
    assert faults["f2"]["cause"] == "late_model_output"
    assert faults["f2"]["stall_ms"] == pytest.approx(200, abs=30)
    assert (faults["f2"]["ts_after"] - faults["f2"]["ts_before"]) / rate_hz == pytest.approx(0.22, abs=0.025)
    assert faults["f1"]["evidence"]["concealed_ms"] == pytest.approx(200, abs=80)
    for fault_id in ("f1", "f2"):  # what was not heard of the voice: concealed, or played faster to win it back
        assert missing_ms[fault_id] == pytest.approx(200, abs=40)
    receiver, sender = (read_capture(path) for path in (case.capture, case.sender_capture))
    assert len(sender.datagrams) - len(receiver.datagrams) == pytest.approx(10, abs=6)
    assert set(receiver.flows["source_address"]) <= {"127.0.0.1", "127.0.0.3"}
    again = read_scenario(out / "scenario.toml")
    assert [fault.kind for fault in again.faults] == ["burst_loss", "stall"]
    import os

    assert not [pid for pid in descendants(os.getpid()) if "chrom" in command_line(pid) or "pulse" in command_line(pid)]


def test_blocks_of_several_rates_become_one_sound_at_the_highest():
    """Silence at 48 kHz until the first packet, then what the codec yields at 8 kHz."""
    tone = np.round(8000 * np.sin(2 * np.pi * 300 * np.arange(8 * 80) / 8000)).astype(np.int16)
    first = [*range(0, 3 * 480, 480), *range(3 * 480, 3 * 480 + len(tone), 80)]
    blocks = np.array([[at, 10.0 * k, 1e4 * k, 48_000 if k < 3 else 8_000] for k, at in enumerate(first)])
    heard = listener.at_one_rate(np.r_[np.zeros(3 * 480, np.int16), tone], blocks)
    assert heard.rate_hz == 48_000
    assert heard.arrivals.tolist() == [[480.0 * k, 10.0 * k, 1e4 * k] for k in range(len(first))]
    assert len(heard.samples) == 480 * len(first)
    assert not heard.samples[: 3 * 480 - 60].any()
    due = 8000 * np.sin(2 * np.pi * 300 * np.arange(8 * 480) / 48_000)
    assert np.abs(heard.samples[3 * 480 :] - due)[480:-480].max() < 80


def test_blocks_of_one_rate_are_left_as_they_are():
    samples, blocks = np.arange(960, dtype=np.int16), np.array([[0, 1.0, 2.0, 48_000], [480, 3.0, 4.0, 48_000]])
    heard = listener.at_one_rate(samples, blocks)
    assert np.array_equal(heard.samples, samples)
    assert np.array_equal(heard.arrivals, blocks[:, :3])


def test_errors_of_the_lab_are_errors_of_the_workbench():
    assert issubclass(Disturbed, ForensicsError)
