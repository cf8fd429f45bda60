"""The findings document is strict JSON of the published schema."""

import dataclasses
import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from forensics.findings import SCHEMA_PATH, findings, findings_json
from forensics.model import (
    Capture,
    Case,
    Cause,
    ClockMap,
    Diagnosis,
    Evidence,
    Glitch,
    InputFile,
    Scene,
    Step,
    Turn,
    Verdict,
)

ORIGIN_NS = 1_795_356_727_100_000_000  # 2026-11-22T14:12:07.1Z


@pytest.fixture
def schema():
    return json.loads(SCHEMA_PATH.read_text())


def scene(**given):
    nothing = {field.name: None for field in dataclasses.fields(Scene)}
    empty = {"inputs": (), "streams": (), "sender_streams": (), "clocks": {}, "stats": {}, "turns": ()}
    return Scene(**{**nothing, **empty, "case": Case("monday"), **given})


def verdict(number=1, *, cause=Cause.LATE_MODEL_OUTPUT, audible=True, ssrc=None, capture_start_s=7.83):
    glitch = Glitch(
        "hole", np.float64(7.4120001234), 7.655, capture_start_s, 8.07, "downlink", ssrc=ssrc, audible=audible
    )
    evidence = Evidence("send-lead", cause, True, "The sender fell 240 ms behind.", frames=(812, 813), weight=12.0)
    unknown = Evidence("events", Cause.LATE_MODEL_OUTPUT, None, "No event log was given.")
    return Verdict(
        id=f"g{number:02}",
        glitch=glitch,
        cause=cause,
        mechanism="stall",
        confidence=0.96,
        evidence=(evidence, unknown),
        alternatives=((Cause.NETWORK_DROP, 0.02),),
        remedy="Cushion.",
        would_not_help="A deeper buffer.",
    )


def a_capture():
    return Capture(Path("receiver.pcap"), ORIGIN_NS, datagrams=None, flows=None, octets=np.zeros(0, np.uint8))


def a_call(**given):
    return Diagnosis(
        scene(
            inputs=(
                InputFile("capture", Path("calls/receiver.pcap"), "0" * 64, {"packets": np.int64(7)}, {"malformed": 0}),
            ),
            clocks={"recording": ClockMap("recording", 0.418, 0.004, "decoded-audio", drift_ppm=-3.1)},
            turns=(Turn("agent", 1.0, 4.0, latency_s=0.9, parts={"network_s": 0.02}),),
            capture=a_capture(),
        ),
        **{
            "verdicts": (verdict(1, ssrc=np.uint32(4_175_487_040)), verdict(2, audible=False)),
            "conclusion": "",
            "steps": (Step("clocks", "align", notes=("No microphone was given.",)),),
            "version": "0",
            **given,
        },
    )


def test_a_call_satisfies_the_schema(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(findings_json(a_call())), schema)


def test_an_empty_diagnosis_satisfies_the_schema(schema):
    document = findings(Diagnosis(scene(), (), "", (), "0"))
    jsonschema.validate(document, schema)
    assert document["glitches"] == []
    assert set(document["summary"].values()) == {0}


def test_what_a_glitch_says():
    document = findings(a_call())
    assert document["schema"] == "forensics.findings/1"
    assert document["inputs"][0] == {
        "role": "capture", "file": "receiver.pcap", "sha256": "0" * 64, "packets": 7, "skipped": {"malformed": 0},
        "notes": [],
    }  # fmt: skip
    assert document["clocks"] == [
        {
            "local": "recording",
            "offset_s": 0.418,
            "drift_ppm": -3.1,
            "error_s": 0.004,
            "method": "decoded-audio",
            "steps": [],
        }
    ]
    glitch = document["glitches"][0]
    assert (glitch["start_s"], glitch["utc"]) == (7.412, "2026-11-22T14:12:14.930Z")
    assert (glitch["ssrc"], glitch["cause"], glitch["mechanism"]) == (4_175_487_040, "late_model_output", "stall")
    assert glitch["evidence"][0]["frames"] == [812, 813]
    assert glitch["evidence"][1]["supports"] is None
    assert glitch["alternatives"] == [{"cause": "network_drop", "confidence": 0.02}]
    assert document["notes"] == ["No microphone was given."]


def test_only_audible_glitches_count():
    assert findings(a_call())["summary"] == {
        "network_drop": 0,
        "buffer_underrun": 0,
        "late_model_output": 1,
        "sender_policy": 0,
        "undetermined": 0,
    }


def test_what_is_not_a_number_is_null(schema):
    unknown = Diagnosis(
        scene(clocks={"recording": ClockMap("recording", 0.0, np.inf, "none")}),
        (verdict(capture_start_s=np.nan),), "", (), "0",
    )  # fmt: skip
    document = json.loads(findings_json(unknown))
    jsonschema.validate(document, schema)
    assert document["clocks"][0]["error_s"] is None
    assert (document["glitches"][0]["capture_start_s"], document["glitches"][0]["utc"]) == (None, None)


def test_schema_and_model_name_the_same_causes(schema):
    assert schema["$defs"]["cause"]["enum"] == [str(cause) for cause in Cause]


TALK = (
    Turn("user", 0.0, 1.0),
    Turn("agent", 2.2, 9.0, 1.2, {"model_s": 0.9, "buffer_s": 0.3}, ("buffer_s",), 0.4, said_over="on Friday",
         told_heard_s=6.5, heard_s=6.6, pauses=((3.0, 3.4), (4.0, 4.4), (5.0, 5.4), (6.0, 6.4), (7.0, 8.4))),
)  # fmt: skip


def test_what_the_turns_say(schema):
    document = json.loads(findings_json(dataclasses.replace(a_call(), scene=scene(turns=TALK))))
    jsonschema.validate(document, schema)
    turn = document["turns"][1]
    assert (turn["said_over"], turn["told_heard_s"], turn["heard_s"]) == ("on Friday", 6.5, 6.6)
    assert [pause["natural"] for pause in turn["pauses"]] == [True] * 4 + [False]
    assert (document["latency"]["answers"], document["latency"]["over_goal"]) == (1, 1)
    assert "900 ms of it passed in the model (inferred)" in document["latency"]["reasons"][0]


def test_a_call_without_answers_has_no_latencies(schema):
    document = findings(dataclasses.replace(a_call(), scene=scene(turns=TALK[:1])))
    jsonschema.validate(document, schema)
    assert (document["latency"], document["statistics"]) == (None, None)
