import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from plain_receiver import LEAD_S, ZERO_S, listen_plainly

from forensics.lab.recorder_gaps import make_recorder_gaps
from forensics.lab.scenario import Fault, Line, Scenario, Sender
from forensics.lab.truth import describe_truth

RATE_HZ, DELAY_S = 48_000, 0.02 + 0.06  # path and buffer
SPOKEN_S = 3.0


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """Two seconds of noise, half a second of nothing, half a second of noise."""
    samples = np.random.default_rng(5).normal(0, 0.1, round(SPOKEN_S * RATE_HZ))
    samples[2 * RATE_HZ : round(2.5 * RATE_HZ)] = 0
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, samples, RATE_HZ)
    return path


@pytest.fixture
def call(voice):
    def make(*faults, **sender):
        lines = (Line("agent", 1.0, wav=voice),)
        return Scenario("made", 6.0, lines, faults, sender=Sender(**sender), seed=4)

    return make


def heard_at(call_s):
    """When something sent at `call_s` is heard, without faults before it."""
    return call_s + DELAY_S + LEAD_S


def faults_in(truth):
    return [event for event in truth["events"] if event["injected_id"]]


@pytest.mark.parametrize(
    ("fault", "kind", "cause", "gap_ms"),
    [
        (Fault("burst_loss", 2.0, 0.2), "loss:burst_loss", "network_drop", 200),
        (Fault("packet_loss", 2.0, 0.0, {"packets": 3}), "loss:packet_loss", "network_drop", 60),
        (Fault("delay_spike", 2.0, 0.3), "late_packets:delay_spike", "buffer_underrun", 240),
        (Fault("stall", 2.0, 0.3), "late_model:contig", "late_model_output", 240),
        (Fault("stall", 2.0, 0.3, {"timestamps": "clock"}), "late_model:clock", "late_model_output", 300),
        (Fault("stall", 2.0, 0.3, {"timestamps": "fill"}), "late_model:fill", "late_model_output", 300),
        (Fault("artificial_delay", 2.0, 0.9, {"delay_s": 0.2}), "artificial_delay:onset", "artificial_delay", 140),
        (Fault("deliberate_drop", 2.0, 0.2, {"numbering": "sequence_gap"}), "server_skip:seq_gap", "server_skip", 200),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value else "",
)
def test_a_hole_is_named_placed_and_audible(call, fault, kind, cause, gap_ms):
    first, *_ = faults_in(describe_truth(listen_plainly(call(fault))))
    assert (first["kind"], first["cause"], first["audibility"]) == (kind, cause, "audible")
    assert first["rec_start"] == pytest.approx(heard_at(2.0), abs=0.001)
    assert first["evidence"]["gap_ms"] == pytest.approx(gap_ms, abs=1.5)
    assert first["cap_end"] >= first["cap_start"] > ZERO_S


def test_a_splice_leaves_no_hole_and_is_audible(call):
    truth = describe_truth(listen_plainly(call(Fault("deliberate_drop", 2.0, 0.24))))
    (splice,) = faults_in(truth)
    assert (splice["kind"], splice["audible"]) == ("server_skip:contig", True)
    assert splice["evidence"]["skipped_speech_ms"] == 240
    assert splice["rec_start"] == pytest.approx(heard_at(2.0), abs=0.001)
    assert splice["evidence"]["gap_ms"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("burst_loss", 3.2, 0.14),
        Fault("stall", 3.2, 0.14),
        Fault("deliberate_drop", 3.16, 0.14),
        Fault("delay_spike", 2.0, 0.05),
    ],
    ids=["loss in silence", "stall in silence", "skipped silence", "absorbed by the buffer"],
)
def test_what_nobody_hears_is_masked(call, fault):
    (event,) = faults_in(describe_truth(listen_plainly(call(fault))))
    assert (event["audible"], event["audibility"]) == (False, "masked")


