"""Rules about clipped starts and stretches: what they say, and that a stretch nobody hears only informs."""

import numpy as np
import pytest
from building import make_journey, make_site

from forensics.causes import unheard
from forensics.causes.verdict import decide
from forensics.model import Cause

COUNT, AT = 400, 200
NUMBER = np.arange(COUNT)


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def clipped(**known):
    measured = {"clipped_s": 0.08, "quieter_db": 52.0}
    return make_site(make_journey(COUNT), AT, kind="clipped", measured=measured, **known)


def test_a_clipped_start_is_the_device_s_or_the_recorder_s():
    evidence = unheard.start_unheard(clipped())
    assert told(evidence) == {
        Cause.LATE_MODEL_OUTPUT: False, Cause.BUFFER_UNDERRUN: True, Cause.RECORDING_ARTEFACT: True
    }  # fmt: skip
    assert "clipped: its first 80 ms came in time" in evidence[0].statement
    assert "52 dB quieter" in evidence[0].statement


def test_which_of_the_two_is_left_open():
    site = clipped()
    decision = decide(site.glitch, site.scene)
    assert decision.cause is Cause.UNDETERMINED
    assert {cause for cause, _ in decision.alternatives[:2]} == {Cause.BUFFER_UNDERRUN, Cause.RECORDING_ARTEFACT}


def around(heard_s, *, kind="late", at=AT, **known):
    return make_site(make_journey(COUNT, heard_s=NUMBER * 0.02 + 0.065 + heard_s), at, kind=kind, **known)


SLOWER = np.clip((NUMBER - AT - 10) // 3 + 1, 0, 12) * 0.01


def test_a_stretch_around_a_glitch_is_told_and_weighs_nothing():
    (claim,) = unheard.time_scaled(around(SLOWER))
    assert claim.weight == 0
    assert "120 ms put in in 12 steps from 4.26 to" in claim.statement
    assert claim.measurements["inserted_s"] == pytest.approx(0.12)
    assert claim.measurements["removed_s"] == 0


def test_where_a_pause_was_stretched_is_not_told():
    located = np.abs(NUMBER - AT - 30) > 20
    journey = make_journey(COUNT, heard_s=NUMBER * 0.02 + 0.065 + np.where(NUMBER > AT + 30, 0.1, 0), located=located)
    (claim,) = unheard.time_scaled(make_site(journey, AT))
    assert "100 ms put in somewhere from" in claim.statement


def test_far_from_every_stretch_nothing_is_told():
    assert unheard.time_scaled(around(np.roll(SLOWER, 0), at=5)) == []
    assert unheard.time_scaled(around(np.zeros(COUNT))) == []


def heard(by_s, *, burst=False):
    """A stretch of 60 packets, each shorter or longer; perhaps of audio that was sent at once."""
    late_s = np.where(burst, np.interp(NUMBER, [AT - 60, AT, AT + 1], [0.0, -1.17, 0.0]), 0.0)
    steps = np.clip(NUMBER - AT + 60, 0, 60) * by_s
    journey = make_journey(COUNT, heard_s=NUMBER * 0.02 + 1.3 + steps, lateness_s=late_s)
    measured = {"inserted_s": 60 * by_s, "scalings": 60.0}
    site = make_site(journey, AT, kind="stretch", measured=measured)
    object.__setattr__(site, "before", AT - 60)
    return site


@pytest.mark.parametrize(("by_s", "words"), [(-0.008, "held more"), (0.009, "held less")])
def test_a_stretch_that_is_heard_is_the_buffer_s(by_s, words):
    (claim,) = unheard.time_scaled(heard(by_s))
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.BUFFER_UNDERRUN, True, "delay_spike")
    assert words in claim.statement


def test_or_the_sender_s_that_sent_it_ahead_of_its_time():
    (claim,) = unheard.time_scaled(heard(-0.008, burst=True))
    assert (claim.cause, claim.mechanism) == (Cause.SENDER_POLICY, "unpaced_burst")
    assert "ahead of its time" in claim.statement


def test_other_kinds_are_not_clipped():
    assert unheard.start_unheard(make_site(make_journey(COUNT), AT, kind="hole")) == []
