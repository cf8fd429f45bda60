import numpy as np
import pytest

from forensics.lab.payloads import encode_payloads
from forensics.lab.plan import SendPlan
from forensics.lab.scenario import Sender
from forensics.playout import replay_neteq
from forensics.playout.redundancy import carries_copy

FRAME = 960


@pytest.fixture(scope="module")
def vowel():
    t = np.arange(300 * FRAME) / 48_000
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(1.7 * t) + 10 * np.sin(5.3 * t)) / 48_000
    tone = sum(np.sin(k * phase + k) / k for k in range(1, 12))
    return (0.15 * tone * (1 + 0.5 * np.sin(8 * t))).astype(np.float32).reshape(-1, FRAME)


def encode(audio, **sender):
    """At 20 kbit/s, where libopus codes a voice with SILK, whose packets can carry copies."""
    return encode_payloads(SendPlan((), audio, (), (), audio.reshape(-1), 48_000), Sender(bitrate_bps=20_000, **sender))


def heads(payloads):
    return np.array([tuple(payload[:2]) for payload in payloads], dtype=np.uint8).T


def test_an_encoder_with_fec_sends_copies_and_one_without_does_not(vowel):
    assert not carries_copy(*heads(encode(vowel))).any()
    assert carries_copy(*heads(encode(vowel, inband_fec=True)))[10:].mean() > 0.5


def test_celt_has_no_copies():
    assert not carries_copy(np.array([31 << 3], np.uint8), np.array([255], np.uint8)).any()


def with_payloads(stream, payloads):
    from dataclasses import replace

    rows = stream.packets["ext_sequence_number"].to_numpy()
    sizes = np.array([len(payloads[row]) for row in rows])
    stream.packets["payload_bytes"] = sizes.astype("int32")
    stream.packets["payload_offset"] = np.cumsum(sizes) - sizes
    return replace(stream, octets=np.frombuffer(b"".join(payloads[row] for row in rows), dtype=np.uint8))


def test_a_single_loss_is_repaired_from_the_next_packet(make_stream, steady, vowel):
    payloads = encode(vowel, inband_fec=True)
    carriers = np.flatnonzero(carries_copy(*heads(payloads)))
    carriers = carriers[carriers > 100]
    kept = np.delete(np.arange(300), [carriers[10] - 1, carriers[40] - 1])
    stream = make_stream(steady[:300][kept], sequence=kept)
    plain = replay_neteq(with_payloads(stream, encode(vowel)))
    repaired = replay_neteq(with_payloads(stream, payloads))
    assert plain.counters["packets_lost"] == repaired.counters["packets_lost"] == 2
    assert plain.concealed["start_s"].gt(1.0).sum() == 2
    assert repaired.counters["fec_packets_received"] > 100
    assert repaired.counters["concealed_samples"] < plain.counters["concealed_samples"] / 2
    assert repaired.packets["row"].tolist() == list(range(298))


def test_a_burst_is_repaired_by_one_packet_only(make_stream, steady, vowel):
    payloads = encode(vowel, inband_fec=True)
    carriers = np.flatnonzero(carries_copy(*heads(payloads)))
    end = int(carriers[carriers > 150][0])
    kept = np.r_[0 : end - 10, end:300]
    repaired = replay_neteq(with_payloads(make_stream(steady[:300][kept], sequence=kept), payloads))
    holes = repaired.concealed[repaired.concealed["start_s"] > 1]
    assert (holes["end_s"] - holes["start_s"]).tolist() == pytest.approx([0.18], abs=0.02)
