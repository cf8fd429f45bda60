from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, make_stream, silent_stream, track

from forensics.model import FATES, JOURNEY_COLUMNS, ClockMap, Fate, Playout
from forensics.playout.journey import trace_journey

COUNT = 200
MEDIA_S = np.arange(COUNT) * FRAME_S


def playout_of(stream, heard_s, *, method="heard", level_dbfs=-20.0):
    packets = pd.DataFrame({"row": np.arange(len(stream.packets)), "heard_s": heard_s, "level_dbfs": level_dbfs})
    return Playout(stream.ssrc, method, packets, pd.DataFrame())


def heard_through(unlocated, step_at, *, step_s=0.3, late_at=None, lost=()):
    """Trace a call in which the packets `unlocated` were not found and the curve steps at `step_at`."""
    arrival_s = MEDIA_S + np.where(np.arange(COUNT) == late_at, 0.2, 0.0)
    stream = silent_stream(arrival_s, lost=lost)
    sent = np.setdiff1d(np.arange(COUNT), lost)
    by_media = stream.packets["ext_sequence_number"].to_numpy() - 100
    heard_s = MEDIA_S + 1.0 + np.where(np.arange(COUNT) >= step_at, step_s, 0.0)
    heard_s[list(unlocated)] = np.nan
    journey = trace_journey(stream, playout=playout_of(stream, heard_s[by_media]))
    offset_s = np.full(COUNT, np.nan)
    offset_s[sent] = journey["heard_s"] - journey["media_s"]
    return offset_s


def test_the_columns_are_those_of_the_contract():
    journey = trace_journey(silent_stream(MEDIA_S))
    assert {name: str(dtype) for name, dtype in journey.dtypes.items()} == dict(JOURNEY_COLUMNS)
    assert journey["departure_s"].isna().all()
    assert journey["heard_s"].isna().all()
    assert not journey["located"].any()


def test_rows_are_in_media_order_and_point_back_to_the_packets():
    arrival_s = MEDIA_S.copy()
    arrival_s[[20, 21]] = arrival_s[[21, 20]]
    journey = trace_journey(silent_stream(arrival_s))
    assert journey["ext_sequence_number"].tolist() == list(range(100, 100 + COUNT))
    assert journey["row"].tolist()[19:23] == [19, 21, 20, 22]
    assert journey["frame"].tolist()[19:23] == [20, 22, 21, 23]
    assert journey["lateness_s"].to_numpy()[20:22] == pytest.approx([0.04, 0.0])


def test_lateness_is_arrival_against_media_and_never_negative():
    arrival_s = MEDIA_S + np.where(np.arange(COUNT) >= 100, 0.25, 0.0) + 3.0
    journey = trace_journey(silent_stream(arrival_s))
    assert journey["lateness_s"].to_numpy() == pytest.approx(np.r_[np.zeros(100), np.full(100, 0.25)])


@pytest.mark.parametrize("change", [{"fate": FATES.index(Fate.DUPLICATE)}, {"payload_type": 13}])
def test_duplicates_and_other_payload_types_bring_no_new_audio(change):
    stream = silent_stream(MEDIA_S)
    packets = stream.packets.copy()
    for name, value in change.items():
        packets.loc[50, name] = value
    assert 50 not in trace_journey(replace(stream, packets=packets))["row"].tolist()


@pytest.mark.parametrize("frame_s", [0.01, 0.02, 0.06])
def test_the_length_of_a_packet_is_that_of_its_timestamps(frame_s):
    timestamp = np.arange(COUNT) * round(frame_s * 48_000) + np.where(np.arange(COUNT) > 90, 96_000, 0)
    journey = trace_journey(silent_stream(np.arange(COUNT) * frame_s, timestamp=timestamp))
    assert journey["duration_s"].unique() == pytest.approx([frame_s])


def test_departures_are_taken_over_row_by_row():
    stream = silent_stream(MEDIA_S + 0.05)
    journey = trace_journey(stream, departures_s=MEDIA_S)
    assert (journey["arrival_s"] - journey["departure_s"]).to_numpy() == pytest.approx(0.05)


