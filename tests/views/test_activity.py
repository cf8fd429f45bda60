"""Speech activity on the axis."""

import numpy as np
import pytest
from synthetic_call import speech

from forensics.model import AudioTrack
from forensics.views import activity
from forensics.views.activity import speech_tile
from forensics.views.sound import Piece, Sound

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def talk():
    """Silence, two seconds of speech, silence."""
    quiet = np.random.default_rng(1).normal(0, 1e-5, 2 * RATE_HZ).astype(np.float32)
    return AudioTrack("talk", np.concatenate([quiet, speech(2.0, seed=3), quiet]), RATE_HZ)


def whole(track, start_s=0.0):
    return Sound("talk", "Talk", track, start_s, track.duration_s, (Piece(0, 0, len(track.samples)),))


def test_speech_stands_where_the_sound_stands(talk):
    (stretch,) = speech_tile(whole(talk, start_s=10.0))
    assert stretch == pytest.approx([12.0, 14.0], abs=0.35)


def test_what_a_block_cuts_is_joined_again(talk, monkeypatch):
    (expected,) = speech_tile(whole(talk))
    monkeypatch.setattr(activity, "BLOCK_S", 3.0)
    (found,) = speech_tile(whole(talk))
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_speech_follows_the_pieces(talk):
    half = 3 * RATE_HZ
    pieces = (Piece(0, 0, half), Piece(half + RATE_HZ, half, 2 * half))  # a second of nothing in the middle
    first, second = speech_tile(Sound("talk", "Talk", talk, 0.0, 7.0, pieces))
    assert first[1] == pytest.approx(3.0)
    assert second[0] == pytest.approx(4.0)


def test_silence_has_no_speech():
    assert speech_tile(whole(AudioTrack("none", np.zeros(RATE_HZ, np.float32), RATE_HZ))).shape == (0, 2)
