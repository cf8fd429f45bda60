import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile

from forensics.lab.processes import command_line, descendants

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCENARIO = """\
duration_s = 30
[[line]]
who = "agent"
at_s = 0.5
wav = "voice.wav"
"""
RELAY_SIDES = ("0200007F:", "0300007F:")  # 127.0.0.2 and 127.0.0.3 as the kernel writes them
STARTED_WITHIN_S, ENDED_WITHIN_S = 60.0, 20.0


def bound_ports():
    """UDP sockets of the relay's two addresses: address, port and inode."""
    rows = (row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:])
    return {(row[1], row[9]) for row in rows if row[1].startswith(RELAY_SIDES)}


def await_call(process, before):
    """Return the processes and ports of a recording once its browser plays."""
    deadline = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < deadline:
        below, ports = descendants(process.pid), bound_ports() - before
        if any("AudioService" in command_line(pid) for pid in below) and len(ports) >= 2:
            return below, ports
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            pytest.fail(f"the recording ended by itself: {process.stderr.read().decode()}")
    pytest.fail("the recording did not begin")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_that_is_broken_off_leaves_nothing_behind(tmp_path, tmp_path_factory, number):
    soundfile.write(tmp_path / "voice.wav", np.random.default_rng(0).normal(0, 0.1, 96_000), 48_000)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    scratch = tmp_path_factory.mktemp("s")  # Chromium makes a socket in it, whose path must be short
    before = bound_ports()
    process = subprocess.Popen(
        [sys.executable, "-m", "forensics", "lab", "record", str(tmp_path / "scenario.toml"), str(tmp_path / "case")],
        env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        below, ports = await_call(process, before)
        process.send_signal(number)
        _, said = process.communicate(timeout=ENDED_WITHIN_S)
    finally:
        process.kill()
    assert process.returncode not in (0, None)
    assert b"Traceback" not in said
    assert not [command_line(pid) for pid in below if command_line(pid)]
    assert not bound_ports() & ports
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenario.toml", "voice.wav"]
    assert not list(scratch.iterdir())
