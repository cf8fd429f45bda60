import numpy as np
import pandas as pd
import pytest

from forensics.model import PLAYOUT_COLUMNS, Playout, empty_table
from forensics.playout.counted import BUFFER_COLUMNS, CONCEALMENT_COLUMNS, measure_buffer, measure_concealment

SSRC, RATE_HZ = 7, 48_000


def inbound(**members):
    """Readings of one stream, a second apart; what is not given stands still."""
    count = max(len(values) for values in members.values())
    still = ("packets_lost", "packets_discarded", "concealed_samples", "silent_concealed_samples", "concealment_events",
             "jitter_buffer_delay", "jitter_buffer_target_delay", "jitter_buffer_emitted_count")  # fmt: skip
    table = {name: np.asarray(members.get(name, np.zeros(count)), dtype=float) for name in {*still, *members}}
    return pd.DataFrame({"capture_s": 1.0 + np.arange(count), "ssrc": SSRC, **table})


def replayed(*runs, delay_s=0.05, target_s=0.04, seconds=5.0):
    """A replay that concealed over `runs` (start_s, end_s, late) and waited `delay_s` with every sample."""
    tick_s = np.arange(0, seconds, 0.01)
    emitted = np.arange(1, len(tick_s) + 1) * 480.0
    curve = pd.DataFrame({"tick_s": tick_s, "target_delay_s": target_s, "jitter_buffer_delay": emitted * delay_s,
                          "jitter_buffer_emitted_count": emitted})  # fmt: skip
    concealed = pd.DataFrame(runs, columns=["start_s", "end_s", "late"])
    return Playout(SSRC, "neteq", empty_table(PLAYOUT_COLUMNS), concealed, {}, curve)


def buffer(table, **known):
    measured = measure_buffer(table, ssrc=SSRC, **known)
    assert list(measured) == list(BUFFER_COLUMNS)
    return measured


def concealment(table, **known):
    measured = measure_concealment(table, ssrc=SSRC, rate_hz=RATE_HZ, **known)
    assert list(measured) == list(CONCEALMENT_COLUMNS)
    parts = measured[["lost_s", "late_s", "unsent_s", "unknown_s"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(measured["concealed_s"].to_numpy())
    return measured


def test_mean_delay_and_target_of_each_interval():
    count = np.array([0, 48_000, 96_000])
    table = inbound(jitter_buffer_delay=[0, 48_000 * 0.06, 48_000 * 0.18],
                    jitter_buffer_target_delay=[0, 48_000 * 0.04, 48_000 * 0.12],
                    jitter_buffer_emitted_count=count)  # fmt: skip
    measured = buffer(table, replay=replayed())
    assert measured["delay_s"].tolist() == pytest.approx([0.06, 0.12])
    assert measured["target_s"].tolist() == pytest.approx([0.04, 0.08])
    assert measured["replayed_delay_s"].tolist() == pytest.approx([0.05, 0.05])
    assert measured["replayed_target_s"].tolist() == pytest.approx([0.04, 0.04])
    assert measured["end_s"].tolist() == [2.0, 3.0]


def test_an_interval_in_which_nothing_was_given_out_has_no_delay():
    measured = buffer(inbound(jitter_buffer_delay=[0, 0, 4800], jitter_buffer_emitted_count=[0, 0, 48_000]))
    assert measured["start_s"].tolist() == [2.0]
    assert measured["replayed_delay_s"].isna().all()


def test_gauges_of_old_dumps_stand_for_their_interval():
    nothing = [np.nan] * 3
    table = inbound(goog_jitter_buffer_ms=[60, 70, 80], goog_preferred_jitter_buffer_ms=[40, 40, 50],
                    jitter_buffer_delay=nothing, jitter_buffer_emitted_count=nothing)  # fmt: skip
    measured = buffer(table)
    assert measured["delay_s"].tolist() == pytest.approx([0.07, 0.08])
    assert measured["target_s"].tolist() == pytest.approx([0.04, 0.05])


def test_the_replay_tells_lost_from_late():
    table = inbound(concealed_samples=[0, 9600, 14_400], packets_lost=[0, 10, 10], concealment_events=[0, 1, 2])
    measured = concealment(table, replay=replayed((1.2, 1.4, False), (2.2, 2.3, True)))
    assert measured["lost_s"].tolist() == pytest.approx([0.2, 0.0])
    assert measured["late_s"].tolist() == pytest.approx([0.0, 0.1])
    assert measured["events"].tolist() == [1, 1]
    assert set(measured["told_by"]) == {"replay"}


def test_both_in_one_interval_are_shared_out():
    table = inbound(concealed_samples=[0, 14_400], packets_lost=[0, 10])
    measured = concealment(table, replay=replayed((1.2, 1.4, False), (1.6, 1.7, True)))
    assert measured[["lost_s", "late_s"]].to_numpy().tolist() == [pytest.approx([0.2, 0.1])]


def test_what_is_missing_without_a_loss_was_never_sent():
    measured = concealment(inbound(concealed_samples=[0, 14_400]), replay=replayed((1.2, 1.5, False)))
    assert measured["unsent_s"].tolist() == pytest.approx([0.3])


def test_a_loss_may_be_counted_an_interval_before_it_is_concealed():
    table = inbound(concealed_samples=[0, 0, 4800], packets_lost=[0, 5, 5])
    measured = concealment(table, replay=replayed((2.0, 2.1, False)))
    assert measured["lost_s"].tolist() == pytest.approx([0.1])


def test_what_the_replay_did_not_conceal_is_not_explained():
    measured = concealment(inbound(concealed_samples=[0, 4800]), replay=replayed())
    assert measured["unknown_s"].tolist() == pytest.approx([0.1])


def test_counters_alone_take_the_rest_for_late():
    measured = concealment(inbound(concealed_samples=[0, 14_400], packets_lost=[0, 5]))
    assert measured[["lost_s", "late_s"]].to_numpy().tolist() == [pytest.approx([0.1, 0.2])]
    assert measured["told_by"].tolist() == ["counters"]


def test_silence_is_told_apart():
    measured = concealment(inbound(concealed_samples=[0, 48_000], silent_concealed_samples=[0, 48_000]))
    assert measured[["concealed_s", "silent_s"]].to_numpy().tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    "table",
    [None, inbound(concealed_samples=[0, 4800]).assign(ssrc=8), inbound(concealed_samples=[480]),
     inbound(concealed_samples=[0, 480]).drop(columns="capture_s")],
    ids=["no table", "another stream", "one reading", "not placed"],
)  # fmt: skip
def test_without_readings_of_the_stream_nothing_is_measured(table):
    assert len(buffer(table)) == len(concealment(table)) == 0
