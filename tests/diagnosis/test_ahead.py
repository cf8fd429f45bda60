"""A voice that another process decodes is the one that would have been decoded here."""

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


def test_another_process_decodes_the_same(stream, every_call):
    with Ahead() as ahead:
        ahead.begin(stream)
        ahead.begin(stream)
        assert_same(ahead.take(stream), decode_voice(stream))


def test_what_was_not_begun_is_decoded_when_it_is_asked_for(stream):
    with Ahead() as ahead:
        ahead.begin(stream)  # too short to be worth a process
        assert_same(ahead.take(stream), decode_voice(stream))


def test_a_process_that_fails_is_made_good_here(stream, every_call, monkeypatch):
    monkeypatch.setattr(room, "_CHILD", "raise SystemExit(3)")
    with Ahead() as ahead:
        ahead.begin(stream)
        assert_same(ahead.take(stream), decode_voice(stream))


def test_what_nobody_asks_for_is_ended(stream, every_call, monkeypatch):
    monkeypatch.setattr(room, "_CHILD", "import sys; sys.stdin.buffer.read(); sys.stdin = open(0); input()")
    with Ahead() as ahead:
        ahead.begin(stream)
    assert ahead._begun[id(stream)]._process.returncode != 0


def test_what_cannot_be_decoded_is_said_when_it_is_asked_for(stream, every_call):
    closed = make_stream(encode(voice(1.0, seed=3), "opus"), readable=False)
    with Ahead() as ahead:
        ahead.begin(closed)
        ahead.begin(None)
        with pytest.raises(AudioError, match="are encrypted"):
            ahead.take(closed)
