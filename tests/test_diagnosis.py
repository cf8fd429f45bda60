"""diagnose() with every subset of the evidence of a bundled call: what it finds, and what it says it went without."""

import gzip
import json
import struct
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest

import forensics as fx
from forensics.errors import CaseError, ForensicsError
from forensics.model import Cause

CALLS = Path(__file__).parents[1] / "sample_captures"
FILES = ("capture", "sender_capture", "recording", "microphone", "keys", "stats", "events")


@cache
def diagnosed(*given, other=()):
    """Diagnose the mixed call with only the files named in `given`; those in `other` are of another call."""
    whole, stranger = (fx.open_case(CALLS / name) for name in ("mixed_call", "stalled_model"))
    files = {name: getattr(stranger if name in other else whole, name) for name in (*given, *other)}
    return fx.diagnose(replace(whole, **dict.fromkeys(FILES) | files))


def everything_but(*names):
    return tuple(name for name in FILES if name not in names)


def causes(diagnosis):
    return {str(verdict.cause) for verdict in diagnosis.verdicts if verdict.glitch.audible}


def notes(diagnosis):
    return " ".join(note for step in diagnosis.steps for note in step.notes)


def clocks(diagnosis):
    return {name: clock.method for name, clock in diagnosis.scene.clocks.items()}


def test_with_everything_all_clocks_are_placed_and_nothing_is_missed():
    diagnosis = diagnosed(*FILES)
    assert clocks(diagnosis)["recording"] == "decoded-audio, jitterBufferDelay"
    assert clocks(diagnosis)["sender_capture"] == "two-way minimum delay"
    assert causes(diagnosis) >= {"network_drop", "late_model_output", "buffer_underrun"}
    assert [file.role for file in diagnosis.scene.inputs] == [
        "capture", "sender_capture", "recording", "microphone", "keys", "stats", "events"
    ]  # fmt: skip
    assert "left out" not in diagnosis.conclusion


def test_answers_are_split_prompts_followed_and_the_set_up_told():
    diagnosis = diagnosed(*FILES)
    (answer,) = [turn for turn in diagnosis.scene.turns if turn.latency_s is not None]
    assert list(answer.parts) == ["endpointing_s", "model_s", "send_s", "network_s", "buffer_s"]
    assert sum(answer.parts.values()) == pytest.approx(answer.latency_s)
    assert answer.text
    assert diagnosis.scene.setup["phase"].tolist() == ["ice", "dtls", "first_rtp", "first_sound"]
    assert [prompt.evidence[0].supports for prompt in diagnosis.prompts] == [False]


def test_the_steps_tell_the_story_in_order():
    stages = [step.stage for step in diagnosed(*FILES).steps if not step.notes]
    for earlier, later in [("capture", "streams"), ("audio", "clocks"), ("playout", "turns"), ("glitches", "causes")]:
        assert stages.index(earlier) < stages.index(later)
    assert all(step.seconds >= 0 for step in diagnosed(*FILES).steps)


def test_the_capture_alone_still_shows_losses_and_late_packets():
    diagnosis = diagnosed("capture")
    assert diagnosis.scene.heard is None
    assert "recording" not in diagnosis.scene.clocks
    assert diagnosis.scene.replay is not None
    assert "network_drop" in causes(diagnosis)
    assert diagnosis.scene.turns == ()
    assert "is taken for the voice of the agent" in notes(diagnosis)


def test_a_capture_with_keys_is_listened_to_without_a_recording():
    diagnosis = diagnosed("capture", "keys")
    assert diagnosis.scene.sent is not None
    assert diagnosis.scene.journey["tail_dbfs"].notna().all()
    assert "the capture was taken at its destination, for it answers within" in notes(diagnosis)


def test_the_recording_alone_tells_turns_and_says_how_little_else_it_tells():
    diagnosis = diagnosed("recording")
    assert [turn.speaker for turn in diagnosis.scene.turns] == ["agent"] * len(diagnosis.scene.turns)
    assert diagnosis.scene.turns
    assert diagnosis.scene.journey is None
    assert "Without a capture only those glitches are found" in diagnosis.conclusion
    assert {verdict.cause for verdict in diagnosis.verdicts} <= {Cause.UNDETERMINED}


def test_recording_and_microphone_alone_find_the_late_answer():
    diagnosis = diagnosed("recording", "microphone")
    (verdict,) = [verdict for verdict in diagnosis.verdicts if verdict.glitch.kind == "late_answer"]
    assert verdict.cause is Cause.UNDETERMINED
    assert verdict.evidence[0].supports is None


def test_without_keys_the_recording_is_placed_by_what_encryption_leaves():
    diagnosis = diagnosed(*everything_but("keys"))
    assert diagnosis.scene.sent is None
    assert clocks(diagnosis)["recording"] in {"audio-level", "payload-size"}
    opened = diagnosed(*FILES).scene.clocks["recording"]
    closed = diagnosis.scene.clocks["recording"]
    assert closed.offset_s == pytest.approx(opened.offset_s, abs=closed.error_s + opened.error_s)
    assert "network_drop" in causes(diagnosis)


