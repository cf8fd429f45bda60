"""Sound on the axis: the recording as it is, the sent audio where each packet was heard."""

import numpy as np
import pandas as pd
import pytest
from synthetic_call import FRAME_S, RATE_HZ, STALLED_AT, synthetic_diagnosis

from forensics.model import AudioTrack, Playout
from forensics.views.axis import Axis
from forensics.views.sound import SPLICE_S, lay_sent
from forensics.views.view import make_view

TRACK = AudioTrack("sent", np.arange(1, 4801, dtype=np.float32), 48_000)


def heard_at(*heard_s):
    count = len(heard_s)
    return Playout(1, "heard", pd.DataFrame({
        "media_s": np.arange(count) * 0.02, "duration_s": 0.02, "heard_s": heard_s,
    }), pd.DataFrame())  # fmt: skip


def laid(*heard_s):
    return lay_sent(TRACK, None, heard_at(*heard_s), axis=Axis("recording", 0, 1, None, 0))


def test_packets_heard_in_step_make_one_piece():
    sound = laid(1.00, 1.02, 1.04)
    assert len(sound.pieces) == 1
    assert sound.read(48_000, 3)[:3].tolist() == [1, 2, 3]


def test_a_packet_heard_late_begins_a_new_piece_after_silence():
    sound = laid(1.00, 1.02, 1.10)
    assert [p.at for p in sound.pieces] == [48_000, round(1.10 * 48_000)]
    assert sound.read(round(1.06 * 48_000), 10).tolist() == [0] * 10
    assert sound.read(round(1.10 * 48_000), 1)[0] == 1921


def test_audio_that_is_stretched_bit_by_bit_stays_in_place():
    heard_s = 1.0 + np.arange(4800 // 960) * (0.02 + SPLICE_S / 2)
    sound = laid(*heard_s)
    assert len(sound.pieces) == 2
    assert abs(sound.pieces[1].at / 48_000 - heard_s[3]) < SPLICE_S


def test_drift_below_the_limit_is_no_splice():
    assert len(laid(1.0, 1.02 + SPLICE_S / 2, 1.04).pieces) == 1


def test_a_packet_that_was_not_found_follows_its_predecessor():
    assert len(laid(1.00, np.nan, 1.04).pieces) == 1


def test_a_packet_heard_early_cuts_its_predecessor_short():
    first, second = laid(1.00, 1.01).pieces
    assert first.at + first.last - first.first == second.at


def test_a_stall_in_the_call_is_a_hole_between_two_pieces(view):
    stalled = STALLED_AT * FRAME_S * RATE_HZ
    after = next(p for p in view.sounds["sent"].pieces if p.first == stalled)
    before = max((p for p in view.sounds["sent"].pieces if p.at < after.at), key=lambda p: p.at)
    hole_s = (after.at - (before.at + before.last - before.first)) / RATE_HZ
    assert 0.3 < hole_s < 0.45


def test_the_recording_is_read_without_a_copy(view):
    sound = view.sounds["heard"]
    assert np.shares_memory(sound.read(100, 1000), sound.track.samples)


def test_reading_beyond_the_recording_gives_silence(view):
    sound = view.sounds["heard"]
    assert sound.read(-5, 10)[:5].tolist() == [0] * 5
    assert sound.read(sound.length + 10, 4).tolist() == [0] * 4


def test_without_placement_the_sent_audio_starts_as_if_nothing_had_been_delayed(diagnosis):
    sent = lay_sent(diagnosis.scene.sent, diagnosis.scene.downlink, None, axis=make_view(diagnosis).axis)
    first = diagnosis.scene.downlink.packets.iloc[0]
    assert len(sent.pieces) == 1
    assert sent.start_s == pytest.approx(first["arrival_s"] - first["relative_delay_s"] - 0.418, abs=0.001)


def test_an_encrypted_call_has_no_sent_audio():
    assert set(make_view(synthetic_diagnosis(seconds=20.0, encrypted=True)).sounds) == {"heard", "microphone"}
