from dataclasses import replace

import numpy as np
import pytest
from building import RATE_HZ, track, voice

from forensics.audio import activity as room
from forensics.audio import find_speech, resample_track
from forensics.pcm import Pcm16, to_pcm16


def silence(seconds, *, level=1e-4):
    return np.random.default_rng(3).normal(0, level, round(seconds * RATE_HZ)).astype(np.float32)


def test_phrases_are_found_where_they_are():
    phrase = voice(1.5, pauses=False)
    stretches = find_speech(track(np.r_[silence(1), phrase, silence(1), phrase, silence(1)]))
    assert len(stretches) == 2
    assert stretches[0] == pytest.approx((1.05, 2.5), abs=0.06)
    assert stretches[1] == pytest.approx((3.55, 5.0), abs=0.06)


def test_a_gap_within_a_phrase_is_bridged():
    phrase = voice(1.0, pauses=False)
    assert len(find_speech(track(np.r_[phrase, silence(0.2), phrase]))) == 1


@pytest.mark.parametrize("samples", [silence(2.0, level=0.0), np.empty(0)])
def test_silence_and_nothing_hold_no_speech(samples):
    assert find_speech(track(samples)) == ()


def test_a_faint_voice_far_below_the_loud_one_is_not_speech():
    loud, faint = voice(1.0, pauses=False), voice(1.0, seed=2, pauses=False) * 10 ** (-55 / 20)
    stretches = find_speech(track(np.r_[loud, silence(1, level=0), faint]))
    assert all(stop < 1.2 for _, stop in stretches)


@pytest.mark.parametrize("tail_db", [-60, None])
def test_a_phrase_ends_with_its_last_sound_whatever_the_detector_holds_on_for(tail_db):
    phrase = voice(1.0, pauses=False)[round(0.05 * RATE_HZ) :]
    tail = silence(1.0) if tail_db is None else silence(1.0, level=10 ** (tail_db / 20))
    ((start, stop),) = find_speech(track(np.r_[silence(1.0), phrase, tail]))
    assert (start, stop) == pytest.approx((1.0, 1.95), abs=0.015)


def test_a_long_voice_is_the_same_in_16_bits_and_whatever_its_blocks(monkeypatch):
    sound = voice(8.0)
    expected = find_speech(track(sound))
    monkeypatch.setattr(room, "BLOCK_SAMPLES", 5000)
    assert find_speech(track(sound)) == expected
    assert find_speech(replace(track(sound), samples=Pcm16(to_pcm16(sound)))) == expected
    low = resample_track(track(sound), sample_rate_hz=16_000)
    assert np.array(find_speech(low)) == pytest.approx(np.array(expected), abs=0.011)
