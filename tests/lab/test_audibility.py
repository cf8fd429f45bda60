import numpy as np
import pytest

from forensics.lab.audibility import _log_mel, judge, log_mel_distance_db


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ({"lost_speech_ms": 40, "concealed_ms": 35, "effective_ms": 35, "speech_both_sides": 1}, "audible"),
        ({"lost_speech_ms": 40, "concealed_ms": 0, "effective_ms": 0, "speech_both_sides": 1}, "masked"),
        ({"lost_speech_ms": 20, "concealed_ms": 20, "effective_ms": 20, "speech_both_sides": 1}, "marginal"),
        ({"lost_speech_ms": 20, "concealed_ms": 20, "effective_ms": 12, "speech_both_sides": 1}, "masked"),
        ({"lost_speech_ms": 20, "concealed_ms": 20, "effective_ms": 12, "lsd_db": 12.5}, "audible"),
        ({"effective_ms": 40, "concealed_ms": 40, "speech_both_sides": 1}, "audible"),
        ({"lost_speech_ms": 20, "effective_ms": 90, "concealed_ms": 90, "speech_both_sides": 1}, "audible"),
        ({"effective_ms": 39, "concealed_ms": 39, "speech_both_sides": 1}, "marginal"),
        ({"effective_ms": 400, "concealed_ms": 400, "speech_both_sides": 0}, "masked"),
        ({"skipped_speech_ms": 60}, "audible"),
        ({"skipped_speech_ms": 40}, "masked"),
        ({}, "masked"),
    ],
)
def test_the_rule(evidence, expected):
    assert judge(evidence) == expected


def test_the_mel_bands_are_librosas():
    import librosa

    sound = np.random.default_rng(2).normal(0, 0.1, 4800).astype(np.float32)
    power = librosa.feature.melspectrogram(y=sound, sr=48_000, n_fft=960, hop_length=240, n_mels=40, center=False)
    assert _log_mel(sound, 48_000) == pytest.approx(librosa.power_to_db(power, top_db=None).T, abs=1e-4)


def test_distance_is_zero_between_equals_and_counts_decibels():
    sound = np.random.default_rng(2).normal(0, 0.1, 4800)
    assert log_mel_distance_db(sound, sound) == 0
    assert log_mel_distance_db(sound, sound * 10 ** (-10 / 20)) == pytest.approx(10, abs=0.1)
    assert log_mel_distance_db(sound, sound[:100]) == 0
