from dataclasses import replace

import numpy as np
import pytest
from building import make_glitch, make_scene, make_site, silent_stream

from forensics.causes.remedies import remedy_for
from forensics.causes.settings import buffer_needed, enough_buffer, enough_lead, utterance_rows
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.candidate import candidate
from forensics.model import Cause, Turn
from forensics.playout.journey import trace_journey

COUNT, AT = 500, 250
NUMBER = np.arange(COUNT)
PATH_S = 0.02
HELD_S = np.where(NUMBER >= AT, np.maximum(0.25 - 0.02 * (NUMBER - AT), 0.0), 0.0)
STALLED_S = np.where(NUMBER >= AT, 0.1, 0.0)


def call(*, sent_late_s=0.0, path_late_s=0.0):
    """The glitch in front of packet `AT` of a call whose packets left and travelled so late, and the scene."""
    sent_s = NUMBER * 0.02 + sent_late_s
    stream = silent_stream(sent_s + PATH_S + path_late_s)
    departures_s = sent_s[np.argsort(np.argsort(stream.packets["ext_sequence_number"]))]
    site = make_site(trace_journey(stream, departures_s=departures_s), AT, downlink=stream)
    return site.glitch, site.scene


def test_the_target_that_would_have_covered_a_hold_is_named_with_its_price():
    sentence = enough_buffer(*call(path_late_s=HELD_S))
    assert sentence.startswith("A buffer target of ")
    assert sentence.endswith(" ms more delay.")


def test_those_that_it_covers_besides_are_counted():
    longer_s = np.where(NUMBER >= 400, np.maximum(0.6 - 0.02 * (NUMBER - 400), 0.0), 0.0)
    glitch, scene = call(path_late_s=HELD_S + longer_s)
    other = candidate(scene, measure_boundaries(scene.journey), 400, kind="late", found_by="test")
    assert ": 1 of 2 gone for " in enough_buffer(glitch, scene, alike=[glitch, other])
    assert ": 2 of 2 gone for " in enough_buffer(other, scene, alike=[glitch, other])


def test_the_lead_that_would_have_covered_a_stall_is_named():
    sentence = enough_lead(*call(sent_late_s=STALLED_S))
    assert sentence == "A send lead of 60 ms would have covered it, for 60 ms later first words."


def test_a_delay_beyond_every_setting_is_said():
    glitch, scene = call(sent_late_s=np.where(NUMBER >= AT, 3.0, 0.0))
    assert enough_buffer(glitch, scene).startswith("Not even a buffer target of")
    assert enough_lead(glitch, scene).startswith("Not even a send lead of")
    assert "not even a target of" in buffer_needed(glitch, scene)


def test_where_there_is_no_hole_nothing_is_named():
    assert [say(*call()) for say in (enough_buffer, enough_lead, buffer_needed)] == ["", "", ""]


def test_a_glitch_that_no_packets_enclose_has_no_setting():
    assert enough_buffer(make_glitch("hole"), make_scene()) == ""


def test_utterances_begin_where_turns_do():
    _, scene = call()
    assert utterance_rows(scene) is None
    heard = scene.journey.assign(heard_s=scene.journey["media_s"] + 0.06)
    said = replace(
        scene, journey=heard, turns=(Turn("agent", 2.0, 3.0), Turn("user", 4.0, 5.0), Turn("agent", 6.0, 7.0))
    )
    assert list(heard["heard_s"].to_numpy()[utterance_rows(said)]) == pytest.approx([2.0, 6.0], abs=0.05)


def test_the_remedy_of_a_spike_carries_the_number():
    glitch, scene = call(path_late_s=HELD_S)
    helped, _ = remedy_for(Cause.BUFFER_UNDERRUN, "delay_spike", glitch=glitch, scene=scene, alternatives=())
    assert "A buffer target of " in helped


def test_the_remedy_of_a_stall_carries_the_lead_and_the_buffer_that_it_would_have_taken():
    glitch, scene = call(sent_late_s=STALLED_S)
    helped, useless = remedy_for(Cause.LATE_MODEL_OUTPUT, "stall", glitch=glitch, scene=scene, alternatives=())
    assert "A send lead of 60 ms" in helped
    assert "A deeper buffer hides it only from a target of" in useless


def test_a_glitch_that_nobody_heard_needs_no_number():
    unheard = make_glitch("late", audible=False)
    helped, _ = remedy_for(Cause.BUFFER_UNDERRUN, "jitter", glitch=unheard, scene=make_scene(), alternatives=())
    assert "target of" not in helped
