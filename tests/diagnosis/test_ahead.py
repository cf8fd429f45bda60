"""A voice that another thread decodes is the one that would have been decoded here."""

from dataclasses import replace

import numpy as np
import pytest
from building import encode, make_stream, voice

from forensics.diagnosis import ahead as room
from forensics.diagnosis.ahead import Ahead
from forensics.errors import AudioError
from forensics.turns.voices import decode_voice


@pytest.fixture(scope="module")
def stream():
    return make_stream(encode(voice(4.0, seed=3), "opus"))


@pytest.fixture
def every_call(monkeypatch):
    monkeypatch.setattr(room, "WORTH_S", 0.0)


def assert_same(one, other):
    assert np.array_equal(one.track.samples, other.track.samples)
    assert one.packets.equals(other.packets)


def test_a_thread_decodes_the_same(stream, every_call):
    with Ahead() as ahead:
        ahead.begin(stream)
        ahead.begin(stream)
        assert_same(ahead.take(stream), decode_voice(stream))


def test_both_voices_at_once_are_those_one_after_the_other(stream, every_call):
    other, ahead = make_stream(encode(voice(4.0, seed=4), "opus")), Ahead()
    ahead.begin(other)
    assert_same(decode_voice(stream), decode_voice(stream))
    assert_same(ahead.take(other), decode_voice(other))


def test_what_was_not_begun_is_decoded_when_it_is_asked_for(stream):
    ahead = Ahead()
    ahead.begin(stream)  # too short to be worth a thread
    assert not ahead._begun
    assert_same(ahead.take(stream), decode_voice(stream))


def test_what_cannot_be_decoded_is_said_when_it_is_asked_for(stream, every_call):
    closed = make_stream(encode(voice(1.0, seed=3), "opus"), readable=False)
    ahead = Ahead()
    ahead.begin(closed)
    ahead.begin(None)
    with pytest.raises(AudioError, match="are encrypted"):
        ahead.take(closed)


def test_a_thread_that_is_refused_says_so_when_it_is_asked(stream, every_call):
    unknown = replace(stream, codec=replace(stream.codec, name="ilbc"))
    ahead = Ahead()
    ahead.begin(unknown)
    with pytest.raises(AudioError, match="'ilbc'; the decodable codecs are"):
        ahead.take(unknown)
