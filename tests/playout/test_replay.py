import numpy as np
import pytest

from forensics.errors import AudioError
from forensics.model import PLAYOUT_COLUMNS, AudioTrack
from forensics.playout import replay_fixed, replay_neteq
from forensics.playout.ticks import estimate_ticks, regular_ticks
from forensics.playout.waveform import Waveform

FRAME_S = 0.02


def concealed_s(replay, after_s=1.0):
    late = replay.concealed[replay.concealed["start_s"] > after_s]
    return float((late["end_s"] - late["start_s"]).sum())


def test_a_steady_call_is_played_whole_and_unconcealed(make_stream, steady):
    replay = replay_neteq(make_stream(steady))
    assert concealed_s(replay) == 0
    assert replay.packets["heard_s"].notna().all()
    assert replay.packets.dtypes.astype(str).to_dict() == dict(PLAYOUT_COLUMNS)
    delay_s = replay.packets["heard_s"] - steady
    assert delay_s[100:].between(0.02, 0.06).all()


def test_a_loss_is_concealed_for_about_as_long_as_it_is(make_stream, steady):
    kept = np.r_[0:500, 513:1000]
    replay = replay_neteq(make_stream(steady[kept], sequence=kept))
    assert concealed_s(replay) == pytest.approx(13 * FRAME_S, abs=0.015)
    hole = replay.concealed.iloc[-1]
    assert not hole["late"]
    assert hole["start_s"] == pytest.approx(steady[500], abs=0.06)
    assert replay.counters["packets_lost"] == 13


def test_a_stall_with_contiguous_timestamps_is_an_outage_and_playout_slows_down_after(make_stream, steady):
    steady[500:] += 0.5
    replay = replay_neteq(make_stream(steady))
    assert concealed_s(replay) == pytest.approx(0.5, abs=0.06)
    assert replay.concealed["late"].iloc[-1]
    assert replay.counters["packets_lost"] == 0
    after = replay.curve[replay.curve["tick_s"] > 11]
    assert (after["action"] == "preemptive_expand").any()


def test_concealment_for_packets_that_were_overtaken_and_came_after_their_turn_is_for_late_ones(make_stream, steady):
    steady[500:502] += 0.15
    order = np.argsort(steady)
    replay = replay_neteq(make_stream(steady[order], sequence=np.arange(len(steady))[order]))
    assert replay.concealed["late"].tolist()[-1]
    assert replay.concealed["start_s"].iloc[-1] == pytest.approx(steady[499] + FRAME_S, abs=0.06)
    assert replay.counters["packets_lost"] == 0
    assert replay.counters["packets_discarded"] == 2


def test_held_packets_cost_the_hold_less_the_buffer_and_the_delay_is_caught_up(make_stream, steady):
    steady[500:515] = np.maximum(steady[500:515], steady[500] + 0.3)
    replay = replay_neteq(make_stream(steady))
    assert 0.2 < concealed_s(replay) < 0.3
    assert replay.concealed["late"].iloc[-1]
    assert replay.counters["removed_samples_for_acceleration"] > 0.1 * 48_000
    assert replay.curve["target_delay_s"].max() >= 0.28


def test_a_deep_buffer_covers_the_hold(make_stream, steady):
    steady[500:515] = np.maximum(steady[500:515], steady[500] + 0.3)
    stream = make_stream(steady)
    deep = replay_neteq(stream, minimum_delay_s=0.4)
    assert concealed_s(deep, after_s=5) == 0
    assert (deep.packets["heard_s"] - steady)[900] > 0.35


def test_a_deep_buffer_skips_a_loss_instead_of_concealing_it(make_stream, steady):
    kept = np.r_[0:500, 504:1000]
    stream = make_stream(steady[kept], sequence=kept)
    tick_s = regular_ticks(0.0, 25.0).tick_s
    tick_s[980:] += 0.3
    assert concealed_s(replay_neteq(stream)) > 0.06
    assert concealed_s(replay_neteq(stream, tick_s=tick_s)) < 0.04


