"""A file in blocks, read ahead: the same rows, counts and offsets as in one piece, and no thread that stays."""

import struct
import threading
from contextlib import closing

import numpy as np
import packets as p
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.capture import read_capture, records
from forensics.capture.datagrams import DatagramReader
from forensics.capture.files import OctetFile
from forensics.capture.frames import read_frames
from forensics.capture.packing import PayloadBuffer
from forensics.capture.window import Window
from forensics.streams import measure_streams

BLOCK = 4096
RNG = np.random.default_rng(3)
FRAMES = p.shots(
    p.ethernet(p.ipv4(p.udp(p.rtp(n, 160 * n, payload=RNG.bytes(int(RNG.integers(20, 200))))))) for n in range(60)
)


def blocks_of(monkeypatch, octets):
    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": octets})


def everything(path):
    """What the tables and the statistics tell of a file."""
    capture, measured = read_capture(path), measure_streams(path)
    return (
        capture.datagrams.to_dict("list"), bytes(capture.octets), capture.skipped, capture.notes,
        [(row["packets"], row["lost"], row["end_s"]) for row in measured.streams], measured.skipped, measured.notes,
    )  # fmt: skip


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


def starts_of(container):
    """Where the records of FRAMES start in a file."""
    whole, without = len(container(FRAMES)), len(container([]))
    sizes = [len(container([shot])) - without for shot in FRAMES]
    assert without + sum(sizes) == whole
    return without + np.cumsum([0, *sizes])


@pytest.mark.parametrize("container", [p.pcap, p.pcapng])
@pytest.mark.parametrize("way", ["short", "long"])
def test_a_cut_at_a_border_is_told_as_in_one_piece(tmp_path, monkeypatch, container, way):
    if way == "long":
        monkeypatch.setattr("forensics.capture.express._ETHERNET", -1)
    octets, starts = container(FRAMES), starts_of(container)
    path = tmp_path / "cut"
    for cut in (BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 17, 2 * BLOCK - 40, 2 * BLOCK, 2 * BLOCK + 9):
        path.write_bytes(octets[:cut])
        blocks_of(monkeypatch, 8 << 20)
        whole = everything(path)
        blocks_of(monkeypatch, BLOCK)
        assert everything(path) == whole
        last = int(starts[np.searchsorted(starts, cut, side="right") - 1])
        assert f"its last record starts at octet {last} and only {cut - last} octets of it" in whole[3][0]
        assert len(whole[0]["frame"]) == np.searchsorted(starts, last)


@pytest.mark.parametrize("container", [p.pcap, p.pcapng])
@pytest.mark.parametrize("way", ["short", "long"])
def test_a_broken_record_at_a_border_is_told_as_in_one_piece(tmp_path, monkeypatch, container, way):
    if way == "long":
        monkeypatch.setattr("forensics.capture.express._ETHERNET", -1)
    starts = starts_of(container)
    path = tmp_path / "broken"
    at_the_border = int(np.searchsorted(starts, BLOCK, side="right")) - 1
    for frame in (at_the_border - 1, at_the_border, at_the_border + 1):
        octets = bytearray(container(FRAMES))
        length_at = int(starts[frame]) + (8 if container is p.pcap else 4)
        octets[length_at : length_at + 4] = struct.pack("<I", 0x7FFF_FFF0)
        path.write_bytes(octets)
        blocks_of(monkeypatch, 8 << 20)
        whole = everything(path)
        blocks_of(monkeypatch, BLOCK)
        assert everything(path) == whole
        assert f"at octet {starts[frame]} " in whole[3][0]
        assert f"the {frame} frames before it were read, the rest was not" in whole[3][0]
        assert whole[0]["frame"] == list(range(1, frame + 1))


@pytest.mark.parametrize("capacity", [200, 1000, 5000])
def test_a_window_shows_the_octets_of_the_file(tmp_path, capacity):
    """Whatever is used of each view, and where most of a block is kept."""
    octets = np.random.default_rng(capacity).bytes(20_011)
    (tmp_path / "file").write_bytes(octets)
    rng, seen = np.random.default_rng(1), 0
    with OctetFile(tmp_path / "file") as file, Window(file, capacity=capacity) as window:
        while True:
            assert window.octets[: window.end].tobytes() == octets[window.origin : window.origin + window.end]
            assert not window.octets[window.end : window.end + 512].any()
            seen = window.origin + window.end
            if not window.slide(int(rng.integers(0, window.end + 1))):
                break
    assert seen == len(octets)


