"""The progress bar over named stages."""

import io
import sys

import pytest

from forensics.diagnosis.progress import stage_bar

STAGES = ("read", "align", "judge")


def test_each_step_is_told_while_it_runs(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with stage_bar(STAGES) as told:
        told("read", "capture")
        told("judge", "glitches")
    assert "read: capture" in screen.getvalue()
    assert "judge: glitches" in screen.getvalue()


def test_nothing_is_shown_unasked(capsys):
    with stage_bar(STAGES, wanted=False) as told:
        told("read", "capture")
    assert capsys.readouterr() == ("", "")


def test_a_callable_is_told_instead(capsys):
    heard = []
    with stage_bar(STAGES, wanted=lambda *step: heard.append(step)) as told:
        told("align", "recording")
    assert heard == [("align", "recording")]
    assert capsys.readouterr() == ("", "")


def test_an_unknown_stage_does_not_move_it(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with stage_bar(STAGES) as told:
        told("judge", "")
        told("elsewhere", "something")


def test_the_bar_goes_when_the_work_fails(monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := io.StringIO())

    def work():
        with stage_bar(STAGES) as told:
            told("read", "capture")
            raise KeyboardInterrupt("enough")

    with pytest.raises(KeyboardInterrupt, match="enough"):
        work()
    assert screen.getvalue().endswith("\r")
