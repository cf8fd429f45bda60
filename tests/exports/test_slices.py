"""Slices: the frames around a glitch, as they were captured, with the evidence on the frames that it names."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_call import synthetic_diagnosis

from forensics.capture import read_capture
from forensics.capture.frames import Frame, read_frames, write_frames
from forensics.case import open_case
from forensics.errors import CaptureError
from forensics.exports import write_slice, write_slices

CALL = open_case(Path(__file__).parents[2] / "sample_captures" / "mixed_call").capture


@pytest.fixture(scope="module")
def diagnosis():
    """Made-up verdicts on the capture of a bundled call."""
    plain = synthetic_diagnosis(seconds=20.0)
    return replace(plain, scene=replace(plain.scene, capture=read_capture(CALL)))


@pytest.fixture(scope="module")
def sliced(diagnosis, tmp_path_factory):
    return write_slice(diagnosis, tmp_path_factory.mktemp("slice") / "g01.pcapng", glitch_id="g01")


def test_a_slice_holds_the_frames_around_its_glitch(diagnosis, sliced):
    frames = read_capture(sliced).datagrams
    glitch = diagnosis.verdict("g01").glitch
    whole = diagnosis.scene.capture.datagrams
    near = whole["arrival_s"].between(glitch.capture_start_s - 1, glitch.capture_end_s + 1)
    assert len(frames) >= near.sum() > 50
    assert frames["arrival_s"].max() - frames["arrival_s"].min() < 3.5 + glitch.end_s - glitch.start_s


def test_every_octet_and_time_is_that_of_the_capture(diagnosis, sliced):
    part = read_frames(sliced, [1, 5])
    numbers = diagnosis.scene.capture.datagrams["frame"]
    first = {(frame.time_ns, frame.octets) for frame in read_frames(CALL, numbers)}
    assert {(frame.time_ns, frame.octets) for frame in part} <= first


@pytest.mark.tshark
def test_wireshark_shows_the_evidence_on_its_frames(diagnosis, sliced):
    asked = ["tshark", "-r", str(sliced), "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "frame 720, g01: loss, network drop burst loss, confidence 97 %" in lines[0]
    assert "g01, for network_drop [sequence_gap]: The loss lasts 210 ms" in lines[0]
    assert "g01, against buffer_underrun [slope]: Arrival − media time returns" in lines[2]


@pytest.mark.tshark
def test_wireshark_opens_every_slice(diagnosis, tmp_path):
    for path in write_slices(diagnosis, tmp_path / "slices"):
        done = subprocess.run(["tshark", "-r", str(path)], capture_output=True, text=True, check=True)
        assert len(done.stdout.splitlines()) == len(read_frames(path, range(1, 1 + len(done.stdout.splitlines()))))


def test_a_slice_per_glitch(diagnosis, tmp_path):
    names = [path.name for path in write_slices(diagnosis, tmp_path)]
    assert names == ["g01.pcapng", "g02.pcapng", "g03.pcapng", "g04.pcapng"]


def test_without_a_capture_there_is_nothing_to_cut(tmp_path):
    plain = synthetic_diagnosis(seconds=20.0)
    assert write_slices(plain, tmp_path) == []
    with pytest.raises(CaptureError, match="The call has no capture, so there is nothing to cut around g01"):
        write_slice(plain, tmp_path / "g01.pcapng", glitch_id="g01")


def test_a_glitch_beside_the_capture_is_said(diagnosis, tmp_path):
    verdict = diagnosis.verdicts[0]
    glitch = replace(verdict.glitch, capture_start_s=900.0, capture_end_s=901.0, frames=())
    far = replace(diagnosis, verdicts=(replace(verdict, glitch=glitch, evidence=()),))
    with pytest.raises(CaptureError, match=r"Nothing was captured around g01, from 900\.000 to 901\.000 s"):
        write_slice(far, tmp_path / "g01.pcapng", glitch_id="g01")


def test_a_comment_longer_than_an_option_is_cut(tmp_path):
    frame = Frame(1, 1_000_000_000, 1, 4, b"abcd")
    path = write_frames(tmp_path / "long.pcapng", [frame], comments={1: ["ä" * 40_000, "short"]})
    assert read_frames(path, [1])[0].octets == b"abcd"
