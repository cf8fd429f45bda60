from dataclasses import replace

import numpy as np
import pytest
from building import RATE_HZ, encoded, make_glitch, make_journey, make_scene, make_stream, track, voice, without

from forensics.glitches.audibility import judge_audibility
from forensics.glitches.missing import measure_missing

COUNT, AT = 200, 100


def lost(*, packets=1, heard=None, sender=True, frames=None):
    """A loss at `AT` of a voice whose sender's capture is at hand, and what the listener heard instead."""
    payloads = encoded("opus", COUNT * 0.02, seed=3)
    journey = without(make_journey(COUNT), range(AT, AT + packets))
    here = make_stream(payloads, lost=range(AT, AT + packets))
    twin = replace(make_stream(payloads), cname="sender")
    scene = make_scene(
        journey=journey,
        downlink=here,
        sender_streams=(twin,) if sender else (),
        recording=None if heard is None else track(heard),
        heard=object() if heard is not None else None,
    )
    frame = journey["frame"].to_numpy()
    edges = frames or (int(frame[AT - 1]), int(frame[AT]))
    start_s = AT * 0.02
    numbers = {"lost_packets": float(packets), "media_gap_s": 0.02 * packets}
    glitch = make_glitch("loss", start_s, start_s + 0.02 * packets, frames=edges, measurements=numbers)
    return measure_missing([glitch], scene)[0]


def test_the_speech_that_is_gone_is_counted():
    assert lost(packets=3).measurements["lost_speech_s"] == pytest.approx(0.06)


def test_what_was_heard_is_compared_with_what_was_sent():
    sound = voice(COUNT * 0.02, seed=3)
    lag = round(0.0065 * RATE_HZ)  # the codec's
    same = np.concatenate([np.zeros(lag, np.float32), sound])
    noise = np.random.default_rng(1).normal(0, 0.1, len(sound)).astype(np.float32)
    near, far = (lost(heard=heard).measurements["distance_db"] for heard in (same, noise))
    assert near < 6
    assert far > 12


@pytest.mark.parametrize("changes", [{"sender": False}, {"frames": (1, 2)}])
def test_without_the_packets_nothing_is_measured(changes):
    assert "lost_speech_s" not in lost(**changes).measurements


def test_one_packet_is_heard_only_where_something_else_stood_in_for_it():
    numbers = {"lost_packets": 1.0, "media_gap_s": 0.02, "lost_speech_s": 0.02}
    quiet, loud = (
        judge_audibility(make_glitch("loss", 1.0, 1.02, measurements={**numbers, "distance_db": distance_db}))
        for distance_db in (8.0, 15.0)
    )
    assert (quiet.audible, loud.audible) == (False, True)
