"""Notes: kept beside the case, found again at their place in the call, shown in the report."""

import json
from dataclasses import replace

import pytest

from forensics.errors import CaseError
from forensics.model import Case
from forensics.report import write_report
from forensics.views import workbench
from forensics.views.notes import make_note, notes_on, notes_path, read_notes, write_notes


@pytest.fixture
def placed(diagnosis, tmp_path):
    """The diagnosis with its case in a folder."""
    return replace(diagnosis, scene=replace(diagnosis.scene, case=Case("synthetic", folder=tmp_path)))


def a_note(diagnosis, text="It was me.", decision="overrule"):
    return make_note(diagnosis.verdict("g02"), decision=decision, text=text, author="Ada <a@example.org>")


def test_notes_come_back(placed):
    note = a_note(placed)
    write_notes(placed.scene.case, (note,))
    assert read_notes(placed.scene.case) == (note,)


def test_a_case_without_notes_has_none(placed):
    assert read_notes(placed.scene.case) == ()


def test_a_single_file_has_its_notes_beside_it(tmp_path):
    assert notes_path(Case("x", capture=tmp_path / "call.pcap")) == tmp_path / "call.notes.json"


def test_a_case_without_a_place_is_refused():
    with pytest.raises(CaseError, match="no folder and no file"):
        notes_path(Case("x"))


@pytest.mark.parametrize("text", ["{", "[]", '{"notes": [{"glitch": "g01"}]}'])
def test_a_foreign_file_is_not_overwritten(placed, text):
    (placed.scene.case.folder / "notes.json").write_text(text)
    with pytest.raises(CaseError, match=r"notes\.json is no file of notes"):
        read_notes(placed.scene.case)


def test_a_note_follows_its_place_when_glitches_are_numbered_anew(placed):
    note = a_note(placed)
    renumbered = replace(placed.verdict("g02"), id="g07")
    assert notes_on(renumbered, (note,)) == [note]
    assert notes_on(placed.verdict("g01"), (note,)) == []


def test_saving_in_the_workbench_keeps_and_shows_the_note(placed):
    bench = workbench(placed)
    bench.glitch = "g02"
    bench._notes.decision.value, bench._notes.author.value = "confirm", "Ada"
    bench._notes.text.value = "Heard it <myself>."
    bench._notes.save.click()
    assert "Saved in notes.json" in bench._notes._said.value
    assert "Heard it &lt;myself&gt;." in bench._notes._shown.value
    (entry,) = json.loads(notes_path(placed.scene.case).read_text())["notes"]
    assert (entry["glitch"], entry["decision"], entry["author"]) == ("g02", "confirm", "Ada")


def test_a_note_is_there_after_a_reload(placed):
    write_notes(placed.scene.case, (a_note(placed),))
    bench = workbench(placed)
    bench.glitch = "g02"
    assert "It was me." in bench._notes._shown.value


def test_what_keeps_a_note_from_being_saved_is_said(diagnosis):
    placeless = replace(diagnosis, scene=replace(diagnosis.scene, case=Case("synthetic")))
    bench = workbench(placeless)
    bench.glitch = "g02"
    bench._notes.save.click()
    assert "The note was not saved: The case synthetic has no folder" in bench._notes._said.value


def test_notes_go_into_the_report_with_author_and_time(placed, tmp_path):
    note = a_note(placed)
    write_notes(placed.scene.case, (note,))
    page = write_report(placed, tmp_path / "report.html", audio="none").read_text(encoding="utf-8")
    assert "It was me." in page
    assert f"Ada &lt;a@example.org&gt;, {note.written[:16].replace('T', ' ')} UTC" in page


def test_a_redacted_report_leaves_notes_out(placed, tmp_path):
    write_notes(placed.scene.case, (a_note(placed),))
    page = write_report(placed, tmp_path / "report.html", audio="none", redact=True).read_text(encoding="utf-8")
    assert "It was me." not in page
