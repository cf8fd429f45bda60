"""Starts of utterances that came and were not heard: cut off a recording, and looked for."""

import numpy as np
import pytest
from building import make_journey, make_scene, track, without

from forensics.glitches import find_clipped_starts, find_glitches
from forensics.glitches.boundaries import measure_boundaries

COUNT, BEGIN = 300, 150
NUMBER = np.arange(COUNT)
QUIET = (NUMBER >= BEGIN - 30) & (NUMBER < BEGIN)  # a pause of 0.6 s before the utterance
LEVEL_DBFS = np.where(QUIET, -90.0, -17.0)
HEARD_S = NUMBER * 0.02 + 0.065


def recording(*, clipped=0, gain=1.0):
    """A tone wherever there was speech, but for the first packets of the second utterance."""
    at_s = np.arange(7 * 8000) / 8000
    heard = np.searchsorted(HEARD_S, at_s, side="right") - 1
    sounding = (heard >= 0) & ~QUIET[heard] & ~((heard >= BEGIN) & (heard < BEGIN + clipped))
    return track(gain * 0.2 * np.sin(2 * np.pi * 300 * at_s) * sounding, rate_hz=8000)


def journey(*, clipped=0, **columns):
    located = ~QUIET & ~((NUMBER >= BEGIN) & (clipped > NUMBER - BEGIN))
    return make_journey(COUNT, **({"speech": ~QUIET, "level_dbfs": LEVEL_DBFS, "located": located} | columns))


def sent():
    """What came: the tone wherever there was speech, over the noise of a room."""
    noise = np.random.default_rng(3).normal(0, 1e-3, 7 * 8000)
    return track(np.r_[recording().samples[520:], np.zeros(520)] + noise, rate_hz=8000)  # on media time, 65 ms earlier


def scene(table, heard, **known):
    return make_scene(journey=table, recording=heard, sent=sent(), **known)


def find(table, heard):
    return find_clipped_starts(scene(table, heard), boundaries=measure_boundaries(table))


@pytest.mark.parametrize("gain", [1.0, 0.2])
def test_a_start_that_came_and_was_not_heard_is_clipped(gain):
    table = journey(clipped=4)
    (glitch,) = find(table, recording(clipped=4, gain=gain))
    assert glitch.kind == "clipped"
    assert (glitch.start_s, glitch.end_s) == pytest.approx((HEARD_S[BEGIN], HEARD_S[BEGIN + 4]))
    assert glitch.measurements["clipped_s"] == pytest.approx(0.08)
    assert glitch.measurements["quieter_db"] > 40
    assert glitch.frames == (table["frame"][BEGIN], table["frame"][BEGIN + 4])


def test_among_all_detectors_it_is_one_glitch_and_heard():
    stretched_s = HEARD_S + np.where(NUMBER >= BEGIN, 0.01, 0.0)  # in the pause, as buffers do
    (glitch,) = find_glitches(scene(journey(clipped=4, heard_s=stretched_s), recording(clipped=4)))
    assert (glitch.kind, glitch.audible) == ("clipped", True)


def test_where_the_playout_went_on_untouched_it_is_one_with_the_recorder_s_hole():
    (glitch,) = find_glitches(scene(journey(clipped=4), recording(clipped=4)))
    assert glitch.kind == "blank"
    assert glitch.measurements["clipped_s"] == pytest.approx(0.08)


def test_a_start_that_was_heard_is_not_clipped_though_it_was_not_located():
    assert find(journey(clipped=4), recording()) == []


def test_one_packet_is_too_little():
    assert find(journey(clipped=1), recording(clipped=1)) == []


def test_quiet_packets_before_the_voice_are_no_start():
    quiet = QUIET | ((NUMBER >= BEGIN) & (NUMBER < BEGIN + 4))
    table = journey(clipped=4, speech=~quiet, level_dbfs=np.where(quiet, -90.0, LEVEL_DBFS))
    assert find(table, recording(clipped=4)) == []


def test_a_start_that_is_missing_or_late_is_for_other_detectors():
    lost = without(journey(clipped=4), range(BEGIN, BEGIN + 2))
    assert find(lost, recording(clipped=4)) == []
    late = np.where((NUMBER >= BEGIN) & (NUMBER < BEGIN + 4), 0.3, 0.0)
    assert find(journey(clipped=4, lateness_s=late), recording(clipped=4)) == []


def test_silence_within_an_utterance_is_no_start():
    table = make_journey(COUNT, located=~((NUMBER >= BEGIN) & (NUMBER < BEGIN + 4)))
    assert find(table, recording(clipped=4)) == []


def test_what_began_before_the_recording_is_not_known():
    early = journey(clipped=4)
    early["heard_s"] -= HEARD_S[BEGIN] + 0.05
    assert find(early, recording(clipped=4)) == []


def test_without_decoded_packets_or_places_nothing_is_found():
    table = journey(clipped=4)
    closed = make_scene(journey=table, recording=recording(clipped=4))
    assert find_clipped_starts(closed, boundaries=measure_boundaries(table)) == []
    assert find(journey(located=np.zeros(COUNT, bool)), recording(clipped=4)) == []
