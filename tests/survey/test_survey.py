"""A survey: a report per call, a page and tables over all, nothing done twice, nothing lost to a broken call."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace

import jsonschema
import pandas as pd
import pytest
from synthetic_call import synthetic_diagnosis

from forensics.errors import CaptureError
from forensics.findings import SCHEMA_PATH
from forensics.survey import survey_calls, surveying

HOSTILE = "<img src=x onerror=alert(1)>&{{ 7*7 }}"


@pytest.fixture
def diagnosed(monkeypatch):
    """The names of the calls that were diagnosed: the diagnosis itself is made up, but for a broken capture's."""
    plain, names = synthetic_diagnosis(seconds=20.0), []

    def diagnose(case):
        names.append(case.name)
        if case.capture.read_text() == "broken":
            raise CaptureError(f"{case.capture.name} is no capture.")
        scene = replace(plain.scene, case=case)
        return replace(plain, scene=scene, verdicts=() if "clean" in case.name else plain.verdicts)

    monkeypatch.setattr(surveying, "diagnose", diagnose)
    return names


@pytest.fixture
def folder(tmp_path):
    for name in ("clean_call", "week 1/stalled", "week 1-stalled", "junk", HOSTILE.replace("/", "")):
        path = tmp_path / "calls" / name / "receiver.pcap"
        path.parent.mkdir(parents=True)
        path.write_text("broken" if name == "junk" else "x")
    return tmp_path / "calls"


@pytest.fixture
def survey(folder, tmp_path, diagnosed):
    return survey_calls(folder, out=tmp_path / "out", audio="none", jobs=0)


def test_one_row_per_call(survey):
    calls = survey.calls.set_index("call")
    assert list(calls.index) == sorted([HOSTILE, "clean_call", "junk", "week 1-stalled", "week 1/stalled"])
    assert calls.loc["clean_call", "audible"] == 0
    assert calls.loc["week 1/stalled", ["audible", "late_model_output", "masked"]].tolist() == [3, 1, 1]
    assert calls.loc["week 1/stalled", "latency_median_s"] == pytest.approx(1.01)
    assert calls.loc["junk", "error"] == "receiver.pcap is no capture."
    assert calls.loc["junk", ["audible", "duration_s"]].isna().all()


def test_one_row_per_glitch(survey):
    assert len(survey.glitches) == 3 * 4
    assert set(survey.glitches["call"]) == {HOSTILE, "week 1-stalled", "week 1/stalled"}


def test_parquet_and_csv_hold_the_same(survey):
    out = survey.page.parent
    for name, table in (("calls", survey.calls), ("glitches", survey.glitches)):
        pd.testing.assert_frame_equal(pd.read_parquet(out / f"{name}.parquet"), table)
        assert len(pd.read_csv(out / f"{name}.csv")) == len(table)


def test_each_call_has_its_report_and_findings(survey):
    out = survey.page.parent
    reports = [report for report in survey.calls["report"] if report]
    assert len(set(reports)) == 4
    for report in reports:
        assert "Content-Security-Policy" in (out / report).read_text()
    for file in out.glob("calls/*.findings.json"):
        jsonschema.validate(json.loads(file.read_text()), json.loads(SCHEMA_PATH.read_text()))


def test_the_page_leads_to_every_report(survey):
    page = survey.page.read_text()
    links = [html.unescape(link) for link in re.findall(r'<th scope="row"[^>]*><a href="([^"]*)"', page)]
    assert len(links) == 4
    for link in links:
        assert (survey.page.parent / link).is_file()
    assert "9 audible glitches in 4 calls" in re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[1]
    assert "<b>junk</b>: receiver.pcap is no capture." in page


def test_hostile_names_stay_names(survey):
    page = survey.page.read_text()
    assert "<img" not in page
    assert html.escape(HOSTILE) in page
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


def test_what_is_done_is_not_done_again(survey, folder, diagnosed):
    diagnosed.clear()
    again = survey_calls(folder, out=survey.page.parent, audio="none", jobs=0)
    assert diagnosed == ["junk"]
    pd.testing.assert_frame_equal(again.calls, survey.calls)


def test_a_call_that_changed_is_done_again(survey, folder, diagnosed):
    diagnosed.clear()
    (folder / "clean_call" / "receiver.pcap").write_text("longer than it was")
    (folder / "junk" / "receiver.pcap").write_text("mended")
    again = survey_calls(folder, out=survey.page.parent, audio="none", jobs=0)
    assert sorted(diagnosed) == ["clean_call", "junk"]
    assert (again.calls["error"] == "").all()


def test_other_choices_are_other_work(survey, folder, diagnosed):
    diagnosed.clear()
    survey_calls(folder, out=survey.page.parent, audio="glitches", jobs=0)
    assert len(diagnosed) == 5


def test_an_interrupted_survey_goes_on(folder, tmp_path, diagnosed, monkeypatch):
    write = surveying.write_report

    def interrupted(diagnosis, path, **choices):
        if "stalled" in diagnosis.scene.case.name:
            raise KeyboardInterrupt
        return write(diagnosis, path, **choices)

    monkeypatch.setattr(surveying, "write_report", interrupted)
    with pytest.raises(KeyboardInterrupt):
        survey_calls(folder, out=tmp_path / "out", audio="none", jobs=0)
    monkeypatch.setattr(surveying, "write_report", write)
    first = list(diagnosed)
    diagnosed.clear()
    survey = survey_calls(folder, out=tmp_path / "out", audio="none", jobs=0)
    assert "clean_call" in first
    assert "clean_call" not in diagnosed
    assert (survey.calls["error"] != "").sum() == 1


def test_a_half_written_record_counts_for_nothing(survey, folder, diagnosed):
    record = survey.page.parent / "calls" / "clean_call.record.json"
    record.write_text(record.read_text()[:40])
    diagnosed.clear()
    survey_calls(folder, out=survey.page.parent, audio="none", jobs=0)
    assert "clean_call" in diagnosed
