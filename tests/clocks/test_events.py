import numpy as np
import pandas as pd
import pytest

from forensics.clocks.events import estimate_events_clock, place_events
from forensics.clocks.talk import find_spoken, find_talkspurts
from forensics.errors import TelemetryError
from forensics.model import EVENT_COLUMNS, EventKind

ORIGIN_S = 1_795_369_000.0
ORIGIN_NS = int(ORIGIN_S) * 10**9
ANSWERS = ((2.0, 1.7), (6.5, 4.1), (13.0, 2.6))
HEARD = tuple((start + 0.06, start + 0.06 + length) for start, length in ANSWERS)
KNOWN_S = (0.0, 20.0)


def log_of(answers=ANSWERS, *, zero_s=ORIGIN_S, playback=False, audio=True):
    """Events of answers (start_s, audio_s), made at twice real time."""
    rows = []
    for number, (start_s, audio_s) in enumerate(answers):
        if playback:
            rows += [(start_s, EventKind.PLAYBACK_STARTED, number, np.nan),
                     (start_s + audio_s, EventKind.PLAYBACK_STOPPED, number, np.nan)]  # fmt: skip
        if audio:
            pieces = np.diff(np.r_[np.arange(0, audio_s, 0.2), audio_s])
            rows += [(start_s + i * 0.1, EventKind.AUDIO_PRODUCED, number, piece) for i, piece in enumerate(pieces)]
    table = pd.DataFrame(rows, columns=["received_at_s", "kind", "number", "audio_s"])
    table = table.assign(
        received_at_s=table["received_at_s"] + zero_s,
        response_id=table["number"].map("a{}".format),
        kind=table["kind"].astype(str),
    )
    table = table.reindex(columns=list(EVENT_COLUMNS)).assign(line=np.arange(len(rows)))
    return (
        table.assign(item_id="", text="", name="")
        .astype(dict(EVENT_COLUMNS))
        .sort_values("received_at_s", ignore_index=True)
    )


def place(events, *, heard=HEARD, wall=True, origin_ns=ORIGIN_NS, known_s=KNOWN_S):
    return estimate_events_clock(events, heard, known_s=known_s, origin_ns=origin_ns, wall=wall)


def test_wall_time_that_fits_what_was_heard_is_believed():
    clock = place(log_of())
    assert (clock.local, clock.method, clock.offset_s) == ("events", "wall-clock", 0.0)
    assert clock.error_s < 0.1
    assert "60 ms" in clock.notes[0]


@pytest.mark.parametrize("off_s", [-3600.0, -7.0, 41.5])
def test_a_wrong_wall_clock_is_put_right_by_what_was_heard(off_s):
    clock = place(log_of(zero_s=ORIGIN_S + off_s))
    assert clock.method == "talkspurts"
    assert clock.offset_s == pytest.approx(-off_s, abs=clock.error_s)
    assert f"off by {clock.offset_s:.2f} s" in clock.notes[0]


def test_a_monotonic_clock_is_placed_by_what_was_heard():
    clock = place(log_of(zero_s=83_211.0), wall=False)
    assert clock.method == "talkspurts"
    assert clock.offset_s == pytest.approx(ORIGIN_S - 83_211.0, abs=clock.error_s)


def test_a_recording_alone_will_do():
    clock = place(log_of(), origin_ns=0)
    assert clock.offset_s == pytest.approx(-ORIGIN_S, abs=clock.error_s)


def test_playback_will_do_where_no_audio_is_logged():
    events = log_of(playback=True, audio=False)
    assert find_spoken(events) == tuple(pytest.approx((s + ORIGIN_S, s + n + ORIGIN_S)) for s, n in ANSWERS)
    assert place(events).method == "wall-clock"
    assert place(events, wall=False).method == "talkspurts"


