"""The figures of a stream: tshark's where its definition is the RFC's, and ours."""

import json
import re
import shutil
import subprocess

import numpy as np
import packets as p
import pytest

from forensics.capture import read_capture
from forensics.errors import StreamError
from forensics.streams import describe_streams, find_streams, measure_streams, streams_report, streams_text


def calls(count=600, streams=7, *, reordering=0.02):
    """Frames of several streams with jitter, losses, pauses, reordering and duplicates, each of its own."""
    rng = np.random.default_rng(12)
    sent = []
    for stream in range(streams):
        sequence, timestamp = int(rng.integers(0, 65536)), int(rng.integers(0, 2**32))
        for n in range(count):
            pause = 8000 * (n // 150) * (stream % 3)
            arrival = 0.02 * n + 0.001 * stream + pause / 8000 + float(rng.exponential(0.004))
            packet = p.rtp(sequence + n, timestamp + 160 * n + pause, ssrc=1000 + stream, marker=n % 150 == 0)
            if rng.random() < 0.02:
                continue
            if rng.random() < reordering * (stream % 2):
                arrival += 0.05 + 0.1 * rng.random()
            sent.append((arrival, stream, packet))
            if stream == 4 and rng.random() < 0.02:
                sent.append((arrival + 0.003, stream, packet))
    sent.sort(key=lambda one: one[0])
    frames = []
    for arrival, stream, packet in sent:
        frame = p.ethernet(p.ipv4(p.udp(packet, 5000 + 2 * stream, 6000)))
        frames.append(p.Shot(p.START_NS + int(arrival * 1e6) * 1000, frame, len(frame)))
    return frames


@pytest.fixture
def capture_path(tmp_path):
    path = tmp_path / "calls.pcap"
    path.write_bytes(p.pcap(calls()))
    return path


def test_reading_in_chunks_gives_the_figures_of_the_tables(capture_path, monkeypatch):
    whole = describe_streams(find_streams(read_capture(capture_path)))
    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 20_000})
    pieces = measure_streams(capture_path).streams
    assert len(pieces) == len(whole) == 7
    for row, measured in zip(whole.to_dict("records"), pieces, strict=True):
        for name, value in measured.items():
            if name != "transport":
                expected = pytest.approx(value, abs=1e-9) if isinstance(value, float) else value
                assert row[name] == expected, name


def test_counts_are_what_was_done_to_the_stream(tmp_path):
    talk = p.talk(100)
    order = [*talk[:10], *talk[11:20], talk[10], *talk[21:50], talk[49], *talk[50:]]
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in order)))
    (stream,) = measure_streams(path).streams
    counts = {name: stream[name] for name in ("packets", "expected", "lost", "late", "duplicate", "reordered")}
    assert counts == {"packets": 100, "expected": 100, "lost": 1, "late": 1, "duplicate": 1, "reordered": 0}


def test_drift_and_skew_have_the_sign_of_a_fast_sender(tmp_path):
    frames = [p.ethernet(p.ipv4(p.udp(one))) for one in p.talk(3000)]
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(frames, step_ns=19_998_000)))
    (stream,) = measure_streams(path).streams
    assert stream["clock_drift_ppm"] == pytest.approx(100, abs=0.1)
    assert stream["skew_s"] == pytest.approx(2999 * 2e-6, abs=1e-6)


@pytest.mark.parametrize("capacity", [1 << 22, 20_000])
def test_a_sender_that_stands_still_does_not_drift(tmp_path, monkeypatch, capacity):
    """A clock 50 ppm slow, jitter, and two stalls during which the time stamps stood still."""
    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": capacity})
    rng = np.random.default_rng(2)
    frames = []
    for n in range(6000):
        arrival = 0.02 * n * (1 + 50e-6) + 0.9 * (n > 1800) + 1.3 * (n > 4100) + rng.exponential(0.003)
        frame = p.ethernet(p.ipv4(p.udp(p.rtp(n, 160 * n))))
        frames.append(p.Shot(p.START_NS + int(arrival * 1e9), frame, len(frame)))
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(frames, nano=True))
    (stream,) = measure_streams(path).streams
    assert stream["clock_drift_ppm"] == pytest.approx(-50, abs=2)


