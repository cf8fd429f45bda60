"""What another thread began is what would have been done here."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from building import encode, make_stream, voice

from forensics.audio.activity import find_speech
from forensics.audio.recording import read_recording
from forensics.case import sha256_of
from forensics.diagnosis import ahead as room
from forensics.diagnosis.ahead import Ahead
from forensics.errors import AudioError
from forensics.turns.voices import decode_voice


@pytest.fixture(scope="module")
def stream():
    return make_stream(encode(voice(4.0, seed=3), "opus"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "recording.wav"
    soundfile.write(path, voice(4.0, seed=5), 48_000)
    return path


@pytest.fixture
def every_call(monkeypatch):
    monkeypatch.setattr(room, "WORTH_S", 0.0)
    monkeypatch.setattr(room, "WORTH_BYTES", 0)


def assert_same(heard, stream):
    (one, phrases), other = heard, decode_voice(stream)
    assert np.array_equal(one.track.samples, other.track.samples)
    assert one.packets.equals(other.packets)
    assert phrases == find_speech(other.track) != ()


def test_a_thread_decodes_the_same(stream, every_call):
    with Ahead() as ahead:
        ahead.begin_voice(stream)
        ahead.begin_voice(stream)
        assert len(ahead._begun) == 1
        assert_same(ahead.voice(stream), stream)


def test_both_voices_at_once_are_those_one_after_the_other(stream, every_call):
    other, ahead = make_stream(encode(voice(4.0, seed=4), "opus")), Ahead()
    ahead.begin_voice(other)
    assert_same(Ahead().voice(stream), stream)
    assert_same(ahead.voice(other), other)


def test_what_was_not_begun_is_done_when_it_is_asked_for(stream, file):
    ahead = Ahead()
    ahead.begin_voice(stream)  # too short to be worth a thread
    ahead.begin_reading(file, name="recording")
    ahead.begin_speech(read_recording(file))
    assert not ahead._begun
    assert_same(ahead.voice(stream), stream)
    assert np.array_equal(ahead.read(file, name="recording").samples, read_recording(file).samples)


def test_a_recording_is_read_and_listened_to_as_it_would_be_here(file, every_call):
    with Ahead() as ahead:
        ahead.begin_reading(file, name="recording")
        track = ahead.read(file, name="recording")
        ahead.begin_speech(track)
        assert ahead._begun.keys() == {("sha256", file), ("speech", "recording")}
        assert ahead.sha256(file) == sha256_of(file)
        assert ahead.speech(track) == find_speech(track) != ()
    assert np.array_equal(track.samples, read_recording(file).samples)
    assert track.name == "recording"


def test_a_recording_that_cannot_be_read_says_so_when_it_is_asked_for(tmp_path, every_call):
    junk, ahead = tmp_path / "junk.wav", Ahead()
    junk.write_bytes(b"no sound at all")
    ahead.begin_reading(junk, name="recording")
    ahead.begin_reading(tmp_path / "missing.wav", name="microphone")
    ahead.begin_reading(None, name="other")
    assert ahead._begun.keys() == {("read", "recording"), ("sha256", junk)}
    with pytest.raises(AudioError, match=r"junk\.wav"):
        ahead.read(junk, name="recording")


def test_what_cannot_be_decoded_is_said_when_it_is_asked_for(stream, every_call):
    closed = make_stream(encode(voice(1.0, seed=3), "opus"), readable=False)
    ahead = Ahead()
    ahead.begin_voice(closed)
    ahead.begin_voice(None)
    assert not ahead._begun
    with pytest.raises(AudioError, match="are encrypted"):
        ahead.voice(closed)


def test_a_thread_that_is_refused_says_so_when_it_is_asked(stream, every_call):
    unknown = replace(stream, codec=replace(stream.codec, name="ilbc"))
    ahead = Ahead()
    ahead.begin_voice(unknown)
    with pytest.raises(AudioError, match="'ilbc'; the decodable codecs are"):
        ahead.voice(unknown)
