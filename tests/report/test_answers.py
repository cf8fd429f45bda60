"""Answers, set-up, prompts and slack: every row stands on one scale, and what is not there is not drawn."""

from dataclasses import replace

import pytest
from synthetic_call import synthetic_diagnosis
from told_call import PROMPT, SETUP, told_diagnosis

from forensics.model import SETUP_COLUMNS, Prompt, empty_table
from forensics.report import write_report
from forensics.report.answers import PART_LABELS, prompt_rows, setup_rows, slack_rows, turn_section
from forensics.report.parameters import parameters
from forensics.report.shell import read_part
from forensics.turns.goal import PART_NAMES
from forensics.views.axis import scene_axis


@pytest.fixture(scope="module")
def told():
    return told_diagnosis()


def test_a_latency_is_a_bar_of_its_parts(told):
    section = turn_section(told.scene.turns)
    bar = section["turns"][-1]["bar"]
    assert [part["key"] for part in bar] == ["endpointing", "model", "network"]
    assert [part["inferred"] for part in bar] == [False, False, True]
    assert bar[1]["x"] == pytest.approx(bar[0]["width"])
    assert bar[-1]["x"] + bar[-1]["width"] == pytest.approx(1000)
    assert section["described"]["longest_s"] == 1.5


def test_every_part_has_a_heading_and_a_colour():
    assert set(PART_LABELS) == set(PART_NAMES)
    for name in PART_LABELS:
        assert f".part-{name.removesuffix('_s')} " in read_part("page.css").replace(",", " ")


def test_set_up_stands_on_one_scale():
    rows = setup_rows(SETUP)
    assert [row["x"] for row in rows] == [0.0, 500.0]
    assert rows[-1]["after_s"] == pytest.approx(0.8)
    assert setup_rows(None) == setup_rows(empty_table(SETUP_COLUMNS)) == []


def test_slack_is_told_by_answer(told):
    first, second = slack_rows(told, scene_axis(told.scene))
    assert (first["response"], first["line"]) == ("r1", 4)
    assert first["least_s"] == pytest.approx(-0.36)
    assert first["least_at_s"] == pytest.approx(3.4 - 0.418, abs=1e-3)
    assert second["least_s"] == pytest.approx(0.4)


def test_slack_of_a_log_without_a_place_has_no_time(told):
    unplaced = replace(told, scene=replace(told.scene, clocks={}))
    assert [row["least_at_s"] for row in slack_rows(unplaced, scene_axis(told.scene))] == [None, None]


def test_a_prompt_shows_where_it_was_damaged():
    damaged, whole = prompt_rows((PROMPT, Prompt(0.4, 1.6)))
    assert damaged["marks"] == [{"x": pytest.approx(500), "width": pytest.approx(200), "what": "lost"}]
    assert whole["marks"] == []


def test_the_page_tells_it_all(told, tmp_path):
    page = write_report(told, tmp_path / "r.html", audio="none").read_text(encoding="utf-8")
    for text in ("What reached the model", "the vast goat", "10 of the 50 packets", "Slack of the model", "−360 ms",
                 "How the call was set up", "Keys were agreed.", "The last boat leaves &lt;now&gt;.", "<i>200 ms</i>",
                 "Silent after an interruption"):  # fmt: skip
        assert text in page


def test_what_is_not_there_has_no_section(tmp_path):
    plain = synthetic_diagnosis(seconds=20.0)
    bare = replace(plain, scene=replace(plain.scene, turns=()))
    page = write_report(bare, tmp_path / "r.html", audio="none").read_text(encoding="utf-8")
    for title in ("What reached the model", "Slack of the model", "How the call was set up", "Turns and latency"):
        assert title not in page


def test_every_threshold_is_listed_where_it_is_defined():
    listed = {f"{module}.{name}": value for module, own in parameters() for name, value in own}
    assert listed["turns.goal.GOAL_S"] == "1"
    assert "turns.GOAL_S" not in listed
    assert len(listed) > 100
    assert not any(name.split(".")[-1].startswith("_") for name in listed)
