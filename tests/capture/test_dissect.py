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
    left = "import os, subprocess\nps = subprocess.run(['ps', '-eo', 'ppid,comm'], capture_output=True, text=True)\n"
    left += "[line for line in ps.stdout.splitlines() if 'tshark' in line and line.split()[0] == str(os.getpid())]"
    cells = [nbformat.v4.new_code_cell(source) for source in (code, "packets[0]", left)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    done = NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "'104'" in done.cells[0].outputs[0]["data"]["text/plain"]
    assert "<summary>RTP</summary>" in done.cells[1].outputs[0]["data"]["text/html"]
    assert done.cells[2].outputs[0]["data"]["text/plain"] == "[]"


@needs_tshark
@pytest.mark.tshark
def test_frames_of_several_sections_and_interfaces_are_numbered_as_wireshark_does(tmp_path):
    """Simple packets, other blocks, two link types, a second section in the other byte order."""
    raw = [p.Shot(shot.time_ns, shot.octets[14:], shot.wire - 14) for shot in p.call(40)]
    first, second = p.Section("<").interface(1).interface(101, resolution=9), p.Section(">").interface(101)
    for at, (shot, bare) in enumerate(zip(p.call(40), raw, strict=True)):
        if at < 10:
            (first.simple if at % 2 else first.enhanced)(shot)
            first.other(5, bytes(12))
        elif at < 20:
            first.enhanced(bare, interface=1, units=bare.time_ns)
        else:
            second.enhanced(bare)
    path = tmp_path / "call.pcapng"
    path.write_bytes(first.octets() + second.octets())
    command = ["tshark", "-n", "-r", str(path), "-d", "udp.port==6000,rtp", "-T", "fields"]
    command += ["-e", "frame.number", "-e", "rtp.seq"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = dict(line.split("\t") for line in out.splitlines())
    wanted = [1, 2, 11, 20, 21, 40]
    assert {packet.number: packet.rtp.seq for packet in dissect(path, wanted)} == {
        str(number): theirs[str(number)] for number in wanted
    }
