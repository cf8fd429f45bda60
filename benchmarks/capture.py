"""Stream statistics of captures: ours beside tshark, dpkt and pyshark, whole processes, in one run.

    pip install dpkt
    python benchmarks/capture.py                       # one hour (360 k packets) and 200 calls (3.6 M)
    python benchmarks/capture.py --large               # and 10 M packets
    python benchmarks/capture.py --quick               # one hour only, one run each
    python benchmarks/capture.py --file call.pcapng    # a capture of your own instead

Every figure is the median of five runs of a whole process, start of the interpreter included, with the file in the page
cache. Printed are seconds on the clock and of the processor, peak memory, and the ratios to `tshark -z rtp,streams` in
the same run; nothing is asserted. We read ahead in a second thread: the clock tells what two processors do at once, the
processor's time is the sum of both, and on a busy machine its ratio is the one to trust. pyshark is measured on
20 000 packets and scaled.
"""

from __future__ import annotations

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PAYLOAD_OCTETS = 160
FRAME_OCTETS = 14 + 20 + 8 + 12 + PAYLOAD_OCTETS
PYSHARK_PACKETS = 20_000
BATCH = 200_000

OURS = "import sys; from forensics.streams.measuring import measure_streams as m; print(len(m(sys.argv[1]).streams))"
TABLES = "import sys, forensics as fx; print(len(fx.find_streams(fx.read_capture(sys.argv[1]))))"
DPKT = """
import sys, dpkt
file = open(sys.argv[1], "rb")
reader = dpkt.pcapng.Reader(file) if sys.argv[1].endswith("ng") else dpkt.pcap.Reader(file)
streams = {}
for time, octets in reader:
    packet = dpkt.ethernet.Ethernet(octets).data.data
    rtp = dpkt.rtp.RTP(packet.data)
    key = packet.sport, packet.dport, rtp.ssrc
    streams[key] = streams.get(key, 0) + 1
print(len(streams))
"""
PYSHARK = """
import sys, pyshark
capture = pyshark.FileCapture(sys.argv[1], keep_packets=False, use_ek=True, decode_as={"udp.port==5000": "rtp"})
streams = set()
for packet in capture:
    streams.add(packet.rtp.ssrc)
capture.close()
print(len(streams))
"""
HEURISTIC = ("--enable-heuristic", "rtp_udp")


@dataclass(frozen=True)
class Run:
    """A peer's measurement: median seconds, on the clock and of the processor, and peak memory of the whole process."""

    seconds: float
    processor_s: float
    megabytes: float


def written(path: Path, *, packets: int, calls: int) -> Path:
    """Write calls in a process of its own: a child counts the memory of its parent as its own until it starts."""
    code = "import sys, capture; capture.write_calls(capture.Path(sys.argv[1]), *map(int, sys.argv[2:]))"
    command = [sys.executable, "-c", code, str(path), str(packets), str(calls)]
    subprocess.run(command, check=True, cwd=Path(__file__).parent)
    return path


def write_calls(path: Path, packets: int, calls: int) -> None:
    """Write G.711 calls, both directions, 20 ms a packet, one in a thousand lost; pcapng by the name."""
    import numpy as np

    rng = np.random.default_rng(1)
    streams, ng = 2 * calls, path.suffix == ".pcapng"
    header, trailer = (28, -FRAME_OCTETS % 4 + 4) if ng else (16, 0)
    first = rng.integers(0, 1 << 16, streams), rng.integers(0, 1 << 32, streams), rng.integers(0, 1 << 32, streams)
    with path.open("wb") as file:
        file.write(_file_header(ng))
        for start in range(0, packets, BATCH):
            number = np.arange(start, min(start + BATCH, packets))
            rows = _records(number, streams, first, header=header, trailer=trailer, rng=rng)
            file.write(rows[rng.random(len(rows)) > 0.001].tobytes())


def _file_header(ng: bool) -> bytes:
    if not ng:
        return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    return section + struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20)


