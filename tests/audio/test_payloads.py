from dataclasses import replace

import numpy as np
import pytest
from building import CODECS, FRAME_S, encoded, make_stream, silent_stream, voice

from forensics.audio import decode_stream, media_time_s
from forensics.errors import AudioError
from forensics.model import FATES, PLAYOUT_COLUMNS, Fate


def likeness(decoded, codec):
    """Correlation of a decoded stream with the voice that was encoded, at the best of 30 ms of lag."""
    sent = voice(3.0, rate_hz=CODECS[codec][1])
    samples = decoded.track.samples
    lags = range(0, round(0.03 * decoded.track.sample_rate_hz))
    return max(np.corrcoef(samples[lag:], sent[: len(samples) - lag])[0, 1] for lag in lags)


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_gives_back_what_was_said(codec):
    decoded = decode_stream(make_stream(encoded(codec, 3.0), codec=codec))
    assert decoded.track.sample_rate_hz == CODECS[codec][1]
    assert decoded.track.duration_s == pytest.approx(3.0, abs=0.021)
    assert likeness(decoded, codec) > 0.9
    assert decoded.undecoded == 0


def test_packets_stand_in_the_columns_of_the_contract_in_media_order():
    arrival_s = np.arange(150) * FRAME_S
    arrival_s[[50, 51]] = arrival_s[[51, 50]]
    decoded = decode_stream(make_stream(encoded("pcmu", 3.0), codec="pcmu", arrival_s=arrival_s))
    assert list(decoded.packets) == list(PLAYOUT_COLUMNS)
    assert decoded.packets["media_s"].is_monotonic_increasing
    assert decoded.packets["row"].tolist()[49:53] == [49, 51, 50, 52]


def test_a_loss_is_unknown_not_silent():
    decoded = decode_stream(make_stream(encoded("pcmu", 3.0), codec="pcmu", lost=range(50, 60)))
    assert np.ravel(decoded.track.known) == pytest.approx([0.0, 1.0, 1.2, 3.0])
    assert not decoded.track.samples[8000:9600].any()


def test_a_duplicate_is_decoded_once():
    stream = make_stream(encoded("pcmu", 1.0) + encoded("pcmu", 1.0)[-1:], codec="pcmu")
    packets = stream.packets.copy()
    packets.loc[50, ["timestamp", "ext_timestamp"]] = packets.loc[49, ["timestamp", "ext_timestamp"]]
    packets.loc[50, "fate"] = FATES.index(Fate.DUPLICATE)
    assert len(decode_stream(replace(stream, packets=packets)).packets) == 50


def test_another_payload_type_in_between_is_no_audio():
    stream = make_stream(encoded("pcmu", 1.0), codec="pcmu")
    packets = stream.packets.copy()
    packets.loc[20, "payload_type"] = 101  # a telephone event
    assert 20 not in decode_stream(replace(stream, packets=packets)).packets["row"].tolist()


def test_a_packet_that_cannot_be_decoded_is_counted():
    payloads = list(encoded("opus", 1.0))
    payloads[10] = b"\xff\xff\xff\xff"  # a frame count that its length belies
    decoded = decode_stream(make_stream(payloads))
    assert decoded.undecoded == 1
    assert 10 not in decoded.packets["row"].tolist()


def test_nothing_decodable_is_an_empty_track():
    decoded = decode_stream(make_stream([b""] * 10))
    assert (len(decoded.track.samples), len(decoded.packets), decoded.undecoded) == (0, 0, 10)


def test_closed_payloads_ask_for_the_keys():
    with pytest.raises(AudioError, match=r"0xdeadbeef are encrypted.*--keys"):
        decode_stream(make_stream(encoded("opus", 1.0), readable=False))


def test_an_unknown_codec_names_those_that_are_known():
    stream = make_stream(encoded("pcmu", 1.0), codec="pcmu")
    with pytest.raises(AudioError, match=r"'ilbc'; the decodable codecs are opus, pcmu, pcma, g722.*--decode-as"):
        decode_stream(replace(stream, codec=replace(stream.codec, name="ilbc")))


def test_media_time_counts_from_the_earliest_timestamp():
    arrival_s = np.array([0.02, 0.01, 0.05])
    assert media_time_s(silent_stream(arrival_s)) == pytest.approx([0.02, 0.0, 0.04])


def test_a_pause_stays_a_pause():
    timestamp = np.r_[np.arange(10), np.arange(10) + 500] * 960  # ten seconds without a packet
    stream = silent_stream(timestamp / 48_000, timestamp=timestamp)
    assert media_time_s(stream) == pytest.approx(timestamp / 48_000)


@pytest.mark.parametrize("jump_s", [-5000.0, 60.0, 40_000.0])
def test_a_reset_of_the_sender_clock_goes_on_at_the_pace_of_the_arrivals(jump_s):
    arrival_s = np.arange(40) * FRAME_S
    timestamp = 10_000_000_000 + np.arange(40) * 960 + np.where(np.arange(40) < 20, 0, round(jump_s * 48_000))
    assert media_time_s(silent_stream(arrival_s, timestamp=timestamp)) == pytest.approx(arrival_s, abs=1e-6)