def test_one_answer_more_or_less_does_not_matter():
    assert place(log_of(ANSWERS[:2])).method == "wall-clock"
    assert place(log_of(), heard=HEARD[1:], known_s=(5.0, 20.0)).method == "wall-clock"
    assert place(log_of(zero_s=5.0), heard=HEARD[1:], known_s=(5.0, 20.0), wall=False).method == "talkspurts"


def test_a_log_of_another_call_is_refused_with_the_reason():
    other = log_of(((1.0, 3.3), (5.0, 0.8), (9.1, 5.0)), zero_s=ORIGIN_S + 9_000)
    with pytest.raises(TelemetryError, match="it is of another call"):
        place(other)


def test_a_log_that_fits_in_two_places_is_not_placed():
    heard = ((0.0, 2.0), (10.0, 12.0), (20.0, 22.0))
    with pytest.raises(TelemetryError, match="as well as in its best place"):
        place(log_of(((5.0, 2.0),), zero_s=0.0), heard=heard, known_s=(0.0, 30.0), wall=False)


def test_a_log_without_answers_goes_by_its_wall_clock_or_not_at_all():
    events = log_of()[["line", "received_at_s"]].assign(kind="metric", response_id="", capture_s=np.nan)
    events = events.reindex(columns=list(EVENT_COLUMNS))
    clock = place(events)
    assert clock.method == "wall-clock-unchecked"
    assert clock.error_s >= 0.5
    with pytest.raises(TelemetryError, match="it cannot be placed"):
        place(events, wall=False)
    with pytest.raises(TelemetryError, match="it cannot be placed"):
        place(events, known_s=(100.0, 200.0))


def test_a_cleared_answer_was_spoken_until_then():
    events = log_of(((2.0, 5.0),), playback=False)
    cleared = events.iloc[[0]].assign(kind="playback_cleared", received_at_s=ORIGIN_S + 3.5, audio_s=np.nan)
    assert find_spoken(pd.concat([events, cleared]))[0][1] == pytest.approx(ORIGIN_S + 3.5)


def test_events_that_ran_short_were_spoken_longer():
    events = log_of(((2.0, 1.0),))
    events.loc[events.index[-1], "received_at_s"] += 3.0
    assert find_spoken(events)[0][1] == pytest.approx(events["received_at_s"].iat[-1] + 0.2)


def journey_of(lateness_s=0.0):
    count = 500
    media_s = np.arange(count) * 0.02
    speech = ((media_s >= 1) & (media_s < 3)) | ((media_s >= 3.1) & (media_s < 4)) | ((media_s >= 7) & (media_s < 8))
    lateness_s = np.broadcast_to(lateness_s, count)
    return pd.DataFrame(
        {"media_s": media_s, "arrival_s": media_s + 0.5 + lateness_s, "lateness_s": lateness_s, "duration_s": 0.02,
         "speech": speech}
    )  # fmt: skip


def test_talkspurts_bridge_short_pauses():
    assert find_talkspurts(journey_of()) == (pytest.approx((1.5, 4.5)), pytest.approx((7.5, 8.5)))


def test_packets_that_the_path_held_up_do_not_tear_a_talkspurt():
    late_s = np.zeros(500)
    late_s[90:110] = np.linspace(0.4, 0.02, 20)
    assert find_talkspurts(journey_of(late_s)) == (pytest.approx((1.5, 4.5)), pytest.approx((7.5, 8.5)))


def test_a_sender_that_fell_behind_speaks_later():
    late_s = np.where(np.arange(500) >= 300, 0.8, 0.0)
    assert find_talkspurts(journey_of(late_s))[1] == pytest.approx((8.3, 9.3))


def test_nobody_speaks():
    assert find_talkspurts(journey_of().assign(speech=False)) == ()
    assert find_spoken(log_of().iloc[:0]) == ()


def test_placed_events_bear_the_axis():
    events = log_of()
    placed = place_events(events, place(events), origin_ns=ORIGIN_NS)
    assert placed["capture_s"].iat[0] == pytest.approx(2.0)
    assert placed["capture_s"].is_monotonic_increasing
