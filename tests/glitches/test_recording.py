import numpy as np
import pytest
from building import RATE_HZ, make_scene, track, voice

from forensics.audio.repeats import find_repeats
from forensics.causes import judge_glitches
from forensics.glitches import find_glitches
from forensics.glitches.recording import CONCEALED, CUT, find_in_recording
from forensics.model import Cause

LENGTH_S = 12.0


def samples(at_s):
    return round(at_s * RATE_HZ)


def recorded(sound, *, noise=1e-4):
    return make_scene(recording=track(sound + np.random.default_rng(4).normal(0, noise, len(sound))))


def loudest_s(sound, after_s):
    """Where a syllable is at its loudest: a second from `after_s` is looked at."""
    piece = np.abs(sound[samples(after_s) : samples(after_s + 1.0)])
    return after_s + float(np.convolve(piece, np.ones(960), "same").argmax()) / RATE_HZ


def concealed(sound, at_s, length_s, *, period_s=0.0075):
    """Put the last period in the place of what follows, again and again, fading as NetEq does (expand.cc)."""
    out, first, period = sound.copy(), samples(at_s), samples(period_s)
    count = samples(length_s)
    copies = np.resize(sound[first - period : first], count)
    periods = np.arange(count) // period
    kept = np.select([periods < 3, periods < 7], [1.0, 0.95], 0.9) ** (1 / (0.00625 * RATE_HZ))
    out[first : first + count] = copies * np.cumprod(kept)
    return out


@pytest.fixture(scope="module")
def clean():
    return voice(LENGTH_S, seed=3, pauses=False)


@pytest.mark.parametrize("length_s", [0.12, 0.2, 0.4])
def test_concealment_is_heard_by_its_repeated_pitch(clean, length_s):
    at_s = loudest_s(clean, 4.0)
    (glitch,) = find_in_recording(recorded(concealed(clean, at_s, length_s)))
    assert (glitch.kind, glitch.found_by) == ("hole", (CONCEALED,))
    assert glitch.start_s == pytest.approx(at_s, abs=0.04)
    assert glitch.end_s == pytest.approx(at_s + length_s, abs=0.03)
    assert glitch.measurements["period_s"] == pytest.approx(0.0075, abs=1e-4)


def test_digital_silence_with_sharp_edges_is_heard(clean):
    at_s, sound = loudest_s(clean, 6.0), clean.copy()
    sound[samples(at_s) : samples(at_s + 0.12)] = 0
    cut = [glitch for glitch in find_in_recording(make_scene(recording=track(sound))) if CUT in glitch.found_by]
    assert [(glitch.kind, round(glitch.end_s - glitch.start_s, 3)) for glitch in cut] == [("silence", 0.12)]
    assert cut[0].start_s == pytest.approx(at_s, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_a_voice_with_pauses_has_nothing(seed):
    assert find_in_recording(recorded(voice(LENGTH_S, seed=seed))) == []


@pytest.mark.parametrize("pitch_hz", [70, 90, 125])
def test_a_steady_low_vowel_that_dies_away_is_no_concealment(pitch_hz):
    t = np.arange(samples(1.0)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 - 0.08 * t)) / RATE_HZ
    vowel = sum(np.sin(n * phase) / n for n in range(1, 12)) * np.exp(-4 * t) * 0.2
    sound = np.concatenate([voice(2.0), vowel.astype(np.float32), np.zeros(samples(0.3), np.float32), voice(2.0)])
    assert find_in_recording(recorded(sound)) == []


def test_digital_pauses_between_sounds_that_die_away_are_none(clean):
    fade = np.linspace(1, 0, samples(0.02), dtype=np.float32)
    pieces = [clean[samples(a) : samples(a + 1.5)].copy() for a in (0.0, 3.0, 6.0)]
    for piece in pieces:
        piece[-len(fade) :] *= fade
        piece[: len(fade)] *= fade[::-1]
    silence = np.zeros(samples(0.25), np.float32)
    assert find_in_recording(make_scene(recording=track(np.concatenate([*(np.r_[p, silence] for p in pieces)])))) == []


@pytest.mark.parametrize("length", [0, 1, 400, 5000])
def test_short_recordings_have_nothing(length):
    assert find_repeats(np.zeros(length, np.float32)) == []
    assert find_in_recording(make_scene(recording=track(np.zeros(length)))) == []


def test_a_recording_alone_blames_nobody_and_asks_for_packets(clean):
    scene = recorded(concealed(clean, loudest_s(clean, 4.0), 0.2))
    (verdict,) = judge_glitches(find_glitches(scene), scene)
    assert verdict.cause is Cause.UNDETERMINED
    assert verdict.glitch.audible
    assert "repeated" in verdict.evidence[0].statement
    assert Cause.RECORDING_ARTEFACT not in {cause for cause, _ in verdict.alternatives}


def test_sharp_edges_speak_for_sent_silence_or_the_recorder(clean):
    at_s, sound = loudest_s(clean, 6.0), clean.copy()
    sound[samples(at_s) : samples(at_s + 0.12)] = 0
    scene = make_scene(recording=track(sound))
    (verdict,) = judge_glitches(find_glitches(scene), scene)
    assert verdict.cause is Cause.UNDETERMINED
    assert {cause for cause, _ in verdict.alternatives[:2]} == {Cause.RECORDING_ARTEFACT, Cause.LATE_MODEL_OUTPUT}
