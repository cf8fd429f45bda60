import json

import numpy as np
import pytest
import soundfile
from plain_receiver import LEAD_S, ZERO_S, listen_plainly

from forensics.errors import ScenarioError
from forensics.lab.model_log import model_events
from forensics.lab.plan import plan_sending
from forensics.lab.scenario import Fault, Line, Scenario
from forensics.lab.scenario_file import read_scenario, write_scenario
from forensics.lab.simulate import simulate_call
from forensics.lab.truth import describe_truth

RATE_HZ = 48_000
BEGINS_S, USER_S, CUT_S = 1.0, 2.2, 2.6


@pytest.fixture
def interrupted(voice):
    def make(*faults, **agent):
        first = Line("agent", BEGINS_S, wav=voice, **{"cut_at_s": CUT_S, **agent})
        return Scenario("s", 9.0, (first, Line("user", USER_S, wav=voice), Line("agent", 5.9, wav=voice)), faults)

    return make


def loud(samples):
    return np.flatnonzero(np.abs(samples) > 1e-3) / RATE_HZ


def test_the_agent_falls_silent_and_answers_later(interrupted):
    script = plan_sending(interrupted()).script
    spoken_s = loud(script)
    assert loud(script[: 4 * RATE_HZ])[[0, -1]] == pytest.approx([BEGINS_S, CUT_S], abs=0.001)
    assert not np.any((spoken_s > CUT_S + 0.001) & (spoken_s < 5.9))
    assert spoken_s[-1] == pytest.approx(8.9, abs=0.001)


def test_a_model_that_had_stalled_is_cut_at_the_same_time(interrupted):
    plan = plan_sending(interrupted(Fault("stall", 1.6, 0.3)))
    first = plan.spoken[0]
    assert first.end_s - first.start_s == pytest.approx(CUT_S - BEGINS_S - 0.3, abs=0.001)
    made = [p.tick_s for p in plan.packets if p.script_s is not None and first.start_s <= p.script_s < first.end_s]
    assert made[-1] == pytest.approx(CUT_S - 0.02)


@pytest.mark.parametrize(("factor", "cancelled"), [(0.5, False), (1.5, True)])
def test_the_log_tells_what_was_cleared_and_what_was_heard(interrupted, monkeypatch, factor, cancelled):
    monkeypatch.setattr("forensics.lab.model_log.GENERATION_FACTOR", factor)
    scenario = interrupted()
    events = [(event.at_s, event.event) for event in model_events(scenario, plan_sending(scenario))]
    (cleared_s, cleared), (_, truncated) = (e for e in events if e[1]["type"].endswith(("cleared", "truncated")))
    assert (cleared["response_id"], cleared_s) == ("resp_0", pytest.approx(CUT_S, abs=0.01))
    assert (truncated["item_id"], truncated["audio_end_ms"]) == ("item_agent_0", 1600)
    started = next(at_s for at_s, event in events if event["type"] == "input_audio_buffer.speech_started")
    assert USER_S < started < cleared_s
    done = next(event["response"] for _, event in events if event["type"] == "response.done")
    assert done["status"] == ("cancelled" if cancelled else "completed")
    made = [at_s for at_s, e in events if e["type"].endswith("audio.delta") and e["response_id"] == "resp_0"]
    assert (len(made) < 15) == cancelled
    assert max(made) < CUT_S
    stopped = [event["response_id"] for _, event in events if event["type"] == "output_audio_buffer.stopped"]
    assert stopped == ["resp_1"]


def test_an_interruption_is_no_fault_and_its_times_are_told(interrupted):
    user = np.zeros(10 * 16_000, np.float32)
    user[round((USER_S + LEAD_S) * 16_000) : round((USER_S + LEAD_S + 3) * 16_000)] = 0.1
    truth = describe_truth(listen_plainly(interrupted(), microphone=user))
    assert not [event for event in truth["events"] if event["cause"] != "none"]
    (told,) = (benign for benign in truth["benign"] if benign["kind"] == "interruption")
    assert told["user_rec_start"] == pytest.approx(USER_S + LEAD_S, abs=0.01)
    assert told["rec_start"] == pytest.approx(CUT_S + LEAD_S + 0.08, abs=0.001)  # 20 ms of path, 60 ms of buffer
    assert told["barge_in_s"] == pytest.approx(CUT_S - USER_S + 0.08, abs=0.011)
    assert told["heard_ms"] == 1600
    assert told["cap"] > ZERO_S


def test_both_voices_are_in_the_files_of_a_simulated_call(interrupted, tmp_path):
    simulate_call(interrupted(), tmp_path / "call")
    truth = json.loads((tmp_path / "call" / "truth.json").read_text())
    (told,) = (benign for benign in truth["benign"] if benign["kind"] == "interruption")
    heard, rate = soundfile.read(tmp_path / "call" / "recording.flac")
    said, slow = soundfile.read(tmp_path / "call" / "mic.flac")
    between = slice(round(told["rec_start"] * rate) - 4800, round(told["rec_start"] * rate) - 480)
    assert np.std(heard[between]) > 0.05
    assert np.std(heard[round((told["rec_start"] + 0.1) * rate) :][:4800]) < 0.005
    assert np.std(said[round((told["user_rec_start"] + 0.05) * slow) :][:1600]) > 0.05


def test_a_scenario_with_an_interruption_survives_writing(interrupted, tmp_path):
    assert read_scenario(write_scenario(interrupted(), tmp_path / "s.toml")).lines == interrupted().lines


def test_an_agent_that_does_not_speak_cannot_be_cut_off(interrupted):
    with pytest.raises(ScenarioError, match=r"cut_at_s = 4.5, but the agent speaks from 1.00 to 4.00 s"):
        plan_sending(interrupted(cut_at_s=4.5))


def test_a_user_who_outlasts_the_call_is_refused(voice, tmp_path):
    scenario = Scenario("s", 4.0, (Line("user", 2.0, wav=voice, line=7),))
    with pytest.raises(ScenarioError, match=r"Scenario s, line 7: the user speaks until 5.0 s, the call ends at 4 s"):
        simulate_call(scenario)
