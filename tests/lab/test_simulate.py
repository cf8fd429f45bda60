import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.audio.payloads import decode_stream
from forensics.capture import read_capture
from forensics.case import open_case
from forensics.errors import ScenarioError
from forensics.lab.payloads import OpusEncoder, encode_payloads
from forensics.lab.scenario import Fault, Line, Scenario, Sender
from forensics.lab.scenario_file import read_scenario
from forensics.lab.simulate import Receiver, simulate_call
from forensics.lab.simulate_wire import AGENT_SSRC
from forensics.lab.sound_card import CHROMIUM_BLOCK_S
from forensics.streams import find_streams

RATE_HZ = 48_000


@pytest.fixture(scope="session")
def spoken(tmp_path_factory):
    """Three seconds that sound like a voice: a gliding vowel with pauses, every moment of it unlike the others."""
    import soundfile

    t = np.arange(3 * RATE_HZ) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 25 * np.sin(1.7 * t) + 10 * np.sin(5.3 * t)) / RATE_HZ
    tone = sum(np.sin(k * phase + k) / k for k in range(1, 20))
    loudness = np.clip(0.6 + 0.5 * np.sin(2 * np.pi * 1.3 * t) + 0.2 * np.sin(2 * np.pi * 3.1 * t), 0, None)
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    soundfile.write(path, (0.15 * tone * loudness).astype(np.float32), RATE_HZ)
    return path


@pytest.fixture
def make_scenario(spoken):
    def make(*faults, **sender):
        lines = (Line("user", 0.1, wav=spoken), Line("agent", 3.4, wav=spoken))
        return Scenario("made", 7.0, lines=lines, faults=faults, sender=Sender(**sender), seed=2)

    return make


def events_of(call, kind):
    from forensics.lab.truth import describe_truth

    return [event for event in describe_truth(call.account)["events"] if event["kind"].startswith(kind)]


def test_a_clean_call_has_no_fault(make_scenario):
    call = simulate_call(make_scenario())
    assert not [event for event in events_of(call, "") if event["kind"] != "response_latency"]


@pytest.mark.parametrize(
    ("fault", "kind", "cause", "hole_ms"),
    [
        (Fault("burst_loss", 4.4, 0.3), "loss", "network_drop", 300),
        (Fault("stall", 4.4, 0.4), "late_model:contig", "late_model_output", 370),
        (Fault("stall", 4.4, 0.4, {"timestamps": "clock"}), "late_model:clock", "late_model_output", 400),
        (Fault("delay_spike", 4.4, 0.4), "late_packets", "buffer_underrun", 370),
        (Fault("artificial_delay", 4.4, 1.5, {"delay_s": 0.3}), "artificial_delay:onset", "artificial_delay", 270),
    ],
)
def test_a_fault_makes_the_hole_that_it_is_known_for(make_scenario, fault, kind, cause, hole_ms):
    (event,) = events_of(simulate_call(make_scenario(fault)), kind)
    assert event["cause"] == cause
    assert event["audible"]
    assert event["injected_id"] == "f1"
    assert event["evidence"]["gap_ms"] == pytest.approx(hole_ms, abs=45)


def test_a_filled_stall_is_silence_that_was_sent(make_scenario):
    call = simulate_call(make_scenario(Fault("stall", 4.4, 0.4, {"timestamps": "fill"})))
    (event,) = events_of(call, "late_model:fill")
    middle = round((event["rec_start"] + event["rec_end"]) / 2 * RATE_HZ)
    assert np.abs(call.account.recording[middle - 2000 : middle + 2000]).max() < 1e-3
    assert event["cause"] == "late_model_output"


def test_a_frozen_renderer_is_heard(make_scenario):
    call = simulate_call(make_scenario(Fault("frozen_renderer", 4.4, 0.3)))
    assert call.account.device is not None
    assert any(event["cause"] == "buffer_underrun" and event["injected_id"] == "f1" for event in events_of(call, ""))


def test_fec_masks_single_losses(make_scenario):
    faults = [Fault("packet_loss", at_s, parameters={"packets": 1}) for at_s in (5.5, 4.4, 6.5, 7.0)]
    plain, repaired = (simulate_call(make_scenario(*faults, inband_fec=fec)) for fec in (False, True))
    concealed = [sum(e["evidence"]["concealed_ms"] for e in events_of(call, "loss")) for call in (plain, repaired)]
    assert concealed[1] < concealed[0] / 2


