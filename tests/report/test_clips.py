"""Clips: Opus in WebM or MP3, in place to the millisecond."""

import io

import av
import numpy as np
import pytest

from forensics.report.clips import FADE_S, Format, faded, sound_clip


def decoded(octets):
    with av.open(io.BytesIO(octets)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
        frames = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(frames)


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_click_stays_where_it_was(rate, format):
    samples = np.random.default_rng(0).normal(0, 0.001, rate).astype(np.float32)
    samples[rate // 2 : rate // 2 + rate // 500] = 0.8
    sound = decoded(sound_clip(samples, sample_rate_hz=rate, format=format))
    assert np.argmax(np.abs(sound) > 0.4) / 48_000 == pytest.approx(0.5, abs=0.003)
    assert len(sound) / 48_000 == pytest.approx(1.0, abs=0.03)


def test_a_second_is_some_kilobytes():
    noise = np.random.default_rng(1).normal(0, 0.1, 48_000)
    assert len(sound_clip(noise, sample_rate_hz=48_000)) < 9_000


def test_the_ends_fade_and_the_middle_stays():
    out = faded(np.ones(4800, dtype=np.float32), sample_rate_hz=48_000)
    assert out[0] == out[-1] == 0
    assert (out[round(FADE_S * 48_000) : -round(FADE_S * 48_000)] == 1).all()


def test_fading_leaves_the_original_alone():
    samples = np.ones(100, dtype=np.float32)
    faded(samples, sample_rate_hz=48_000)
    assert (samples == 1).all()
