import numpy as np
import pytest
from building import encoded, make_stream, track, voice

from forensics.audio import decode_stream, resample_track
from forensics.clocks import estimate_coarse_offset
from forensics.clocks.recording import PROBE_REACH_S, SAME_CALL_SHARE, find_in, normalised_correlation
from forensics.errors import ClockError


@pytest.fixture(scope="module")
def sent():
    return decode_stream(make_stream(encoded("opus", 12.0))).track


def recorded(sound, *, offset_s, rate_hz=48_000, noise=1e-4, seconds=None):
    """A recording in which `sound` begins at `offset_s`; what lies before its start was not recorded."""
    first = round(offset_s * rate_hz)
    whole = np.r_[np.zeros(max(0, first), np.float32), sound[max(0, -first) :], np.zeros(rate_hz, np.float32)]
    whole = whole[: None if seconds is None else round(seconds * rate_hz)]
    return track(whole + np.random.default_rng(4).normal(0, noise, len(whole)), rate_hz=rate_hz, name="recording")


@pytest.mark.parametrize("offset_s", [0.0, 0.731, 40.0, -3.3])
def test_the_stream_is_found_wherever_it_begins(sent, offset_s):
    coarse = estimate_coarse_offset(sent, recorded(sent.samples, offset_s=offset_s))
    assert coarse.offset_s == pytest.approx(offset_s, abs=0.003)
    assert coarse.share > 0.7


def test_it_is_found_under_noise(sent):
    coarse = estimate_coarse_offset(sent, recorded(sent.samples, offset_s=1.5, noise=0.05))
    assert coarse.offset_s == pytest.approx(1.5, abs=0.003)


def test_it_is_found_although_the_buffer_moved_half_of_it(sent):
    half = len(sent.samples) // 2
    moved = np.r_[sent.samples[:half], np.zeros(24_000, np.float32), sent.samples[half:]]
    coarse = estimate_coarse_offset(sent, recorded(moved, offset_s=1.0))
    assert 1.0 - 0.01 < coarse.offset_s < 1.5 + 0.01


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050])
def test_it_is_found_at_rates_that_ten_milliseconds_do_not_divide(sent, rate_hz):
    slow = resample_track(sent, sample_rate_hz=rate_hz)
    coarse = estimate_coarse_offset(slow, recorded(slow.samples, offset_s=200.0, rate_hz=rate_hz))
    assert coarse.offset_s == pytest.approx(200.0, abs=0.003)


@pytest.mark.parametrize("seconds", [3.0, 5.0])
def test_a_recording_of_a_part_of_the_call_is_found(sent, seconds):
    coarse = estimate_coarse_offset(sent, recorded(sent.samples, offset_s=-5.0, seconds=seconds))
    assert coarse.offset_s == pytest.approx(-5.0, abs=0.003)


@pytest.mark.parametrize("seconds", [1.0, 2.0, 3.0, 5.0, 12.0, 30.0])
def test_the_recording_of_another_call_is_refused(sent, seconds):
    with pytest.raises(ClockError, match=r"does not contain this stream.*another call, or of the other direction"):
        estimate_coarse_offset(sent, track(voice(seconds, seed=2)))


def test_noise_is_refused(sent):
    noise = np.random.default_rng(2).normal(0, 0.1, 480_000)
    with pytest.raises(ClockError, match="does not contain"):
        estimate_coarse_offset(sent, track(noise))


def test_a_stream_of_silence_cannot_be_found(sent):
    with pytest.raises(ClockError, match="less than half a second of sound"):
        estimate_coarse_offset(track(np.zeros(480_000)), track(sent.samples))


@pytest.mark.parametrize("empty", ["stream", "recording"])
def test_an_empty_track_cannot_be_aligned(sent, empty):
    nothing = track(np.empty(0), name=empty)
    with pytest.raises(ClockError, match=f"'{empty}' is empty"):
        estimate_coarse_offset(*((nothing, sent) if empty == "stream" else (sent, nothing)))


def test_the_reach_and_share_say_how_far_to_trust_it(sent):
    coarse = estimate_coarse_offset(sent, recorded(sent.samples, offset_s=0.5))
    assert coarse.reach_s == PROBE_REACH_S
    assert SAME_CALL_SHARE <= coarse.share <= 1
    assert coarse.probes >= 3


def test_a_template_is_found_to_the_sample_within_its_limits():
    samples = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    assert find_in(samples, samples[3000:3400], low=2900, high=3100) == (3000, pytest.approx(1.0, abs=1e-3))
    assert find_in(samples, samples[3000:3400], low=0, high=2500)[1] < 0.5


@pytest.mark.parametrize(("low", "high"), [(4990, 6000), (9000, 9100), (-500, -100)])
def test_nothing_is_found_outside_of_the_samples(low, high):
    samples = np.random.default_rng(1).normal(size=5000).astype(np.float32)
    assert find_in(samples, samples[:400], low=low, high=high)[1] == 0.0


def test_correlation_is_that_of_each_window():
    rng = np.random.default_rng(7)
    window, template = rng.normal(size=300).astype(np.float32), rng.normal(size=50).astype(np.float32)
    found = normalised_correlation(window, template, float(np.dot(template, template)))
    norm = np.linalg.norm(template)
    assert found == pytest.approx(
        [window[i : i + 50] @ template / np.linalg.norm(window[i : i + 50]) / norm for i in range(251)], abs=1e-4
    )