def _records(
    number: np.ndarray,
    streams: int,
    first: tuple[np.ndarray, ...],
    *,
    header: int,
    trailer: int,
    rng: np.random.Generator,
) -> np.ndarray:
    import numpy as np

    stream, turn = number % streams, number // streams
    time = 1_700_000_000_000_000 + turn * 20_000 + stream * (20_000 // streams) + rng.integers(0, 15, len(number))
    rows = np.zeros((len(number), header + FRAME_OCTETS + trailer), np.uint8)

    def put(column: int, values: np.ndarray | int, dtype: str) -> None:
        octets = np.broadcast_to(np.asarray(values), len(number)).astype(dtype)
        rows[:, column : column + octets.itemsize] = octets.view(np.uint8).reshape(len(number), -1)

    if trailer:
        fields = (6, rows.shape[1], 0, time >> 32, time & 0xFFFF_FFFF, FRAME_OCTETS, FRAME_OCTETS)
        put(rows.shape[1] - 4, rows.shape[1], "<u4")
    else:
        fields = (time // 1_000_000, time % 1_000_000, FRAME_OCTETS, FRAME_OCTETS)
    for at, values in enumerate(fields):
        put(4 * at, values, "<u4")
    call, back = stream // 2, stream % 2 == 1
    near, far = 0x0A000001 + 2 * call, 0xC0A80001 + call
    for column, values, dtype in (
        (12, 0x0800, ">u2"), (14, 0x45, "u1"), (16, FRAME_OCTETS - 14, ">u2"), (22, 64, "u1"), (23, 17, "u1"),
        (26, np.where(back, far, near), ">u4"), (30, np.where(back, near, far), ">u4"),
        (34, np.where(back, 6000, 5000), ">u2"), (36, np.where(back, 5000, 6000), ">u2"),
        (38, FRAME_OCTETS - 34, ">u2"), (42, 0x80, "u1"), (44, (first[0][stream] + turn) & 0xFFFF, ">u2"),
        (46, (first[1][stream] + 160 * turn) & 0xFFFF_FFFF, ">u4"), (50, first[2][stream], ">u4"),
    ):  # fmt: skip
        put(header + column, values, dtype)
    rows[:, header + 54 : header + FRAME_OCTETS] = rng.integers(0, 256, PAYLOAD_OCTETS, dtype=np.uint8)
    return rows


def measure(command: list[str], runs: int) -> Run:
    """Run a whole process several times."""
    seconds, processor, peaks = [], [], []
    for _ in range(runs):
        began = perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds.append(perf_counter() - began)
        processor.append(usage.ru_utime + usage.ru_stime)
        peaks.append(usage.ru_maxrss / 1024)
        if process.returncode:
            raise SystemExit(f"failed: {' '.join(command[:4])} …")
    return Run(median(seconds), median(processor), max(peaks))


def python(code: str, path: Path) -> list[str]:
    return [sys.executable, "-c", code, str(path)]


def peers(path: Path, *, slow: bool) -> dict[str, list[str]]:
    """The commands that are compared, tshark's stream statistics first."""
    commands = {
        "tshark -z rtp,streams": ["tshark", "-n", "-r", str(path), *HEURISTIC, "-q", "-z", "rtp,streams"],
        "forensics, statistics": python(OURS, path),
        "forensics streams": [sys.executable, "-m", "forensics", "streams", str(path)],
        "forensics, tables": python(TABLES, path),
    }
    if slow:
        fields = [
            argument
            for name in ("frame.time_epoch", "rtp.ssrc", "rtp.seq", "rtp.timestamp")
            for argument in ("-e", name)
        ]
        commands["tshark -T fields"] = [
            "tshark",
            "-n",
            "-r",
            str(path),
            *HEURISTIC,
            "-Y",
            "rtp",
            "-T",
            "fields",
            *fields,
        ]
        commands["dpkt"] = python(DPKT, path)
    return commands


def compare(path: Path, *, packets: int, runs: int, slow: bool) -> None:
    print(f"\n{path.name}: {packets:,} packets, {path.stat().st_size / 1e6:.0f} MB, median of {runs}")
    base: Run | None = None
    for name, command in peers(path, slow=slow).items():
        run = measure(command, runs)
        base = base or run
        print(
            f"  {name:24} {run.seconds:8.2f} s {run.processor_s:8.2f} s CPU {run.megabytes:6.0f} MB "
            f"{1e9 * run.processor_s / packets:7.0f} ns/packet  "
            f"{base.seconds / run.seconds:6.1f} × tshark, by CPU {base.processor_s / run.processor_s:6.1f} ×",
            flush=True,
        )


def frames_of(path: Path) -> int:
    from forensics.streams import measure_streams

    return measure_streams(path).frames


def compare_sizes(folder: Path, runs: int, *, large: bool) -> None:
    """Print what a packet costs in files of several sizes, the start of the process taken off."""
    start = measure(python(OURS, written(folder / "start.pcap", packets=1000, calls=1)), runs)
    print(f"\ncost of a packet beyond the start of {start.processor_s:.2f} s CPU and {start.megabytes:.0f} MB")
    for packets in (100_000, 1_000_000, *([10_000_000] if large else [])):
        path = written(folder / "size.pcap", packets=packets, calls=1)
        run = measure(python(OURS, path), runs)
        each = 1e9 * (run.processor_s - start.processor_s) / packets
        print(f"  {packets:10,} packets {each:6.0f} ns/packet {run.megabytes:6.0f} MB", flush=True)
        path.unlink()


def compare_pyshark(folder: Path, runs: int) -> None:
    path = written(folder / "slice.pcap", packets=PYSHARK_PACKETS, calls=1)
    ours, theirs = measure(python(OURS, path), runs), measure(python(PYSHARK, path), 1)
    print(f"\npyshark (EK), {PYSHARK_PACKETS:,} packets: {theirs.seconds:.2f} s, ours {ours.seconds:.2f} s")
    scaled = theirs.seconds * 360_000 / PYSHARK_PACKETS
    hour = measure(python(OURS, folder / "hour.pcap"), runs)
    print(f"  scaled to one hour: {scaled:.0f} s, ours {hour.seconds:.2f} s: {scaled / hour.seconds:.0f} ×", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one hour only, one run each")
    parser.add_argument("--large", action="store_true", help="10 M packets too (2.3 GB of disk)")
    parser.add_argument("--file", type=Path, help="this capture instead of generated ones")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    if shutil.which("tshark") is None:
        raise SystemExit("tshark is not installed: there is nothing to compare with.")
    runs = 1 if given.quick else given.runs
    if given.file:
        compare(given.file, packets=frames_of(given.file), runs=runs, slow=False)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(written(folder / "hour.pcap", packets=360_000, calls=1), packets=360_000, runs=runs, slow=True)
        compare_pyshark(folder, runs)
        compare_sizes(folder, runs, large=given.large)
        if given.quick:
            return
        path = written(folder / "calls.pcapng", packets=3_600_000, calls=200)
        compare(path, packets=3_600_000, runs=runs, slow=False)
        if given.large:
            path.unlink()
            path = written(folder / "large.pcap", packets=10_000_000, calls=1)
            compare(path, packets=10_000_000, runs=runs, slow=False)


if __name__ == "__main__":
    main()
