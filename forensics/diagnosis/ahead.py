"""What a second thread begins before it is asked for, while the first is busy with something else.

A long call's sound is worth it: reading it, decoding it (`forensics.audio.libopus` does without Python's lock) and
finding the speech in it are most of what a diagnosis does, and none of them needs what the others find.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from forensics.audio.activity import find_speech
from forensics.audio.libopus import load_libopus, load_loop
from forensics.audio.payloads import DecodedStream, media_time_s
from forensics.audio.recording import read_recording
from forensics.case import sha256_of
from forensics.model import AudioTrack, RtpStream
from forensics.turns.voices import decode_voice

T = TypeVar("T")
Spans = tuple[tuple[float, float], ...]

WORTH_S = 60.0
"""A minute is decoded in a tenth of a second; less is not worth a thread."""

WORTH_BYTES = 5_000_000
"""A file of this size holds a minute at 48 kHz, or more."""


class Ahead:
    """Work that was begun before it is asked for, one piece after the other, in the order in which it was begun."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._begun: dict[Hashable, Future[Any]] = {}

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def begin(self, what: Hashable, work: Callable[[], Any]) -> None:
        """Begin a piece of work, unless that was done."""
        if what not in self._begun:
            self._begun[what] = self._thread.submit(work)

    def take(self, what: Hashable, work: Callable[[], T]) -> T:
        """Return what a piece of work yields; it is done here where it was not begun."""
        begun = self._begun.pop(what, None)
        return begun.result() if begun is not None else work()

    def begin_reading(self, path: Path | None, *, name: str) -> None:
        """Begin to read a recording and to take its digest, unless there is none or it is short."""
        if path is not None and path.is_file() and path.stat().st_size >= WORTH_BYTES:
            self.begin(("read", name), partial(read_recording, path, name=name))
            self.begin(("sha256", path), partial(sha256_of, path))

    def read(self, path: Path, *, name: str) -> AudioTrack:
        """Return a recording, as `read_recording` does; while a long one is read, what decodes its call is loaded."""
        if ("read", name) in self._begun and load_libopus() is not None:
            load_loop()
        return self.take(("read", name), lambda: read_recording(path, name=name))

    def sha256(self, path: Path) -> str:
        """Return the digest of a file, as `sha256_of` does."""
        return self.take(("sha256", path), partial(sha256_of, path))

    def begin_speech(self, track: AudioTrack | None) -> None:
        """Begin to find the speech in a recording, unless there is none or it is short."""
        if track is not None and track.duration_s > WORTH_S:
            self.begin(("speech", track.name), lambda: find_speech(track))

    def speech(self, track: AudioTrack) -> Spans:
        """Return the speech in a recording, as `find_speech` does."""
        return self.take(("speech", track.name), lambda: find_speech(track))

    def begin_voice(self, stream: RtpStream | None) -> None:
        """Begin to decode a voice and to find the speech in it, unless it cannot be read or is too short for that."""
        if stream is None or not stream.readable or len(stream.packets) == 0:
            return
        if np.ptp(media_time_s(stream)) > WORTH_S:
            self.begin(("voice", id(stream)), lambda: _voice(stream))

    def voice(self, stream: RtpStream) -> tuple[DecodedStream, Spans]:
        """Return a voice, as `decode_voice` does, and the speech in it, on the voice's own clock."""
        return self.take(("voice", id(stream)), lambda: _voice(stream))


def _voice(stream: RtpStream) -> tuple[DecodedStream, Spans]:
    decoded = decode_voice(stream)
    return decoded, find_speech(decoded.track)
