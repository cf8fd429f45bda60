"""Sound of 16 bits reads as float32, by the piece and as a whole."""

import numpy as np
import pytest

from forensics.pcm import Pcm16, gather, part, to_pcm16

INTEGERS = np.array([-32_768, -1, 0, 1, 16_384, 32_767], np.int16)
SCALED = INTEGERS.astype(np.float32) / 32_768


@pytest.fixture
def sound():
    return Pcm16(INTEGERS)


def test_slices_indices_and_the_whole_are_scaled(sound):
    assert np.array_equal(sound[1:4], SCALED[1:4])
    assert sound[1:4].dtype == np.float32
    assert sound[-1] == SCALED[-1]
    assert np.array_equal(np.asarray(sound), SCALED)
    assert np.asarray(sound, np.float64).dtype == np.float64


def test_it_counts_as_an_array_counts(sound):
    assert (len(sound), sound.shape, sound.ndim, sound.dtype) == (6, (6,), 1, np.float32)
    assert sound.nbytes == 12


def test_arithmetic_is_that_of_the_scaled_samples(sound):
    assert np.array_equal(2 * sound - 1, 2 * SCALED - 1)
    assert np.array_equal(np.abs(sound) > 0.1, np.abs(SCALED) > 0.1)


def test_a_slice_is_a_copy(sound):
    sound[:][:] = 0
    assert np.array_equal(sound, SCALED)


@pytest.mark.parametrize("samples", [Pcm16(INTEGERS), SCALED])
def test_windows_are_gathered_from_either(samples):
    assert np.array_equal(gather(samples, np.array([3, 0]), 3), SCALED[[[3, 4, 5], [0, 1, 2]]])


def test_quantising_rounds_and_cuts_off_what_is_beyond():
    assert to_pcm16(SCALED).tolist() == INTEGERS.tolist()
    assert to_pcm16(np.array([-1.5, 0.7 / 32_768, 1.0])).tolist() == [-32_768, 1, 32_767]


@pytest.mark.parametrize("samples", [Pcm16(INTEGERS), SCALED])
def test_a_part_is_held_as_the_whole_is_and_no_copy(samples):
    piece = part(samples, 2, 9)
    assert type(piece) is type(samples)
    assert np.array_equal(piece, SCALED[2:])
    assert np.shares_memory(getattr(piece, "integers", piece), getattr(samples, "integers", samples))