def test_what_is_left_of_a_block_may_be_longer_than_its_headroom(tmp_path, monkeypatch):
    monkeypatch.setattr("forensics.capture.window.HEADROOM_OCTETS", 64)
    path = tmp_path / "call.pcapng"
    path.write_bytes(p.pcapng(FRAMES) + p.Section().interface(1).other(4, bytes(9000)).enhanced(FRAMES[0]).octets())
    blocks_of(monkeypatch, 8 << 20)
    whole = everything(path)
    blocks_of(monkeypatch, 100)
    assert everything(path) == whole
    assert len(whole[0]["frame"]) == len(FRAMES) + 1


def test_no_thread_stays_where_reading_ends_early(tmp_path, monkeypatch):
    blocks_of(monkeypatch, BLOCK)
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(FRAMES))
    with closing(DatagramReader(path).chunks()) as chunks:
        next(chunks)
        assert len(readers()) == 1
    assert not readers()
    assert [frame.number for frame in read_frames(path, [1])] == [1]
    assert not readers()
    measure_streams(path)
    assert not readers()


@pytest.mark.parametrize("read", [read_capture, measure_streams])
def test_no_thread_stays_after_an_exception(tmp_path, monkeypatch, read):
    def stop(*_, **__):
        raise RuntimeError("stopped half way")

    blocks_of(monkeypatch, BLOCK)
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(FRAMES))
    monkeypatch.setattr("forensics.capture.packing.PayloadBuffer.add", stop)
    monkeypatch.setattr("forensics.streams.measuring.StreamMeter.add", stop)
    with pytest.raises(RuntimeError, match="stopped half way"):
        read(path)
    assert not readers()


def test_what_goes_wrong_in_the_thread_is_raised_where_one_waits_for_it(tmp_path, monkeypatch):
    fill, calls = OctetFile.fill, []

    def fails_at_third(file, buffer):
        calls.append(len(buffer))
        if len(calls) == 3:
            raise MemoryError("no room")
        return fill(file, buffer)

    blocks_of(monkeypatch, BLOCK)
    monkeypatch.setattr("forensics.capture.files.OctetFile.fill", fails_at_third)
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(FRAMES))
    with pytest.raises(MemoryError, match="no room"):
        read_capture(path)
    assert not readers()


CHAIN = records.Chain("<", 8, 16, 16, 0, records.LONGEST_FRAME, (0x10, 0xFF))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 90), min_size=80, max_size=400),
    st.lists(st.tuples(st.integers(0, 399), st.sampled_from([0, 7, 300, 0x7FFF_FFFF])), max_size=3),
    st.integers(0, 120),
)
def test_walkers_in_lock_step_find_what_one_walker_finds(sizes, faults, cut):
    """Lengths that lie, lead astray or beyond the end; a cut anywhere."""
    lengths = [*sizes]
    for row, length in faults:
        lengths[row % len(sizes)] = length
    rows = (struct.pack("<IIII", 0x20, 0, told, told) + bytes(size) for told, size in zip(lengths, sizes, strict=True))
    octets = b"".join(rows)
    end = len(octets) - cut
    buffer = np.frombuffer(octets + bytes(512), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "WALKERS", 24)
        patch.setattr(records, "FEW_WALKERS", 3)
        together = records.walk(buffer, CHAIN, start=0, end=end)
    alone = records._walk_alone(buffer, CHAIN, start=0, end=end)
    assert together.positions.tolist() == alone.positions.tolist()
    assert (together.stop, together.broken) == (alone.stop, alone.broken)


@pytest.mark.parametrize("expected", [0, 1 << 20])
def test_payloads_are_packed_in_order_whatever_their_sizes(tmp_path, expected):
    rng = np.random.default_rng(4)
    payloads = [rng.bytes(int(size)) for size in [*rng.choice([0, 1, 33, 160], 900), *rng.integers(0, 400, 300)]]
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in payloads)))
    packed = PayloadBuffer(expected)
    with closing(DatagramReader(path).chunks()) as chunks:
        for chunk in chunks:
            for part in np.array_split(np.arange(len(chunk)), [900, 1000]):
                packed.add(type(chunk)(chunk.octets, *(getattr(chunk, n)[part] for n in type(chunk).__slots__[1:])))
    assert bytes(packed.octets) == b"".join(payloads)
