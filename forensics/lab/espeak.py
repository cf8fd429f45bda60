"""libespeak-ng behind a pipe: run as a program, it reads one JSON request and writes samples and word times.

The library is used rather than the espeak-ng program because it alone reports when each word and sentence begins. It
runs in a process of its own because it carries state from one synthesis to the next: the first of a process is always
the same, the second is not. Only the standard library is imported here, so that a process costs some 30 ms.

Names and numbers are those of the library's public header, speak_lib.h.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import sys
from typing import Any

WORD, SENTENCE, LIST_TERMINATED = 1, 2, 0
AUDIO_OUTPUT_SYNCHRONOUS = 2
CHARS_UTF8 = 1
POS_CHARACTER = 1
RATE, PITCH = 1, 3
OK = 0

NO_LIBRARY, NO_DATA, NO_VOICE = 3, 4, 5
"""Exit status of the program: the library, its data, or the voice asked for is not there."""


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters from 1
        ("length", ctypes.c_int),  # characters of the word
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def synthesise(text: str, *, voice: str, speed_wpm: int, pitch: int) -> tuple[int, list[list[float]], bytes]:
    """Return the rate in Hz, the events as [type, text position from 1, length, seconds], and int16 samples as bytes.

    Raises
    ------
    SystemExit
        With one of the statuses above; this is the body of a program.
    """
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise SystemExit(NO_LIBRARY)
    library = ctypes.CDLL(name)
    rate = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, None, 0)
    if rate <= 0:
        raise SystemExit(NO_DATA)
    pieces: list[bytes] = []
    events: list[list[float]] = []

    def keep(samples: Any, count: int, row: Any) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, count * 2))
        index = 0
        while row[index].type != LIST_TERMINATED:
            event = row[index]
            events.append([event.type, event.text_position, event.length, event.audio_position / 1000])
            index += 1
        return 0

    callback = _CALLBACK(keep)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != OK:
        raise SystemExit(NO_VOICE)
    library.espeak_SetParameter(RATE, speed_wpm, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    encoded = text.encode()
    library.espeak_Synth(encoded, len(encoded) + 1, 0, POS_CHARACTER, 0, CHARS_UTF8, None, None)
    library.espeak_Synchronize()
    return rate, events, b"".join(pieces)


if __name__ == "__main__":
    rate_hz, found, samples = synthesise(**json.load(sys.stdin))
    sys.stdout.buffer.write(json.dumps({"rate_hz": rate_hz, "events": found}).encode() + b"\n" + samples)
