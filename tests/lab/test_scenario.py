from dataclasses import fields, replace
from pathlib import Path

import pytest
import soundfile

from forensics.errors import ScenarioError
from forensics.lab.scenario import FAULT_KINDS, Fault, Line, Network, Scenario, Sender, Voice
from forensics.lab.scenario_check import GUARD_S, check_scenario
from forensics.lab.scenario_file import parse_scenario, read_scenario, write_scenario
from forensics.model import MECHANISMS

TEXT = """\
name = "demo"
duration_s = 12

[sender]
dtx = true

[[line]]
who = "agent"
at_s = 0.5
text = "Hello there."

[[line]]
who = "user"
at_s = 3.0
text = "Hi."

[[fault]]
kind = "stall"
at_s = 5.4
duration_s = 0.2
timestamps = "clock"

[[fault]]
kind = "packet_loss"
at_s = 8
packets = 3
"""


def test_a_scenario_is_read():
    scenario = parse_scenario(TEXT)
    assert (scenario.name, scenario.duration_s, scenario.sender.dtx) == ("demo", 12, True)
    assert [line.text for line in scenario.lines_of("user")] == ["Hi."]
    stall, loss = scenario.faults
    assert (stall.plane, stall["timestamps"], stall.end_s) == ("model", "clock", pytest.approx(5.6))
    assert (loss["packets"], loss["direction"], loss.line) == (3, "downlink", 23)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dtx = true", "dtxx = true", r"demo\.toml:5: unknown key 'dtxx'; known here: abs_send_time"),
        ("dtx = true", "dtx = 1", r"demo\.toml:5: dtx = 1; expected a bool"),
        ('name = "demo"', 'nam = "demo"', r"demo\.toml:1: unknown key 'nam'"),
        ("duration_s = 12", "duration_s = 0", r"demo\.toml:2: duration_s = 0; expected 2 to 600"),
        ("duration_s = 12", "seed = 1", r"'duration_s' is missing"),
        ('who = "user"', 'who = "caller"', r"demo\.toml:13: who = 'caller'; it must be 'agent' or 'user'"),
        ('text = "Hi."', "", r"demo\.toml:12: a line needs either text or wav"),
        ("at_s = 3.0", "at_s = 13", r"demo\.toml:14: at_s = 13 is outside the call of 12 s"),
        ('"stall"', '"stal"', r"demo\.toml:18: unknown fault 'stal'; there are: packet_loss"),
        ("at_s = 5.4", "at_s = 25", r"demo\.toml:19: at_s = 25 is outside the call of 12 s"),
        ("duration_s = 0.2", "duration_s = 9", r"demo\.toml:20: duration_s = 9; a stall at 5.4 s needs one above 0"),
        ('"clock"', '"klock"', r"demo\.toml:21: timestamps = 'klock'; expected one of contiguous, clock, fill"),
        ("packets = 3", "packets = 0", r"demo\.toml:26: packets = 0; expected a number from 1 to 1000"),
        ("packets = 3", "duration_s = 1", r"demo\.toml:26: unknown key 'duration_s'"),
        (
            "at_s = 8",
            "at_s = 5.5",
            r"demo\.toml:23: packet_loss at 5.5 s comes within 0.25 s of stall \(5.4 to 5.6 s\)",
        ),
        ('text = "Hello', 'cut_at_s = 0.2\ntext = "Hello', r"demo\.toml:10: cut_at_s = 0.2; expected a time after"),
        (
            'text = "Hello',
            'cut_at_s = 2\ntext = "Hello',
            r"demo\.toml:10: nobody interrupts: no line of the user begins",
        ),
        ('text = "Hi', 'cut_at_s = 4\ntext = "Hi', r"demo\.toml:15: cut_at_s is for lines of the agent"),
        ('text = "Hi', 'cut_at_s = "soon"\ntext = "Hi', r"demo\.toml:15: cut_at_s = 'soon'; expected a float"),
        ("[sender]", "[[sender]]", r"demo\.toml:4: 'sender' must be a table; write \[sender\]"),
        ("[[fault]]", "[fault]", r"demo\.toml: not TOML: .*line 23"),
        ("dtx = true", "first_timestamp = -1", r"demo\.toml:5: first_timestamp = -1; expected 0 to"),
        ("dtx = true", 'codec = "mp3"', r"demo\.toml:5: codec = 'mp3'; expected one of opus, pcmu, pcma"),
        ("dtx = true", "packet_s = 0.03", r"demo\.toml:5: packet_s = 0.03; expected 0.01, 0.02, 0.04 or 0.06"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(old, new, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(TEXT.replace(old, new), source="demo.toml")


def test_a_late_first_audio_needs_a_line_to_be_late():
    late = '[[fault]]\nkind = "late_first_audio"\nat_s = 2\nduration_s = 1\n'
    with pytest.raises(ScenarioError, match=r"demo\.toml:30: no line of the agent begins at 2 s; they begin at: 0.5"):
        parse_scenario(f"{TEXT}\n{late}", source="demo.toml")


def test_text_that_is_not_toml_is_refused():
    with pytest.raises(ScenarioError, match=r"bad\.toml: not TOML: .*line 2"):
        parse_scenario("duration_s = 3\nname = @\n", source="bad.toml")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match=r"Cannot read scenario .*gone\.toml"):
        read_scenario(tmp_path / "gone.toml")


def test_a_scenario_survives_writing_and_reading(tmp_path):
    scenario = parse_scenario(TEXT)
    again = read_scenario(
        write_scenario(replace(scenario, description='with "quotes"\nand lines'), tmp_path / "s.toml")
    )
    unnumbered = [replace(fault, line=None) for fault in again.faults]
    assert unnumbered == [replace(fault, line=None) for fault in scenario.faults]
    assert (again.lines, again.sender, again.description) == (
        scenario.lines,
        scenario.sender,
        'with "quotes"\nand lines',
    )


def test_sound_files_are_looked_for_beside_the_scenario(voice):
    scenario = parse_scenario(TEXT.replace('text = "Hi."', 'wav = "voice.wav"'), folder=voice.parent)
    assert scenario.lines[1].wav == voice


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"demo\.toml:15: There is no sound file .*hi\.wav"),
        (b"not sound", r"demo\.toml:15: Cannot read speech from .*hi\.wav"),
        ((), r"demo\.toml:15: .*hi\.wav holds no sound"),
    ],
    ids=["missing", "not a sound file", "empty"],
)
def test_a_sound_file_that_cannot_be_played_is_refused_with_its_line(tmp_path, content, message):
    if isinstance(content, bytes):
        (tmp_path / "hi.wav").write_bytes(content)
    elif content is not None:
        soundfile.write(tmp_path / "hi.wav", content, 8000)
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(TEXT.replace('text = "Hi."', 'wav = "hi.wav"'), source="demo.toml", folder=tmp_path)


