"""A minute and a half stands for the hour of `benchmarks/alignment.py`: the same faults, the same functions."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from building import encoded, make_stream, track, voice
from scipy import fft

from forensics.audio import decode_stream
from forensics.audio.excerpts import StreamSound
from forensics.clocks import estimate_course
from forensics.errors import ClockError

RATE_HZ, SECONDS = 48_000, 75.0


@cache
def sound():
    return StreamSound(make_stream(encoded("opus", SECONDS, seed=6)))


@cache
def sent():
    return decode_stream(sound().stream).track.samples


def recorded(*, offset_s=1.25, ppm=0.0, step=None, snr_db=20.0, room=True, seconds=None):
    """What a recorder makes of the stream: another clock, that may jump, noise, and echoes."""
    rng = np.random.default_rng(2)
    dry = sent()
    if room:
        tail = rng.normal(size=4800) * 10 ** (-3 * np.arange(4800) / 4800)
        tail[:100] = 0
        tail[0] = 1.8 * np.sqrt(np.sum(tail**2))
        dry = fft.irfft(fft.rfft(dry, 1 << 22) * fft.rfft(tail / tail[0], 1 << 22))[: len(dry)]
    at_s = np.arange(round((seconds or SECONDS + max(offset_s, 0) + 1) * RATE_HZ)) / RATE_HZ
    if step is not None:
        at_s = np.where(at_s >= step[0] + max(step[1], 0), at_s - step[1], at_s)
    place = (at_s - offset_s) / (1 + ppm * 1e-6) * RATE_HZ
    heard = np.interp(place, np.arange(len(dry)), dry, left=0, right=0)
    loud = np.sqrt(np.mean(heard[np.abs(heard) > 0.01] ** 2)) if np.any(np.abs(heard) > 0.01) else 0.1
    return track(heard + rng.normal(0, loud * 10 ** (-snr_db / 20), len(heard)), name="recording")


@pytest.mark.parametrize("ppm", [80.0, -80.0, 500.0, -500.0])
def test_drift_and_offset_in_a_room_at_20_db(ppm):
    course = estimate_course(sound(), recorded(ppm=ppm))
    assert course.offset_s == pytest.approx(1.25, abs=5e-5)
    assert course.drift_ppm == pytest.approx(ppm, abs=2.0)
    assert course.steps == ()
    assert abs(course.offset_s - 1.25) <= course.error_s
    assert abs(course.drift_ppm - ppm) <= course.drift_error_ppm


def test_a_step_of_the_clock_stays_a_step():
    course = estimate_course(sound(), recorded(ppm=30.0, step=(40.0, 0.12)))
    ((at_s, change_s),) = course.steps
    assert change_s == pytest.approx(0.12, abs=1e-4)
    assert at_s == pytest.approx(40.0 - 1.25, abs=3.0)
    assert course.drift_ppm == pytest.approx(30.0, abs=3.0)
    assert course.recording_s(70.0) - course.recording_s(10.0) == pytest.approx(60.12, abs=3e-3)


@pytest.mark.parametrize("offset_s", [0.0, 75.0, -33.0])
def test_the_recording_may_begin_at_any_time(offset_s):
    assert estimate_course(sound(), recorded(offset_s=offset_s)).offset_s == pytest.approx(offset_s, abs=5e-5)


def test_half_of_the_call_is_enough():
    assert estimate_course(sound(), recorded(seconds=45.0)).offset_s == pytest.approx(1.25, abs=5e-5)


def test_a_recording_of_the_end_of_the_call_is_placed():
    course = estimate_course(sound(), recorded(offset_s=-45.0, seconds=30.0))
    assert course.offset_s == pytest.approx(-45.0, abs=5e-5)
    assert course.windows["kept"].mean() > 0.8
    assert course.windows["media_s"].min() >= 45.0


def test_at_0_db_it_is_aligned_or_refused():
    try:
        course = estimate_course(sound(), recorded(snr_db=0.0))
    except ClockError:
        return
    assert course.offset_s == pytest.approx(1.25, abs=2e-4)


def test_a_codec_of_constant_rate_is_decoded_to_learn_its_loudness():
    stream = make_stream(encoded("pcmu", 40.0, seed=8), codec="pcmu")
    decoded = decode_stream(stream).track
    late = track(np.r_[np.zeros(8000), decoded.samples], rate_hz=8000, name="recording")
    assert estimate_course(StreamSound(stream), late).offset_s == pytest.approx(1.0, abs=5e-5)


def test_the_recording_of_another_call_is_refused():
    with pytest.raises(ClockError, match="does not contain this stream"):
        estimate_course(sound(), track(voice(SECONDS, seed=7)))


def test_audio_that_a_jitter_buffer_kept_moving_is_no_line():
    pieces = np.array_split(sent(), 15)
    moved = np.concatenate([np.r_[np.zeros(round(200 * (k * 7 % 5))), piece] for k, piece in enumerate(pieces)])
    with pytest.raises(ClockError, match="a jitter buffer kept moving this audio"):
        estimate_course(sound(), track(moved))


def test_silence_is_refused():
    with pytest.raises(ClockError, match="does not contain this stream"):
        estimate_course(sound(), track(np.zeros(480_000)))


def test_an_alignment_loads_neither_scipy_nor_the_other_clocks():
    script = "import sys; from forensics.clocks import estimate_course; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "forensics.clocks.course" in loaded
    assert not loaded & {"scipy", "av", "forensics.clocks.captures", "forensics.clocks.recording"}
