"""Single frames through pyshark: in a script, inside a running event loop, and without tshark."""

import asyncio
import shutil
import subprocess

import packets as p
import pytest
from pyshark.packet.packet import Packet

from forensics.capture.dissect import dissect
from forensics.capture.frames import read_frames, write_frames
from forensics.errors import CaptureError, MissingToolError
from forensics.model import Case

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


@pytest.fixture
def call(tmp_path):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.call(30)))
    return path


def children():
    listed = subprocess.run(["ps", "-eo", "ppid,comm"], capture_output=True, text=True, check=True).stdout
    import os

    return [line for line in listed.splitlines() if "tshark" in line and line.split()[0] == str(os.getpid())]


@needs_tshark
@pytest.mark.tshark
def test_packets_have_the_numbers_of_their_file(call):
    packets = dissect(call, [20, 7])
    assert [packet.number for packet in packets] == ["7", "20"]
    assert [packet.frame_info.number for packet in packets] == ["7", "20"]
    assert [packet.rtp.seq for packet in packets] == ["106", "119"]
    assert all(isinstance(packet, Packet) for packet in packets)
    assert float(packets[1].frame_info.time_relative) == pytest.approx(0.38)
    assert children() == []


@needs_tshark
@pytest.mark.tshark
def test_inside_a_running_event_loop(call):
    async def cell():
        return dissect(Case("call", capture=call), 5)

    (packet,) = asyncio.run(cell())
    assert packet.rtp.seq == "104"
    assert children() == []


@needs_tshark
@pytest.mark.tshark
def test_a_packet_shows_its_layers_escaped(call):
    (packet,) = dissect(call, 1)
    shown = packet._repr_html_()
    assert [shown.count(f"<summary>{layer}</summary>") for layer in ("ETH", "IP", "UDP", "RTP")] == [1] * 4
    assert "Sequence number: 100" in shown
    assert "Frame 1 " in shown
    assert "<script" not in shown


@needs_tshark
@pytest.mark.tshark
def test_a_frame_that_is_not_there(call):
    with pytest.raises(CaptureError, match=r"call\.pcap has no frame 31, 99: its frames are numbered 1 to 30\."):
        dissect(call, [3, 99, 31])


def test_without_tshark_one_sentence(call, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        MissingToolError, match=r"tshark is not installed, .* install the package tshark .* Everything else"
    ):
        dissect(call, 1)


@needs_tshark
@pytest.mark.tshark
def test_a_case_without_a_capture(tmp_path):
    with pytest.raises(CaptureError, match=r"The case alone has no capture, so there is no frame to dissect"):
        dissect(Case("alone"), 1)


def test_frames_survive_a_slice_octet_by_octet(call, tmp_path):
    frames = read_frames(call, [1, 4, 30])
    again = read_frames(write_frames(tmp_path / "slice.pcapng", frames), [1, 2, 3])
    assert [(f.time_ns, f.link, f.wire, f.octets) for f in again] == [
        (f.time_ns, f.link, f.wire, f.octets) for f in frames
    ]


@needs_tshark
@pytest.mark.tshark
def test_inside_a_jupyter_kernel(call):
    import nbformat
    from nbclient import NotebookClient

    code = f"import forensics as fx\npackets = fx.dissect({str(call)!r}, [5])\npackets[0].rtp.seq"
    cells = [nbformat.v4.new_code_cell(source) for source in (code, "packets[0]")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    done = NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "'104'" in done.cells[0].outputs[0]["data"]["text/plain"]
    assert "<summary>RTP</summary>" in done.cells[1].outputs[0]["data"]["text/html"]
