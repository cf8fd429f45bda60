import numpy as np
import pytest

from forensics.lab.locate import FOUND_SCORE, levels_dbfs, locate_packets

RATE_HZ, SAMPLES = 48_000, 960


@pytest.fixture(scope="module")
def vowel():
    """150 packets of a voice with a pitch of 100 Hz that drifts slowly: every period resembles its neighbours."""
    t = np.arange(150 * SAMPLES) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(100 + 8 * np.sin(2 * np.pi * 0.6 * t)) / RATE_HZ
    sound = sum(np.sin(k * phase) / k for k in range(1, 20)) * (0.06 + 0.03 * np.sin(2 * np.pi * 1.7 * t))
    return sound.reshape(150, SAMPLES).astype(np.float32)


def test_packets_are_found_where_they_were_put(vowel):
    places = np.arange(150) * 0.02 + 0.3
    places[60:] += 0.137  # a hole
    places[100:] -= 0.05  # and a place where the buffer shrank, over what was there
    recording = np.random.default_rng(0).normal(0, 1e-4, 5 * RATE_HZ).astype(np.float32)
    for piece, place in zip(vowel, places, strict=True):
        first = round(place * RATE_HZ)
        recording[first : first + SAMPLES] = piece
    expected = np.arange(150) * 0.02 + 0.27
    heard, score = locate_packets(vowel, recording, expected_s=expected, reach_s=0.6)
    kept = np.ones(150, bool)
    kept[97:100] = False  # overwritten
    np.testing.assert_allclose(heard[kept], places[kept], atol=1 / RATE_HZ)
    assert np.all(score[kept] > 0.99)


def test_concealment_is_not_taken_for_the_packet_it_resembles(vowel):
    places = np.arange(150) * 0.02 + 0.3
    places[70:] += 0.2
    recording = np.zeros(5 * RATE_HZ, np.float32)
    for piece, place in zip(vowel, places, strict=True):
        first = round(place * RATE_HZ)
        recording[first : first + SAMPLES] = piece
    end = round((places[69] + 0.02) * RATE_HZ)
    period = vowel[69][-480:]
    recording[end : end + 9600] = np.tile(period, 20) * np.linspace(1, 0.5, 9600)
    late = np.arange(150) * 0.02 + 0.27
    late[70:] += 0.2
    heard, _ = locate_packets(vowel, recording, expected_s=late, reach_s=0.6)
    assert heard[70] == pytest.approx(places[70], abs=1 / RATE_HZ)


def test_the_packet_before_a_hole_is_not_found_in_its_own_repetition(vowel):
    """It is repeated note by note, and is a little disturbed itself: its copy before the next one is as like it."""
    places, last = np.arange(150) * 0.02 + 0.3, 70
    places[last + 1 :] += 0.1
    recording = np.zeros(5 * RATE_HZ, np.float32)
    for piece, place in zip(vowel, places, strict=True):
        recording[round(place * RATE_HZ) :][:SAMPLES] = piece
    first = round(places[last] * RATE_HZ)
    recording[first : first + 6 * SAMPLES] = np.tile(vowel[last], 6)
    recording[first : first + 60] *= np.linspace(0.9, 1, 60)
    arrived = places - 0.01
    heard, _ = locate_packets(vowel, recording, expected_s=arrived, reach_s=0.6)
    np.testing.assert_allclose(heard[last - 1 : last + 2], places[last - 1 : last + 2], atol=1 / RATE_HZ)


def test_a_packet_that_came_after_its_place_is_not_found_in_its_concealment(vowel):
    breath = np.random.default_rng(7).normal(0, 0.02, vowel.shape).astype(np.float32)
    voice, places = vowel + breath, np.arange(150) * 0.02 + 0.3
    recording = np.zeros(5 * RATE_HZ, np.float32)
    for piece, place in zip(voice, places, strict=True):
        recording[round(place * RATE_HZ) :][:SAMPLES] = piece
    late = np.arange(20, 140, 7)
    arrived = places - 0.03
    for row in late:
        first = round(places[row] * RATE_HZ)
        recording[first : first + SAMPLES] = np.tile(recording[first - 480 : first], 2) * np.linspace(1, 0.9, SAMPLES)
        arrived[row] = places[row] + 0.015
    heard, _ = locate_packets(voice, recording, expected_s=arrived, reach_s=1.0)
    played = ~np.isin(np.arange(150), late)
    assert np.mean(np.isnan(heard[late])) > 0.7
    assert np.mean(np.abs(heard - places)[played] < 1e-4) > 0.95


def test_what_was_not_played_is_not_found(vowel):
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, (20, SAMPLES)).astype(np.float32)
    recording = rng.normal(0, 0.1, RATE_HZ).astype(np.float32)
    heard, score = locate_packets(noise, recording, expected_s=np.arange(20) * 0.02, reach_s=0.5)
    assert np.all(np.isnan(heard))
    assert np.nanmax(score) < FOUND_SCORE


def test_silent_and_lost_packets_are_not_looked_for(vowel):
    audio = vowel[:10].copy()
    audio[3] = 0
    expected = np.arange(10) * 0.02 + 0.05
    expected[5] = np.nan
    recording = np.concatenate([np.zeros(round(0.06 * RATE_HZ), np.float32), audio.reshape(-1)])
    heard, score = locate_packets(audio, recording, expected_s=expected, reach_s=0.1)
    assert np.flatnonzero(np.isnan(score)).tolist() == [3, 5]
    assert np.isfinite(heard).sum() == 8


def test_levels_are_in_dbfs():
    audio = np.stack([np.full(100, 0.1), np.zeros(100)])
    assert levels_dbfs(audio) == pytest.approx([-20, -120])
