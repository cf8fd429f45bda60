from dataclasses import replace

import numpy as np
import pytest
from building import track, voice

from forensics.audio import resample_track
from forensics.pcm import Pcm16


@pytest.mark.parametrize(("rate_hz", "other_hz"), [(48_000, 16_000), (8_000, 48_000), (44_100, 48_000)])
def test_a_click_stays_where_it_was(rate_hz, other_hz):
    samples = np.zeros(rate_hz, np.float32)
    samples[rate_hz // 2] = 1.0
    moved = resample_track(track(samples, rate_hz=rate_hz), sample_rate_hz=other_hz)
    assert np.argmax(np.abs(moved.samples)) == pytest.approx(other_hz / 2, abs=1)
    assert moved.duration_s == pytest.approx(1.0, abs=2 / other_hz)


def test_the_same_rate_is_the_same_samples():
    sound = track(voice(0.5))
    assert resample_track(sound, sample_rate_hz=48_000).samples is sound.samples


def test_nothing_stays_nothing():
    nothing = resample_track(track(np.empty(0)), sample_rate_hz=16_000)
    assert (len(nothing.samples), nothing.sample_rate_hz) == (0, 16_000)


def test_a_long_track_is_given_in_blocks_that_do_not_show(monkeypatch):
    sound = track(voice(0.5))
    whole = resample_track(sound, sample_rate_hz=16_000)
    monkeypatch.setattr("forensics.audio.resample.BLOCK", 1000)
    np.testing.assert_array_equal(resample_track(sound, sample_rate_hz=16_000).samples, whole.samples)


def test_sixteen_bits_stay_sixteen_bits_and_are_filtered_as_float32_is():
    integers = np.random.default_rng(1).normal(0, 3000, 100_000).astype(np.int16)
    held = resample_track(replace(track(np.empty(0)), samples=Pcm16(integers)), sample_rate_hz=16_000).samples
    whole = resample_track(track(Pcm16(integers)[:]), sample_rate_hz=16_000).samples
    assert isinstance(held, Pcm16)
    assert np.asarray(held) == pytest.approx(whole, abs=0.51 / 32_768)
