"""What is decoded several packets at a time is what each would have been."""

from itertools import chain

import numpy as np
import pytest
from building import CODECS, encode, encoded, make_stream, voice

from forensics.audio import decoder as room
from forensics.audio.decoder import DECODERS, OPUS_FRAME_MS, bundle_payloads, decode_blocks, decode_rows, join_payloads


def one_by_one(payloads, codec):
    """Decode with nothing put together."""
    each = room._Decoder(codec)
    return b"".join(sound for payload in payloads for _, sound in each.decode([payload]))


def decoded(payloads, codec="opus"):
    lengths, samples = zip(*decode_blocks(make_stream(payloads, codec=codec), np.arange(len(payloads))), strict=True)
    return np.concatenate(lengths), np.concatenate(samples)


@pytest.mark.parametrize("codec", CODECS)
def test_bundles_sound_like_their_packets(codec):
    payloads = list(encoded(codec, 12.0))  # more than one block
    lengths, samples = decoded(payloads, codec)
    assert np.array_equal(samples, np.frombuffer(one_by_one(payloads, codec), np.int16))
    assert set(lengths) == {round(0.02 * DECODERS[codec][1])}


def test_six_packets_of_20_ms_make_one_of_120():
    sizes = [len(bundle) for bundle in bundle_payloads(encoded("opus", 0.3), "opus")]
    assert sizes == [6, 6, 3]


def test_a_bundle_holds_one_mode_and_120_ms_at_most():
    payloads = [bytes([config << 3, 1, 2]) for config in range(32) for _ in range(60)]
    for bundle in bundle_payloads(payloads, "opus"):
        assert len({payload[0] for payload in bundle}) == 1
        assert len(bundle) * OPUS_FRAME_MS[bundle[0][0] >> 3] <= 120


def test_packets_of_several_frames_and_empty_ones_stay_alone():
    single = encoded("opus", 0.1)[0]
    double = join_payloads([single, single], "opus")
    payloads = [single, b"", double, double, single, single, bytes([single[0]]) + bytes(1276)]
    assert [len(bundle) for bundle in bundle_payloads(payloads, "opus")] == [1, 1, 1, 1, 2, 1]
    assert list(chain(*bundle_payloads(payloads, "opus"))) == payloads


def test_frames_of_every_length_are_put_together():
    loud = encode(np.random.default_rng(1).normal(0, 0.2, 48_000).astype(np.float32), "opus")
    quiet = encode(voice(1.0) * 1e-3, "opus")
    payloads = [payload for pair in zip(loud, quiet, strict=False) for payload in pair]
    assert {len(payload) > 252 for payload in payloads} == {True, False}
    assert np.array_equal(decoded(payloads)[1], np.frombuffer(one_by_one(payloads, "opus"), np.int16))


def test_a_frame_without_octets_is_concealed_in_a_bundle_as_alone():
    payloads = list(encoded("opus", 1.0))
    payloads[20:23] = [payloads[20][:1]] * 3  # discontinuous transmission
    lengths, samples = decoded(payloads)
    assert np.array_equal(samples, np.frombuffer(one_by_one(payloads, "opus"), np.int16))
    assert (lengths == 960).all()


def test_one_that_is_refused_does_not_take_its_bundle_along(monkeypatch):
    payloads = list(encoded("opus", 0.2))
    whole = join_payloads(payloads[:6], "opus")
    sound = room._Decoder._sound
    monkeypatch.setattr(room._Decoder, "_sound", lambda self, packet: b"" if packet == whole else sound(self, packet))
    lengths, samples = decoded(payloads)
    assert (lengths == 960).all()
    assert np.array_equal(samples, np.frombuffer(one_by_one(payloads, "opus"), np.int16))


def test_rows_come_one_by_one_as_float32():
    pieces = list(decode_rows(make_stream(encoded("opus", 0.2)), np.arange(10)))
    assert [(len(piece), piece.dtype) for piece in pieces] == [(960, np.float32)] * 10
