import numpy as np
import pytest
from building import FRAME_S, SSRC, encode, encoded, make_stream, played, track, voice

from forensics.audio import decode_stream, resample_track
from forensics.clocks import CoarseOffset
from forensics.model import PLAYOUT_COLUMNS
from forensics.playout.heard import locate_packets

SECONDS = 8.0
COUNT = round(SECONDS / FRAME_S)
MEDIA_S = np.arange(COUNT) * FRAME_S
START_S = 1.337  # recording time of media zero
SAMPLE_S = 1 / 48_000


@pytest.fixture(scope="module")
def decoded():
    return decode_stream(make_stream(encoded("opus", SECONDS)))


def locate(decoded, heard_s, *, reach_s=2.0, noise=0.0):
    """Play each packet when told, record it, and find it again: (heard_s, score) by packet."""
    recording = played(decoded.track.samples, heard_s, seconds=SECONDS + 4)
    noisy = recording.samples + np.random.default_rng(6).normal(0, noise, len(recording.samples))
    coarse = CoarseOffset(START_S, reach_s, 1.0, 16)
    playout = locate_packets(decoded, track(noisy), place=coarse, ssrc=SSRC)
    return playout.packets["heard_s"].to_numpy(), playout.packets["score"].to_numpy()


def exact(found_s, heard_s, packets=slice(None)):
    """Share of the located packets that lie where they were played, to two samples."""
    located = np.isfinite(found_s[packets])
    return np.mean(np.abs(found_s - heard_s)[packets][located] <= 2.1 * SAMPLE_S)


def test_an_untouched_stream_is_found_packet_by_packet(decoded):
    heard_s = START_S + MEDIA_S
    found_s, score = locate(decoded, heard_s)
    loud = decoded.packets["level_dbfs"] > -45
    assert np.isfinite(found_s[loud]).all()
    assert exact(found_s, heard_s) == 1
    assert np.nanmin(score[loud]) > 0.95


def test_quiet_packets_are_not_located(decoded):
    found_s, _ = locate(decoded, START_S + MEDIA_S)
    quiet = decoded.packets["level_dbfs"].to_numpy() < -60
    assert quiet.any()
    assert np.isnan(found_s[quiet]).all()


@pytest.mark.parametrize("hole_s", [0.025, 0.1, 0.48, 1.2])
def test_a_hole_is_a_step_of_its_length(decoded, hole_s):
    heard_s = START_S + MEDIA_S + np.where(np.arange(COUNT) >= 150, hole_s, 0)
    found_s, _ = locate(decoded, heard_s)
    assert exact(found_s, heard_s) > 0.99
    assert np.nanmedian((found_s - MEDIA_S)[150:]) - np.nanmedian((found_s - MEDIA_S)[:150]) == pytest.approx(
        hole_s, abs=3 * SAMPLE_S
    )


def test_audio_that_was_passed_over_is_not_heard_and_what_follows_comes_earlier(decoded):
    heard_s = START_S + MEDIA_S + 0.3 - np.where(np.arange(COUNT) >= 160, 0.2, 0)
    heard_s[150:160] = np.nan
    found_s, _ = locate(decoded, heard_s)
    assert np.isnan(found_s[151:159]).all()
    assert exact(found_s, heard_s, slice(165, None)) > 0.99


def test_a_lost_packet_has_no_row_and_does_not_move_its_neighbours():
    decoded = decode_stream(make_stream(encoded("opus", SECONDS), lost=range(150, 156)))
    heard_s = START_S + decoded.packets["media_s"].to_numpy()
    recording = played(decoded.track.samples, START_S + MEDIA_S, seconds=SECONDS + 4)
    playout = locate_packets(decoded, recording, place=CoarseOffset(START_S, 2.0, 1.0, 16), ssrc=SSRC)
    assert len(playout.packets) == COUNT - 6
    assert exact(playout.packets["heard_s"].to_numpy(), heard_s) > 0.99


def test_a_coarse_offset_that_is_far_off_is_good_enough(decoded):
    heard_s = START_S + 0.9 + MEDIA_S
    assert exact(locate(decoded, heard_s)[0], heard_s) > 0.99


