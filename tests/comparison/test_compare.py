"""Before and after: a planted change is found, equals stay equal, and what could not be read is said."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from made_findings import made_findings
from synthetic_call import synthetic_diagnosis

from forensics.comparison import compare
from forensics.comparison.document import SCHEMA_PATH, comparison_document
from forensics.errors import CaseError

PARTS = {"model_s": 0.7, "network_s": 0.1}


def calls(number, *, seed, late=0.0, lost=0.0, latency_s=0.8, minutes=3.0):
    """A number of calls with Poisson counts of two causes at these rates per minute, and spread latencies."""
    rng = np.random.default_rng(seed)
    return [
        made_findings(
            f"call-{i}", minutes=minutes, latencies_s=rng.gamma(16, latency_s / 16, 6).tolist(), parts=PARTS,
            late_model_output=int(rng.poisson(late * minutes)), network_drop=int(rng.poisson(lost * minutes)),
        )
        for i in range(number)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def changed():
    """The network mended, the model slower and stalling, where it never stalled before."""
    before = calls(10, seed=1, lost=2.0)
    return compare(before, calls(10, seed=2, lost=0.2, late=1.5, latency_s=1.4))


def by(changes):
    return {change.what: change for change in changes}


def test_what_changed_is_found(changed):
    causes = by(changed.causes)
    assert (causes["network_drop"].outcome, causes["late_model_output"].outcome) == ("better", "worse")
    assert causes["late_model_output"].new
    assert causes["sender_policy"].outcome == "unclear"
    assert causes["network_drop"].ratio_high < 0.5
    assert changed.worse


def test_latency_and_its_parts_are_told(changed):
    latency, model, network = changed.latencies
    assert [change.what for change in changed.latencies] == ["latency_s", "model_s", "network_s"]
    assert latency.outcome == "worse"
    assert latency.low_s < 0.6 < latency.high_s
    assert model.difference_s == pytest.approx(0.7 * latency.difference_s)
    assert network.difference_s == pytest.approx(0.1 * latency.difference_s)


def test_the_conclusion_says_it(changed):
    assert changed.conclusion.startswith("Worse: late model output 0 → 1.")
    assert "Better: network drop 1.8 → 0.2 a minute (p < 0.001)." in changed.conclusion
    assert "Not seen before: late model output, stall." in changed.conclusion
    assert "10 calls, 30.0 minutes before" in changed.conclusion


def test_equals_stay_equal():
    alike = [compare(calls(8, seed=s, lost=1.0), calls(8, seed=100 + s, lost=1.0)) for s in range(12)]
    assert sum(comparison.worse for comparison in alike) <= 1


def test_two_calls_are_compared_by_counts():
    comparison = compare(made_findings(minutes=10, network_drop=1), made_findings(minutes=10, network_drop=14))
    change = by(comparison.causes)["network_drop"]
    assert (change.test, change.outcome) == ("conditional binomial", "worse")
    assert by(comparison.mechanisms)["burst_loss"].after.count == 14


def test_a_difference_that_chance_gives_is_said_to_be_one():
    comparison = compare(made_findings(network_drop=1), made_findings(network_drop=3))
    assert not comparison.worse
    assert "no more than chance would give: all audible glitches" in comparison.conclusion


def test_the_document_keeps_its_schema(changed):
    document = json.loads(json.dumps(comparison_document(changed), allow_nan=False))
    jsonschema.validate(document, json.loads(SCHEMA_PATH.read_text()))
    empty = compare(made_findings(), made_findings(minutes=0.0))
    jsonschema.validate(comparison_document(empty), json.loads(SCHEMA_PATH.read_text()))


def test_tables_for_a_notebook(changed):
    assert list(changed.rates["what"])[:2] == ["audible", "network_drop"]
    assert {"before_per_minute", "after_low", "ratio", "p_adjusted"} <= set(changed.rates)
    assert {"before_median_s", "difference_s"} <= set(changed.latency)


def test_diagnoses_and_files_will_do(tmp_path):
    diagnosis = synthetic_diagnosis(seconds=20.0)
    (tmp_path / "b.findings.json").write_text(json.dumps(made_findings(network_drop=2)))
    comparison = compare(tmp_path, [diagnosis, replace(diagnosis, verdicts=())])
    assert [len(side.documents) for side in (comparison.before, comparison.after)] == [1, 2]
    assert by(comparison.causes)["late_model_output"].after.count == 1


def test_a_call_that_cannot_be_read_is_left_out_and_said(tmp_path):
    (tmp_path / "noise.pcap").write_bytes(b"no capture at all")
    good = tmp_path / "good.json"
    good.write_text(json.dumps(made_findings()))
    comparison = compare([good, tmp_path / "noise.pcap"], made_findings())
    assert comparison.before.left_out[0][0] == "noise.pcap"
    assert "1 call could not be read" in comparison.conclusion


def test_a_side_without_calls_is_refused(tmp_path):
    (tmp_path / "noise.pcap").write_bytes(b"no capture at all")
    with pytest.raises(CaseError, match=r"There is no call after the change that could be read: noise\.pcap: "):
        compare(made_findings(), tmp_path)


@pytest.mark.parametrize(
    ("text", "match"), [("{", "is not JSON"), ("[]", "has the schema None"), ('{"schema": "x"}', "has the schema 'x'")]
)
def test_a_foreign_document_is_refused(tmp_path, text, match):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(CaseError, match=match):
        compare(made_findings(), tmp_path / "x.json")
