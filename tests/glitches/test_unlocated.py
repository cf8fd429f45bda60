"""Concealment that is heard in a recording, while payloads are closed and packets have their places from a replay."""

import numpy as np
import pytest
from building import RATE_HZ, make_journey, make_scene, track, voice

from forensics.glitches import find_glitches, find_holes_unlocated
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.packets import find_late_packets

COUNT, AT = 500, 250
NUMBER = np.arange(COUNT)
PERIOD = round(0.0075 * RATE_HZ)


def replayed(**columns):
    """A journey none of whose packets was located, and whose payloads are closed."""
    unread = {"located": np.zeros(COUNT, bool), "tail_dbfs": np.full(COUNT, np.nan)}
    return make_journey(COUNT, **(unread | columns))


def recording(hole_s, *, length_s=0.2):
    """A voice in which the last pitch period before a time is repeated, fading as NetEq does, for so long."""
    out = voice(11.0, seed=3, pauses=False).copy()
    loud = np.convolve(np.abs(out), np.ones(960), "same")
    near = round((hole_s - 0.1) * RATE_HZ) + np.arange(round(0.2 * RATE_HZ))
    first, count = int(near[loud[near].argmax()]), round(length_s * RATE_HZ)
    periods = np.arange(count) // PERIOD
    kept = np.select([periods < 3, periods < 7], [1.0, 0.95], 0.9) ** (1 / (0.00625 * RATE_HZ))
    out[first : first + count] = np.resize(out[first - PERIOD : first], count) * np.cumprod(kept)
    return track(out + np.random.default_rng(4).normal(0, 1e-4, len(out)), name="recording"), first / RATE_HZ


def heard(journey, *, at_s, found=(), length_s=0.2, **known):
    sound, begins_s = recording(at_s, length_s=length_s)
    scene = make_scene(journey=journey, recording=sound, **known)
    kept, unseen = find_holes_unlocated(scene, boundaries=measure_boundaries(journey), found=found)
    return kept, unseen, begins_s


DUE_S = AT * 0.02 + 0.065


def test_concealment_with_every_packet_in_time_is_a_hole():
    kept, (hole,), begins_s = heard(replayed(), at_s=DUE_S)
    assert kept == []
    assert (hole.kind, hole.found_by) == ("hole", ("repeated pitch",))
    assert (hole.start_s, hole.end_s) == pytest.approx((begins_s, begins_s + 0.2), abs=0.04)
    assert len(hole.frames) == 2


def test_short_concealment_counts_only_where_packets_show_that_something_was_missing():
    """A vowel that dies away and is played slower sounds like it."""
    _, unseen, _ = heard(replayed(), at_s=DUE_S, length_s=0.11)
    assert unseen == []
    jumped = replayed(media_s=NUMBER * 0.02 + np.where(NUMBER >= AT, 0.25, 0.0), marker=NUMBER == AT)
    _, (stall,), _ = heard(jumped, at_s=DUE_S, length_s=0.11)
    assert stall.kind == "stall"


def test_concealment_where_the_sender_paused_was_no_pause_of_the_voice():
    """The timestamps jump, and the next packet bears a marker: by the packets alone a talkspurt that begins."""
    media_s = NUMBER * 0.02 + np.where(NUMBER >= AT, 0.25, 0.0)
    journey = replayed(media_s=media_s, marker=NUMBER == AT)
    silent = make_scene(journey=journey)
    assert [glitch for glitch in find_glitches(silent) if glitch.audible] == []
    _, (stall,), _ = heard(journey, at_s=DUE_S)
    assert stall.kind == "stall"
    assert stall.frames == (journey["frame"][AT - 1], journey["frame"][AT])


def test_late_packets_are_heard_for_as_long_as_the_concealment_near_them():
    late_s = np.where((NUMBER >= AT) & (NUMBER < AT + 5), 0.1 - 0.02 * (NUMBER - AT), 0.0)
    journey = replayed(lateness_s=late_s)
    (late,) = find_late_packets(make_scene(journey=journey), boundaries=measure_boundaries(journey))
    assert late.end_s - late.start_s == pytest.approx(0.0, abs=1e-9)  # by the replay the buffer covered them
    (longer,), unseen, begins_s = heard(journey, at_s=DUE_S, found=[late])
    assert unseen == []
    assert (longer.kind, longer.frames) == ("late", late.frames)
    assert (longer.start_s, longer.end_s) == pytest.approx((begins_s, begins_s + 0.2), abs=0.04)


def test_what_packets_show_elsewhere_is_left_alone():
    late_s = np.where(NUMBER == 400, 0.1, 0.0)
    journey = replayed(lateness_s=late_s)
    found = find_late_packets(make_scene(journey=journey), boundaries=measure_boundaries(journey))
    kept, unseen, _ = heard(journey, at_s=DUE_S, found=found)
    assert kept == found
    assert len(unseen) == 1


@pytest.mark.parametrize("known", [{"recording": None}, {}], ids=["no recording", "packets that were located"])
def test_it_takes_a_recording_in_which_no_packet_was_located(known):
    journey = make_journey(COUNT) if not known else replayed()
    scene = make_scene(journey=journey, **({"recording": recording(DUE_S)[0]} | known))
    assert find_holes_unlocated(scene, boundaries=measure_boundaries(journey), found=[]) == ([], [])


def test_a_voice_without_concealment_shows_nothing():
    scene = make_scene(journey=replayed(), recording=track(voice(11.0, seed=3, pauses=False)))
    assert find_holes_unlocated(scene, boundaries=measure_boundaries(replayed()), found=[]) == ([], [])


def test_concealment_outside_of_all_packets_has_no_place():
    journey = replayed()
    short = journey.iloc[:100].reset_index(drop=True)
    _, unseen, _ = heard(short, at_s=DUE_S)
    assert unseen == []
