"""Gates: what they ask for is read, checked on findings, and never passed over in silence."""

import pytest

from forensics.commands.gates import check_gates, read_gates
from forensics.commands.status import GLITCHES_FOUND, NO_GLITCH, exit_status
from forensics.errors import CaseError
from forensics.measures import MEASURES, call_measures

CAUSES = ("network_drop", "buffer_underrun", "late_model_output", "sender_policy", "undetermined")
ARTEFACT = {"start_s": 0.0, "end_s": 9.0, "audible": True, "cause": "recording_artefact"}


def a_document(*, late=1, latencies=(0.6, 0.9, 1.4), duration_s=120.0):
    glitches = [
        {"id": f"g{i}", "start_s": i, "end_s": i + 0.2, "audible": True, "cause": "late_model_output",
         "mechanism": "stall", "confidence": 0.9, "remedy": "A cushion."}
        for i in range(late)
    ]  # fmt: skip
    masked = [glitches[0] | {"audible": False}] if glitches else []
    return {
        "case": "monday",
        "duration_s": duration_s,
        "glitches": [*glitches, *masked, ARTEFACT],
        "turns": [{"latency_s": s} for s in (*latencies, None)],
        "summary": dict.fromkeys(CAUSES, 0) | {"late_model_output": late},
    }


def outcomes(*conditions, **about):
    return check_gates(read_gates(conditions), a_document(**about))


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("late_model_output>0", True),
        (" late_model_output > 1 ", False),
        ("audible>=1", True),
        ("audible!=1", False),
        ("latency_p95>1.0", True),
        ("latency_p95_s<=1.0", False),
        ("audible_per_minute>0.4", True),
        ("longest_glitch_s>0.21", False),
        ("masked==1", True),
    ],
)
def test_a_condition_that_holds_fails(condition, fails):
    (outcome,) = outcomes(condition)
    assert outcome.fails is fails
    assert f"{outcome.gate.measure} is" in str(outcome)


def test_what_a_call_does_not_tell_is_said_and_fails_nothing():
    (outcome,) = outcomes("latency_p95>1.0", latencies=())
    assert outcome.fails is None
    assert str(outcome) == "latency_p95_s>1 could not be checked: this call does not tell latency_p95_s"
    assert exit_status(a_document(), [outcome]) == NO_GLITCH


def test_with_gates_only_gates_decide():
    assert exit_status(a_document()) == GLITCHES_FOUND
    assert exit_status(a_document(), outcomes("network_drop>0")) == NO_GLITCH
    assert exit_status(a_document(late=0)) == NO_GLITCH
    assert exit_status(a_document(late=0), outcomes("latency_max>1", late=0)) == GLITCHES_FOUND


@pytest.mark.parametrize("condition", ["late_model_output", "audible>", ">3", "audible>three", "audible=>3"])
def test_a_condition_that_is_none(condition):
    with pytest.raises(CaseError, match="expected a measure, one of"):
        read_gates([condition])


def test_an_unknown_measure_names_those_there_are():
    with pytest.raises(CaseError, match="the measures are duration_s, audible, masked, network_drop"):
        read_gates(["glitches>0"])


def test_measures_keep_their_word():
    measured = call_measures(a_document(late=3))
    assert set(measured) == set(MEASURES)
    assert measured["glitch_s"] == pytest.approx(0.6)
    assert measured["audible_per_minute"] == pytest.approx(1.5)
    assert measured["latency_median_s"] == 0.9


def test_a_call_of_no_length_has_no_rate():
    assert call_measures(a_document(duration_s=0.0))["audible_per_minute"] is None
