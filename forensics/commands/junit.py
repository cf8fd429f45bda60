"""Outcomes as JUnit XML, the form of test results that continuous integration reads.

The elements and attributes are those that Jenkins' and Maven Surefire's schemas share: `testsuites`, `testsuite`,
`testcase` with `failure`, `error` or `skipped`, `system-out`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from forensics.commands.gates import Outcome
from forensics.measures import MEASURES, call_measures

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold (XML 1.0, section 2.2)."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """One call as continuous integration sees it: its findings and its gates, or why it could not be read."""

    name: str
    seconds: float
    document: Mapping[str, Any] | None
    outcomes: Sequence[Outcome] = ()
    error: str = ""


def junit_xml(calls: Iterable[CallOutcome]) -> str:
    """Return one test suite per call and one test case per gate, or per cause of a glitch where no gate was given."""
    root = ElementTree.Element("testsuites", name="forensics")
    for call in calls:
        root.append(_suite(call))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _suite(call: CallOutcome) -> ElementTree.Element:
    cases = list(_cases(call))
    counts = {f"{kind}s" if kind != "skipped" else kind: sum(case.find(kind) is not None for case in cases)
              for kind in ("failure", "error", "skipped")}  # fmt: skip
    about = {"name": _text(call.name), "tests": str(len(cases)), "time": f"{call.seconds:.3f}"}
    suite = ElementTree.Element("testsuite", about | {kind: str(count) for kind, count in counts.items()})
    suite.extend(cases)
    if call.document is not None:
        ElementTree.SubElement(suite, "system-out").text = _text(_told(call.document))
    return suite


def _cases(call: CallOutcome) -> Iterable[ElementTree.Element]:
    if call.document is None:
        yield _case(call, "could be read", ("error", call.error))
        return
    for outcome in call.outcomes:
        yield _case(call, f"not {outcome.gate}", _trouble(outcome))
    if not call.outcomes:
        for cause, count in call.document["summary"].items():
            trouble = ("failure", f"{count} audible, cause {cause}") if count else None
            yield _case(call, f"no {cause}", trouble)


def _trouble(outcome: Outcome) -> tuple[str, str] | None:
    if outcome.fails is None:
        return "skipped", str(outcome)
    return ("failure", str(outcome)) if outcome.fails else None


def _case(call: CallOutcome, name: str, trouble: tuple[str, str] | None) -> ElementTree.Element:
    case = ElementTree.Element("testcase", name=name, classname=_text(f"forensics.{call.name}"), time="0")
    if trouble is not None:
        kind, message = trouble
        details = {"message": _text(message)} | ({} if kind == "skipped" else {"type": kind})
        ElementTree.SubElement(case, kind, details)
    return case


def _told(document: Mapping[str, Any]) -> str:
    """Write the measures and a line per audible glitch, for whoever opens the failed build."""
    measured = call_measures(document)
    lines = [f"{name} {measured[name]:.6g}" for name in MEASURES if measured[name] is not None]
    for glitch in document["glitches"]:
        if glitch["audible"]:
            lines.append(f"{glitch['id']} at {glitch['start_s']:.3f} s, {glitch['end_s'] - glitch['start_s']:.3f} s: "
                         f"{glitch['cause']} {glitch['mechanism']}, confidence {glitch['confidence']:.2f}. "
                         f"{glitch['remedy']}")  # fmt: skip
    return "\n".join(lines)


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
