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
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
FINDINGS = TESTS / "capture" / "findings"
TARGETS = ("reader", "tables", "rtp", "rtcp", "stun", "dtls", "texts")
LONGEST_INPUT = 4096
SDP = b"v=0\r\nc=IN IP4 10.0.0.2\r\nm=audio 6000 RTP/AVP 96 0\r\na=rtpmap:96 L16/16000/1\r\na=extmap:5 urn:x\r\n"


def seeds(folder: Path, target: str) -> Path:
    """Write a few good inputs, from which the fuzzer goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(_messages() if target not in ("reader", "tables") else _files()):
        (folder / f"seed{number}").write_bytes(octets)
    return folder


def _files() -> list[bytes]:
    import packets as p

    section = p.Section().interface(1).interface(101, resolution=9).secrets(b"CLIENT_RANDOM")
    for shot in p.call(4):
        section.enhanced(shot).simple(shot).obsolete(shot)
    fragments = p.fragments4(p.udp(p.rtp(1, 1, payload=bytes(900))), 400)
    turn = [p.ethernet(p.ipv4(p.udp(one))) for one in _relayed()]
    sip = b"INVITE sip:b SIP/2.0\r\nContent-Length: %d\r\n\r\n%s" % (len(SDP), SDP)
    tcp = [
        p.ethernet(p.ipv4(p.tcp(one, 9), protocol=6)) for one in (b"\0\x14" + p.stun() + b"\0\xac" + p.rtp(1, 1), sip)
    ]
    reports = [p.ethernet(p.ipv4(p.udp(one, 5001, 6001))) for one in _reports()]
    frames = [*map(p.ethernet, fragments), *turn, *tcp, *reports]
    return [p.pcap(p.call(5)), section.octets(), p.pcap(p.shots(frames)), p.pcap(p.call(5), order=">", nano=True)]


def _messages() -> list[bytes]:
    import packets as p

    extended = p.rtp(1, 1, extension=(0xBEDE, b"\x10\x85\x22abc\x31\0\1"))
    hello = b"\xfe\xfd" + bytes(34) + b"\0\2\xc0\x2b\1\0\0\x0d\0\x0e\0\x09\0\4\0\1\0\7\2ab"
    keys = (
        b"CLIENT_RANDOM " + b"ab" * 32 + b" " + b"cd" * 48 + b"\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 40
    )
    return [*_relayed(), *_reports(), extended, hello, keys + b"|2^31|1:4\n", SDP]


def _relayed() -> list[bytes]:
    import packets as p

    peer = p.attribute(0x0012, b"\0\1\1\2abcd")
    return [p.channel_data(p.rtp(1, 1)), p.stun(0x0017, peer + p.attribute(0x0013, p.rtp(2, 2))), p.stun(0x0009, peer)]


def _reports() -> list[bytes]:
    sender = struct.pack(">BBHIQIII", 0x81, 200, 12, 1, 1 << 40, 2, 3, 4) + bytes(24)
    nack = struct.pack(">BBHIIHH", 0x81, 205, 3, 1, 2, 3, 4)
    wide = struct.pack(">BBHIIHHIHHI", 0x8F, 205, 6, 1, 2, 9, 5, 7, 0x2003, 0xD530, 0x04080C10)
    runs = struct.pack(">BBHIBBHIHHHH", 0x80, 207, 5, 1, 1, 0, 3, 9, 1, 40, 0x4003, 0xFFF8)
    return [sender + nack, wide, runs]


def fuzz(target: str, seconds: int, scratch: Path) -> None:
    """Fuzz one target in this process; libFuzzer ends it."""
    import atheris

    sys.path.insert(0, str(TESTS))
    with atheris.instrument_imports(include=["forensics"]):
        from capture_targets import TARGETS as RUN

        from forensics.capture import window
    window.Window.__init__.__kwdefaults__["capacity"] = 1 << 10  # more inputs a second, and blocks that are read ahead
    (FINDINGS / target).mkdir(parents=True, exist_ok=True)
    corpus = seeds(scratch, target)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST_INPUT}", "-timeout=10", "-rss_limit_mb=2048",
               f"-artifact_prefix={FINDINGS / target}/", "-verbosity=0", "-print_final_stats=1"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], RUN[target])
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)  # the folder for seeds, in the child process
    given = parser.parse_args()
    if given.here:
        fuzz(given.target, given.seconds, given.here)
        return
    for target in [given.target] if given.target else TARGETS:
        print(f"--- {target}, {given.seconds} s", flush=True)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
            options = ["--target", target, "--seconds", str(given.seconds), "--here", scratch]
            done = subprocess.run([sys.executable, __file__, *options], check=False)
        if done.returncode:
            sys.exit(f"{target}: a finding, see {FINDINGS / target}")


if __name__ == "__main__":
    main()
