"""`%diagnose`, without a browser."""

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from synthetic_call import synthetic_diagnosis

import forensics
from forensics import diagnosis as rooms
from forensics.views import magic


@pytest.fixture
def shell(monkeypatch):
    shell = InteractiveShell.instance()
    shell.user_ns.clear()
    forensics.load_ipython_extension(shell)
    yield shell
    InteractiveShell.clear_instance()


def run(shell, line):
    shell.find_line_magic("diagnose")(line)


def test_it_leaves_the_diagnosis_and_the_workbench(shell, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(rooms, "diagnose", lambda case, progress: given.append(case) or synthetic_diagnosis())
    for name in ("call one.pcap", "heard.wav"):
        (tmp_path / name).touch()
    run(shell, f"'{tmp_path}/call one.pcap' --recording {tmp_path}/heard.wav")
    assert given[0].capture.name == "call one.pcap"
    assert given[0].recording.name == "heard.wav"
    assert shell.user_ns["bench"].diagnosis is shell.user_ns["diagnosis"]


def test_without_a_case_there_is_an_area_to_drop_files_on(shell):
    run(shell, "")
    assert shell.user_ns["dropped"].start.description == "Diagnose"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/nowhere/at/all.pcap", "There is no case folder or capture file"),
        ("x.pcap --colour red", "unrecognized arguments: --colour red"),
        ("--keys k.log", "There is no keys k.log"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_without_a_traceback(shell, line, said):
    with pytest.raises(UsageError, match=said):
        run(shell, line)


def test_it_says_how_it_is_used(shell):
    assert "--recording FILE" in shell.find_line_magic("diagnose").__doc__
    assert "%diagnose" in magic._parser().format_usage()
