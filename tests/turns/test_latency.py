import numpy as np
import pandas as pd
import pytest
from building import make_journey
from turns.events import answer, witnesses

from forensics.model import ClockMap
from forensics.turns.latency import split_latency
from forensics.turns.responses import find_responses

ASKED_S, HEARD_S = 3.0, 4.0
HERE = ClockMap("recording", 0.0, 0.02, "decoded-audio")


def packets(*, departed=True, arrived_s=3.9):
    """Packets of an answer that is heard from `HEARD_S` on; the first one comes at `arrived_s`, sent 30 ms before."""
    journey = make_journey(100, media_s=np.arange(100) * 0.02, heard_s=HEARD_S + np.arange(100) * 0.02)
    journey["arrival_s"] = arrived_s + np.arange(100) * 0.02
    journey["departure_s"] = journey["arrival_s"] - 0.03 if departed else np.nan
    return journey


def split(*rows, journey=None, clocks=None, error_s=0.02, stats=None):
    own = {"recording": HERE} if journey is not None else {}
    seen = witnesses(*rows, clocks={**own, **(clocks or {})}, journey=journey, error_s=error_s, stats=stats or {})
    parts, measured = split_latency(ASKED_S, HEARD_S, witnesses=seen, responses=find_responses(seen))
    if parts:
        assert sum(parts.values()) == pytest.approx(HEARD_S - ASKED_S)
    return {name: round(seconds, 6) for name, seconds in parts.items()}, measured


WHOLE_LOG = ((3.3, "speech_stopped", {}), *answer("r1", 3.75))


def test_with_log_and_both_captures_every_part_is_measured():
    parts, measured = split(*WHOLE_LOG, journey=packets())
    assert parts == {"endpointing_s": 0.3, "model_s": 0.45, "send_s": 0.12, "network_s": 0.03, "buffer_s": 0.1}
    assert measured == tuple(parts)


def test_a_log_whose_clock_is_not_known_well_infers():
    parts, measured = split(*WHOLE_LOG, journey=packets(), error_s=0.5)
    assert list(parts) == ["endpointing_s", "model_s", "send_s", "network_s", "buffer_s"]
    assert measured == ("network_s", "buffer_s")


def test_a_sender_capture_whose_clock_is_not_known_well_infers():
    loose = {"sender_capture": ClockMap("sender_capture", 0.0, 0.15, "one-way minimum delay")}
    _, measured = split(*WHOLE_LOG, journey=packets(), clocks=loose)
    assert measured == ("endpointing_s", "model_s", "buffer_s")


def test_without_a_log_the_sender_is_one_part():
    assert split(journey=packets()) == (
        {"sender_s": 0.87, "network_s": 0.03, "buffer_s": 0.1},
        ("sender_s", "network_s", "buffer_s"),
    )


def test_without_a_capture_at_the_sender_half_a_round_trip_stands_in():
    stats = pd.DataFrame({"capture_s": [1.0, 2.0, 9.0], "nominated": [True, True, True],
                          "current_round_trip_time": [0.0, 0.08, 0.5]})  # fmt: skip
    parts, measured = split(*WHOLE_LOG, journey=packets(departed=False), stats={"candidate-pair": stats})
    assert parts["network_s"] == pytest.approx(0.04)
    assert measured == ("endpointing_s", "model_s", "buffer_s")


def test_without_that_too_the_way_belongs_to_what_lies_before_it():
    parts, measured = split(*WHOLE_LOG, journey=packets(departed=False))
    assert parts == {"endpointing_s": 0.3, "model_s": 0.45, "send_s": 0.15, "buffer_s": 0.1}
    assert measured == ("endpointing_s", "model_s", "buffer_s")
    assert split(journey=packets(departed=False)) == ({"sender_s": 0.9, "buffer_s": 0.1}, ("buffer_s",))


def test_a_log_without_audio_ends_the_endpointing():
    parts, measured = split((3.3, "speech_stopped", {}), (3.31, "response_started", {}), journey=packets())
    assert parts == {"endpointing_s": 0.3, "model_s": 0.57, "network_s": 0.03, "buffer_s": 0.1}
    assert "model_s" not in measured


def test_a_log_without_the_users_speech_begins_with_the_response():
    parts, _ = split(*answer("r1", 3.75), journey=packets())
    assert parts["endpointing_s"] == pytest.approx(0.35)
    assert parts["model_s"] == pytest.approx(0.4)


def test_a_recording_and_a_log_alone():
    parts, measured = split(*WHOLE_LOG)
    assert parts == {"endpointing_s": 0.3, "model_s": 0.45, "delivery_s": 0.25}
    assert measured == ("endpointing_s", "model_s")


def test_the_synthesis_is_parted_from_the_model_where_the_log_tells():
    parts, measured = split(*WHOLE_LOG, (3.8, "metric", {"text": "tts_ttfb", "duration_s": 0.15}), journey=packets())
    assert list(parts)[:4] == ["endpointing_s", "model_s", "tts_s", "send_s"]
    assert (parts["model_s"], parts["tts_s"]) == pytest.approx((0.3, 0.15))
    assert "tts_s" in measured


def test_events_of_another_turn_are_passed_over():
    earlier = ((1.0, "speech_stopped", {}), *answer("r0", 1.4))
    later = ((8.0, "speech_stopped", {}), *answer("r2", 8.4))
    assert split(*earlier, *WHOLE_LOG, *later, journey=packets()) == split(*WHOLE_LOG, journey=packets())


def test_without_witnesses_nothing_is_split():
    assert split() == ({}, ())
