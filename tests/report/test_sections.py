"""What the report says, apart from HTML."""

import base64
import zlib
from dataclasses import replace

import numpy as np
import pytest
from synthetic_call import RATE_HZ, synthetic_diagnosis

from forensics.report.content import ENVELOPE_S, MARGIN_S, Audio, page_data
from forensics.report.sections import cause_rows, display_filter, facts, glitch_sections, provenance
from forensics.views.spectrogram import NOT_CARRIED, ROWS
from forensics.views.view import make_view


def test_frames_become_a_display_filter_with_runs():
    assert display_filter([9, 3, 4, 5, 5, 11]) == "frame.number in {3..5, 9, 11}"


def test_no_frames_no_filter():
    assert display_filter([]) == ""


def test_every_blaming_cause_has_a_row(diagnosis):
    rows = {row["cause"]: row for row in cause_rows(diagnosis)}
    assert list(rows) == ["network_drop", "buffer_underrun", "late_model_output", "sender_policy", "undetermined"]
    assert (rows["network_drop"]["audible"], rows["sender_policy"]["audible"]) == (1, 0)
    assert (rows["undetermined"]["audible"], rows["undetermined"]["masked"]) == (0, 1)
    assert rows["late_model_output"]["seconds"] == pytest.approx(0.30)


def test_a_section_shows_its_glitch_and_some_call_around_it(diagnosis, view):
    section = glitch_sections(diagnosis, view, audio=Audio.CALL)[0]
    glitch = section["verdict"].glitch
    assert section["window"][0] <= glitch.start_s - MARGIN_S
    assert section["window"][1] >= glitch.end_s + MARGIN_S
    assert [label for label, _ in section["sounds"]] == ["As heard", "As sent"]
    assert section["sounds"][0][1].startswith("data:audio/webm;base64,")


def test_what_was_not_heard_needs_no_clip(diagnosis, view):
    assert glitch_sections(diagnosis, view, audio=Audio.CALL)[3]["sounds"] == []


def test_without_audio_there_are_no_clips(diagnosis, view):
    assert all(section["sounds"] == [] for section in glitch_sections(diagnosis, view, audio=Audio.NONE))


def test_facts_name_codec_ends_and_loss(diagnosis, view):
    text = dict(facts(diagnosis, view))["Downlink, to the listener"]
    assert "opus / 48000 Hz (inferred), RTP" in text
    assert "192.0.2.10:40717 → 198.51.100.7:51613" in text
    assert "11 lost (0.96 %)" in text


def test_a_closed_payload_is_said():
    diagnosis = synthetic_diagnosis(seconds=20.0, encrypted=True)
    stream = replace(diagnosis.scene.downlink, encrypted=True, readable=False)
    diagnosis = replace(diagnosis, scene=replace(diagnosis.scene, downlink=stream))
    assert "SRTP, payload closed (no key)" in dict(facts(diagnosis, make_view(diagnosis)))["Downlink, to the listener"]


def test_provenance_names_versions(diagnosis):
    names = [name for name, _ in provenance(diagnosis)["versions"]]
    assert names[:3] == ["forensics", "Python", "numpy"]


def test_the_page_carries_what_the_renderer_will_ask_for(view):
    data = page_data(view)
    top = view.header["sounds"]["heard"]["wave_levels"] - 1
    assert f"heard/wave/{top}/0" in data["tiles"]
    assert "heard/mel/1/0" in data["tiles"]
    assert set(data["audio"]) == {"heard", "sent"}
    assert not any(key.startswith("microphone") for key in data["tiles"])


def test_without_audio_the_page_carries_no_sound(view):
    assert page_data(view, audio=Audio.NONE)["audio"] == {}


def test_around_glitches_only_means_nothing_fine_elsewhere(view):
    tiles = page_data(view, audio=Audio.GLITCHES)["tiles"]
    mel = np.frombuffer(zlib.decompress(base64.b64decode(tiles["heard/mel/1/2"]["text"])), np.uint8).reshape(-1, ROWS)
    at_s = 2 * 2.56 + (np.arange(len(mel)) + 0.5) * 0.01
    glitch = view.header["glitches"][0]
    far = (at_s < glitch["capture_start_s"] - 0.418 - MARGIN_S - 0.1) | (at_s > glitch["end_s"] + MARGIN_S + 0.1)
    assert (mel[far] == NOT_CARRIED).all()
    assert (mel[(at_s > glitch["start_s"]) & (at_s < glitch["end_s"])] != NOT_CARRIED).all()
    assert "heard/mel/2/0" not in tiles


def test_without_audio_only_the_envelope_stays(view):
    data = page_data(view, audio=Audio.NONE)
    assert {lane["kind"] for lane in data["header"]["lanes"] if "sound" in lane} == {"wave"}
    levels = {int(key.split("/")[2]) for key in data["tiles"] if "/activity/" not in key}
    assert 8 ** min(levels) / RATE_HZ >= ENVELOPE_S


def test_the_buffer_of_a_long_call_keeps_its_outline(view):
    at_s = np.arange(360_000) * 0.01
    level_ms = 40 + 20 * np.sin(at_s).astype(np.float32)
    level_ms[200_000] = 400
    target_ms = np.where(at_s < 1800, 80, 60).astype(np.float32)
    arrays = view.arrays | {
        "downlink/buffer/at_s": at_s, "downlink/buffer/level_ms": level_ms, "downlink/buffer/target_ms": target_ms,
    }  # fmt: skip
    made = make_view(view.diagnosis)
    made.__dict__["arrays"] = arrays
    kept = {name: _unpacked(entry) for name, entry in page_data(made)["arrays"].items() if "/buffer/" in name}
    assert len(kept["downlink/buffer/at_s"]) < 12_000
    assert kept["downlink/buffer/level_ms"].max() == 400
    assert 1800.0 in kept["downlink/buffer/at_s"]
    glitch = view.header["glitches"][0]
    near = (kept["downlink/buffer/at_s"] > glitch["start_s"]) & (kept["downlink/buffer/at_s"] < glitch["end_s"])
    assert near.sum() == pytest.approx(100 * (glitch["end_s"] - glitch["start_s"]), abs=1)


def _unpacked(entry):
    return np.frombuffer(zlib.decompress(base64.b64decode(entry["text"])), np.dtype(entry["dtype"]))
