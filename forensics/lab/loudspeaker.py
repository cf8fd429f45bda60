"""What the audio device played: a private PulseAudio with a null sink, recorded at its monitor.

Only the device shows a frozen audio service: the jitter buffer goes on delivering while nothing comes out. Where
PulseAudio is not installed the call is recorded without it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path

import numpy as np

from forensics.lab.speech import SPEECH_RATE_HZ

SINK = "listener"

_START_TIMEOUT_S = 5.0
_READ_BYTES = 9600  # 50 ms of mono int16: what a recorder asks for at a time
_LATENCY_MS = 20


class Loudspeaker:
    """A null sink and the recording of it. Use `open`, give `environment` to the browser, `start`, `stop`, `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "pulse.socket"
        self._server: asyncio.subprocess.Process | None = None
        self._recorder: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pieces: list[bytes] = []
        self.first_sample_epoch_s = 0.0

    @staticmethod
    def available() -> bool:
        """PulseAudio and its recorder are installed."""
        return shutil.which("pulseaudio") is not None and shutil.which("parec") is not None

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to play into this sink."""
        return {"PULSE_SERVER": f"unix:{self._socket}", "PULSE_RUNTIME_PATH": str(self._folder)}

    async def open(self) -> None:
        """Start the audio server; it listens on a socket in the folder only."""
        arguments = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes",
                     "--high-priority=no", "--realtime=no", "--log-level=error",
                     f"--load=module-null-sink sink_name={SINK} rate={SPEECH_RATE_HZ} channels=2",
                     f"--load=module-native-protocol-unix auth-anonymous=1 socket={self._socket}"]  # fmt: skip
        self._server = await self._start("pulseaudio", *arguments)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._socket.exists() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def _start(self, *command: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **self.environment, "HOME": str(self._folder), "XDG_CONFIG_HOME": str(self._folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )

    async def start(self) -> None:
        """Begin to record the sink's monitor."""
        self._recorder = await self._start(
            "parec", f"--device={SINK}.monitor", "--raw", "--format=s16le", "--channels=1",
            f"--rate={SPEECH_RATE_HZ}", f"--latency-msec={_LATENCY_MS}",
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._recorder is not None
        assert self._recorder.stdout is not None
        while piece := await self._recorder.stdout.read(_READ_BYTES):
            if not self._pieces:
                self.first_sample_epoch_s = time.time() - len(piece) / 2 / SPEECH_RATE_HZ
            self._pieces.append(piece)

    async def stop(self) -> np.ndarray:
        """End the recording; return its int16 samples."""
        await _end(self._recorder)
        if self._reading is not None:
            await self._reading
        self._recorder = self._reading = None
        return np.frombuffer(b"".join(self._pieces)[: len(b"".join(self._pieces)) // 2 * 2], dtype="<i2")

    async def close(self) -> None:
        """End both programs, whatever state they are in."""
        await _end(self._recorder)
        if self._reading is not None:
            self._reading.cancel()
        await _end(self._server)
        self._recorder = self._server = self._reading = None


async def _end(process: asyncio.subprocess.Process | None) -> None:
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), 3)
    except TimeoutError:
        process.kill()
        await process.wait()
