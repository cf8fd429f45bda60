"""A long call: its course is followed before anything is decoded whole, and what it is refused for has another way."""

from functools import cache

import numpy as np
import pytest
from building import AGENT, LISTENER, encoded, make_stream, track

from forensics.audio import decode_stream
from forensics.clocks.loudness import Loudness
from forensics.diagnosis import directions as room
from forensics.diagnosis.ahead import Ahead
from forensics.diagnosis.evidence import Known
from forensics.diagnosis.provenance import Log
from forensics.errors import ClockError

SECONDS, OFFSET_S, RATE_HZ = 40.0, 1.25, 48_000
AGENT_SSRC, USER_SSRC = 0xA6E47, 0x05E4


@cache
def voices():
    """The user's stream stands first, and has as many packets."""
    user = make_stream(encoded("opus", SECONDS, seed=8), ssrc=USER_SSRC, route=(LISTENER, AGENT))
    return user, make_stream(encoded("opus", SECONDS, seed=6), ssrc=AGENT_SSRC)


@cache
def recording():
    """The agent's voice as a jitter buffer that never moved would have played it, with some noise."""
    sound = np.asarray(decode_stream(voices()[1]).track.samples)
    heard = np.r_[np.zeros(round(OFFSET_S * RATE_HZ)), sound, np.zeros(RATE_HZ)]
    return track(heard + np.random.default_rng(1).normal(0, 1e-3, len(heard)), name="recording")


class NowhereLoud(Loudness):
    """Levels that lead nowhere, as those of packets of one size do."""

    def find_anchors(self, sent):
        return []


def actions(log):
    return [step.action for step in log.steps if not step.notes]


def choose(**changes):
    """Choose the directions of a call that counts as long, parts of the room replaced; what is known then, its log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "DRIFT_SPAN_S", SECONDS / 2)
        for name, other in changes.items():
            patch.setattr(room, name, other)
        known, log = Known(streams=voices(), recording=recording()), Log()
        with Ahead() as ahead:
            room.choose_directions(known, log, ahead)
    return known, log


def assert_placed(known, *, method):
    assert (known.downlink.ssrc, known.uplink.ssrc) == (AGENT_SSRC, USER_SSRC)
    assert known.clocks["recording"].method == method
    heard = known.heard.packets.dropna(subset="heard_s")
    assert len(heard) > 0.5 * len(known.heard.packets)
    assert ((heard["heard_s"] - heard["media_s"] - OFFSET_S).abs() < 1e-3).mean() > 0.95


def test_the_course_is_followed_before_the_voice_is_decoded_and_nothing_else_is_looked_for():
    known, log = choose()
    assert_placed(known, method="decoded-audio, one line")
    assert actions(log) == ["follow course", f"decode {AGENT_SSRC:#010x}", "locate packets", "place recording"]


def test_without_a_course_the_voice_is_looked_up_as_a_whole_and_followed_packet_by_packet():
    def refuse(*sounds, anchors):
        raise ClockError("A jitter buffer kept moving this audio.")

    known, log = choose(estimate_course=refuse)
    assert_placed(known, method="decoded-audio")
    assert "find in recording" in actions(log)
    assert any("kept moving" in note for step in log.steps for note in step.notes)


def test_where_headers_do_not_lead_to_it_its_sound_does():
    known, log = choose(Loudness=NowhereLoud)
    assert_placed(known, method="decoded-audio, one line")
    assert actions(log).index("find in recording") < actions(log).index("follow course")


def test_a_short_call_is_looked_up_as_a_whole():
    known, log = choose(DRIFT_SPAN_S=2 * SECONDS)
    assert_placed(known, method="decoded-audio")
    assert "follow course" not in actions(log)


def test_the_likeliest_voice_is_looked_up_first_and_the_other_not_at_all():
    looked_up = []

    class Watched(Loudness):
        def find_anchors(self, sent):
            looked_up.append(sent.stream.ssrc)
            return super().find_anchors(sent)

    known, _ = choose(Loudness=Watched)
    assert_placed(known, method="decoded-audio, one line")
    assert looked_up == [AGENT_SSRC]
