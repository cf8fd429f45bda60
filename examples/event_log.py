"""Write an event log of one's own voice agent, in the neutral form of `docs/event-logs.md`.

Copy the class into your stack and call `log` wherever something happens; it needs nothing but Python. Run as a program,

    python examples/event_log.py events.jsonl

it writes the log of a made-up answer whose model falls 0.2 s behind, so that there is something to look at:

    forensics diagnose events.jsonl
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any


class EventLog:
    """Append events to a file, one JSON object a line, each with the wall time at which it happened.

    Parameters
    ----------
    path : str or Path
    now : callable
        The clock: seconds since 1970.

    Examples
    --------
    >>> with EventLog("events.jsonl") as events:
    ...     events.log("speech_stopped")
    ...     events.log("response_started", response_id="a1")
    ...     events.log("audio_produced", response_id="a1", audio_ms=120)
    ...     events.log("response_done", response_id="a1")
    """

    def __init__(self, path: str | Path, *, now: Callable[[], float] = time.time) -> None:
        self._file = Path(path).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed by __exit__; by lines, so that a crash loses none
        self._now = now

    def log(self, kind: str, **fields: Any) -> None:
        """Write that something happened, now."""
        event = {"type": kind, **fields}
        self._file.write(json.dumps({"received_at": round(self._now(), 6), "event": event}) + "\n")

    def __enter__(self) -> EventLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def audio_ms(samples: int, *, rate_hz: int) -> float:
    """Length of a piece of audio, for `audio_produced`."""
    return 1000 * samples / rate_hz


def synthesise() -> Iterator[tuple[float, int]]:
    """Stand in for a text-to-speech service: (seconds that a piece takes to be made, its samples at 24 kHz)."""
    for piece in range(12):
        yield (0.9 if piece == 6 else 0.1), 4_800


def main() -> None:
    """Log one answer; its clock is made up too, so that nobody has to wait for it."""
    clock_s = [time.time()]
    with EventLog(sys.argv[1] if len(sys.argv) > 1 else "events.jsonl", now=lambda: clock_s[0]) as events:
        events.log("speech_stopped", media_ms=2150)
        clock_s[0] += 0.25
        events.log("response_started", response_id="a1")
        for made_in_s, samples in synthesise():
            clock_s[0] += made_in_s
            events.log("audio_produced", response_id="a1", audio_ms=audio_ms(samples, rate_hz=24_000))
        events.log("response_done", response_id="a1", text="completed")


if __name__ == "__main__":
    main()
