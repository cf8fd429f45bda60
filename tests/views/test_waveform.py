"""Waveform tiles: minimum and maximum at every level."""

import numpy as np
import pytest

from forensics.model import AudioTrack
from forensics.views.sound import Piece, Sound
from forensics.views.waveform import FULL_SCALE, LEVEL_FACTOR, TILE_COLUMNS, wave_levels, wave_tile


def a_sound(samples, rate=8000):
    track = AudioTrack("t", np.asarray(samples, dtype=np.float32), rate)
    return Sound("t", "T", track, 0.0, track.duration_s, (Piece(0, 0, len(track.samples)),))


@pytest.fixture(scope="module")
def noise():
    return a_sound(np.random.default_rng(1).uniform(-0.9, 0.9, 300_001))


def test_level_zero_is_the_samples():
    tile = wave_tile(a_sound([0.5, -0.25, 1.0]), level=0, index=0)
    assert tile[:, 0].tolist() == tile[:, 1].tolist() == [16384, -8192, FULL_SCALE]


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_every_level_keeps_each_extreme(noise, level):
    span = LEVEL_FACTOR**level
    columns = -(-noise.length // span)
    tiles = [wave_tile(noise, level=level, index=i) for i in range(-(-columns // TILE_COLUMNS))]
    found = np.concatenate(tiles)
    padded = np.pad(noise.track.samples, (0, columns * span - noise.length)).reshape(columns, span)
    np.testing.assert_allclose(found[:, 0] / FULL_SCALE, padded.min(axis=1), atol=2e-5)
    np.testing.assert_allclose(found[:, 1] / FULL_SCALE, padded.max(axis=1), atol=2e-5)


def test_one_click_stays_visible_in_the_coarsest_level():
    samples = np.zeros(2_000_000, dtype=np.float32)
    samples[1_234_567] = 0.8
    sound = a_sound(samples)
    top = wave_tile(sound, level=wave_levels(sound) - 1, index=0)
    assert len(top) <= TILE_COLUMNS
    assert top[:, 1].max() == round(0.8 * FULL_SCALE)


def test_beyond_the_end_there_are_no_columns(noise):
    assert wave_tile(noise, level=3, index=99).shape == (0, 2)


def test_samples_beyond_full_scale_are_held_at_it():
    assert wave_tile(a_sound([3.0, -3.0]), level=0, index=0).tolist() == [[FULL_SCALE] * 2, [-FULL_SCALE] * 2]


def test_between_pieces_nothing_is_drawn():
    track = AudioTrack("t", np.full(8000, 0.5, dtype=np.float32), 8000)
    sound = Sound("t", "T", track, 0.0, 2.0, (Piece(0, 0, 4000), Piece(12_000, 4000, 8000)))
    nothing = [np.greater(*wave_tile(sound, level=level, index=0).T) for level in (1, 4)]
    assert nothing[0].mean() == pytest.approx(0.5, abs=0.01)
    assert nothing[1].tolist() == [False, True, False, False]
