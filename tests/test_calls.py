"""Folders of calls: all are found, none depends on another."""

import pytest
from work_on_calls import measure

from forensics.calls import find_calls, run_each
from forensics.errors import CaseError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_calls_are_folders_and_captures(tmp_path):
    touch(tmp_path, "b/receiver.pcap", "b/sender.pcap", "a/deep/recording.flac", "c/case.toml", "one.pcapng.gz")
    touch(tmp_path, "notes.txt", "d/readme.md", ".hidden/receiver.pcap", "b/inner/receiver.pcap", "two.pcap")
    assert [path.relative_to(tmp_path).as_posix() for path in find_calls(tmp_path)] == [
        "a/deep", "b", "c", "one.pcapng.gz", "two.pcap",
    ]  # fmt: skip


def test_a_call_is_a_folder_of_one(tmp_path):
    touch(tmp_path, "Receiver.PCAP")
    assert find_calls(tmp_path) == [tmp_path]


def test_no_call_is_said(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(CaseError, match="holds no call: neither it nor a folder below"):
        find_calls(tmp_path)
    with pytest.raises(CaseError, match="is no folder; expected is a folder of calls"):
        find_calls(tmp_path / "notes.txt")


@pytest.fixture
def calls(tmp_path):
    texts = {"a": "four", "b": "unreadable", "c": "defect", "e": "seven77"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def outcomes(folder, *, jobs, names="abce"):
    worked = run_each(measure, [folder / name for name in names], jobs=jobs)
    return {done.path.name: done.error or done.value for done in worked}


def check(found):
    assert (found["a"], found["e"]) == (4, 7)
    assert found["b"] == "It is no capture."
    assert found["c"].startswith("A defect of the workbench: ZeroDivisionError: division by zero (work_on_calls.py")


def test_a_broken_call_stops_no_other(calls):
    check(outcomes(calls, jobs=0))


def test_a_call_that_kills_its_process_stops_no_other(calls):
    (calls / "d").write_text("deadly")
    found = outcomes(calls, jobs=2, names="abcde")
    check(found)
    assert found["d"].startswith("The process that read it was killed")


def test_a_file_that_is_gone_is_said(calls):
    assert outcomes(calls, jobs=0, names="z")["z"].endswith("/z cannot be read or written: No such file or directory")
