"""The distance of two sounds is that of librosa's log-mel spectrograms."""

import numpy as np
import pytest

from forensics.audio.log_mel import log_mel_db, log_mel_distance_db

RATE_HZ = 48_000


@pytest.fixture
def sound():
    return np.random.default_rng(2).normal(0, 0.1, 4800).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_the_spectrogram_is_librosas(sound, rate_hz):
    import librosa

    size = rate_hz // 50
    power = librosa.feature.melspectrogram(
        y=sound, sr=rate_hz, n_fft=size, hop_length=size // 4, n_mels=40, center=False
    )
    assert log_mel_db(sound, rate_hz=rate_hz) == pytest.approx(librosa.power_to_db(power, top_db=None).T, abs=1e-4)


def test_distance_is_zero_between_equals_and_counts_decibels(sound):
    assert log_mel_distance_db(sound, sound, rate_hz=RATE_HZ) == 0
    assert log_mel_distance_db(sound, sound * 10 ** (-10 / 20), rate_hz=RATE_HZ) == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize("length", [0, 100, 959])
def test_pieces_shorter_than_a_window_are_not_compared(length):
    assert log_mel_distance_db(np.ones(length), np.ones(2000), rate_hz=RATE_HZ) == 0.0
