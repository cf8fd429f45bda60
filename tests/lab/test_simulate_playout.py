import numpy as np
import pytest

from forensics.lab.account import CONCEALMENT_COLUMNS
from forensics.lab.plan import SendPlan
from forensics.lab.planned import PlannedPacket
from forensics.lab.scenario import Fault
from forensics.lab.simulate_playout import Receiver, listen

RATE_HZ = 48_000
FRAME = 960
PACKETS = 300
SPAN_S = (-0.5, 7.0)


def voice(seconds):
    """A vowel of 125 Hz: it has a clear pitch and never repeats exactly, for its loudness moves."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * 125 * k * t + k) / k for k in range(1, 12))
    return (0.1 * tone * (1 + 0.5 * np.sin(2 * np.pi * 0.7 * t))).astype(np.float32)


@pytest.fixture(scope="module")
def plan():
    packets = tuple(PlannedPacket(r, r * 0.02, r * 0.02, 1000 + r, 5000 + r * FRAME, r * 0.02) for r in range(PACKETS))
    audio = voice(PACKETS * 0.02).reshape(PACKETS, FRAME)
    return SendPlan(packets, audio, (), (), audio.reshape(-1), RATE_HZ)


@pytest.fixture
def arrived_s():
    return np.arange(PACKETS) * 0.02 + 0.03


def play(plan, arrived_s, *, receiver=None, freezes=()):
    return listen(
        arrived_s,
        plan.audio,
        plan=plan,
        payloads=[bytes([248]) + bytes(79)] * PACKETS,
        span_s=SPAN_S,
        receiver=receiver or Receiver(),
        freezes=freezes,
    )


def total(heard, name):
    return heard.statistics[name].iloc[-1]


def concealed_s(heard):
    """Concealment from two seconds on until the last packet, which comes at 6.5 s of the recording."""
    during = heard.concealment["start_s"].between(2.0, 6.2)
    return heard.concealment.loc[during, "concealed_ms"].sum() / 1000


def test_what_is_decoded_is_heard_exactly(plan, arrived_s):
    heard = play(plan, arrived_s)
    start = round(heard.place_s[150] * RATE_HZ)
    assert np.array_equal(heard.recording[start : start + FRAME], plan.audio[150])
    assert heard.concealment.dtypes.astype(str).to_dict() == dict(CONCEALMENT_COLUMNS)
    assert concealed_s(heard) == 0


def test_the_recording_is_silent_before_the_first_packet_and_as_long_as_its_span(plan, arrived_s):
    heard = play(plan, arrived_s)
    assert len(heard.recording) == round((SPAN_S[1] - SPAN_S[0]) * RATE_HZ)
    assert not np.any(heard.recording[: round(0.52 * RATE_HZ)])
    assert 0.53 < heard.place_s[0] < 0.55


def test_a_loss_is_filled_with_fading_pitch(plan, arrived_s):
    arrived_s[150:160] = np.nan
    heard = play(plan, arrived_s)
    assert concealed_s(heard) == pytest.approx(0.2, abs=0.02)
    hole = heard.recording[round((heard.place_s[149] + 0.02) * RATE_HZ) : round(heard.place_s[160] * RATE_HZ)]
    early, late = hole[: 20 * 48], hole[-30 * 48 : -10 * 48]
    assert np.sqrt(np.mean(early**2)) > 0.5 * np.sqrt(np.mean(plan.audio[149] ** 2))
    assert 0 < np.sqrt(np.mean(late**2)) < 0.5 * np.sqrt(np.mean(early**2))
    assert np.isnan(heard.place_s[150:160]).all()


def test_the_pitch_goes_on_through_a_concealment(plan, arrived_s):
    arrived_s[150:153] = np.nan
    heard = play(plan, arrived_s)
    start = round((heard.place_s[149] + 0.02) * RATE_HZ)
    hole = heard.recording[start : start + 40 * 48].astype(float)
    period = RATE_HZ // 125
    assert np.corrcoef(hole[:-period], hole[period:])[0, 1] > 0.95


def test_no_joint_clicks(plan, arrived_s):
    """The largest step from sample to sample stays what it is in the voice itself."""
    arrived_s[100:104] = np.nan
    arrived_s[200:] += 0.2
    heard = play(plan, arrived_s)
    spoken = heard.recording[round(1.0 * RATE_HZ) : round(6.4 * RATE_HZ)]
    assert np.abs(np.diff(spoken)).max() < 2 * np.abs(np.diff(plan.audio.reshape(-1))).max()


def test_after_a_stall_playout_is_slowed_down_by_whole_periods(plan, arrived_s):
    arrived_s[150:] += 0.4
    heard = play(plan, arrived_s)
    assert concealed_s(heard) == pytest.approx(0.4, abs=0.05)
    assert total(heard, "insertedSamplesForDeceleration") > 0.03 * RATE_HZ


def test_held_packets_are_played_faster(plan, arrived_s):
    arrived_s[150:165] = np.maximum(arrived_s[150:165], arrived_s[150] + 0.3)
    heard = play(plan, arrived_s)
    assert total(heard, "removedSamplesForAcceleration") > 0.03 * RATE_HZ
    assert heard.concealment["removed_ms"].sum() * 48 == pytest.approx(total(heard, "removedSamplesForAcceleration"))


def test_a_deep_buffer_hides_the_hold(plan, arrived_s):
    arrived_s[150:160] = np.maximum(arrived_s[150:160], arrived_s[150] + 0.2)
    assert concealed_s(play(plan, arrived_s)) > 0.1
    assert concealed_s(play(plan, arrived_s, receiver=Receiver(minimum_delay_s=0.4))) < 0.02


@pytest.mark.parametrize(("share", "concealed"), [(0.0, 0.0), (0.5, 0.08), (1.0, 0.18)])
def test_a_frozen_renderer_is_silent_on_the_device_and_may_run_dry(plan, arrived_s, monkeypatch, share, concealed):
    monkeypatch.setattr("forensics.lab.sound_card.caught_dry", lambda *_: [share])
    heard = play(plan, arrived_s, freezes=(Fault("frozen_renderer", 3.0, 0.2),))
    assert concealed_s(heard) == pytest.approx(concealed, abs=0.03)
    frozen = heard.device[round(3.52 * RATE_HZ) : round(3.68 * RATE_HZ)]
    assert not np.any(frozen)
    wait_s = np.diff(heard.clock[:, 0])
    assert wait_s.max() == pytest.approx(0.2, abs=0.02)
    assert len(heard.recording) == round((SPAN_S[1] - SPAN_S[0]) * RATE_HZ)


def test_a_frozen_audio_service_is_silent_on_the_device_alone(plan, arrived_s):
    heard = play(plan, arrived_s, freezes=(Fault("frozen_audio_service", 3.0, 0.2),))
    assert concealed_s(heard) < 0.01
    assert not np.any(heard.device[round(3.52 * RATE_HZ) : round(3.68 * RATE_HZ)])


def test_noise_has_the_level_that_was_asked_for(plan, arrived_s):
    heard = play(plan, arrived_s, receiver=Receiver(noise_dbfs=-50.0))
    before = heard.recording[: round(0.5 * RATE_HZ)]
    assert 10 * np.log10(np.mean(before**2)) == pytest.approx(-50, abs=0.2)


def test_the_clock_says_when_each_sample_was_given_out(plan, arrived_s):
    heard = play(plan, arrived_s, receiver=Receiver(block_s=0.01, clock_drift_ppm=1000.0, late_chance=0.0))
    seconds, recording_s = heard.clock[-1] - heard.clock[0]
    assert recording_s / seconds == pytest.approx(1.001, abs=1e-6)


def test_a_sound_card_that_asks_late_makes_the_buffer_deeper(plan, arrived_s):
    def target_s(late_chance):
        heard = play(plan, arrived_s, receiver=Receiver(block_s=0.01, late_chance=late_chance))
        wanted = heard.statistics[["jitterBufferTargetDelay", "jitterBufferEmittedCount"]].diff().iloc[-10:].sum()
        return wanted.iloc[0] / wanted.iloc[1]

    assert target_s(0.0) == pytest.approx(0.02)
    assert target_s(1.0) >= 0.04


def test_the_statistics_are_running_sums(plan, arrived_s):
    arrived_s[150:155] = np.nan
    heard = play(plan, arrived_s, freezes=(Fault("frozen_audio_service", 4.0, 0.2),))
    assert (heard.statistics.diff().dropna() >= -1e-6).all().all()
    assert total(heard, "packetsReceived") == PACKETS - 5
    assert total(heard, "packetsLost") == 5
    assert total(heard, "jitterBufferEmittedCount") == (PACKETS - 5) * FRAME
    assert total(heard, ".synthesizedSamplesDuration") == pytest.approx(0.2)
