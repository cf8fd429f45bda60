"""Both voices at once: the other one is decoded by a second processor while the first is looked for.

Decoding in threads gains nothing: a packet is decoded in 40 µs, and Python's lock, which is let go meanwhile, takes as
long to change hands. So a process of its own decodes what is long enough to be worth its start.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from threading import Thread
from types import TracebackType

import numpy as np

from forensics.audio.payloads import DecodedStream, media_time_s
from forensics.model import RtpStream
from forensics.turns.voices import decode_voice

WORTH_S = 300.0
"""A process takes half a second of a processor to start, in which three to four minutes are decoded."""

_CHILD = """
import pickle, sys
from forensics.turns.voices import decode_voice
pickle.dump(decode_voice(pickle.load(sys.stdin.buffer)), sys.stdout.buffer, protocol=5)
"""


class Ahead:
    """Voices whose decoding was begun before they are asked for."""

    def __init__(self) -> None:
        self._begun: dict[int, _Child] = {}

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        for child in self._begun.values():
            child.end()

    def begin(self, stream: RtpStream | None) -> None:
        """Begin to decode a stream, unless it was begun, cannot be read, or is too short for that."""
        if stream is None or not stream.readable or id(stream) in self._begun or len(stream.packets) == 0:
            return
        if np.ptp(media_time_s(stream)) > WORTH_S:
            self._begun[id(stream)] = _Child(stream)

    def take(self, stream: RtpStream) -> DecodedStream:
        """Return the voice of a stream, as `decode_voice` does; decoded here where that was not begun, or failed."""
        begun = self._begun.pop(id(stream), None)
        decoded = begun.result() if begun is not None else None
        return decoded if decoded is not None else decode_voice(stream)


class _Child:
    """A process that decodes one stream, and the thread that waits for it."""

    def __init__(self, stream: RtpStream) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._written = b""
        self._thread = Thread(target=self._converse, args=(_alone(stream),), daemon=True)
        self._thread.start()

    def _converse(self, stream: RtpStream) -> None:
        self._written, _ = self._process.communicate(pickle.dumps(stream, protocol=5))

    def result(self) -> DecodedStream | None:
        """Wait for the process and return what it decoded; None where it could not."""
        self._thread.join()
        return pickle.loads(self._written) if self._process.returncode == 0 else None

    def end(self) -> None:
        """Stop a process that nobody waits for any more."""
        self._process.kill()
        self._thread.join()


def _alone(stream: RtpStream) -> RtpStream:
    """Return a stream with those octets only in which its payloads stand."""
    packets = stream.packets
    offset = packets["payload_offset"].to_numpy()
    held = offset >= 0
    first = int(offset[held].min()) if held.any() else 0
    last = int((offset + packets["payload_bytes"].to_numpy())[held].max(initial=first))
    moved = packets.assign(payload_offset=np.where(held, offset - first, offset))
    return replace(stream, packets=moved, octets=stream.octets[first:last])