def test_every_mechanism_of_the_model_can_be_made():
    made = {(kind.cause, kind.mechanism) for kind in FAULT_KINDS.values() if kind.mechanism}
    wanted = {(cause, mechanism) for cause, names in MECHANISMS.items() for mechanism in names}
    silence_fill = {pair for pair in wanted if pair[1] == "silence_fill"}  # a stall whose timestamps are filled
    assert wanted - made == silence_fill


def scenario_with(*faults):
    return Scenario("s", 20.0, lines=(Line("agent", 1.0, "words"),), faults=faults)


def test_faults_that_touch_different_things_may_overlap():
    loss = Fault("burst_loss", 5.0, 1.0)
    check_scenario(scenario_with(loss, Fault("capture_gap", 5.2, 0.3)))
    check_scenario(scenario_with(loss, Fault("duplication", 5.0, 1.0, {"probability": 0.5})))
    check_scenario(scenario_with(loss, Fault("jitter", 5.0, 1.0, {"mean_s": 0.1, "direction": "uplink"})))


def test_faults_keep_their_distance():
    check_scenario(scenario_with(Fault("burst_loss", 5.0, 1.0), Fault("stall", 6.0 + GUARD_S, 0.2)))
    with pytest.raises(ScenarioError, match="nobody could tell whose hole it is"):
        check_scenario(scenario_with(Fault("burst_loss", 5.0, 1.0), Fault("stall", 5.99 + GUARD_S, 0.2)))


def test_the_documentation_names_every_key_and_every_kind():
    text = (Path(__file__).parents[2] / "docs" / "lab.md").read_text(encoding="utf-8")
    table = text.partition("### Kinds of faults")[2].partition("### ")[0]
    rows = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    for kind, rules in FAULT_KINDS.items():
        named = [
            *rules.parameters,
            rules.mechanism if rules.cause else "benign",
            *(c for p in rules.parameters.values() for c in p.choices),
        ]
        spread = {"direction", "downlink", "uplink", "both"}  # described once, below the table
        assert all(name in rows[kind] for name in named if name not in spread), kind
    keys = {f.name for kind in (Scenario, Line, Sender, Network, Voice) for f in fields(kind)}
    for key in keys - {"lines", "faults", "line"}:
        assert f"`{key}`" in text or f"`[{key}]`" in text, key
