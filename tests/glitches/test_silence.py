"""Silence that was sent: cut into a voice at packet edges, encoded, and looked for."""

from dataclasses import replace

import numpy as np
import pytest
from building import encode, logged, make_scene, make_stream, track, voice

from forensics.audio import decode_stream, resample_track
from forensics.glitches import find_silence, find_silence_by_level
from forensics.glitches.boundaries import measure_boundaries
from forensics.model import Turn
from forensics.playout.journey import trace_journey

SECONDS, PACKET = 10.0, 960
CUTS = {"early": (140, 10), "late": (300, 10)}  # first silent packet, packets


def steady():
    """A voice without pauses: whatever silence is in it was cut into it."""
    return voice(SECONDS, pauses=False)


def fill(sound, first, packets, *, shift=0):
    """Put silence in place of so many packets, and the sound that was due behind it."""
    at = first * PACKET + shift
    return np.r_[sound[:at], np.zeros(packets * PACKET, np.float32), sound[at:]]


def scene_of(sound, *, rate_hz=48_000, level_dbov=None, readable=True):
    stream = make_stream(encode(sound, "opus"), level_dbov=level_dbov, readable=readable)
    sent = resample_track(decode_stream(stream).track, sample_rate_hz=rate_hz) if readable else None
    return make_scene(journey=trace_journey(stream, sent=sent), downlink=stream, sent=sent)


@pytest.mark.parametrize("rate_hz", [48_000, 44_100])
def test_silence_that_cuts_a_sound_at_packet_edges_is_found(rate_hz):
    first, packets = CUTS["late"]
    scene = scene_of(fill(steady(), first, packets), rate_hz=rate_hz)
    (glitch,) = find_silence(scene)
    assert glitch.kind == "silence"
    journey = scene.journey
    assert glitch.frames == (journey["frame"][first - 1], journey["frame"][first + packets])
    assert {"edge_before_db", "edge_after_db", "distance_db"} <= set(glitch.measurements)


def test_each_cut_is_found_by_itself():
    sound = steady()
    for first, packets in reversed(CUTS.values()):  # from the end, so that the first stays where it is
        sound = fill(sound, first, packets)
    assert len(find_silence(scene_of(sound))) == 2


def test_an_unbroken_sound_shows_nothing():
    assert find_silence(scene_of(steady())) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pauses_of_a_voice_are_natural(seed):
    assert find_silence(scene_of(voice(SECONDS, seed=seed))) == []


def test_a_pause_that_fades_is_natural():
    sound, fade = fill(steady(), *CUTS["late"]), np.linspace(1, 0, 3 * PACKET, dtype=np.float32)
    at, packets = CUTS["late"]
    sound[(at - 3) * PACKET : at * PACKET] *= fade
    sound[(at + packets) * PACKET : (at + packets + 3) * PACKET] *= fade[::-1]
    assert find_silence(scene_of(sound)) == []


