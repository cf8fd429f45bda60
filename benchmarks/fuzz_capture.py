"""Coverage-guided fuzzing of the capture and streams parsers with atheris, for a bounded time.

    pip install atheris
    python benchmarks/fuzz_capture.py --seconds 60            # every target, one after the other
    python benchmarks/fuzz_capture.py --target reader --seconds 600

An input that raises anything but our own errors, takes longer than ten seconds or two gigabytes ends the run; it is
written to tests/capture/findings/<target>/, where the test suite runs it from then on. The targets are those of
tests/capture_targets.py.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
FINDINGS = TESTS / "capture" / "findings"
TARGETS = ("reader", "tables", "rtp", "rtcp", "stun", "dtls", "texts")
LONGEST_INPUT = 4096


def seeds(folder: Path) -> Path:
    """Write a few good files, from which the fuzzer goes on."""
    import packets as p

    section = p.Section().interface(1).interface(101, resolution=9).secrets(b"CLIENT_RANDOM")
    for shot in p.call(4):
        section.enhanced(shot).simple(shot).obsolete(shot)
    fragments = p.fragments4(p.udp(p.rtp(1, 1, payload=bytes(900))), 400)
    inside = [p.channel_data(p.rtp(1, 1)), p.stun(0x0017, p.attribute(0x0013, p.rtp(2, 2)))]
    turn = [p.ethernet(p.ipv4(p.udp(one))) for one in inside]
    tcp = [p.ethernet(p.ipv4(p.tcp(b"\0\x14" + p.stun() + b"\0\xac" + p.rtp(1, 1), 9), protocol=6))]
    files = (p.pcap(p.call(5)), section.octets(), p.pcap(p.shots([*map(p.ethernet, fragments), *turn, *tcp])), *inside)
    folder.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(files):
        (folder / f"seed{number}").write_bytes(octets)
    return folder


def fuzz(target: str, seconds: int) -> None:
    """Fuzz one target in this process; libFuzzer ends it."""
    import tempfile

    import atheris

    sys.path.insert(0, str(TESTS))
    with atheris.instrument_imports(include=["forensics"]):
        from capture_targets import TARGETS as RUN

        from forensics.capture import files
    files.Window.__init__.__kwdefaults__["capacity"] = 1 << 14  # more inputs a second, and more chunks
    (FINDINGS / target).mkdir(parents=True, exist_ok=True)
    corpus = seeds(Path(tempfile.mkdtemp(prefix="fuzz-")))
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", "-timeout=10", "-rss_limit_mb=2048",
               f"-artifact_prefix={FINDINGS / target}/", "-verbosity=0", "-print_final_stats=1"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], RUN[target])
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        fuzz(given.target, given.seconds)
        return
    for target in [given.target] if given.target else TARGETS:
        print(f"--- {target}, {given.seconds} s", flush=True)
        command = [sys.executable, __file__, "--target", target, "--seconds", str(given.seconds), "--here"]
        if subprocess.run(command, check=False).returncode:
            sys.exit(f"{target}: a finding, see {FINDINGS / target}")


if __name__ == "__main__":
    main()
