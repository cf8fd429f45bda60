import numpy as np
import pytest

from forensics.lab.model_log import model_events
from forensics.lab.plan import plan_sending
from forensics.lab.scenario import Fault, Line, Scenario


def slack_s(events):
    """Least of audio produced less time since the first delta, before each delta came."""
    deltas = [(e.at_s, e.event["audio_ms"] / 1000) for e in events if e.event["type"] == "response.output_audio.delta"]
    produced = np.cumsum([0.0, *(audio for _, audio in deltas)])
    return min(had - (at - deltas[0][0]) for had, (at, _) in zip(produced[1:-1], deltas[1:], strict=True))


def test_the_models_log_falls_behind_only_where_the_model_does(voice):
    def events(*faults):
        scenario = Scenario("s", 6.0, (Line("agent", 1.0, wav=voice),), faults)
        return model_events(scenario, plan_sending(scenario))

    assert slack_s(events()) > 0
    assert slack_s(events(Fault("stall", 2.0, 0.5))) == pytest.approx(-0.5, abs=0.05)
    assert slack_s(events(Fault("artificial_delay", 2.0, 1.0, {"delay_s": 0.3}))) > 0


def test_the_models_log_names_the_turns(voice):
    lines = (Line("user", 0.2, wav=voice), Line("agent", 4.5, wav=voice))
    scenario = Scenario("s", 9.0, lines)
    events = model_events(scenario, plan_sending(scenario))
    names = [event.event["type"] for event in events]
    assert names.index("input_audio_buffer.speech_stopped") < names.index("response.output_audio.delta")
    assert names.index("response.created") < names.index("output_audio_buffer.started") < names.index(
        "output_audio_buffer.stopped"
    )  # fmt: skip
    assert [event.at_s for event in events] == sorted(event.at_s for event in events)
    total_ms = sum(event.event.get("audio_ms", 0) for event in events)
    assert total_ms == pytest.approx(3000)
