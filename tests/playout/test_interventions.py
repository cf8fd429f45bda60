import numpy as np
import pytest

from forensics.model import LOSS_COLUMNS, RTP_COLUMNS
from forensics.playout import (
    find_sender_stalls,
    replay_neteq,
    without_delay_variation,
    without_network_loss,
    without_sender_stalls,
)


def concealed_s(stream, after_s=1.0):
    late = replay_neteq(stream).concealed
    late = late[late["start_s"] > after_s]
    return float((late["end_s"] - late["start_s"]).sum())


def keeps_its_contract(stream):
    types = stream.packets.dtypes.astype(str).to_dict()
    return types == dict(RTP_COLUMNS) and stream.losses.dtypes.astype(str).to_dict() == dict(LOSS_COLUMNS)


def test_lost_packets_come_back_at_their_times(make_stream, steady):
    kept = np.r_[0:500, 513:700, 701:1000]
    stream = make_stream(steady[kept], sequence=kept)
    repaired = without_network_loss(stream)
    assert keeps_its_contract(repaired)
    assert repaired.losses.empty
    assert (repaired.packets["frame"] == 0).sum() == 14
    assert repaired.packets["ext_timestamp"].tolist() == list(range(0, 960_000, 960))
    assert repaired.packets["arrival_s"].to_numpy() == pytest.approx(steady, abs=0.001)
    assert concealed_s(stream) > 0.25
    assert concealed_s(repaired) == 0


def test_a_stream_without_losses_is_returned_as_it_is(make_stream, steady):
    stream = make_stream(steady)
    assert without_network_loss(stream) is stream


def test_a_jump_of_timestamps_beyond_the_loss_stays(make_stream):
    stream = make_stream([0, 0.02, 0.5, 0.52], sequence=[0, 1, 4, 5], timestamp=[0, 960, 24_000, 24_960])
    repaired = without_network_loss(stream).packets
    assert repaired["ext_timestamp"].tolist() == [0, 960, 1920, 2880, 24_000, 24_960]


def test_held_packets_come_on_time_without_the_variation_of_the_path(make_stream, steady):
    steady[500:515] = np.maximum(steady[500:515], steady[500] + 0.3)
    stream = make_stream(steady)
    assert concealed_s(stream) > 0.2
    even = without_delay_variation(stream)
    assert keeps_its_contract(even)
    assert concealed_s(even) == 0


def test_a_stall_of_the_sender_survives_the_removal_of_variation(make_stream, steady):
    steady[500:] += 0.4
    stream = make_stream(steady)
    assert concealed_s(without_delay_variation(stream)) == pytest.approx(concealed_s(stream), abs=0.03)


def test_with_times_of_sending_the_split_is_exact(make_stream, steady):
    sent_s = np.arange(1000) * 0.02
    sent_s[600:610] = sent_s[610]  # held by the sender, then released: only its clock tells
    arrival_s = sent_s + 0.02
    arrival_s[300:310] = arrival_s[310]
    stream = make_stream(arrival_s)
    even = without_delay_variation(stream, sent_s=sent_s)
    assert even.packets["arrival_s"].to_numpy() == pytest.approx(sent_s + 0.02)


def test_a_stall_with_contiguous_timestamps_is_found_and_removed(make_stream, steady):
    steady[500:] += 0.4
    stream = make_stream(steady)
    stalls = find_sender_stalls(stream)
    assert stalls["row"].tolist() == [500]
    assert stalls["stall_s"].tolist() == pytest.approx([0.4], abs=0.005)
    assert stalls["jump"].tolist() == [False]
    assert concealed_s(without_sender_stalls(stream)) == 0


def test_a_stall_on_the_clock_is_found_and_removed(make_stream, steady):
    sequence = np.arange(1000)
    media = np.where(sequence < 500, sequence, sequence + 20)
    stream = make_stream(steady + 0.4 * (sequence >= 500), timestamp=media * 960)
    stalls = find_sender_stalls(stream)
    assert stalls["stall_s"].tolist() == pytest.approx([0.4])
    assert stalls["jump"].tolist() == [True]
    repaired = without_sender_stalls(stream)
    assert repaired.packets["ext_timestamp"].tolist() == list(range(0, 960_000, 960))
    assert concealed_s(repaired) == 0


def test_a_pause_with_a_marker_bit_is_no_stall(make_stream, steady):
    sequence = np.arange(1000)
    media = np.where(sequence < 500, sequence, sequence + 20)
    stream = make_stream(steady + 0.4 * (sequence >= 500), timestamp=media * 960)
    stream.packets.loc[500, "marker"] = True
    assert find_sender_stalls(stream).empty


def test_a_delay_spike_is_no_stall(make_stream, steady):
    steady[500:515] = np.maximum(steady[500:515], steady[500] + 0.3)
    assert find_sender_stalls(make_stream(steady)).empty


def test_only_the_stalls_asked_for_are_removed(make_stream, steady):
    steady[300:] += 0.3
    steady[700:] += 0.5
    stream = make_stream(steady)
    assert find_sender_stalls(stream)["row"].tolist() == [300, 700]
    repaired = without_sender_stalls(stream, rows=np.array([700]))
    assert find_sender_stalls(repaired)["stall_s"].tolist() == pytest.approx([0.3], abs=0.005)
