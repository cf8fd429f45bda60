"""The page as a file: one, small, offline, and hostile text stays text."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from told_call import HOSTILE, hostile_diagnosis

from forensics.report import write_report
from forensics.report.page import STAGES


@pytest.fixture(scope="module")
def page(diagnosis, tmp_path_factory):
    return write_report(diagnosis, tmp_path_factory.mktemp("report") / "deep" / "report.html").read_text(
        encoding="utf-8"
    )


def test_the_conclusion_comes_first(page):
    assert "3 audible glitches in 24 s" in re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[1]


def test_each_step_is_told(diagnosis, tmp_path):
    told = []
    write_report(diagnosis, tmp_path / "report.html", audio="none", progress=lambda *step: told.append(step))
    assert [stage for stage, _ in told] == list(STAGES)


def test_a_short_call_is_small(page):
    assert len(page) < 1_500_000


def test_without_audio_it_is_below_a_megabyte(diagnosis, tmp_path):
    assert write_report(diagnosis, tmp_path / "r.html", audio="none").stat().st_size < 1_000_000


def test_sound_may_be_mp3(diagnosis, tmp_path):
    text = write_report(diagnosis, tmp_path / "r.html", audio="glitches", clips="mp3").read_text(encoding="utf-8")
    assert text.count('src="data:audio/mpeg;base64,') == 6
    assert "data:audio/webm" not in text


def test_without_a_recording_what_was_sent_is_heard(diagnosis, tmp_path, monkeypatch):
    sent = diagnosis.scene.sent
    scene = replace(diagnosis.scene, recording=None, microphone=None, sent=None, heard=None, clocks={})
    monkeypatch.setattr("forensics.report.page.decode_stream", lambda stream: SimpleNamespace(track=sent))
    text = write_report(replace(diagnosis, scene=scene), tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count("<figcaption>As sent") == 3
    assert "<figcaption>As heard" not in text


def test_an_unknown_amount_of_audio_is_refused(diagnosis, tmp_path):
    with pytest.raises(ValueError, match="'some' is not a valid Audio"):
        write_report(diagnosis, tmp_path / "r.html", audio="some")
    assert not (tmp_path / "r.html").exists()


def test_nothing_refers_to_another_place(page):
    addresses = re.findall(r'(?:src|href|action|data|poster)\s*=\s*"([^"]*)"', page)
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "url(" not in page
    assert "@import" not in page


def test_script_and_style_are_those_the_policy_admits(page):
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    for text in (script, style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert " style=" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)


def test_each_glitch_has_its_section(page, diagnosis):
    for verdict in diagnosis.verdicts:
        assert f'<article class="glitch" id="{verdict.id}"' in page
        assert html.escape(verdict.remedy) in page


def test_provenance_ends_the_page(page, diagnosis):
    method = page[page.index('id="method"') :]
    assert "ab" * 32 in method
    assert "±4.0 ms" in method
    assert "2 holes in silence left out" in method


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return write_report(hostile_diagnosis(folder), folder / "report.html").read_text(encoding="utf-8")


def test_hostile_text_stays_text(hostile_page):
    assert "<img" not in hostile_page
    assert hostile_page.count("&lt;img src=x") > 60
    assert "{{ 7*7 }}" in hostile_page
    assert hostile_page.count("</script>") == 2


def test_hostile_text_reaches_the_script_whole(hostile_page):
    data = json.loads(re.search(r'id="data">(.*?)</script>', hostile_page, re.DOTALL)[1])
    assert data["header"]["title"] == HOSTILE


def test_a_call_without_glitches_is_said_to_be_clean(diagnosis, tmp_path):
    clean = replace(diagnosis, verdicts=(), conclusion="No audible glitch in 24 s.")
    page = write_report(clean, tmp_path / "clean.html").read_text(encoding="utf-8")
    assert "No audible glitch was found." in page
    assert "Glitch by glitch" not in page
