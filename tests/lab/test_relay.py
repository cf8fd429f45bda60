import asyncio
import os
import re
import shutil
import subprocess
import sys

import pytest

from forensics.errors import ForensicsError
from forensics.lab.relay import LISTENER_SIDE, SENDER_SIDE, Relay, is_rtp
from forensics.lab.scenario import Fault, Network, Scenario


def rtp(number):
    return bytes([0x80, 111]) + number.to_bytes(2, "big") + bytes(4) + b"\0\0\0\x07" + b"payload"


class Peer(asyncio.DatagramProtocol):
    def __init__(self):
        self.received = asyncio.Queue()

    def datagram_received(self, data, address):
        self.received.put_nowait((data, address))


async def open_peer(host="127.0.0.1"):
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Peer, local_addr=(host, 0))
    return transport, peer


def relay_for(*faults):
    return Relay(Scenario("s", 60.0, faults=faults, network=Network(0.001)))


def run(story, *faults):
    """Open a relay between two peers, tell the story, close everything; return the relay."""

    async def told():
        relay = relay_for(*faults)
        await relay.open()
        (agent_socket, agent), (listener_socket, listener) = await open_peer(), await open_peer()
        relay.expect(agent_socket.get_extra_info("sockname")[:2])
        try:
            await asyncio.wait_for(story(relay, agent_socket, agent, listener_socket, listener), 5)
        finally:
            for transport in (agent_socket, listener_socket):
                transport.close()
            relay.close()
        return relay

    return asyncio.run(told())


async def greet(relay, agent_socket, agent, listener_socket, listener):
    """Let the listener speak first, as browsers do, so that the relay knows where it is."""
    listener_socket.sendto(b"\0\x01hello", relay.listener_side)
    assert (await agent.received.get())[0] == b"\0\x01hello"


def test_each_side_sees_only_the_relay():
    async def story(relay, agent_socket, agent, listener_socket, listener):
        await greet(relay, agent_socket, agent, listener_socket, listener)
        agent_socket.sendto(rtp(1), relay.sender_side)
        data, address = await listener.received.get()
        assert (data, address) == (rtp(1), relay.listener_side)
        assert (relay.sender_side[0], relay.listener_side[0]) == (SENDER_SIDE, LISTENER_SIDE)

    relay = run(story)
    assert [d.payload for d in relay.sender_tap] == [b"\0\x01hello", rtp(1)]
    assert [d.payload for d in relay.receiver_tap] == [b"\0\x01hello", rtp(1)]
    assert all(a.time_ns >= b.time_ns for a, b in zip(relay.receiver_tap[1:], relay.sender_tap[1:], strict=True))


def test_what_is_lost_is_on_one_tap_only():
    async def story(relay, agent_socket, agent, listener_socket, listener):
        await greet(relay, agent_socket, agent, listener_socket, listener)
        relay.start_call(asyncio.get_running_loop().time())
        for number in range(5):
            agent_socket.sendto(rtp(number), relay.sender_side)
        assert [(await listener.received.get())[0] for _ in range(3)] == [rtp(2), rtp(3), rtp(4)]

    relay = run(story, Fault("packet_loss", 0.0, 0.0, {"packets": 2}))
    assert [entry.sequence_number for entry in relay.log if entry.is_rtp and not entry.out_ns] == [0, 1]
    sent, received = ({d.payload for d in tap} for tap in (relay.sender_tap, relay.receiver_tap))
    assert sent - received == {rtp(0), rtp(1)}
    assert relay.log[-1].ssrc == 7


def test_a_duplicate_is_tapped_twice():
    async def story(relay, agent_socket, agent, listener_socket, listener):
        await greet(relay, agent_socket, agent, listener_socket, listener)
        relay.start_call(asyncio.get_running_loop().time())
        agent_socket.sendto(rtp(1), relay.sender_side)
        assert [(await listener.received.get())[0] for _ in range(2)] == [rtp(1), rtp(1)]

    relay = run(story, Fault("duplication", 0.0, 9.0, {"probability": 1.0}))
    assert [d.payload for d in relay.receiver_tap].count(rtp(1)) == 2


def test_what_does_not_come_over_loopback_is_left_alone():
    relay = relay_for()

    async def story():
        await relay.open()
        relay._sides["downlink"].datagram_received(rtp(1), ("192.0.2.7", 9))
        relay.close()

    asyncio.run(story())
    assert relay.log == []


def test_closing_frees_the_ports():
    async def story():
        relay = relay_for()
        await relay.open()
        host, port = relay.sender_side
        relay.close()
        await asyncio.sleep(0)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Peer, local_addr=(host, port))
        transport.close()

    asyncio.run(story())


@pytest.mark.parametrize("side", ["SENDER_SIDE", "LISTENER_SIDE"])
def test_without_a_port_one_sentence_says_so_and_none_stays_bound(monkeypatch, side):
    monkeypatch.setattr(f"forensics.lab.relay.{side}", "192.0.2.1")  # no address of this machine
    relay = relay_for()
    with pytest.raises(
        ForensicsError, match=r"^No UDP port to be had on 192\.0\.2\.1: .*\. The lab needs loopback, and"
    ):
        asyncio.run(relay.open())
    assert not relay._transports


ALL_PORTS_TAKEN = """
import asyncio, pathlib, socket, subprocess
from forensics.errors import ForensicsError
from forensics.lab.relay import LISTENER_SIDE, SENDER_SIDE, Relay
from forensics.lab.scenario import Scenario
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40001")
held = []
for host in (SENDER_SIDE, LISTENER_SIDE):
    for port in (40000, 40001):
        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        held[-1].bind((host, port))
try:
    asyncio.run(Relay(Scenario("s", 4.0)).open())
except ForensicsError as told:
    print(told)
"""


def test_when_every_port_is_taken_one_sentence_says_so():
    alone = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    if (
        not shutil.which("unshare")
        or not shutil.which("ip")
        or subprocess.run([*alone, "true"], check=False).returncode
    ):
        pytest.skip("this machine lets no process have a network of its own")
    command = [*alone, sys.executable, "-c", ALL_PORTS_TAKEN]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert re.fullmatch(
        r"No UDP port to be had on 127\.0\.0\.2: .*in use.*\. The lab needs loopback.*", done.stdout.strip()
    )


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(rtp(1), True), (b"\x80\xc8" + bytes(20), False), (b"\x16\xfe" + bytes(20), False), (b"\x80", False)],
    ids=["RTP", "RTCP", "DTLS", "too short"],
)
def test_rtp_is_told_from_its_neighbours(payload, expected):
    assert is_rtp(payload) is expected