def test_a_word_said_again_is_not_taken_for_one_that_the_buffer_stretched():
    """Every packet has its like 0.8 s later; one of them was altered, the others were played where they were due."""
    phrase = voice(0.8, pauses=False, rate_hz=8000)
    decoded = decode_stream(make_stream(encode(np.tile(phrase, 5), "pcmu"), codec="pcmu"))
    heard_s = START_S + decoded.packets["media_s"].to_numpy()
    recording = played(decoded.track.samples, heard_s, seconds=7, rate_hz=8000)
    altered = slice(round((heard_s[60] + 0.002) * 8000), round((heard_s[61] - 0.002) * 8000))
    recording.samples[altered] = recording.samples[altered][::-1]
    coarse = CoarseOffset(START_S, 0.5, 1.0, 16)
    found_s = locate_packets(decoded, recording, place=coarse, ssrc=SSRC).packets["heard_s"].to_numpy()
    assert np.nanmax(np.abs(found_s - heard_s)) < 0.02


def test_noise_leaves_most_packets_located(decoded):
    heard_s = START_S + MEDIA_S
    found_s, _ = locate(decoded, heard_s, noise=0.004)
    loud = decoded.packets["level_dbfs"].to_numpy() > -30
    assert np.isfinite(found_s[loud]).mean() > 0.9
    assert exact(found_s, heard_s) > 0.95


def test_nothing_is_located_in_another_call():
    decoded = decode_stream(make_stream(encoded("opus", SECONDS)[:100]))
    coarse = CoarseOffset(0.0, 2.0, 1.0, 16)
    playout = locate_packets(decoded, track(voice(SECONDS, seed=5)), place=coarse, ssrc=SSRC)
    assert playout.packets["heard_s"].notna().mean() < 0.05


def test_a_recorder_whose_clock_runs_fast_is_followed(decoded):
    recording = played(decoded.track.samples, START_S + MEDIA_S, seconds=SECONDS + 4)
    times_s = np.arange(len(recording.samples)) * SAMPLE_S * (1 + 200e-6)
    fast = track(np.interp(times_s, np.arange(len(recording.samples)) * SAMPLE_S, recording.samples))
    playout = locate_packets(decoded, fast, place=CoarseOffset(START_S, 2.0, 1.0, 16), ssrc=SSRC)
    found_s = playout.packets["heard_s"].to_numpy()
    loud = decoded.packets["level_dbfs"].to_numpy() > -45
    assert np.isfinite(found_s[loud]).mean() > 0.95
    assert np.nanmax(np.abs(found_s - (START_S + MEDIA_S) / (1 + 200e-6))) < 0.0005


def test_a_narrowband_call_is_located_too():
    decoded = decode_stream(make_stream(encoded("pcmu", SECONDS), codec="pcmu"))
    heard_s = START_S + MEDIA_S + np.where(np.arange(COUNT) >= 150, 0.1, 0)
    recording = resample_track(
        played(resample_track(decoded.track, sample_rate_hz=48_000).samples, heard_s, seconds=SECONDS + 4),
        sample_rate_hz=8_000,
    )
    playout = locate_packets(decoded, recording, place=CoarseOffset(START_S, 2.0, 1.0, 16), ssrc=SSRC)
    error_s = np.abs(playout.packets["heard_s"].to_numpy() - heard_s)
    assert np.nanquantile(error_s, 0.98) < 2 / 8_000


def test_the_result_keeps_the_contract(decoded):
    playout = locate_packets(decoded, track(np.zeros(48_000)), place=CoarseOffset(0.0, 2.0, 1.0, 16), ssrc=SSRC)
    assert (playout.ssrc, playout.method) == (SSRC, "heard")
    assert {name: str(dtype) for name, dtype in playout.packets.dtypes.items()} == dict(PLAYOUT_COLUMNS)
    assert list(playout.concealed) == ["start_s", "end_s", "late"]


def test_a_stream_without_audio_has_nothing_to_locate():
    decoded = decode_stream(make_stream([b""] * 5))
    playout = locate_packets(decoded, track(voice(1.0)), place=CoarseOffset(0.0, 2.0, 1.0, 16), ssrc=SSRC)
    assert len(playout.packets) == 0
