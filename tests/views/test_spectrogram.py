"""Spectrogram tiles: a tone lies in its row, silence is told from quiet, and from what nobody recorded."""

import numpy as np
import pytest

from forensics.model import AudioTrack
from forensics.views.sound import Piece, Sound
from forensics.views.spectrogram import (
    NOTHING,
    QUIETEST,
    ROWS,
    SILENT,
    cell_levels_db,
    row_edges_hz,
    spectrogram_levels,
    spectrogram_tile,
)

RATE = 48_000


def a_sound(samples, known=(), pieces=None):
    track = AudioTrack("t", np.asarray(samples, dtype=np.float32), RATE, known)
    return Sound("t", "T", track, 0.0, track.duration_s, pieces or (Piece(0, 0, len(track.samples)),))


def tone(hz, seconds=1.0, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


@pytest.mark.parametrize("scale", ["mel", "linear"])
@pytest.mark.parametrize("hz", [440.0, 1000.0, 5000.0])
def test_a_tone_lies_in_its_row_at_its_level(scale, hz):
    column = spectrogram_tile(a_sound(tone(hz, amplitude=0.1)), scale=scale, level=1, index=0)[50]
    edges = row_edges_hz(RATE, scale)
    row = int(np.argmax(column))
    assert edges[row] - 25 <= hz <= edges[row + 1] + 25
    assert cell_levels_db(column[row]) == pytest.approx(-20, abs=1.0)


@pytest.mark.parametrize("scale", ["mel", "linear"])
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_rows_rise_and_stay_below_half_the_rate(scale, rate):
    edges = row_edges_hz(rate, scale)
    assert len(edges) == ROWS + 1
    assert (np.diff(edges) > 0).all()
    assert edges[-1] <= rate / 2


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_low_rates_have_all_rows(rate):
    track = AudioTrack("t", np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32), rate)
    sound = Sound("t", "T", track, 0.0, 1.0, (Piece(0, 0, rate),))
    assert spectrogram_tile(sound, scale="mel", level=1, index=0).shape == (100, ROWS)


def test_exact_silence_has_a_code_of_its_own():
    samples = np.concatenate([tone(500, 0.5), np.zeros(RATE // 2)])
    tile = spectrogram_tile(a_sound(samples), scale="mel", level=1, index=0)
    assert (tile[60:95] == SILENT).all()
    assert (tile[:45] >= QUIETEST).all()


def test_faint_noise_is_not_silence():
    noise = np.random.default_rng(3).normal(0, 1e-5, RATE)
    assert (spectrogram_tile(a_sound(noise), scale="mel", level=1, index=0) >= QUIETEST).all()


def test_what_nobody_recorded_is_unknown():
    tile = spectrogram_tile(a_sound(tone(500), known=((0.0, 0.6),)), scale="mel", level=1, index=0)
    assert (tile[65:] == NOTHING).all()
    assert (tile[:55] > SILENT).all()


def test_between_pieces_nothing_is_known():
    pieces = (Piece(0, 0, RATE // 4), Piece(RATE // 2, RATE // 4, RATE))
    tile = spectrogram_tile(a_sound(tone(500), pieces=pieces), scale="mel", level=1, index=0)
    assert (tile[30:45] == NOTHING).all()
    assert (tile[55:90] > SILENT).all()


def test_a_short_burst_stays_visible_in_a_coarse_column():
    samples = np.random.default_rng(4).normal(0, 1e-5, 20 * RATE)
    samples[9 * RATE : 9 * RATE + RATE // 2] += tone(1000, 0.5)
    sound = a_sound(samples)
    top = spectrogram_levels(sound) - 1
    coarse = np.concatenate([spectrogram_tile(sound, scale="mel", level=top, index=i) for i in range(4)])
    assert cell_levels_db(coarse.max()) > -3


def test_beyond_the_end_there_are_no_columns():
    assert spectrogram_tile(a_sound(tone(500)), scale="mel", level=1, index=7).shape == (0, ROWS)
