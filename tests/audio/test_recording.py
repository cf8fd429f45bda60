import av
import numpy as np
import pytest
import soundfile
from building import RATE_HZ, voice

from forensics.audio import read_recording
from forensics.errors import AudioError
from forensics.pcm import Pcm16


@pytest.fixture
def wav(tmp_path):
    """Write a sound, (n,) or (n, channels), as WAV."""

    def write(samples, *, rate_hz=RATE_HZ, name="call.wav"):
        soundfile.write(tmp_path / name, samples, rate_hz)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", ["call.wav", "call.flac"])
def test_a_lossless_recording_is_read_to_the_sample(wav, name):
    sound = voice(1.0)
    track = read_recording(wav(sound, name=name), name="microphone")
    assert (track.name, track.sample_rate_hz, track.known) == ("microphone", RATE_HZ, ((0.0, 1.0),))
    assert track.samples == pytest.approx(sound, abs=1e-4)
    assert track.notes == ()


def test_channels_are_averaged(wav):
    left, right = voice(0.5, seed=1), voice(0.5, seed=2)
    track = read_recording(wav(np.stack([left, right], axis=1)))
    assert track.samples == pytest.approx((left + right) / 2, abs=1e-3)


@pytest.mark.parametrize(("subtype", "held"), [("PCM_16", True), ("PCM_24", False), ("FLOAT", False)])
def test_what_16_bits_hold_is_held_as_such_and_nothing_else(tmp_path, subtype, held):
    sound = voice(0.5) + np.float32(3e-6)
    soundfile.write(tmp_path / "call.wav", sound, RATE_HZ, subtype=subtype)
    samples = read_recording(tmp_path / "call.wav").samples
    assert isinstance(samples, Pcm16) == held
    assert np.asarray(samples) == pytest.approx(sound, abs=5e-5 if held else 2e-7)


def test_what_was_coded_with_loss_is_held_as_16_bits(tmp_path):
    with av.open(str(tmp_path / "call.ogg"), "w") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(voice(1.0)[None, :], "flt", "mono")
        frame.sample_rate = RATE_HZ
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    track = read_recording(tmp_path / "call.ogg")
    assert isinstance(track.samples, Pcm16)
    assert np.corrcoef(track.samples[:40_000], voice(1.0)[:40_000])[0, 1] > 0.9


def test_the_rate_stays_that_of_the_file(wav):
    track = read_recording(wav(voice(0.5, rate_hz=44_100), rate_hz=44_100))
    assert (track.sample_rate_hz, len(track.samples)) == (44_100, 22_050)


@pytest.mark.parametrize("name", ["call.wav", "call.flac"])
def test_a_file_that_breaks_off_is_read_up_to_there_and_says_so(wav, name):
    path = wav(voice(4.0), name=name)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    track = read_recording(path)
    assert 0.5 < track.duration_s < 3.5
    assert any("breaks off" in note for note in track.notes)


def test_no_file(tmp_path):
    with pytest.raises(AudioError, match=r"No recording at .*gone\.wav"):
        read_recording(tmp_path / "gone.wav")


def test_an_empty_file(tmp_path):
    (tmp_path / "call.wav").touch()
    with pytest.raises(AudioError, match=r"call\.wav is no audio file.*Expected WAV, FLAC"):
        read_recording(tmp_path / "call.wav")


def test_a_file_that_holds_something_else(tmp_path):
    (tmp_path / "call.wav").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(AudioError, match="no audio file"):
        read_recording(tmp_path / "call.wav")


def test_a_film_without_sound(tmp_path):
    path = tmp_path / "call.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        for packet in (*stream.encode(av.VideoFrame(16, 16, "yuv420p")), *stream.encode(None)):
            container.mux(packet)
    with pytest.raises(AudioError, match="holds no audio stream"):
        read_recording(path)
