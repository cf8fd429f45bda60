from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from building import FRAME_S, encoded, make_stream, track, voice

from forensics.audio import decode_stream, resample_track
from forensics.audio.levels import frame_levels_dbfs
from forensics.clocks import estimate_recording_clock_closed
from forensics.errors import ClockError
from forensics.model import Playout

SECONDS = 16.0
CLOCK_S = 1.8  # recording zero on the capture's clock
WAIT_S = 0.07


@pytest.fixture(scope="module")
def sound():
    return decode_stream(make_stream(encoded("opus", SECONDS))).track


@pytest.fixture(scope="module")
def level_dbov():
    """What the sender measured of each packet before it encoded it."""
    return np.round(np.maximum(-127, frame_levels_dbfs(voice(SECONDS), frame_samples=FRAME_S * 48_000)))


def closed(level_dbov, *, in_headers=True):
    """The call without its keys: a stream with closed payloads, whose sizes follow the level, and its replay."""
    sizes = np.clip(2 ** ((level_dbov + 75) / 8), 3, 150).astype(int)
    arrival_s = 4.0 + np.arange(len(sizes)) * FRAME_S
    levels = level_dbov if in_headers else None
    stream = make_stream([bytes(size) for size in sizes], arrival_s=arrival_s, level_dbov=levels, readable=False)
    packets = pd.DataFrame({"row": np.arange(len(sizes)), "heard_s": arrival_s + WAIT_S, "duration_s": FRAME_S})
    return stream, Playout(stream.ssrc, "neteq", packets, pd.DataFrame())


def recorded(sound, *, moved_s=0.0, rate_hz=48_000):
    """What the listener's recorder held: the sound from the moment at which its first packet was played."""
    sound = resample_track(sound, sample_rate_hz=rate_hz)
    lead = np.zeros(round((4.0 + WAIT_S + 0.01 - CLOCK_S + moved_s) * rate_hz))
    samples = np.r_[lead, sound.samples, np.zeros(rate_hz)]
    return track(samples + np.random.default_rng(2).normal(0, 1e-4, len(samples)), rate_hz=rate_hz, name="recording")


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000])
def test_levels_in_the_headers_place_it(sound, level_dbov, rate_hz):
    stream, replay = closed(level_dbov)
    clock = estimate_recording_clock_closed(stream, recorded(sound, rate_hz=rate_hz), replay=replay)
    assert (clock.local, clock.method) == ("recording", "audio-level")
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=0.012)
    assert clock.error_s >= 0.012


def test_sizes_of_packets_place_it(sound, level_dbov):
    stream, replay = closed(level_dbov, in_headers=False)
    clock = estimate_recording_clock_closed(stream, recorded(sound), replay=replay)
    assert clock.method == "payload-size"
    assert clock.offset_s == pytest.approx(CLOCK_S, abs=clock.error_s)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_another_call_is_refused(level_dbov, seed):
    stream, replay = closed(level_dbov)
    with pytest.raises(ClockError, match=r"correlates with the recording at .*--keys"):
        estimate_recording_clock_closed(stream, track(voice(SECONDS, seed=seed)), replay=replay)


def test_a_recording_whose_end_comes_elsewhere_than_its_beginning_is_refused(sound, level_dbov):
    stream, replay = closed(level_dbov)
    cut = len(sound.samples) * 2 // 3
    moved = np.r_[sound.samples[:cut], np.zeros(19_200, np.float32), sound.samples[cut:]]
    with pytest.raises(ClockError, match=r"Parts of the recording are found .* apart"):
        estimate_recording_clock_closed(stream, recorded(replace(sound, samples=moved)), replay=replay)


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_too_short_a_recording_is_refused(level_dbov, seconds):
    stream, replay = closed(level_dbov)
    with pytest.raises(ClockError, match="Less than a second of sound"):
        estimate_recording_clock_closed(stream, track(np.zeros(round(seconds * 48_000))), replay=replay)


def test_a_silent_recording_is_refused(level_dbov):
    stream, replay = closed(level_dbov)
    with pytest.raises(ClockError, match="correlates with the recording at"):
        estimate_recording_clock_closed(stream, track(np.zeros(480_000)), replay=replay)


def test_a_stream_of_which_nothing_was_played_is_refused(sound, level_dbov):
    stream, replay = closed(level_dbov)
    nothing = replace(replay, packets=replay.packets.assign(heard_s=np.nan))
    with pytest.raises(ClockError, match="Less than a second of sound"):
        estimate_recording_clock_closed(stream, recorded(sound), replay=nothing)
