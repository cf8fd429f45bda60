from dataclasses import replace

import numpy as np
import pytest

from forensics.errors import StreamError
from forensics.playout.arrivals import arrange_packets


def test_reordered_packets_stand_in_the_order_of_their_media(make_stream):
    arrivals = arrange_packets(make_stream([0.00, 0.02, 0.07, 0.06]))
    assert arrivals.start.tolist() == [0, 960, 1920, 2880]
    assert arrivals.arrival_s.tolist() == [0.00, 0.02, 0.07, 0.06]


def test_the_earliest_copy_of_a_duplicate_counts(make_stream):
    arrivals = arrange_packets(make_stream([0.00, 0.02, 0.03, 0.04], sequence=[0, 1, 1, 2]))
    assert arrivals.duplicates == 1
    assert arrivals.arrival_s.tolist() == [0.00, 0.02, 0.04]


def test_a_duplicate_does_not_get_past_srtp(make_stream):
    stream = replace(make_stream([0.00, 0.02, 0.03, 0.04], sequence=[0, 1, 1, 2]), encrypted=True)
    assert arrange_packets(stream).duplicates == 0


def test_sequence_numbers_that_never_came_are_lost(make_stream):
    assert arrange_packets(make_stream([0.00, 0.02, 0.10], sequence=[0, 1, 5])).lost == 3


def test_a_packet_before_a_gap_is_as_long_as_its_neighbours(make_stream):
    arrivals = arrange_packets(make_stream([0.00, 0.02, 0.10, 0.12], sequence=[0, 1, 5, 6]))
    assert arrivals.length.tolist() == [960] * 4


def test_frames_of_changing_length_are_told_by_their_timestamps(make_stream):
    arrivals = arrange_packets(make_stream([0.0, 0.02, 0.08], sequence=[0, 1, 2], timestamp=[0, 960, 3840]))
    assert arrivals.length.tolist() == [960, 2880, 2880]


@pytest.mark.parametrize(("name", "rate_hz"), [("pcmu", 8000), ("pcma", 8000), ("g722", 16_000)])
def test_bytes_tell_the_length_of_telephone_codecs(make_stream, name, rate_hz):
    arrivals = arrange_packets(make_stream([0.0, 0.03], timestamp=[0, 240], payload_bytes=240, codec=(name, 8000)))
    assert arrivals.rate_hz == rate_hz
    assert arrivals.length.tolist() == [round(0.03 * rate_hz)] * 2
    assert arrivals.start.tolist() == [0, round(0.03 * rate_hz)]


def test_two_bytes_of_opus_are_comfort_noise(make_stream):
    arrivals = arrange_packets(make_stream([0.0, 0.02, 0.04], payload_bytes=np.array([80, 1, 80])))
    assert arrivals.dtx.tolist() == [False, True, False]


def test_a_stream_without_packets_is_refused(make_stream):
    with pytest.raises(StreamError, match="no packet to replay"):
        arrange_packets(make_stream([]))