def test_the_written_case_reads_back(make_scenario, tmp_path):
    scenario = make_scenario(Fault("burst_loss", 4.4, 0.3), Fault("capture_gap", 5.8, 0.2))
    call = simulate_call(scenario, tmp_path / "made")
    case = open_case(call.folder)
    streams = {stream.ssrc: stream for stream in find_streams(read_capture(case.capture))}
    truth = json.loads((call.folder / "truth.json").read_text())
    assert truth["agent_ssrc"] == AGENT_SSRC in streams
    assert streams[AGENT_SSRC].losses["packets"].tolist() == [15, 10]
    assert [benign["kind"] for benign in truth["benign"]].count("capture_gap") == 1
    dump = json.loads(gzip.decompress((call.folder / "stats.json.gz").read_bytes()))
    (series,) = (connection["stats"] for connection in dump["PeerConnections"].values())
    assert json.loads(series["IT01-packetsLost"]["values"])[-1] == 15
    readings = gzip.decompress((call.folder / "getstats.jsonl.gz").read_bytes()).decode().splitlines()
    assert [json.loads(line)["reports"][0]["packetsLost"] for line in readings][-1] == 15
    assert np.diff([json.loads(line)["t"] for line in readings]) == pytest.approx(0.1, abs=CHROMIUM_BLOCK_S)


SAMPLES = Path(__file__).parents[2] / "sample_captures"
RECORDED_ONLY = {"keys.log"}  # the packets of a simulated call are in plain


def names_in(value):
    """Every key of a JSON document, as a path."""
    if isinstance(value, dict):
        return {name for key, inner in value.items() for name in {key} | {f"{key}.{n}" for n in names_in(inner)}}
    return {f"[].{name}" for inner in value for name in names_in(inner)} if isinstance(value, list) else set()


def test_a_simulated_case_has_the_files_and_the_truth_of_a_recorded_one(make_scenario, tmp_path):
    simulate_call(make_scenario(Fault("frozen_renderer", 4.4, 0.3)), tmp_path / "made")
    recorded, made = (
        {path.name for path in folder.iterdir()} for folder in (SAMPLES / "frozen_receiver", tmp_path / "made")
    )
    assert recorded - made == RECORDED_ONLY
    assert made - recorded == {"said_1.wav", "said_2.wav"}  # the sample's voices are espeak-ng's
    sample, own = (
        json.loads((folder / "truth.json").read_text()) for folder in (SAMPLES / "frozen_receiver", tmp_path / "made")
    )
    assert set(sample) - set(own) == {"verification"}  # what the recorder checked in its own take
    assert set(own) - set(sample) == {"simulated"}
    told = [next(e for e in truth["events"] if e["kind"] == "sigstop:renderer") for truth in (sample, own)]
    assert names_in(told[0]) == names_in(told[1])
    for part in ("injected", "transcript"):
        assert names_in(own[part][0]) - {"params"} <= names_in(sample[part][0])


def test_a_case_can_be_made_again_from_its_folder_alone(spoken, tmp_path):
    voice = shutil.copyfile(spoken, tmp_path / "voice.wav")
    scenario = Scenario("made", 4.0, (Line("agent", 0.4, wav=voice),), (Fault("burst_loss", 1.4, 0.3),))
    first = simulate_call(scenario, tmp_path / "first").folder
    voice.unlink()
    again = simulate_call(read_scenario(first / "scenario.toml"), tmp_path / "again").folder
    assert (first / "truth.json").read_bytes() == (again / "truth.json").read_bytes()


def test_the_recording_holds_what_the_capture_decodes_to(make_scenario, tmp_path):
    call = simulate_call(make_scenario(), tmp_path / "made")
    stream = next(s for s in find_streams(read_capture(tmp_path / "made" / "receiver.pcap")) if s.ssrc == AGENT_SSRC)
    sent = decode_stream(stream).track.samples
    row = 250
    place = round(call.account.packets["heard_s"].iat[row] * RATE_HZ)
    heard = call.account.recording[place : place + 960]
    assert heard == pytest.approx(sent[row * 960 : (row + 1) * 960], abs=1e-3)


