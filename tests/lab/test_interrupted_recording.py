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
duration_s = {duration_s}
[[line]]
who = "agent"
at_s = 0.3
wav = "voice.wav"
"""
PROGRAM = """
import signal
from forensics.__main__ import main
from forensics.lab import record
record.write_readings = lambda *_: signal.pause()  # the last file waits, so that writing is a moment to be caught
main()
"""
RELAY_SIDES = ("0200007F:", "0300007F:")  # 127.0.0.2 and 127.0.0.3 as the kernel writes them
COMES_WITHIN_S, ENDED_WITHIN_S = 90.0, 20.0


def bound_ports():
    """UDP sockets of the relay's two addresses: address, port and inode."""
    rows = (row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:])
    return {(row[1], row[9]) for row in rows if row[1].startswith(RELAY_SIDES)}


class Recording:
    """A recording in a process of its own, and what it has started so far."""

    def __init__(self, folder, scratch):
        self.folder, self.before, self.below, self.ports = folder, bound_ports(), set(), set()
        command = [sys.executable, "-c", PROGRAM, "lab", "record", folder / "scenario.toml", folder / "case"]
        self.process = subprocess.Popen(
            list(map(str, command)), env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def look(self):
        self.below |= set(descendants(self.process.pid))
        self.ports |= bound_ports() - self.before

    def binds(self):
        """The relay stands, the browser does not yet."""
        return len(self.ports) >= 2

    def plays(self):
        """The browser plays what it hears."""
        return any("AudioService" in command_line(pid) for pid in self.below) and len(self.ports) >= 2

    def writes(self):
        """The call is over and its case is being written, beside the place where it will appear."""
        return any(self.folder.glob(".case-*"))

    def await_moment(self, moment):
        deadline = time.monotonic() + COMES_WITHIN_S
        while time.monotonic() < deadline:
            self.look()
            if moment(self):
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
                said = self.process.stderr.read().decode()
                if "The call was disturbed" in said:
                    pytest.skip(f"this machine is too busy to record on: {said}")
                pytest.fail(f"the recording ended by itself: {said}")
        pytest.fail("the moment did not come")


@pytest.mark.parametrize(
    ("moment", "number", "duration_s"),
    [
        (Recording.binds, signal.SIGINT, 30),
        (Recording.plays, signal.SIGINT, 30),
        (Recording.plays, signal.SIGTERM, 30),
        (Recording.writes, signal.SIGINT, 3),
    ],
    ids=["while it starts", "while it plays", "while it plays, terminated", "while it writes"],
)
def test_a_recording_that_is_broken_off_leaves_nothing_behind(tmp_path, tmp_path_factory, moment, number, duration_s):
    soundfile.write(tmp_path / "voice.wav", np.random.default_rng(0).normal(0, 0.1, 96_000), 48_000)
    (tmp_path / "scenario.toml").write_text(SCENARIO.format(duration_s=duration_s))
    scratch = tmp_path_factory.mktemp("s")  # Chromium makes a socket in it, whose path must be short
    recording = Recording(tmp_path, scratch)
    try:
        recording.await_moment(moment)
        recording.process.send_signal(number)
        _, said = recording.process.communicate(timeout=ENDED_WITHIN_S)
    finally:
        recording.process.kill()
    assert recording.process.returncode not in (0, None)
    assert b"Traceback" not in said
    assert not [command_line(pid) for pid in recording.below if command_line(pid)]
    assert not bound_ports() & recording.ports
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenario.toml", "voice.wav"]
    assert not list(scratch.iterdir())
