import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCENARIO = """\
duration_s = 4
[[line]]
who = "agent"
at_s = 0.5
wav = "voice.wav"
"""

IN_A_NETWORK_OF_ITS_OWN = """
import collections, json, socket, subprocess, sys
for command in ("link set lo up", "link add near type veth peer name far", "addr add 192.0.2.2/24 dev near",
                "link set near up", "link set far up", "route add default via 192.0.2.1 dev near"):
    subprocess.run(["ip", *command.split()], check=True)
outside = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
outside.bind(("far", 0))
outside.settimeout(1.0)
done = subprocess.run([sys.executable, "-m", "forensics", "lab", "record", *sys.argv[1:]], capture_output=True)
frames = collections.Counter()
try:
    while True:
        frames[outside.recv(2048)[12:14].hex()] += 1
except TimeoutError:
    print(json.dumps({"frames": frames, "status": done.returncode, "said": done.stderr.decode()}))
"""
IPV6 = "86dd"  # the kernel's own neighbour discovery; the network has no IPv6 address to send from


def may_be_alone(command):
    probe = [*command, sys.executable, "-c", "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)"]
    return shutil.which("unshare") and shutil.which("ip") and not subprocess.run(probe, check=False).returncode


def test_a_recording_sends_nothing_to_the_outside(tmp_path):
    alone = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    if not may_be_alone(alone):
        pytest.skip("this machine lets no process have a network of its own")
    soundfile.write(tmp_path / "voice.wav", np.random.default_rng(0).normal(0, 0.1, 96_000), 48_000)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    options = [tmp_path / "scenario.toml", tmp_path / "case", "--attempts", "1"]
    done = subprocess.run(
        [*alone, sys.executable, "-c", IN_A_NETWORK_OF_ITS_OWN, *options], capture_output=True, check=True, timeout=120
    )
    told = json.loads(done.stdout)
    assert told["status"] == 0 or "The call was disturbed" in told["said"]  # by other work on this machine
    assert not told["frames"].keys() - {IPV6}
