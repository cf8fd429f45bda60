"""Both voices at once: a second thread decodes the other one while the first is looked for.

A decoder that is handed several packets in one call (`forensics.audio.decoder`) lets go of Python's lock for long
enough that two of them keep two processors busy.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

from forensics.audio.payloads import DecodedStream, media_time_s
from forensics.model import RtpStream
from forensics.turns.voices import decode_voice

WORTH_S = 60.0
"""A minute is decoded in a tenth of a second; less is not worth a thread."""


class Ahead:
    """Voices whose decoding was begun before they are asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._begun: dict[int, Future[DecodedStream]] = {}

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def begin(self, stream: RtpStream | None) -> None:
        """Begin to decode a stream, unless it was begun, cannot be read, or is too short for that."""
        if stream is None or not stream.readable or id(stream) in self._begun or len(stream.packets) == 0:
            return
        if np.ptp(media_time_s(stream)) > WORTH_S:
            self._begun[id(stream)] = self._thread.submit(decode_voice, stream)

    def take(self, stream: RtpStream) -> DecodedStream:
        """Return the voice of a stream, as `decode_voice` does; decoded here where that was not begun."""
        begun = self._begun.pop(id(stream), None)
        return begun.result() if begun is not None else decode_voice(stream)