def test_dtx_is_comfort_noise_not_concealment(make_stream):
    """Two seconds of speech, two of silence with a packet every 400 ms, two of speech."""
    sequence = np.arange(205)
    media = np.r_[np.arange(100), 100 + 20 * np.arange(5), 200 + np.arange(100)]
    payload = np.where((sequence >= 100) & (sequence < 105), 1, 80)
    stream = make_stream(media * FRAME_S, sequence=sequence, timestamp=media * 960, payload_bytes=payload)
    replay = replay_neteq(stream)
    assert concealed_s(replay, after_s=0.5) < 0.03
    assert replay.counters["comfort_noise_samples"] > 1.5 * 48_000


def test_comfort_noise_of_a_telephone_codec_is_not_concealment(make_stream):
    """G.711 with RFC 3389: speech, one packet of noise parameters every 200 ms, speech."""
    media = np.r_[np.arange(100), 100 + 10 * np.arange(10), 200 + np.arange(100)]
    payload = np.where((np.arange(210) >= 100) & (np.arange(210) < 110), 1, 160)
    stream = make_stream(media * FRAME_S, timestamp=media * 160, payload_bytes=payload, codec=("pcmu", 8000))
    stream.packets.loc[100:109, "payload_type"] = 13
    replay = replay_neteq(stream)
    assert concealed_s(replay, after_s=0.5) < 0.03
    assert replay.counters["comfort_noise_samples"] > 1.5 * 8000


def test_a_pause_without_packets_fades_to_silence(make_stream):
    sequence = np.arange(200)
    media = np.where(sequence < 100, sequence, sequence + 150)
    counters = replay_neteq(make_stream(media * FRAME_S, timestamp=media * 960)).counters
    assert counters["concealed_samples"] == pytest.approx(3.0 * 48_000, rel=0.05)
    assert counters["silent_concealed_samples"] > 2.0 * 48_000
    assert counters["interruption_count"] == 1


def test_an_unpaced_burst_overflows_the_buffer(make_stream, steady):
    steady[300:600] = steady[300] + np.arange(300) * 1e-4
    replay = replay_neteq(make_stream(steady))
    assert replay.counters["buffer_flushes"] == 1
    assert replay.counters["packets_discarded"] >= 200


def test_a_packet_after_its_time_is_discarded(make_stream, steady):
    steady[500] += 0.3
    replay = replay_neteq(make_stream(steady))
    assert replay.counters["packets_discarded"] == 1
    assert replay.packets["heard_s"].isna().sum() == 1


def test_the_drift_of_a_sender_is_absorbed(make_stream):
    arrival_s = np.arange(10_000) * FRAME_S * (1 - 200e-6)
    replay = replay_neteq(make_stream(arrival_s))
    assert replay.counters["removed_samples_for_acceleration"] > 0
    assert (replay.packets["heard_s"] - arrival_s)[9000:].max() < 0.1


def test_gliding_and_stepping_come_to_the_same(make_stream, steady, monkeypatch):
    rng = np.random.default_rng(8)
    steady = np.maximum.accumulate(steady + rng.exponential(0.01, len(steady)))
    kept = rng.random(len(steady)) > 0.02
    stream = make_stream(steady[kept], sequence=np.flatnonzero(kept))
    gliding = replay_neteq(stream)
    monkeypatch.setattr("forensics.playout.neteq.glide", lambda neteq: False)
    stepping = replay_neteq(stream)
    assert gliding.counters == stepping.counters
    assert gliding.packets.equals(stepping.packets)
    assert gliding.curve.equals(stepping.curve)


def test_the_running_sums_of_the_curve_end_at_the_counters(make_stream, steady):
    replay = replay_neteq(make_stream(steady))
    last = replay.curve.iloc[-1]
    assert last["jitter_buffer_delay"] == pytest.approx(replay.counters["jitter_buffer_delay"])
    assert last["jitter_buffer_emitted_count"] == replay.counters["jitter_buffer_emitted_count"] == 1000 * 960


def test_a_sound_card_with_large_blocks_deepens_the_buffer(make_stream, steady):
    stream = make_stream(steady)
    assert replay_neteq(stream, block_s=0.04).curve["target_delay_s"].iloc[-1] > 0.02


