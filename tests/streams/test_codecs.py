"""The clock of a payload type that nothing describes, inferred from packets that were sent as they come."""

import numpy as np
import pytest

from forensics.streams.codecs import infer_codec


def packets(clock_hz, *, frame_s=0.02, count=256, together=()):
    """Arrivals, numbers and stamps of a regular stream, of which the ranges in `together` came at once."""
    arrival_s = np.arange(count) * frame_s
    for first, last in together:
        arrival_s[first:last] = arrival_s[first] + 0.0005 * np.arange(last - first)
    stamps = np.arange(count) * round(frame_s * clock_hz)
    return arrival_s, np.arange(count, dtype=np.uint16), stamps.astype(np.uint32)


@pytest.mark.parametrize("clock_hz", [8000, 16000, 48000])
@pytest.mark.parametrize("together", [(), [(60, 140)], [(0, 100)], [(150, 256)], [(20, 60), (90, 150)]])
def test_audio_that_came_ahead_of_its_time_says_nothing_of_the_clock(clock_hz, together):
    assert infer_codec(*packets(clock_hz, together=together)).clock_rate_hz == clock_hz


def test_packets_that_come_in_pairs_even_out():
    pairs = [(first, first + 2) for first in range(0, 256, 2)]
    codec = infer_codec(*packets(48_000, together=pairs))
    assert (codec.name, codec.clock_rate_hz) == ("opus", 48_000)


def test_no_picture_is_as_short_as_a_packet_of_voice():
    arrival_s, numbers, stamps = packets(48_000)
    assert infer_codec(arrival_s * 0.65, numbers, stamps).name == "opus"  # never paced, half as fast again


def test_frames_of_a_camera_are_video():
    assert infer_codec(*packets(90_000, frame_s=1 / 30)).name == "video"