def test_silence_between_packet_edges_was_not_made_by_a_sender_that_ran_dry():
    assert find_silence(scene_of(fill(steady(), *CUTS["late"], shift=PACKET // 2))) == []


@pytest.mark.parametrize(("packets", "found"), [(3, 0), (10, 1)])
def test_a_silence_that_is_short_enough_for_a_consonant_has_to_stand_within_one_sound(packets, found):
    first = CUTS["late"][0]
    sound = fill(steady(), first, packets)
    behind = (first + packets) * PACKET
    sound[behind:] += 12 * np.diff(sound[behind - 1 :])  # brighter, as behind a consonant's release
    assert len(find_silence(scene_of(sound))) == found


def test_a_silence_in_which_the_user_began_to_speak_is_a_turn():
    scene = scene_of(fill(steady(), *CUTS["late"]))
    (glitch,) = find_silence(scene)
    asked = Turn("user", glitch.start_s + 0.05, glitch.end_s - 0.05)
    assert find_silence(replace(scene, turns=(asked,))) == []


def with_a_log(stall_s, *, at_s):
    """A silence that looks like a pause at both edges, and a log of a model that came so late at a time."""
    first, packets = CUTS["late"]
    scene = scene_of(fill(steady(), first, packets, shift=PACKET // 2))
    pieces = [(0.02 + 0.2 * i + (stall_s if 0.2 * i >= at_s else 0.0), 0.2) for i in range(50)]
    return replace(scene, **logged(pieces))


def test_silence_that_was_sent_while_the_model_had_nothing_is_none_of_the_voices():
    first, packets = CUTS["late"]
    (glitch,) = find_silence(with_a_log(packets * 0.02, at_s=first * 0.02))
    assert glitch.found_by == ("event log",)


@pytest.mark.parametrize(("stall_s", "at_s"), [(0.0, 6.0), (0.2, 3.0), (0.5, 6.0)], ids=["none", "elsewhere", "longer"])
def test_a_log_that_tells_of_another_want_leaves_a_pause_a_pause(stall_s, at_s):
    assert find_silence(with_a_log(stall_s, at_s=at_s)) == []


@pytest.mark.parametrize("timestamps", ["jumped", "contiguous"])
def test_a_want_in_which_the_sender_stood_still_was_not_filled_with_silence(timestamps):
    first, packets = CUTS["late"]
    payloads = encode(fill(steady(), first, packets, shift=PACKET // 2), "opus")
    later = np.arange(len(payloads)) >= first + packets + 1
    stream = make_stream(
        payloads,
        arrival_s=(np.arange(len(payloads)) + packets * later) * 0.02,
        timestamp=(np.arange(len(payloads)) + packets * later * (timestamps == "jumped")) * PACKET,
    )
    sent = decode_stream(stream).track
    still = replace(
        with_a_log(packets * 0.02, at_s=first * 0.02),
        journey=trace_journey(stream, sent=sent),
        downlink=stream,
        sent=sent,
    )
    assert find_silence(still) == []


def test_a_silence_ends_where_the_stream_has_a_gap():
    """A faint syllable stands between the gap and the silence: what was cut off ended before the gap."""
    first, packets = CUTS["late"]
    sound = fill(steady(), first, packets)
    sound[(first - 1) * PACKET : first * PACKET] *= 0.01
    payloads = encode(sound, "opus")
    timestamp = (np.arange(len(payloads)) + 5 * (np.arange(len(payloads)) >= first - 1)) * PACKET
    stream = make_stream(payloads, timestamp=timestamp)
    sent = decode_stream(stream).track
    assert find_silence(make_scene(journey=trace_journey(stream, sent=sent), downlink=stream, sent=sent)) == []


def test_a_long_silence_is_a_pause_between_sentences():
    assert find_silence(scene_of(fill(steady(), 150, 160))) == []


def test_without_payloads_nothing_is_decoded_and_nothing_found():
    assert find_silence(scene_of(fill(steady(), *CUTS["late"]), readable=False)) == []


def test_an_empty_or_silent_stream_shows_nothing():
    assert find_silence(scene_of(np.zeros(96_000, np.float32))) == []
    assert find_silence(make_scene(sent=track(np.empty(0)))) == []


def by_level(level_dbov, **changes):
    stream = make_stream([bytes(40)] * len(level_dbov), level_dbov=level_dbov, readable=False)
    journey = trace_journey(stream)
    return find_silence_by_level(
        make_scene(journey=journey, downlink=stream, **changes), boundaries=measure_boundaries(journey)
    )


def levels(first, packets, *, before=-18.0, after=-18.0, silence=-127.0, pause=-60.0):
    level = np.full(400, -18.0)
    level[20:60] = pause
    level[first : first + packets] = silence
    level[first - 1], level[first + packets] = before, after
    return level


def test_digital_silence_between_loud_packets_is_found_in_header_levels():
    (glitch,) = by_level(levels(200, 9))
    assert (glitch.kind, glitch.found_by) == ("silence", ("audio level",))
    assert glitch.capture_end_s - glitch.capture_start_s == pytest.approx(10 * 0.02)


@pytest.mark.parametrize(
    "changes", [{"before": -35.0}, {"after": -35.0}, {"silence": -75.0}], ids=["fades", "rises", "noise"]
)
def test_levels_of_natural_pauses_show_nothing(changes):
    assert by_level(levels(200, 9, **changes)) == []


@pytest.mark.parametrize(("first", "packets"), [(200, 1), (200, 160)])
def test_too_short_and_too_long_a_silence_are_none(first, packets):
    assert by_level(levels(first, packets)) == []


def test_levels_are_not_asked_where_the_sound_itself_is_known():
    assert by_level(levels(200, 9), sent=track(np.zeros(10))) == []
