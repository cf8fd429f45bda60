import numpy as np
import pytest

from forensics.playout import find_utterance_starts, replay_neteq, with_send_lead


def concealed_s(stream):
    table = replay_neteq(stream).concealed
    return (table["end_s"] - table["start_s"]).sum()


def test_a_cushion_as_long_as_the_stall_leaves_no_hole(make_stream, steady):
    steady[500:] += 0.1
    stream = make_stream(steady)
    assert concealed_s(stream) > 0.04
    assert concealed_s(with_send_lead(stream, lead_s=0.12)) < 0.02


def test_everything_comes_later_by_what_is_left_of_the_cushion(make_stream, steady):
    steady[500:] += 0.1
    stream = with_send_lead(make_stream(steady), lead_s=0.15)
    later_s = stream.packets["arrival_s"].to_numpy() - steady
    assert later_s[:500] == pytest.approx(0.15, abs=0.001)
    assert later_s[500:] == pytest.approx(0.05, abs=0.001)


def test_no_cushion_changes_nothing(make_stream, steady):
    stream = make_stream(steady)
    assert np.array_equal(with_send_lead(stream, lead_s=0.0).packets["arrival_s"], steady)


def test_no_cushion_goes_back_in_time(make_stream, steady):
    stream = make_stream(steady)
    assert (with_send_lead(stream, lead_s=0.06).packets["arrival_s"].to_numpy() >= steady).all()


def test_each_utterance_that_is_named_gets_its_own(make_stream, steady):
    steady[500:] += 0.1
    stream = with_send_lead(make_stream(steady), lead_s=0.15, starts=np.array([500]))
    assert stream.packets["arrival_s"].to_numpy()[500:] - steady[500:] == pytest.approx(0.15, abs=0.001)


def test_utterances_begin_at_markers_after_noise_and_after_long_jumps(make_stream):
    sequence = np.arange(10)
    media = np.where(sequence < 8, sequence, sequence + 200)
    stream = make_stream(media * 0.02, timestamp=media * 960, payload_bytes=np.where(sequence == 4, 1, 80))
    stream.packets.loc[2, "marker"] = True
    assert np.flatnonzero(find_utterance_starts(stream)).tolist() == [2, 5, 8]
