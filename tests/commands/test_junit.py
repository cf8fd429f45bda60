"""JUnit XML: a suite per call, a case per gate or cause, whatever the call is named."""

from xml.etree import ElementTree

from forensics.commands.gates import check_gates, read_gates
from forensics.commands.junit import CallOutcome, junit_xml

DOCUMENT = {
    "duration_s": 60.0,
    "glitches": [
        {"id": "g01", "start_s": 7.4, "end_s": 7.65, "audible": True, "cause": "network_drop",
         "mechanism": "burst_loss", "confidence": 0.97, "remedy": 'FEC & <more> "paths".'},
    ],
    "turns": [],
    "summary": {"network_drop": 1, "late_model_output": 0},
}  # fmt: skip
GATES = read_gates(["network_drop>0", "late_model_output>0", "latency_p95>1"])


def parsed(*calls):
    root = ElementTree.fromstring(junit_xml(calls).encode())
    check_shape(root)
    return root


def check_shape(root):
    """What the schemas of Jenkins and Surefire ask for alike: elements, order, attributes, counts that agree."""
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.attrib)
        cases = suite.findall("testcase")
        assert [child.tag for child in suite] == ["testcase"] * len(cases) + ["system-out"] * (len(suite) - len(cases))
        assert int(suite.get("tests")) == len(cases)
        for kind, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(count)) == sum(case.find(kind) is not None for case in cases)
        for case in cases:
            assert {"name", "classname", "time"} <= set(case.attrib)
            assert [child.tag for child in case] in ([], ["failure"], ["error"], ["skipped"])
            assert all(child.get("message") for child in case)


def troubles(root):
    return {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}


def test_a_case_per_gate():
    root = parsed(CallOutcome("monday", 2.5, DOCUMENT, check_gates(GATES, DOCUMENT)))
    assert troubles(root) == {
        "not network_drop>0": ["failure"], "not late_model_output>0": [], "not latency_p95_s>1": ["skipped"],
    }  # fmt: skip
    assert root[0].get("time") == "2.500"
    assert 'FEC & <more> "paths".' in root.find("testsuite/system-out").text


def test_without_gates_a_case_per_cause():
    root = parsed(CallOutcome("monday", 2.5, DOCUMENT))
    assert troubles(root) == {"no network_drop": ["failure"], "no late_model_output": []}


def test_a_call_that_could_not_be_read_is_an_error():
    root = parsed(CallOutcome("broken", 0.1, None, error="No RTP in it."), CallOutcome("fine", 0.1, DOCUMENT))
    assert [suite.get("errors") for suite in root] == ["1", "0"]
    assert root.find(".//error").get("message") == "No RTP in it."


def test_a_hostile_name_stays_a_name():
    name = 'a"><testsuite name="b\x00\x1b\ud800'
    root = parsed(CallOutcome(name, 0.0, DOCUMENT))
    assert len(root) == 1
    assert root[0].get("name") == 'a"><testsuite name="b\ufffd\ufffd\ufffd'
