"""One take of a recorded call: the agent, the relay and the listener brought together, and what each of them saw.

A take is only raw material: `record` turns it into a case with its truth, and refuses it where the machine disturbed
it. Whatever happens, also Ctrl-C, leaves no process and no port behind: all of it stands in one exit stack.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from forensics.errors import ForensicsError
from forensics.lab.agent import AGENT_HOST, SentPacket, VoiceAgent, candidates_of, with_candidate
from forensics.lab.listener import Listener, Listening
from forensics.lab.loudspeaker import Loudspeaker
from forensics.lab.microphone import MICROPHONE_LEAD_S, TAIL_S, speak_user, with_lead
from forensics.lab.model_log import ModelEvent, model_events
from forensics.lab.plan import SendPlan
from forensics.lab.priority import in_real_time
from forensics.lab.relay import Relay, Relayed, no_port
from forensics.lab.scenario import Fault, Scenario
from forensics.lab.speech import SPEECH_RATE_HZ
from forensics.lab.taps import Datagram, Endpoint

CONNECT_TIMEOUT_S = 20.0


@dataclass(slots=True)
class Take:
    """What was really done and really happened. Times in ns or seconds since 1970 unless a name says otherwise."""

    zero_ns: int
    sent: list[SentPacket]
    zero_monotonic_s: float
    relayed: list[Relayed]
    sender_tap: list[Datagram]
    receiver_tap: list[Datagram]
    listening: Listening
    ssrc: int
    key_log: list[bytes]
    events: list[tuple[float, dict[str, Any]]]
    freezes: list[tuple[Fault, float, float]]
    addresses: dict[str, Endpoint] = field(default_factory=dict)
    device: np.ndarray | None = None
    device_epoch_s: float = 0.0


def run_take(scenario: Scenario, plan: SendPlan, payloads: list[bytes]) -> Take:
    """Run the call once, from a program or from a notebook, whose own event loop is already running.

    Raises
    ------
    KeyboardInterrupt
        On SIGINT and SIGTERM, after everything that was started is gone.
    """

    async def cancellable() -> Take:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError, RuntimeError):  # outside the main thread signals are the main thread's
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await take_call(scenario, plan, payloads)

    try:
        with ThreadPoolExecutor(1) as worker:
            alone = not _loop_is_running()
            return asyncio.run(cancellable()) if alone else worker.submit(asyncio.run, cancellable()).result()
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def take_call(scenario: Scenario, plan: SendPlan, payloads: list[bytes]) -> Take:
    """Run the call once, in real time, and return what was seen of it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="call-lab-")))
        loudspeaker = await _open_loudspeaker(stack, folder)
        relay = Relay(scenario)
        stack.callback(relay.close)
        await relay.open()
        listener = Listener(
            write_microphone(scenario, folder / "microphone.wav"),
            folder=folder,
            environment=loudspeaker.environment if loudspeaker else {},
        )
        stack.push_async_callback(listener.close)
        await listener.open()
        sender = scenario.sender
        agent = VoiceAgent(plan, payloads, codec=sender.codec, abs_send_time=sender.abs_send_time)
        stack.push_async_callback(agent.hang_up)
        try:
            await asyncio.wait_for(_connect(agent, relay, listener, codec=sender.codec), CONNECT_TIMEOUT_S)
        except TimeoutError as reason:
            raise ForensicsError(
                f"Browser and voice AI did not connect within {CONNECT_TIMEOUT_S:g} s, over loopback. "
                "Is a firewall in the way, or the machine very busy? Record again."
            ) from reason
        if loudspeaker:
            await loudspeaker.start()
        take = await _run(scenario, plan, agent=agent, relay=relay, listener=listener)
        if loudspeaker:
            take.device = await loudspeaker.stop()
            take.device_epoch_s = loudspeaker.first_sample_epoch_s
        return take


async def _open_loudspeaker(stack: AsyncExitStack, folder: Path) -> Loudspeaker | None:
    if not Loudspeaker.available():
        return None
    loudspeaker = Loudspeaker(folder)
    stack.push_async_callback(loudspeaker.close)
    await loudspeaker.open()
    return loudspeaker


async def _connect(agent: VoiceAgent, relay: Relay, listener: Listener, *, codec: str) -> None:
    """Let both peers know nothing but the relay."""
    offer = await listener.offer(codec)
    answer = await agent.answer(with_candidate(offer, relay.sender_side))
    endpoints = [endpoint for endpoint in candidates_of(answer) if endpoint[0] == AGENT_HOST]
    if not endpoints:
        raise no_port(AGENT_HOST, "the voice AI's peer was given none")
    relay.expect(endpoints[0])
    await asyncio.gather(listener.accept(with_candidate(answer, relay.listener_side)), agent.connected())


async def _run(scenario: Scenario, plan: SendPlan, *, agent: VoiceAgent, relay: Relay, listener: Listener) -> Take:
    with _without_collection(), in_real_time():
        began_s = await listener.speak()
        zero_s = time.monotonic() + (began_s + MICROPHONE_LEAD_S - time.time())
        relay.start_call(zero_s)
        events: list[tuple[float, dict[str, Any]]] = []
        freezes: list[tuple[Fault, float, float]] = []
        jobs = [
            agent.speak(zero_s),
            _log_events(model_events(scenario, plan), zero_s, events),
            *(_freeze(listener, fault, zero_s, freezes) for fault in scenario.faults_of("receiver")),
            asyncio.sleep(zero_s + scenario.duration_s + TAIL_S - time.monotonic()),
        ]
        await asyncio.gather(*jobs)
        listening = await listener.finish()
    seen = [(fault, relay.wall_ns(start) / 1e9, relay.wall_ns(end) / 1e9) for fault, start, end in freezes]
    return Take(
        relay.wall_ns(zero_s), agent.sent, zero_s, relay.log, relay.sender_tap, relay.receiver_tap, listening,
        agent.ssrc, agent.key_log, events, seen,
        {"relay_sender_side": relay.sender_side, "relay_listener_side": relay.listener_side},
    )  # fmt: skip


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python's cyclic collector from pausing the packets."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _log_events(due: tuple[ModelEvent, ...], zero_s: float, log: list[tuple[float, dict[str, Any]]]) -> None:
    for event in due:
        await asyncio.sleep(max(0.0, zero_s + event.at_s - time.monotonic()))
        log.append((time.time(), event.event))


async def _freeze(listener: Listener, fault: Fault, zero_s: float, log: list[tuple[Fault, float, float]]) -> None:
    await asyncio.sleep(max(0.0, zero_s + fault.at_s - time.monotonic()))
    what = {"frozen_renderer": "renderer", "frozen_audio_service": "audio_service"}[fault.kind]
    log.append((fault, *await listener.freeze(what, fault.duration_s)))


def write_microphone(scenario: Scenario, path: Path) -> Path:
    """Write what the user says as a WAV file that begins `MICROPHONE_LEAD_S` before the call."""
    import soundfile

    soundfile.write(path, with_lead(speak_user(scenario)), SPEECH_RATE_HZ, subtype="PCM_16")
    return path
