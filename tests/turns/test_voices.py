import numpy as np
import pytest
from building import RATE_HZ, encode, make_journey, make_stream, voice

from forensics.audio import find_speech
from forensics.errors import AudioError
from forensics.model import ClockMap
from forensics.turns.voices import LONGEST_S, decode_voice, find_sent_speech, hear_uplink

SPOKEN = [(1.0, 2.0), (3.0, 3.95)]


@pytest.fixture(scope="module")
def payloads():
    """Two phrases in 5 s, in packets of 20 ms."""
    sound = np.random.default_rng(1).normal(0, 1e-4, 5 * RATE_HZ).astype(np.float32)
    for seed, (start_s, end_s) in enumerate(SPOKEN, start=1):
        phrase = voice(end_s - start_s + 0.1, seed=seed, pauses=False)[round(0.05 * RATE_HZ) :]
        sound[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)] += phrase[: round((end_s - start_s) * RATE_HZ)]
    return encode(sound, "opus")


def uplink(payloads, **changes):
    """Each packet leaves when its last sample was spoken; the call began 10 s into the capture."""
    return make_stream(payloads, arrival_s=10.02 + 0.02 * np.arange(len(payloads)), **changes)


def spoken(track):
    return np.array(find_speech(track))


@pytest.mark.parametrize("offset_s", [0.0, 10.0, 12.5])
def test_the_users_voice_is_heard_on_the_clock_of_the_recording(payloads, offset_s):
    clock = ClockMap("recording", offset_s, 0.02, "decoded-audio")
    track = hear_uplink(uplink(payloads), clock=clock)
    expected = np.array([span for span in SPOKEN if span[0] + 10 > offset_s]) + 10.0 - offset_s
    assert spoken(track) == pytest.approx(expected, abs=0.03)
    assert track.name == "microphone"


def test_without_a_recording_it_is_on_the_axis(payloads):
    assert spoken(hear_uplink(uplink(payloads))) == pytest.approx(np.array(SPOKEN) + 10.0, abs=0.03)


def test_a_voice_that_was_decoded_before_is_the_same(payloads):
    stream = uplink(payloads)
    again = hear_uplink(stream, decoded=decode_voice(stream))
    assert np.array_equal(again.samples, hear_uplink(stream).samples)


def test_packets_that_wait_do_not_move_it(payloads):
    stream = uplink(payloads)
    stream.packets.loc[40:80, "arrival_s"] += 0.2
    assert spoken(hear_uplink(stream)) == pytest.approx(np.array(SPOKEN) + 10.0, abs=0.03)


def test_the_agents_speech_lies_where_it_was_played(payloads):
    journey = make_journey(250, heard_s=np.arange(250) * 0.02 + np.where(np.arange(250) < 125, 7.0, 7.5))
    found = find_sent_speech(make_stream(payloads), journey)
    assert np.array(found) == pytest.approx(np.array([(8.0, 9.0), (10.5, 11.45)]), abs=0.03)


def test_a_journey_that_was_never_heard_holds_no_speech(payloads):
    assert find_sent_speech(make_stream(payloads), make_journey(250, heard_s=np.full(250, np.nan))) == ()


def test_closed_payloads_are_said(payloads):
    with pytest.raises(AudioError, match="are encrypted"):
        hear_uplink(uplink(payloads, readable=False))


def test_a_voice_of_hours_is_not_decoded(payloads):
    step = round((LONGEST_S + 60) / 200 * RATE_HZ)
    stream = make_stream(payloads[:201], timestamp=np.arange(201) * step, arrival_s=np.arange(201) * step / RATE_HZ)
    with pytest.raises(AudioError, match=r"The voice lasts 14460 s, more than the 14400 s .* Give the recording"):
        hear_uplink(stream)
