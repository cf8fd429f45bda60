"""The command line answers at once, keeps stdout for results and tells by its exit status."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from made_findings import made_findings
from typer.testing import CliRunner

from forensics import __main__ as command_line
from forensics import __version__
from forensics.commands.inputs import selectors

CALLS = Path(__file__).parents[1] / "sample_captures"
HEAVY = {"numpy", "pandas", "scipy", "librosa", "matplotlib", "av", "jinja2", "rich", "pyshark", "IPython"}


def forensics(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "forensics", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.mark.parametrize("arguments", [["--help"], ["diagnose", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    program = (
        "import sys; from forensics.__main__ import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "try: main()\n"
        "except SystemExit as left: assert not left.code, left.code\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert HEAVY & set(done.stderr.split()) == set()


def test_importing_the_package_costs_nothing():
    program = "import sys, forensics; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_version():
    assert forensics("--version").stdout == f"forensics {__version__}\n"


def test_what_is_not_there_is_one_sentence_and_status_2(tmp_path):
    done = forensics("diagnose", "gone.pcap", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "forensics: There is no case folder or capture file gone.pcap; its folder holds nothing. Check the name.\n"
    )


def test_a_decode_as_that_is_none(tmp_path):
    (tmp_path / "call.pcap").touch()
    done = forensics("diagnose", "call.pcap", "--decode-as", "rtp", cwd=tmp_path)
    assert done.returncode == 2
    assert "--decode-as got 'rtp'; expected FIELD==VALUE,MEANING" in done.stderr


def test_decode_as_may_be_given_often():
    pairs = ["udp.port==5004,rtp", "udp.port == 6000, rtp"]
    assert selectors(pairs) == {"udp.port==5004": "rtp", "udp.port == 6000": "rtp"}


def test_a_defect_is_no_glitch(monkeypatch, capsys):
    def broken(**_):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("forensics.commands.app.app", broken)
    with pytest.raises(SystemExit, match="70"):
        command_line.main()
    assert "this is a defect of the workbench" in capsys.readouterr().err


def test_doctor_answers_on_stdout():
    done = CliRunner().invoke(command_line.app, ["doctor"])
    assert done.exit_code == 0
    assert "jupyterlab" in done.stdout


def test_glitches_are_status_1_and_the_json_on_stdout_is_pure(tmp_path):
    done = forensics("diagnose", str(CALLS / "mixed_call"), "--json", "-", "--report", "pages/mixed.html", cwd=tmp_path)
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["summary"]["network_drop"] >= 1
    assert "network_drop" in done.stderr
    assert "Report: pages/mixed.html" in done.stderr
    assert (tmp_path / "pages" / "mixed.html").stat().st_size > 10_000


def test_no_glitch_is_status_0(tmp_path):
    done = CliRunner().invoke(
        command_line.app, ["diagnose", str(CALLS / "clean_call"), "--json", str(tmp_path / "findings.json")]
    )
    assert done.exit_code == 0
    assert "No audible glitch" in done.stdout
    assert json.loads((tmp_path / "findings.json").read_text())["case"] == "clean_call"


def test_report_prints_the_verdicts_and_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command_line.app, ["report", str(CALLS / "mixed_call")])
    assert done.exit_code == 0
    assert "late_model_output" in done.stdout
    assert done.stdout.endswith("Report: reports/mixed_call.html\n")
    assert (tmp_path / "reports" / "mixed_call.html").is_file()


def test_report_without_sound_and_without_addresses(tmp_path):
    page = tmp_path / "page.html"
    wanted = ["report", str(CALLS / "stalled_model"), "--out", str(page), "--audio", "none", "--redact"]
    assert CliRunner().invoke(command_line.app, wanted).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "127.0.0." not in text
    assert "data:audio" not in text


def test_streams_of_a_case_folder():
    done = forensics("streams", str(CALLS / "mixed_call"), "--json", "-")
    assert done.returncode == 0, done.stderr
    assert sorted(stream["lost"] for stream in json.loads(done.stdout)["streams"]) == [0, 12]


def test_the_plainest_listing_starts_without_typer_and_says_the_same():
    program = "import sys; from forensics.__main__ import main; main(); print('typer' in sys.modules, file=sys.stderr)"
    arguments = ["streams", str(CALLS / "mixed_call"), "--json", "-"]
    quick = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert quick.stderr.endswith("False\n")
    slow = CliRunner().invoke(command_line.app, [*arguments, "--decode-as", "udp.port==1,rtp"])
    assert slow.stdout == quick.stdout


@pytest.mark.parametrize("command", ["diagnose", "report", "streams", "compare", "survey", "export", "doctor", "lab"])
def test_every_command_has_help(command):
    done = forensics(command, "--help")
    assert done.returncode == 0
    assert f"Usage: forensics {command}" in done.stdout
    if command not in ("doctor", "lab"):
        assert f"Examples:\n    forensics {command} " in done.stdout


def test_a_shell_completes(tmp_path):
    asked = {"_FORENSICS_COMPLETE": "complete_bash", "COMP_WORDS": "forensics d", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "forensics"], capture_output=True, text=True, check=False, env={**os.environ, **asked}
    )
    assert done.stdout.split() == ["diagnose", "doctor"]


def test_gates_decide_and_junit_tells(tmp_path):
    wanted = ["diagnose", str(CALLS / "stalled_model"), "--junit", str(tmp_path / "r.xml")]
    held = CliRunner().invoke(command_line.app, [*wanted, "--fail-on", "network_drop>0"])
    assert held.exit_code == 0
    assert "network_drop>0 does not hold: network_drop is 0" in held.stderr
    failed = CliRunner().invoke(command_line.app, [*wanted, "--fail-on", "late_model_output>0"])
    assert failed.exit_code == 1
    assert (
        ElementTree.parse(tmp_path / "r.xml").find(".//failure").get("message").startswith("late_model_output>0 holds")
    )


def test_a_gate_that_is_none_is_status_2(tmp_path):
    (tmp_path / "call.pcap").touch()
    done = forensics("diagnose", "call.pcap", "--fail-on", "glitches>0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the measures are duration_s, audible" in done.stderr


def findings_file(path, **counts):
    path.write_text(json.dumps(made_findings(path.stem, minutes=5, **counts)))
    return str(path)


def test_compare_is_status_1_where_something_got_worse(tmp_path):
    before, after = findings_file(tmp_path / "b.json"), findings_file(tmp_path / "a.json", network_drop=12)
    page, out = tmp_path / "c.html", tmp_path / "c.json"
    worse = CliRunner().invoke(command_line.app, ["compare", before, after, "--report", str(page), "--json", str(out)])
    assert worse.exit_code == 1
    assert "Worse: " in worse.stdout
    assert json.loads(out.read_text())["worse"] is True
    assert "Comparison" in page.read_text()
    assert CliRunner().invoke(command_line.app, ["compare", after, before]).exit_code == 0
    assert CliRunner().invoke(command_line.app, ["compare", before, before]).exit_code == 0


def test_compare_keeps_json_on_stdout_pure(tmp_path):
    before = findings_file(tmp_path / "b.json")
    done = forensics("compare", before, before, "--json", "-")
    assert json.loads(done.stdout)["schema"] == "forensics.comparison/1"
    assert "Nothing changed by more than chance" in done.stderr


def test_a_survey_goes_on_past_a_broken_call(tmp_path):
    calls = tmp_path / "calls"
    (calls / "stalled").mkdir(parents=True)
    for file in (*(CALLS / "stalled_model").glob("receiver.*"), CALLS / "stalled_model" / "keys.log"):
        shutil.copy(file, calls / "stalled")
    (calls / "junk.pcap").write_text("no capture")
    done = forensics(
        "survey", "calls", "--out", "out", "--jobs", "2", "--audio", "none", "--junit", "r.xml", cwd=tmp_path
    )
    assert done.returncode == 2
    assert "could not be read: junk.pcap" in done.stdout
    assert done.stdout.endswith("Page: out/index.html\n")
    assert (tmp_path / "out" / "calls" / "stalled.html").is_file()
    suites = {suite.get("name"): suite for suite in ElementTree.parse(tmp_path / "r.xml").iter("testsuite")}
    assert suites["junk.pcap"].get("errors") == "1"
    (calls / "junk.pcap").unlink()
    again = forensics("survey", "calls", "--out", "out", "--audio", "none", "--fail-on", "network_drop>0", cwd=tmp_path)
    assert again.returncode == 0
