"""A voice is cut at packet edges as a sender would cut it, before it is encoded; cuts are found, and nothing else."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from building import CODECS, FRAME_S, encode, make_glitch, make_journey, make_scene, make_stream, voice

from forensics.audio.payloads import decode_stream
from forensics.causes.content import spliced
from forensics.causes.site import find_site
from forensics.glitches import splices as room
from forensics.glitches.merge import merge_glitches
from forensics.glitches.splices import Judge, find_speech_edges, find_splices, score_speech_edges
from forensics.model import Cause, Codec, Scene

SECONDS = 16.0
CUTS = (61, 113, 170, 222, 281, 337, 390, 446, 503, 560)
"""Packets that the sender goes on with after it threw 240 ms away."""


def scene_of(sound: np.ndarray, codec: str, *, lost: tuple[int, ...] = (), **columns: object) -> Scene:
    payloads = encode(sound, codec)
    stream = make_stream(payloads, codec=codec, lost=lost)
    journey = make_journey(len(payloads), frame=np.arange(len(payloads)) + 1, **columns)
    kept = journey.drop(index=list(lost)).reset_index(drop=True)
    return make_scene(journey=kept, downlink=stream, sent=decode_stream(stream).track)


def cut(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """Throw 240 ms away before each packet of `CUTS`."""
    size = round(FRAME_S * rate_hz)
    edges = [0, *(at * size for at in CUTS), len(sound)]
    return np.concatenate([sound[a + 12 * size * i : b + 12 * size * i] for i, (a, b) in enumerate(pairwise(edges))])


def spoken(codec: str, *, seed: int) -> np.ndarray:
    return voice(SECONDS, seed=seed, rate_hz=CODECS[codec][1], pauses=False)


def packets_found(scene: Scene) -> list[int]:
    """Behind which packets the splices found stand."""
    return [glitch.frames[-1] - 1 for glitch in find_splices(scene)]


@pytest.fixture(scope="module", params=["opus", "pcmu"])
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def spliced_scene() -> Scene:
    return scene_of(cut(spoken("opus", seed=3), CODECS["opus"][1]), "opus")


def test_a_long_voice_is_scored_by_the_stretch_as_in_one(spliced_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score_speech_edges(spliced_scene)
    monkeypatch.setattr(room, "STRETCH_S", 2)
    parts = score_speech_edges(replace(spliced_scene))
    np.testing.assert_array_equal(parts.positions, whole.positions)
    np.testing.assert_allclose(parts.breaks_db, whole.breaks_db, atol=0.01)


def test_cuts_are_found_at_their_packets_and_nothing_else(codec: str) -> None:
    found = packets_found(scene_of(cut(spoken(codec, seed=2), CODECS[codec][1]), codec))
    assert set(found) <= set(CUTS)
    assert len(found) >= len(CUTS) / 2


def test_the_same_voices_uncut_hold_no_splice(codec: str) -> None:
    for seed in (2, 3, 4):
        assert packets_found(scene_of(spoken(codec, seed=seed), codec)) == []


def test_the_edge_of_g722_lies_behind_its_filters() -> None:
    found = packets_found(scene_of(cut(spoken("g722", seed=1), CODECS["g722"][1]), "g722"))
    assert set(found) <= set(CUTS)
    assert len(found) >= len(CUTS) / 2


def test_a_splice_says_what_was_measured_and_lies_between_its_packets(spliced_scene: Scene) -> None:
    glitch = find_splices(spliced_scene)[0]
    before, after = glitch.frames
    heard_s = spliced_scene.journey.set_index("frame")["heard_s"]  # type: ignore[union-attr]
    assert after == before + 1
    assert glitch.kind == "splice"
    assert glitch.start_s == glitch.end_s == pytest.approx(heard_s[after])
    assert glitch.measurements["log_likelihood_ratio"] > 30
    assert glitch.measurements["break_db"] > 8
    assert {"speech_before": 1.0, "speech_after": 1.0, "lost_packets": 0.0, "media_gap_s": 0.0}.items() <= (
        glitch.measurements.items()
    )


def test_a_cut_far_from_any_packet_edge_is_not_a_senders_skip(spliced_scene: Scene) -> None:
    shifted = replace(spliced_scene, journey=spliced_scene.journey.assign(media_s=lambda j: j["media_s"] + 0.0085))  # type: ignore[union-attr]
    assert packets_found(shifted) == []


def test_a_loss_beside_the_cut_explains_what_is_heard(spliced_scene: Scene) -> None:
    found = packets_found(spliced_scene)
    lost = tuple(packet - 1 for packet in found)
    assert packets_found(scene_of(cut(spoken("opus", seed=3), CODECS["opus"][1]), "opus", lost=lost)) == []


def test_a_step_of_the_playout_curve_explains_what_is_heard(spliced_scene: Scene) -> None:
    first, *others = packets_found(spliced_scene)
    heard_s = spliced_scene.journey["heard_s"] + 0.04 * (spliced_scene.journey["frame"] > first)  # type: ignore[index,union-attr]
    stepped = replace(spliced_scene, journey=spliced_scene.journey.assign(heard_s=heard_s))  # type: ignore[union-attr]
    assert packets_found(stepped) == others


def test_speech_cut_into_silence_is_no_splice(codec: str) -> None:
    rate_hz = CODECS[codec][1]
    sound, size = spoken(codec, seed=3).copy(), round(FRAME_S * rate_hz)
    for packet in CUTS:
        sound[packet * size : (packet + 12) * size] = 0
    assert packets_found(scene_of(sound, codec)) == []


@pytest.mark.parametrize("missing", ["sent", "journey"])
def test_without_decoded_packets_it_is_not_looked_for(spliced_scene: Scene, missing: str) -> None:
    assert find_splices(replace(spliced_scene, **{missing: None})) == []


def test_silence_is_no_speech() -> None:
    assert len(find_speech_edges(np.zeros(48_000, np.float32), np.arange(2000, 40_000, 320))) == 0


def test_opus_next_to_a_narrow_recording_is_not_looked_at(spliced_scene: Scene) -> None:
    assert spliced_scene.sent is not None
    narrow = replace(spliced_scene.sent, samples=spliced_scene.sent.samples[::6].copy(), sample_rate_hz=8000)
    assert find_splices(replace(spliced_scene, sent=narrow)) == []


def test_an_unknown_codec_is_not_looked_at(spliced_scene: Scene) -> None:
    assert spliced_scene.downlink is not None
    other = replace(spliced_scene.downlink, codec=Codec("ilbc", 8000))
    assert find_splices(replace(spliced_scene, downlink=other)) == []


def test_trees_answer_question_by_question() -> None:
    judge = Judge(
        break_db=0.0, splice_db=0.0, bias=1.0,
        asked=np.array([[0, 1, 1, 0, 0, 0, 0]]), thresholds=np.array([[0.0, 5.0, -5.0, 9.0, 9.0, 9.0, 9.0]]),
        worth=np.array([[10.0, 11, 20, 21, 30, 31, 40, 41]]),
    )  # fmt: skip
    measures = np.array([[-1.0, 0.0], [-1.0, 6.0], [1.0, -6.0], [10.0, 0.0]], np.float32)
    np.testing.assert_allclose(judge.weigh(measures), [11, 21, 31, 42])


def test_the_rule_blames_the_sender_with_the_numbers(spliced_scene: Scene) -> None:
    glitch = find_splices(spliced_scene)[0]
    site = find_site(glitch, spliced_scene)
    assert site is not None
    (evidence,) = spliced(site)
    assert (evidence.cause, evidence.mechanism, evidence.supports) == (Cause.SENDER_POLICY, "deliberate_drop", True)
    assert f"{glitch.measurements['break_db']:.0f} dB" in evidence.statement
    assert evidence.measurements["log_likelihood_ratio"] == glitch.measurements["log_likelihood_ratio"]


def test_a_hole_behind_a_splice_is_a_glitch_of_its_own() -> None:
    splice, hole = make_glitch("splice", 1.0, 1.0), make_glitch("hole", 1.2, 1.3)
    assert [glitch.kind for glitch in merge_glitches([splice, hole])] == ["splice", "hole"]
