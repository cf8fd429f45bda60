"""The bundled calls are diagnosed as their truth says."""

import json
from pathlib import Path

import jsonschema
import pytest

import forensics as fx
from forensics.findings import SCHEMA_PATH, findings

CALLS = Path(__file__).parents[1] / "sample_captures"
MAIN_CAUSES = {"network_drop", "buffer_underrun", "late_model_output"}
TOLERANCE_S = 0.1  # a finding may miss the edges of an event by this much


def truth(call):
    return json.loads((CALLS / call / "truth.json").read_text())["events"]


def rightly_named(diagnosis, call):
    """Causes of the audible glitches that overlap an audible event of their cause."""
    glitches = diagnosis.glitches.query("audible")
    return {
        event["cause"]
        for event in truth(call)
        if event["audible"]
        for glitch in glitches.itertuples()
        if glitch.cause == event["cause"]
        and glitch.start_s <= event["rec_end"] + TOLERANCE_S
        and glitch.end_s >= event["rec_start"] - TOLERANCE_S
    }


@pytest.fixture(scope="module")
def mixed_call():
    return fx.diagnose(fx.open_case(CALLS / "mixed_call"))


def test_the_mixed_call_names_each_of_the_three_main_causes(mixed_call):
    assert rightly_named(mixed_call, "mixed_call") >= MAIN_CAUSES


def test_every_verdict_says_why(mixed_call):
    for verdict in mixed_call.verdicts:
        assert verdict.evidence, f"{verdict.id} has no evidence"
        assert all(evidence.statement for evidence in verdict.evidence)


def test_its_findings_satisfy_the_published_schema(mixed_call):
    document = findings(mixed_call)
    jsonschema.validate(document, json.loads(SCHEMA_PATH.read_text()))
    assert {file["role"] for file in document["inputs"]} >= {"capture", "sender_capture", "recording", "keys", "stats"}


def test_the_findings_are_given_in_recording_time_with_a_stated_error(mixed_call):
    (clock,) = [clock for clock in findings(mixed_call)["clocks"] if clock["local"] == "recording"]
    assert 0 < clock["error_s"] < 0.1


def test_the_stalls_of_the_model_are_its_own():
    diagnosis = fx.diagnose(fx.open_case(CALLS / "stalled_model"))
    assert rightly_named(diagnosis, "stalled_model") == {"late_model_output"}
    assert diagnosis.summary["network_drop"] == 0


def test_the_clean_call_is_clean():
    diagnosis = fx.diagnose(fx.open_case(CALLS / "clean_call"))
    assert diagnosis.glitches.query("audible").empty
    assert sum(diagnosis.summary.values()) == 0


def test_a_closed_capture_alone_names_what_its_headers_show():
    capture = next((CALLS / "mixed_call").glob("receiver.*"))
    diagnosis = fx.diagnose(fx.open_case(capture))
    assert diagnosis.summary["network_drop"] == 1
    assert diagnosis.summary["late_model_output"] >= 1


def test_a_closed_capture_of_a_clean_call_is_clean():
    capture = next((CALLS / "clean_call").glob("receiver.*"))
    assert sum(fx.diagnose(fx.open_case(capture)).summary.values()) == 0