def test_lost_packets_are_listed(call):
    truth = describe_truth(listen_plainly(call(Fault("burst_loss", 2.0, 0.1), first_sequence_number=65_500)))
    (loss,) = faults_in(truth)
    assert loss["lost_seqs"] == [(65_600 + k) % 2**16 for k in range(5)]
    (injected,) = truth["injected"]
    assert (injected["packets_dropped"], injected["window_rec"][0]) == (5, pytest.approx(2.0 + LEAD_S))


def test_what_looks_like_a_fault_is_listed_as_benign(call):
    sender = {"dtx": True, "first_sequence_number": 65_500, "first_timestamp": 2**32 - 96_000}
    duplicates = Fault("duplication", 1.5, 1.0, {"probability": 0.3})
    truth = describe_truth(listen_plainly(call(duplicates, clock_drift_ppm=50.0, **sender)))
    assert truth["events"] == []
    benign = {entry["kind"]: entry for entry in truth["benign"]}
    assert set(benign) == {
        "sentence_pause", "seq_wrap", "ts_wrap", "dtx_silence", "duplicates", "sender_clock_drift"
    }  # fmt: skip
    assert all(entry["cause"] == "none" for entry in truth["benign"])
    pause = benign["sentence_pause"]
    assert pause["rec_end"] - pause["rec_start"] == pytest.approx(0.5, abs=0.021)


def test_the_wait_for_an_answer_is_measured_as_heard(voice):
    lines = (Line("user", 0.5, wav=voice), Line("agent", 4.3, wav=voice))
    microphone = np.zeros(16_000 * 11, np.float32)
    first = round((0.5 + LEAD_S) * 16_000)
    microphone[first : first + 48_000] = 0.1
    late = Fault("late_first_audio", 4.3, 0.9)
    for faults, latency_s, kind in (((), 0.88, "response_latency"), ((late,), 1.78, "slow_first_audio")):
        account = listen_plainly(Scenario("s", 9.0, lines, faults), microphone=microphone)
        (wait,) = describe_truth(account)["events"]
        assert (wait["kind"], wait["category"]) == (kind, "response_latency")
        assert wait["latency_s"] == pytest.approx(latency_s, abs=0.025)


def test_the_truth_is_json(call):
    truth = describe_truth(listen_plainly(call(Fault("burst_loss", 2.0, 0.2))))
    assert json.loads(json.dumps(truth, default=float))["case"] == "made"


@pytest.mark.parametrize(("content", "length_s", "moved_s"), [("zeros", 0.0, 0.0), ("cut", 0.3, 0.3)])
def test_a_recorder_gap_changes_the_recording_and_moves_its_truth(call, content, length_s, moved_s):
    gap = Fault("recording_gap", 1.5, 0.3, {"content": content})
    account = listen_plainly(call(gap, Fault("burst_loss", 2.2, 0.1)))
    whole = describe_truth(account)
    truth = json.loads(json.dumps(whole, default=float))
    recording = make_recorder_gaps(account, truth)
    assert (len(account.recording) - len(recording)) / RATE_HZ == pytest.approx(length_s)
    (before,), (after,) = (faults_in(each) for each in (whole, truth))
    assert before["rec_start"] - after["rec_start"] == pytest.approx(moved_s)
    entry = truth["benign"][-1]
    assert (entry["kind"], entry["rec_start"]) == ("recording_gap", pytest.approx(1.5 + LEAD_S))
    if content == "zeros":
        first = round((1.5 + LEAD_S) * RATE_HZ)
        assert not np.any(recording[first : first + round(0.3 * RATE_HZ)])


def test_a_hole_that_nobody_made_is_called_incidental(call):
    account = listen_plainly(call())
    packets = account.packets.copy()
    late = packets.index >= 100
    packets.loc[late, "heard_s"] += 0.08
    concealment = account.concealment.copy()
    row = int((packets["heard_s"].iat[100] - 0.04) / 0.1)
    concealment.loc[row, "concealed_ms"] = 80.0
    disturbed = replace(account, packets=packets, concealment=concealment)
    (event,) = describe_truth(disturbed)["events"]
    assert (event["kind"], event["injected_id"], event["audible"]) == ("incidental_underrun", None, True)