def test_keys_of_another_call_leave_the_payloads_closed_and_say_so():
    diagnosis = diagnosed(*everything_but("keys"), other=("keys",))
    assert "The payloads stay closed." in diagnosis.conclusion
    assert diagnosis.scene.sent is None
    assert not clocks(diagnosis)["recording"].startswith("decoded-audio")
    assert "network_drop" in causes(diagnosis)


def test_without_the_sender_capture_departures_are_unknown_and_rules_say_so():
    diagnosis = diagnosed(*everything_but("sender_capture"))
    assert "sender_capture" not in diagnosis.scene.clocks
    assert diagnosis.scene.journey["departure_s"].isna().all()
    unchecked = [e for v in diagnosis.verdicts for e in v.evidence if e.supports is None]
    assert any("No capture from the sender's side" in e.statement for e in unchecked)


def test_a_sender_capture_of_another_call_is_left_out():
    diagnosis = diagnosed(*everything_but("sender_capture"), other=("sender_capture",))
    assert "sender_capture" not in diagnosis.scene.clocks
    assert "The sender's capture is left out." in diagnosis.conclusion


def test_without_statistics_nothing_is_missed():
    diagnosis = diagnosed(*everything_but("stats"))
    assert diagnosis.scene.stats == {}
    assert causes(diagnosis) == causes(diagnosed(*FILES))


def test_a_recording_of_another_call_is_left_out_and_the_turns_are_those_of_the_packets():
    diagnosis = diagnosed("capture", "keys", other=("recording", "microphone"))
    assert "recording" not in diagnosis.scene.clocks
    assert "The recording is left out" in diagnosis.conclusion
    assert diagnosis.scene.turns == diagnosed("capture", "keys").scene.turns
    assert {turn.speaker for turn in diagnosis.scene.turns} == {"user", "agent"}
    assert "network_drop" in causes(diagnosis)


def test_a_case_that_holds_nothing_of_the_call_is_refused():
    with pytest.raises(CaseError, match="neither a capture nor a recording"):
        diagnosed("keys")


def test_so_is_one_whose_only_file_cannot_be_read(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text("{")
    with pytest.raises(CaseError, match="nothing else that can be used"):
        fx.diagnose(fx.open_case(path))


def test_broken_statistics_are_left_out_and_said(tmp_path):
    path = tmp_path / "stats.json"
    path.write_text("{")
    diagnosis = fx.diagnose(replace(fx.open_case(CALLS / "clean_call"), stats=path, recording=None))
    assert "Browser statistics are left out." in diagnosis.conclusion


def test_statistics_that_break_off_are_used_and_said(tmp_path):
    path = tmp_path / "getstats.jsonl"
    path.write_text(json.dumps([{"id": "AP", "type": "media-playout", "timestamp": 1.0}]) + '\n[{"id": "A')
    diagnosis = fx.diagnose(replace(fx.open_case(CALLS / "clean_call"), stats=path, recording=None))
    (stats,) = [file for file in diagnosis.scene.inputs if file.role == "stats"]
    assert stats.notes == ("getstats.jsonl breaks off in line 2; read up to there",)


def rtp_only(path, *, ssrc, first_s=0):
    """Write a plain capture of one stream over raw IP, without anything that tells who is who."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)]
    for number in range(100):
        rtp = struct.pack(">BBHII", 0x80, 0, number, number * 160, ssrc) + bytes(160)
        udp = struct.pack(">HHHH", 40000, 40002, 8 + len(rtp), 0) + rtp
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, 0x0A000001, 0x0A000002) + udp
        records.append(struct.pack("<IIII", 1_700_000_000 + first_s, 20_000 * (number % 50), len(ip), len(ip)) + ip)
        first_s += number % 50 == 49
    path.write_bytes(b"".join(records))
    return path


def test_a_foreign_sender_capture_does_not_stop_a_diagnosis_that_has_nothing_else(tmp_path):
    here, there = rtp_only(tmp_path / "receiver.pcap", ssrc=1), rtp_only(tmp_path / "sender.pcap", ssrc=2)
    diagnosis = fx.diagnose(fx.Case("foreign", capture=here, sender_capture=there))
    assert "0 RTP packets in common" in diagnosis.conclusion
    assert "The sender's capture is left out." in diagnosis.conclusion


def test_what_the_scene_rests_on_is_named_with_its_hash():
    for file in diagnosed(*FILES).scene.inputs:
        assert len(file.sha256) == 64, file.role


def test_the_same_evidence_gives_the_same_findings():
    again = fx.diagnose(fx.open_case(CALLS / "mixed_call"))
    assert again.verdicts == diagnosed(*FILES).verdicts


@pytest.mark.parametrize("role", ["capture", "recording"])
def test_what_cannot_be_read_at_all_is_an_error(tmp_path, role):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"something else"))
    case = replace(fx.open_case(CALLS / "clean_call"), **{role: path})
    with pytest.raises(ForensicsError, match="file"):
        fx.diagnose(case)


def test_every_field_of_the_case_is_a_file_that_these_tests_vary():
    told = {field.name for field in fields(fx.Case)} - {"name", "folder", "decode_as", "truth", "sdp"}
    assert told == set(FILES)
