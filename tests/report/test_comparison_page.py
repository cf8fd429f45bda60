"""The page of a comparison: what changed is said, in words and in pictures, and hostile names stay names."""

import base64
import hashlib
import html
import re
from dataclasses import replace

import pytest
from made_findings import made_findings

from forensics.comparison import compare
from forensics.comparison.nouns import Side
from forensics.report import write_comparison
from forensics.report.changes import distribution, rate_rows

HOSTILE = '</script><img src=x onerror="alert(1)">{{ 7*7 }}'


def calls(**about):
    return [made_findings(f"call-{i}", minutes=5, latencies_s=(0.5 + 0.1 * i, 0.8), **about) for i in range(3)]


@pytest.fixture(scope="module")
def comparison():
    return compare(calls(network_drop=12), calls(late_model_output=3))


@pytest.fixture(scope="module")
def page(comparison, tmp_path_factory):
    return write_comparison(comparison, tmp_path_factory.mktemp("compared") / "new" / "page.html").read_text()


def test_the_conclusion_is_the_headline(page):
    assert "Worse: late model output 0 → 0.6 a minute" in re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[1]


def test_causes_mechanisms_and_calls_are_listed(page):
    assert "not seen any more" in page
    assert "not seen before" in page
    assert "burst loss" in page
    assert page.count("call-2") == 2


def test_script_and_style_are_those_the_policy_admits(page):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    for pattern in (r'<script type="module">(.*?)</script>', r"<style>(.*?)</style>"):
        text = re.search(pattern, page, re.DOTALL)[1]
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert " style=" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)


def test_bars_lie_on_one_scale(comparison):
    rows = rate_rows(comparison.causes)
    ends = [bar["high"] for row in rows for bar in row["bars"]]
    assert max(ends) == 1000
    lost = next(row for row in rows if row["change"].what == "network_drop")
    assert lost["bars"][0]["low"] < lost["bars"][0]["per_minute"] < lost["bars"][0]["high"]


def test_the_distribution_climbs_to_its_top(comparison):
    drawn = distribution(comparison.latencies[0])
    for line in drawn["lines"]:
        points = [tuple(map(float, point.split(","))) for point in line.split()]
        assert points[0] == (0, drawn["height"])
        assert points[-1] == (drawn["width"], 0)
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
    assert [seconds for _, seconds in drawn["ticks"]][:2] == [0.0, 0.1]


def test_without_turns_there_is_no_distribution(tmp_path):
    nothing = compare(made_findings(), made_findings())
    assert "No call tells a response latency" in write_comparison(nothing, tmp_path / "c.html").read_text()


def test_hostile_names_stay_names(tmp_path):
    hostile = compare(made_findings(HOSTILE), made_findings(HOSTILE))
    left = Side("before", hostile.before.documents, ((HOSTILE, HOSTILE),))
    text = write_comparison(replace(hostile, before=left), tmp_path / "c.html").read_text()
    assert "<img" not in text
    assert "{{ 7*7 }}" in text
    assert text.count("</script>") == 1