def test_a_folder_that_is_in_use_is_refused(make_scenario, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ScenarioError, match="not an empty folder"):
        simulate_call(make_scenario(), tmp_path)


def test_the_same_seed_gives_the_same_files(make_scenario, tmp_path):
    scenario = make_scenario(Fault("jitter", 3.5, 2.5, {"mean_s": 0.02}))
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate_call(scenario, tmp_path / name, seed=seed, receiver=Receiver(noise_dbfs=-60))
    names = [path.name for path in (tmp_path / "a").iterdir()]
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    assert (tmp_path / "a" / "receiver.pcap").read_bytes() != (tmp_path / "c" / "receiver.pcap").read_bytes()


@pytest.mark.parametrize(
    "sender",
    [
        {"codec": "pcmu"},
        {"codec": "pcma"},
        {"codec": "g722"},
        {"packet_s": 0.06},
        {"packet_s": 0.01},
        {"bitrate_bps": 12_000},
    ],
)
def test_other_codecs_and_packet_lengths(make_scenario, sender):
    call = simulate_call(make_scenario(Fault("burst_loss", 4.4, 0.3), **sender))
    (event,) = events_of(call, "loss")
    assert event["evidence"]["gap_ms"] == pytest.approx(300, abs=60)


@pytest.mark.parametrize(("codec", "rate_hz"), [("opus", 48_000), ("pcmu", 8_000), ("g722", 16_000)])
def test_the_browser_counts_samples_at_the_rate_of_the_codec(make_scenario, codec, rate_hz):
    call = simulate_call(make_scenario(Fault("burst_loss", 4.4, 0.3), codec=codec))
    counted, (event,) = call.statistics, events_of(call, "loss")
    seconds = counted["at_s"].iat[-1] - counted["at_s"].iat[0]
    received = counted["totalSamplesReceived"]
    assert (received.iat[-1] - received.iat[0]) / seconds == pytest.approx(rate_hz, rel=0.02)
    during = counted["at_s"].between(4.3, 5.0)
    concealed_ms = np.ptp(counted["concealedSamples"][during]) / rate_hz * 1000
    assert concealed_ms == pytest.approx(event["evidence"]["concealed_ms"], abs=30)
    waited_s = counted["jitterBufferDelay"].iat[-1] / counted["jitterBufferEmittedCount"].iat[-1]
    assert 0.02 < waited_s < 0.3


def test_a_deeper_buffer_masks_a_spike(make_scenario):
    scenario = make_scenario(Fault("delay_spike", 4.4, 0.3))
    deep = simulate_call(scenario, receiver=Receiver(minimum_delay_s=0.5))
    assert not any(event["audible"] for event in events_of(deep, "late_packets"))


def test_a_fault_that_is_moved_needs_no_new_encoding(make_scenario, monkeypatch):
    scenario = make_scenario(Fault("burst_loss", 4.4, 0.3))
    simulate_call(scenario)

    def refuse(*_):
        raise AssertionError("encoded anew")

    monkeypatch.setattr("forensics.lab.payloads.OpusEncoder.encode", refuse)
    simulate_call(replace(scenario, faults=(Fault("burst_loss", 4.6, 0.3), Fault("stall", 5.4, 0.2))))


def test_a_stall_that_is_taken_away_needs_no_new_encoding_but_of_what_is_sent_more(make_scenario, monkeypatch):
    scenario = make_scenario(Fault("stall", 5.4, 0.42), bitrate_bps=31_000)  # which no other test has encoded
    simulate_call(scenario)
    encode, encoded = OpusEncoder.encode, []

    def count(encoder, audio):
        encoded.append(len(audio))
        return encode(encoder, audio)

    monkeypatch.setattr("forensics.lab.payloads.OpusEncoder.encode", count)
    call = simulate_call(replace(scenario, faults=(Fault("delay_spike", 4.4, 0.3),)))
    assert encoded == [21]
    rtp = [trip.payload for trip in call.wire.downlink if trip.row >= 0]
    anew = encode_payloads(call.account.plan, scenario.sender)
    assert [data[-len(payload) :] for data, payload in zip(rtp, anew, strict=True)] == anew