def test_known_ticks_show_a_frozen_sound_card(make_stream, steady):
    tick_s = regular_ticks(0.0, 25.0).tick_s
    tick_s[800:] += 0.3
    stream = make_stream(steady)
    frozen = replay_neteq(stream, tick_s=tick_s)
    assert frozen.curve["buffer_s"].max() > 0.3 > replay_neteq(stream).curve["buffer_s"].max()


def test_the_counters_of_getstats_show_a_frozen_sound_card(make_stream, steady):
    """Readings once a second, within a block; the card froze for 300 ms at 8 s."""
    at_s = np.arange(0.503, 20.0)
    counted = np.floor((at_s - 0.3 * (at_s > 8)) / 0.01) * 480
    tick_s = estimate_ticks(at_s, counted, rate_hz=48_000)
    assert tick_s[0] == pytest.approx(0.0, abs=0.01)
    assert tick_s[1500] == pytest.approx(15.3, abs=0.01)
    buffer = replay_neteq(make_stream(steady), tick_s=tick_s).curve.set_index("tick_s")["buffer_s"]
    assert buffer.loc[8:10].max() > 0.25


def test_statistics_without_samples_say_nothing_about_ticks(make_stream, steady):
    assert len(estimate_ticks(np.array([]), np.array([]), rate_hz=48_000)) == 0
    stream = make_stream(steady)
    assert replay_neteq(stream, tick_s=np.zeros(0)).counters == replay_neteq(stream).counters


def test_the_replay_goes_on_when_told_to(make_stream, steady):
    replay = replay_neteq(make_stream(steady), until_s=25.0)
    assert replay.curve["tick_s"].iloc[-1] == pytest.approx(25.0, abs=0.02)
    assert replay.concealed["end_s"].iloc[-1] == pytest.approx(25.0, abs=0.05)


def test_audio_of_another_rate_is_refused(make_stream, steady):
    track = AudioTrack("sent", np.zeros(16_000, dtype=np.float32), 16_000)
    with pytest.raises(AudioError, match=r"16000 Hz.*48000 Hz"):
        replay_neteq(make_stream(steady), sent=track)


def test_with_audio_every_hole_is_found_too(make_stream, steady):
    kept = np.r_[0:500, 513:1000]
    seconds = np.arange(1000 * 960) / 48_000
    voice = (0.2 * np.sin(2 * np.pi * 125 * seconds) + 0.1 * np.sin(2 * np.pi * 250 * seconds)).astype(np.float32)
    replay = replay_neteq(make_stream(steady[kept], sequence=kept), sent=AudioTrack("sent", voice, 48_000))
    assert concealed_s(replay) == pytest.approx(13 * FRAME_S, abs=0.015)


def test_a_fixed_buffer_throws_away_what_comes_after_its_slot(make_stream, steady):
    steady[500:505] = steady[505]
    replay = replay_fixed(make_stream(steady), delay_s=0.05)
    assert replay.counters["packets_discarded"] == 3
    assert replay.concealed["late"].tolist() == [True]
    assert replay.concealed["end_s"].iloc[0] - replay.concealed["start_s"].iloc[0] == pytest.approx(0.06, abs=0.001)


def test_a_fixed_buffer_plays_silence_for_a_loss(make_stream, steady):
    kept = np.r_[0:500, 510:1000]
    replay = replay_fixed(make_stream(steady[kept], sequence=kept))
    assert replay.concealed["late"].tolist() == [False]
    assert replay.counters["concealed_samples"] == 9600


def test_a_fixed_buffer_of_enough_depth_loses_nothing(make_stream, steady):
    steady[500:505] = steady[505]
    assert replay_fixed(make_stream(steady), delay_s=0.15).counters["concealment_events"] == 0


def test_output_whose_beginning_is_forgotten_is_looked_back_at_the_same():
    rng, rate_hz = np.random.default_rng(2), 16_000
    packets = [rng.normal(0, 0.1, 320).astype(np.float32) for _ in range(1500)]
    kept, forgotten = Waveform(rate_hz, packets, capacity=0), Waveform(rate_hz, packets)
    for first in range(0, 1500, 30):
        for signal in (kept, forgotten):
            signal.decode(first, first + 30, 30 * 320)
    assert forgotten.size == kept.size
    assert np.array_equal(forgotten._tail(rate_hz), kept._tail(rate_hz))
    assert len(forgotten._out) < len(kept._out)
