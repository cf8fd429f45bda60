import json

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from forensics.errors import ScenarioError
from forensics.lab import record
from forensics.lab.cli import app

SCENARIO = """\
duration_s = 4
[[line]]
who = "agent"
at_s = 0.5
wav = "voice.wav"
[[fault]]
kind = "stall"
at_s = 1.0
duration_s = 0.2
[[fault]]
kind = "burst_loss"
at_s = 2.0
duration_s = 0.1
"""


@pytest.fixture
def scenario(tmp_path):
    soundfile.write(tmp_path / "voice.wav", np.random.default_rng(0).normal(0, 0.1, 96_000), 48_000)
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO)
    return path


def test_script_says_where_faults_fall(scenario):
    said = CliRunner().invoke(app, ["script", str(scenario)])
    assert said.exit_code == 0
    assert said.stdout.splitlines() == ["    1.00    [stall: stall]", "    2.00    [burst_loss, 0.1 s]"]


def test_simulate_makes_a_case(scenario, tmp_path):
    done = CliRunner().invoke(app, ["simulate", str(scenario), str(tmp_path / "case"), "--seed", "3"])
    assert done.exit_code == 0, done.output
    truth = json.loads((tmp_path / "case" / "truth.json").read_text())
    assert {event["injected_id"] for event in truth["events"]} == {"f1", "f2"}


@pytest.mark.parametrize("command", ["record", "simulate", "again", "script"])
def test_every_command_shows_an_example_of_itself(command):
    said = CliRunner().invoke(app, [command, "--help"]).stdout
    assert f"  forensics lab {command} " in said.partition("Examples:")[2]


def examples(*command):
    """The arguments of the examples that the help of a command shows."""
    lines = CliRunner().invoke(app, [*command, "--help"]).stdout.partition("Examples:")[2].splitlines()
    return [line.split()[2:] for line in lines if line.strip()]


def test_the_examples_do_what_they_say(scenario, monkeypatch):
    monkeypatch.chdir(scenario.parent)
    monkeypatch.setattr(record, "record_call", lambda scenario, out, **_: out)
    scenario.rename("two_faults.toml")
    for arguments in [*examples(), *examples("record"), *examples("simulate"), *examples("script")]:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.exception


def test_record_passes_its_options_on(scenario, tmp_path, monkeypatch):
    asked = {}

    def fake(scenario, out, *, attempts, tell):
        asked.update(name=scenario.name, attempts=attempts)
        tell("attempt 1 of 2: disturbed")
        return out

    monkeypatch.setattr(record, "record_call", fake)
    done = CliRunner().invoke(app, ["record", str(scenario), str(tmp_path / "case"), "--attempts", "2"])
    assert asked == {"name": "scenario", "attempts": 2}
    assert "attempt 1 of 2" in done.stderr
    assert done.stdout.strip() == str(tmp_path / "case")


def test_again_replaces_a_case_only_by_a_whole_one(scenario, tmp_path, monkeypatch):
    case = tmp_path / "case"
    case.mkdir()
    for path in (scenario, scenario.with_name("voice.wav")):
        path.rename(case / path.name)
    (case / "old.txt").write_text("old")

    def fail(*_, **__):
        raise ScenarioError("cannot be played")

    monkeypatch.setattr(record, "record_call", fail)
    done = CliRunner().invoke(app, ["again", str(case)])
    assert isinstance(done.exception, ScenarioError)
    assert (case / "old.txt").exists()

    def make(scenario, out, **_):
        out.mkdir(parents=True)
        (out / "new.txt").write_text(scenario.name)
        return out

    monkeypatch.setattr(record, "record_call", make)
    assert CliRunner().invoke(app, ["again", str(case)]).exit_code == 0
    assert [path.name for path in case.iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
