"""What is left of a call without its packets, and what an event log makes of it: bundled calls, cut down to that."""

import json
import runpy
import subprocess
import sys
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import pytest

import forensics as fx
from forensics.findings import SCHEMA_PATH, findings
from forensics.model import Cause

ROOT = Path(__file__).parents[1]
CALLS = ROOT / "sample_captures"
ROLES = {field.name for field in fields(fx.Case)} - {"name", "folder", "decode_as"}


@cache
def diagnosed(call, *given):
    case = fx.open_case(CALLS / call)
    return fx.diagnose(replace(case, **{role: None for role in ROLES if role not in given}))


def blamed(diagnosis):
    return [str(verdict.cause) for verdict in diagnosis.verdicts if verdict.glitch.audible]


def truth(call, cause):
    events = json.loads((CALLS / call / "truth.json").read_text())["events"]
    return [(e["rec_start"], e["rec_end"]) for e in events if e["cause"] == cause and e["audible"]]


@pytest.mark.parametrize("call", ["stalled_model", "stalled_model_clock", "silence_filled_model"])
def test_recording_and_event_log_find_every_stall_where_it_was_heard(call):
    diagnosis = diagnosed(call, "recording", "events")
    assert set(blamed(diagnosis)) == {"late_model_output"}
    found = [(v.glitch.start_s, v.glitch.end_s) for v in diagnosis.verdicts]
    for start_s, end_s in truth(call, "late_model_output"):
        assert any(a < end_s + 0.1 and b > start_s - 0.1 for a, b in found), (start_s, end_s)
    assert diagnosis.scene.clocks["events"].method == "talkspurts"
    assert abs(diagnosis.scene.origin_ns * 1e-9 - recorded_at(call)) < 0.3  # a path and a buffer


def recorded_at(call):
    return json.loads((CALLS / call / "truth.json").read_text())["rec_first_sample_epoch"]


def test_recording_and_event_log_of_a_clean_call_find_nothing():
    assert diagnosed("clean_call", "recording", "events").verdicts == ()


@pytest.mark.parametrize(
    ("call", "causes"),
    [
        ("stalled_model", {"late_model_output"}),
        ("burst_loss", {"network_drop"}),
        ("clean_call", set()),
        ("pauses_and_dtx", set()),
    ],
)
def test_statistics_and_event_log(call, causes):
    diagnosis = diagnosed(call, "stats", "events")
    assert set(blamed(diagnosis)) == causes
    assert "Without capture and recording" in diagnosis.conclusion
    assert diagnosis.scene.clocks["events"].method == "wall-clock"


def test_statistics_alone_abstain_where_nothing_was_lost():
    assert set(blamed(diagnosed("stalled_model", "stats"))) == {"undetermined"}
    assert set(blamed(diagnosed("burst_loss", "stats"))) == {"network_drop"}


def test_an_event_log_alone_tells_the_slack_and_hears_nothing():
    diagnosis = diagnosed("stalled_model", "events")
    assert blamed(diagnosis) == []
    assert [v.cause for v in diagnosis.verdicts] == [Cause.LATE_MODEL_OUTPUT] * 3
    assert "whether anybody heard a glitch is not in it" in diagnosis.conclusion
    answers = findings(diagnosis)["answers"]
    assert [answer["lead_s"] for answer in answers] == pytest.approx([0.131, 1.080], abs=0.002)


@pytest.mark.parametrize("given", [("recording", "events"), ("stats", "events"), ("events",), ("recording", "stats")])
def test_every_such_case_makes_a_valid_document(given):
    import jsonschema

    document = findings(diagnosed("stalled_model", *given))
    jsonschema.validate(document, json.loads(SCHEMA_PATH.read_text()))


def test_an_event_log_of_another_call_is_left_out_with_the_reason():
    case = fx.open_case(CALLS / "clean_call")
    stranger = fx.open_case(CALLS / "mixed_call").events
    diagnosis = fx.diagnose(replace(case, events=stranger))
    assert "it is of another call" in diagnosis.conclusion
    assert "The event log is left out." in diagnosis.conclusion
    assert diagnosis.scene.events is None


def test_speech_that_was_never_sent_is_found_with_the_event_log_alone():
    without = replace(fx.open_case(CALLS / "skipped_speech"), events=None)
    (start_s, _) = truth("skipped_speech", "server_skip")[0]

    def found(diagnosis):
        return [v for v in diagnosis.verdicts if v.glitch.kind == "splice" and abs(v.glitch.start_s - start_s) < 0.05]

    assert found(fx.diagnose(without)) == []
    (verdict,) = found(fx.diagnose(fx.open_case(CALLS / "skipped_speech")))
    assert (verdict.cause, verdict.mechanism) == (Cause.SENDER_POLICY, "deliberate_drop")
    assert verdict.glitch.measurements["missing_s"] == pytest.approx(0.3, abs=0.05)


def test_slack_confirms_the_model_and_refutes_it():
    stalled, held = (fx.diagnose(fx.open_case(CALLS / call)) for call in ("stalled_model", "artificial_delay"))
    claims = [e for v in stalled.verdicts for e in v.evidence if e.rule == "slack_of_model" and e.supports]
    assert {e.cause for e in claims} == {Cause.LATE_MODEL_OUTPUT}
    assert len(claims) == 3
    refuted = [e for v in held.verdicts for e in v.evidence if e.rule == "slack_of_model" and e.supports is False]
    assert {e.cause for e in refuted} == {Cause.LATE_MODEL_OUTPUT}
    assert "late_model_output" not in blamed(held)


def test_a_single_file_is_taken_for_what_its_suffix_says(tmp_path):
    for name, role in [("a.jsonl", "events"), ("a.jsonl.gz", "events"), ("getstats.jsonl.gz", "stats"),
                       ("a.json", "stats"), ("a.flac", "recording"), ("a.pcap.gz", "capture")]:  # fmt: skip
        (tmp_path / name).write_bytes(b"")
        assert getattr(fx.open_case(tmp_path / name), role) == tmp_path / name


def test_the_example_exporter_writes_a_log_that_is_read(tmp_path):
    path = tmp_path / "events.jsonl"
    subprocess.run([sys.executable, ROOT / "examples" / "event_log.py", path], check=True)
    (answer,) = findings(fx.diagnose(fx.open_case(path)))["answers"]
    assert answer["lead_s"] == pytest.approx(0.2, abs=0.001)
    assert answer["audio_s"] == pytest.approx(2.4)
    example = runpy.run_path(str(ROOT / "examples" / "event_log.py"))
    assert example["audio_ms"](4_800, rate_hz=24_000) == 200