def test_what_was_located_is_where_it_was_heard():
    offset_s = heard_through(unlocated=(), step_at=100)
    assert offset_s == pytest.approx(np.r_[np.full(100, 1.0), np.full(100, 1.3)])


def test_between_located_packets_the_curve_steps_at_the_packet_that_came_latest():
    offset_s = heard_through(range(90, 110), step_at=110, late_at=104)
    assert offset_s[:104] == pytest.approx(1.0)
    assert offset_s[104:] == pytest.approx(1.3)


def test_it_steps_where_media_is_missing_rather_than_where_a_packet_was_late():
    offset_s = heard_through(range(90, 110), step_at=110, late_at=94, lost=range(100, 104))
    assert offset_s[:100] == pytest.approx(1.0)
    assert offset_s[104:] == pytest.approx(1.3)


def test_a_curve_that_hardly_moves_is_carried_on():
    offset_s = heard_through(range(90, 110), step_at=110, step_s=0.001, late_at=104)
    assert offset_s[90:110] == pytest.approx(1.0)


def test_the_ends_are_continued_from_the_nearest_located_packet():
    offset_s = heard_through([*range(10), *range(190, 200)], step_at=100)
    assert offset_s[:10] == pytest.approx(1.0)
    assert offset_s[190:] == pytest.approx(1.3)


def test_a_replay_is_mapped_to_the_recording_and_locates_nothing():
    stream = silent_stream(MEDIA_S)
    clock = ClockMap("recording", 0.5, 0.01, "given")
    journey = trace_journey(stream, playout=playout_of(stream, MEDIA_S + 0.08, method="neteq"), to_recording=clock)
    assert (journey["heard_s"] - journey["media_s"]).to_numpy() == pytest.approx(0.08 - 0.5)
    assert not journey["located"].any()


def test_a_replay_without_a_recording_stays_on_the_clock_of_the_capture():
    stream = silent_stream(MEDIA_S)
    journey = trace_journey(stream, playout=playout_of(stream, MEDIA_S + 0.08, method="neteq"))
    assert (journey["heard_s"] - journey["media_s"]).to_numpy() == pytest.approx(0.08)


PAUSE = (np.arange(COUNT) >= 80) & (np.arange(COUNT) < 120)


def test_decoded_levels_tell_speech_and_win_over_those_in_headers():
    stream = silent_stream(MEDIA_S, level_dbov=np.full(COUNT, -20.0))
    decoded = playout_of(stream, MEDIA_S, level_dbfs=np.where(PAUSE, -70.0, -20.0))
    journey = trace_journey(stream, playout=decoded)
    assert (journey["speech"] == ~PAUSE).all()
    assert journey["level_dbfs"][100] == -70


def test_levels_in_headers_tell_speech_where_payloads_are_closed():
    journey = trace_journey(silent_stream(MEDIA_S, level_dbov=np.where(PAUSE, -127, -25)))
    assert (journey["speech"] == ~PAUSE).all()
    assert journey["level_dbfs"][100] == -127


def test_sizes_tell_speech_where_nothing_else_does():
    journey = trace_journey(make_stream([bytes(3 if quiet else 90) for quiet in PAUSE]))
    assert (journey["speech"] == ~PAUSE).all()
    assert journey["level_dbfs"].isna().all()


def test_equal_sizes_tell_nothing_so_everything_may_be_speech():
    assert trace_journey(silent_stream(MEDIA_S))["speech"].all()


def test_the_tail_of_a_packet_is_the_level_of_its_last_milliseconds():
    samples = np.full(round(COUNT * FRAME_S * 48_000), 0.1, np.float32)
    samples[round((50 * FRAME_S + 0.01) * 48_000) : round(51 * FRAME_S * 48_000)] = 0.0
    journey = trace_journey(silent_stream(MEDIA_S), sent=track(samples))
    assert journey["tail_dbfs"][50] == -120
    assert journey["tail_dbfs"].drop(50).to_numpy() == pytest.approx(-20, abs=0.01)


def test_one_packet_is_a_journey_too():
    assert len(trace_journey(silent_stream(np.array([0.5])))) == 1
