"""What is decoded many packets at a time, by libopus itself or at another rate, is what each packet would have been."""

import numpy as np
import pytest
from building import CODECS, encode, encoded, make_stream, voice

from forensics.audio import decoder as room
from forensics.audio import libopus
from forensics.audio.decoder import DECODERS, FfmpegDecoder, decode_blocks, decode_rows, decoded_rate_hz
from forensics.audio.libopus import RATES_HZ, OpusDecoder, load_libopus, load_loop
from forensics.audio.resample import resample_blocks


@pytest.fixture
def without_libopus(monkeypatch):
    """FFmpeg's decoder alone."""
    monkeypatch.setattr(room, "load_libopus", lambda: None)


def one_by_one(payloads, codec):
    """Let FFmpeg decode with nothing put together."""
    each = FfmpegDecoder(codec)
    return np.frombuffer(b"".join(each._sound(payload) for payload in payloads), np.int16)


def decoded(payloads, codec="opus", **options):
    blocks = decode_blocks(make_stream(payloads, codec=codec), np.arange(len(payloads)), **options)
    lengths, samples = zip(*blocks, strict=True)
    return np.concatenate(lengths), np.concatenate(samples)


def laid_out(payloads):
    """Octets in one buffer, and where each packet begins and ends."""
    ends = np.cumsum([len(payload) for payload in payloads])
    return np.frombuffer(b"".join(payloads), np.uint8), ends - [len(payload) for payload in payloads], ends


def mixed(payloads):
    """Everything that a stream may hold beside voice: nothing, a pause, several frames, and what no decoder takes."""
    odd = list(payloads)
    odd[10] = b""
    odd[20:23] = [odd[20][:1]] * 3  # discontinuous transmission: a frame without octets
    odd[30] = bytes([odd[30][0] | 3, 2]) + bytes(60)
    odd[40] = bytes([odd[40][0]]) + bytes(1276)  # longer than a frame can be
    return odd


@pytest.mark.parametrize("codec", CODECS)
def test_many_at_once_sound_like_their_packets(codec, monkeypatch):
    monkeypatch.setattr(room, "PACKETS_AT_ONCE", 100)
    payloads = list(encoded(codec, 12.0))  # more than one block
    lengths, samples = decoded(payloads, codec)
    assert np.array_equal(samples, one_by_one(payloads, codec))
    assert set(lengths) == {round(0.02 * DECODERS[codec][1])}


@pytest.mark.parametrize("loop", ["compiled", "plain"])
def test_both_loops_do_what_ffmpeg_does_with_odd_packets_too(loop):
    payloads = mixed(encoded("opus", 2.0))
    decoder = OpusDecoder(48_000, packets=libopus.MANY if loop == "compiled" else 0)
    lengths, samples = decoder.decode(*laid_out(payloads))
    assert np.array_equal(samples, one_by_one(payloads, "opus"))
    assert lengths[[10, 20, 30, 40]].tolist() == [0, 960, 1920, 0]
    assert lengths.sum() == len(samples)


def test_where_llvm_cannot_compile_the_plain_loop_does(monkeypatch):
    def refuse(text):
        raise RuntimeError("LLVM IR parsing error")

    payloads = list(encoded("opus", 1.0))
    compiled = OpusDecoder(48_000).decode(*laid_out(payloads))
    monkeypatch.setattr("llvmlite.binding.parse_assembly", refuse)
    monkeypatch.setattr(libopus, "load_loop", load_loop.__wrapped__)
    assert libopus.load_loop() is None
    plain = OpusDecoder(48_000).decode(*laid_out(payloads))
    assert all(np.array_equal(one, other) for one, other in zip(compiled, plain, strict=True))


def test_frames_of_every_length_and_level_are_decoded_alike():
    loud = encode(np.random.default_rng(1).normal(0, 0.2, 48_000).astype(np.float32), "opus")
    quiet = encode(voice(1.0) * 1e-3, "opus")
    payloads = [payload for pair in zip(loud, quiet, strict=False) for payload in pair]
    assert np.array_equal(decoded(payloads)[1], one_by_one(payloads, "opus"))


@pytest.mark.usefixtures("without_libopus")
def test_without_libopus_ffmpeg_decodes_the_same():
    payloads = mixed(encoded("opus", 2.0))
    lengths, samples = decoded(payloads, wanted_hz=16_000)
    assert decoded_rate_hz("opus", wanted_hz=16_000) == 48_000
    assert np.array_equal(samples, one_by_one(payloads, "opus"))
    assert lengths[[10, 20, 30, 40]].tolist() == [0, 960, 1920, 0]


@pytest.mark.parametrize("rate_hz", [rate for rate in RATES_HZ if rate >= 16_000])
def test_opus_at_another_rate_is_the_same_sound_at_the_same_place(rate_hz):
    payloads = list(encoded("opus", 4.0))
    lengths, direct = decoded(payloads, wanted_hz=rate_hz)
    assert set(lengths) == {round(0.02 * rate_hz)}
    asked, whole = direct.astype(float), decoded(payloads)[1]
    (resampled,) = [np.concatenate(list(resample_blocks([whole], 48_000, sample_rate_hz=rate_hz))).astype(float)]
    products = [np.dot(asked[100:-100], np.roll(resampled, k)[100 : len(asked) - 100]) for k in range(-5, 6)]
    assert np.argmax(products) - 5 in (-1, 0, 1)  # a sixteenth of a millisecond
    norms = np.linalg.norm(asked) * np.linalg.norm(resampled)
    assert max(products) / norms > 0.97


def test_other_codecs_and_rates_are_decoded_at_their_own():
    assert decoded_rate_hz("pcmu", wanted_hz=16_000) == 8_000
    assert decoded_rate_hz("opus", wanted_hz=44_100) == 48_000
    assert decoded_rate_hz("opus") == 48_000


def test_a_rate_that_opus_has_not_is_refused():
    with pytest.raises(ValueError, match=r"44100 Hz.*48000"):
        OpusDecoder(44_100)


def test_a_machine_without_the_library_is_told(monkeypatch):
    monkeypatch.setattr(libopus, "load_libopus", lambda: None)
    with pytest.raises(OSError, match="no libopus"):
        OpusDecoder(48_000)


def test_a_file_that_is_no_library_is_passed_over(monkeypatch, tmp_path):
    junk = tmp_path / "libopus.so.0"
    junk.write_bytes(b"no library")
    places = libopus._places()
    monkeypatch.setattr(libopus, "_places", lambda: [str(junk), *places])
    assert load_libopus.__wrapped__() is not None
    monkeypatch.setattr(libopus, "_places", lambda: [str(junk)])
    assert load_libopus.__wrapped__() is None


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("libopus-114e2b1a.so.0.11.1", True),
        ("libopus.so", True),
        ("libopus.0.dylib", True),
        ("opus-3f1c.dll", True),
        ("libopusfile.so.0", False),
        ("libopusenc.0.dylib", False),
        ("opus.py", False),
    ],
)
def test_its_file_is_told_from_its_neighbours(name, is_one):
    assert bool(libopus.LIBRARY.match(name)) == is_one


def test_rows_come_one_by_one_as_float32():
    pieces = list(decode_rows(make_stream(encoded("opus", 0.2)), np.arange(10)))
    assert [(len(piece), piece.dtype) for piece in pieces] == [(960, np.float32)] * 10
