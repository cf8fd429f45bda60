import numpy as np
import pytest
from building import RATE_HZ

from forensics.audio.similarity import MEL_BANDS, mel_distance_db, mel_levels_db


def vowel(formant_hz, *, phase=0.0):
    t = np.arange(round(0.03 * RATE_HZ)) / RATE_HZ
    return sum(
        np.sin(2 * np.pi * 140 * n * t + n * phase) / (1 + ((140 * n - formant_hz) / 150) ** 2) for n in range(1, 20)
    )


def test_a_sound_is_itself():
    assert mel_distance_db(vowel(600), vowel(600), sample_rate_hz=RATE_HZ) == 0


def test_one_vowel_is_closer_to_itself_than_to_another():
    same = mel_distance_db(vowel(600), vowel(600, phase=1.0), sample_rate_hz=RATE_HZ)
    other = mel_distance_db(vowel(600), vowel(2000), sample_rate_hz=RATE_HZ)
    assert same < 4
    assert other > 10


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_bands_reach_up_to_what_the_rate_holds(rate_hz):
    levels = mel_levels_db(np.random.default_rng(1).normal(size=rate_hz // 50), sample_rate_hz=rate_hz)
    assert levels.shape == (MEL_BANDS,)
    assert levels.min() > -100
