import numpy as np
import pytest
import soundfile

from forensics.errors import AudioError, MissingToolError, ScenarioError
from forensics.lab import espeak, speech
from forensics.lab.scenario import Line, Scenario, Voice
from forensics.lab.speech import SPEECH_PEAK, SPEECH_RATE_HZ, read_speech, speak, speak_line


@pytest.mark.speech
def test_speech_is_the_same_every_time():
    first = speak.__wrapped__("One two three.", voice=Voice("en+f2"))
    second = speak.__wrapped__("One two three.", voice=Voice("en+f2"))
    np.testing.assert_array_equal(first.samples, second.samples)
    assert np.abs(first.samples).max() == pytest.approx(SPEECH_PEAK)


@pytest.mark.speech
def test_words_and_sentences_have_their_times():
    spoken = speak("The book is here. Take it home.")
    assert [word.text for word in spoken.words] == ["The", "book", "is", "here", "Take", "it", "home"]
    assert [sentence.text for sentence in spoken.sentences] == ["The book is here.", "Take it home."]
    starts = [word.start_s for word in spoken.words]
    assert starts == sorted(starts)
    assert spoken.words[-1].end_s == pytest.approx(spoken.duration_s)


@pytest.mark.speech
def test_voices_differ():
    slow, fast = (speak("A longer sentence.", voice=Voice("en", speed)) for speed in (100, 300))
    assert slow.duration_s > 1.5 * fast.duration_s


@pytest.mark.speech
def test_a_voice_that_is_not_there_is_named():
    with pytest.raises(ScenarioError, match="espeak-ng has no voice 'xx-nobody'"):
        speak("Hello.", voice=Voice("xx-nobody"))


@pytest.mark.speech
def test_text_without_sound_is_refused():
    with pytest.raises(ScenarioError, match="made no sound"):
        speak(" ")


def test_without_espeak_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    program = tmp_path / "espeak.py"
    program.write_text(f"raise SystemExit({espeak.NO_LIBRARY})")
    monkeypatch.setattr(speech.espeak, "__file__", str(program))
    with pytest.raises(MissingToolError, match="apt-get install espeak-ng"):
        speak.__wrapped__("Hello.")


def test_a_sound_file_becomes_one_voice_at_48_khz(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    soundfile.write(tmp_path / "tone.wav", np.column_stack([tone, np.zeros_like(tone)]), 16_000)
    spoken = speak_line(Line("agent", 0.0, wav=tmp_path / "tone.wav"), Scenario("s", 5.0))
    assert len(spoken.samples) == SPEECH_RATE_HZ
    assert np.sqrt(np.mean(spoken.samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    assert not spoken.samples.flags.writeable


def test_a_sound_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "noise.wav").write_bytes(b"not sound")
    with pytest.raises(AudioError, match=r"Cannot read speech from .*noise\.wav"):
        read_speech(tmp_path / "noise.wav")


def test_a_sound_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AudioError, match=r"There is no sound file .*gone\.wav"):
        read_speech(tmp_path / "gone.wav")


def test_a_sound_file_that_was_recorded_anew_is_read_anew(tmp_path):
    path = tmp_path / "voice.wav"
    for seconds in (1, 2):
        soundfile.write(path, np.zeros(seconds * 8000), 8000)
        assert read_speech(path).duration_s == seconds