def test_talkspurts_are_counted_by_marker_or_pause(tmp_path):
    stamps = [160 * n + 4000 * (n // 50) for n in range(150)]
    packets = [p.rtp(n, stamp, marker=n == 50) for n, stamp in enumerate(stamps)]
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(one))) for one in packets)))
    assert measure_streams(path).streams[0]["talkspurts"] == 3


def test_many_candidates_are_forgotten_and_the_streams_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("forensics.streams.meter.MOST_CANDIDATES", 64)
    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 4096})
    rng = np.random.default_rng(0)
    frames = []
    for one in p.talk(1000):
        frames.append(p.ethernet(p.ipv4(p.udp(one))))
        frames.append(p.ethernet(p.ipv4(p.udp(b"\x80\x60" + rng.bytes(40)))))
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(frames)))
    measured = measure_streams(path)
    assert [row["packets"] for row in measured.streams] == [1000]
    assert measured.skipped == {"RTP-like datagram that goes on in no stream": 1000}


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    import tracemalloc

    monkeypatch.setattr("forensics.capture.window.Window.__init__.__kwdefaults__", {"capacity": 1 << 16})
    peaks = []
    for packets in (4_000, 40_000):
        path = tmp_path / f"{packets}.pcap"
        path.write_bytes(p.pcap(p.call(packets)))
        tracemalloc.start()
        measure_streams(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_progress_bar_comes_only_after_a_while(tmp_path, monkeypatch, capsys):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.call(50)))
    measure_streams(path, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("forensics.capture.progress.QUIET_S", -1)
    measure_streams(path, progress=True)
    assert "reading" in capsys.readouterr().err


def test_the_report_is_json_and_a_table(capture_path):
    report = streams_report(capture_path)
    again = json.loads(json.dumps(report))
    assert again == report
    assert set(report) == {"schema", "capture", "streams", "skipped", "notes"}
    assert {"ssrc", "packets", "lost", "late", "duplicate", "reordered"} <= set(report["streams"][0])
    text = streams_text(report)
    assert text.count("0x000003E") == 7
    assert text.endswith("Everything was understood.")


def test_no_stream_is_an_error(tmp_path):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots([p.ethernet(p.ipv4(p.udp(p.dns())))])))
    with pytest.raises(StreamError, match=r"No RTP in call\.pcap: 1 datagrams \(1 \w+\), none"):
        measure_streams(path)


def test_a_given_port_counts_in_chunks_too(tmp_path):
    path = tmp_path / "call.pcap"
    path.write_bytes(p.pcap(p.shots(p.ethernet(p.ipv4(p.udp(p.rtp(n, n)))) for n in (1, 900))))
    assert measure_streams(path, decode_as={"udp.port==6000": "rtp"}).streams[0]["packets"] == 2


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_figures_equal_those_of_tshark(tmp_path):
    capture_path = tmp_path / "calls.pcap"
    capture_path.write_bytes(p.pcap(calls(reordering=0)))
    command = ["tshark", "-n", "-r", str(capture_path), "-d", "udp.port==6000,rtp", "-q", "-z", "rtp,streams"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs = {}
    for line in out.splitlines():
        if found := re.search(r"0x([0-9A-F]{8})\s+g711U\s+(\d+)\s+(-?\d+) \(.*?\)(.*)", line):
            ssrc, packets, lost, rest = found.groups()
            theirs[int(ssrc, 16)] = (int(packets), int(lost), *map(float, re.findall(r"-?\d+\.\d+", rest)))
    ours = {row["ssrc"]: row for row in measure_streams(capture_path).streams}
    assert set(ours) == set(theirs)
    for ssrc, (packets, lost, *milliseconds) in theirs.items():
        row = ours[ssrc]
        assert packets == row["packets"]
        assert lost == row["lost"] - row["duplicate"]  # tshark counts received packets
        names = ("delta_min_s", "delta_mean_s", "delta_max_s", "jitter_min_s", "jitter_mean_s", "jitter_max_s")
        figures = [1e3 * row[name] for name in names]
        for at, value in enumerate(milliseconds):  # tshark's running mean divides by packets that it left out
            mean = at in (1, 4)
            assert value == pytest.approx(figures[at], abs=6e-4, rel=5e-3 if mean else 0), names[at]
