import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.audio.levels import FLOOR_DBFS, frame_levels_dbfs, level_dbfs, piece_levels_dbfs
from forensics.pcm import ENERGIES_AT_ONCE, ENERGY_SAMPLES, Pcm16, to_pcm16


def test_a_full_scale_sine_is_three_decibels_below_full_scale():
    sine = np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    assert level_dbfs(sine) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("samples", [np.zeros(100, np.float32), np.empty(0, np.float32)])
def test_silence_and_nothing_are_the_floor(samples):
    assert level_dbfs(samples) == FLOOR_DBFS


def test_what_does_not_fill_a_frame_is_left_out():
    samples = np.r_[np.zeros(100), np.full(150, 0.1)].astype(np.float32)
    assert frame_levels_dbfs(samples, frame_samples=100).tolist() == pytest.approx([FLOOR_DBFS, -20], abs=1e-3)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000])
def test_frames_of_a_fraction_of_a_sample_do_not_run_away(rate_hz):
    click = np.zeros(61 * rate_hz, np.float32)
    click[round(60.001 * rate_hz)] = 1.0
    assert np.argmax(frame_levels_dbfs(click, frame_samples=0.0025 * rate_hz)) == 24_000


def test_samples_that_do_not_fill_a_frame_have_no_level():
    assert len(frame_levels_dbfs(np.ones(99, np.float32), frame_samples=100)) == 0


@given(st.integers(1, 40), st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_a_frame_has_the_level_of_its_samples(frame_samples, length, seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    levels = frame_levels_dbfs(samples, frame_samples=frame_samples)
    pieces = samples[: length // frame_samples * frame_samples].reshape(-1, frame_samples)
    assert levels == pytest.approx([level_dbfs(piece) for piece in pieces], abs=0.01)


@pytest.fixture(scope="module")
def noise():
    """Samples of 16 bits, a little more than energies are worked out of at once, the second half quieter."""
    count = ENERGIES_AT_ONCE * ENERGY_SAMPLES + 1000
    level = np.where(np.arange(count) < count // 2, 0.1, 0.001)
    return to_pcm16(level * np.random.default_rng(1).normal(size=count))


@pytest.mark.parametrize("frame_samples", [120, 480, 2400, 100, 110.25])
def test_frames_of_16_bits_have_the_levels_of_the_same_samples_as_float32(noise, frame_samples):
    sound = Pcm16(noise)
    levels = frame_levels_dbfs(sound, frame_samples=frame_samples)
    assert levels == pytest.approx(frame_levels_dbfs(sound[:], frame_samples=frame_samples), abs=1e-4)
    assert len(levels) == int(len(noise) / frame_samples)


@pytest.mark.parametrize("count", [0, 119, 120])
def test_a_sound_of_one_energy_or_none(count):
    assert len(frame_levels_dbfs(Pcm16(np.ones(count, np.int16)), frame_samples=120)) == count // 120


def test_pieces_of_any_length_have_the_level_that_each_has_alone(noise):
    starts = np.array([-50, 0, 100, 100, 200_000, len(noise) - 10, len(noise) + 5])
    ends = np.array([50, 960, 100, 1060, 200_240, len(noise) + 10, len(noise) + 9])
    alone = [level_dbfs(Pcm16(noise)[max(a, 0) : b]) for a, b in zip(starts, ends, strict=True)]
    assert piece_levels_dbfs(Pcm16(noise), starts, ends) == pytest.approx(alone, abs=1e-4)
