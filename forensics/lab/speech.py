"""Text to samples by espeak-ng, with the time of every word, and sound files to the same form.

Speech is deterministic: the same text and voice give the same samples on the same version of espeak-ng.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from forensics.errors import AudioError, MissingToolError, ScenarioError
from forensics.lab import espeak
from forensics.lab.scenario import Line, Scenario, Voice

SPEECH_RATE_HZ = 48_000
"""Everything the lab handles is at this rate: Opus' own, and the one Chromium plays at."""

SPEECH_PEAK = 0.5
"""Spoken lines are scaled to this peak, so that voices are alike in loudness (about -20 dBFS RMS in speech)."""

DEFAULT_VOICE = Voice()

_FAILED = {
    espeak.NO_LIBRARY: "espeak-ng is not installed, and the lab speaks with it: apt-get install espeak-ng.",
    espeak.NO_DATA: "espeak-ng has no voices installed: apt-get install espeak-ng-data.",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A word or a sentence: its text and when it begins and ends, in seconds from the first sample."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """Samples (n,) float32 -1..1 mono at SPEECH_RATE_HZ, read-only, with the words and sentences in them."""

    samples: np.ndarray
    words: tuple[Mark, ...] = ()
    sentences: tuple[Mark, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SPEECH_RATE_HZ


def speak_line(line: Line, scenario: Scenario) -> Speech:
    """Return what one line of a scenario sounds like, in the voice of who says it."""
    if line.wav is not None:
        return read_speech(line.wav)
    return speak(line.text, voice=scenario.agent if line.who == "agent" else scenario.user)


def speak_all(scenario: Scenario) -> None:
    """Speak every line of a scenario at once, so that `speak_line` finds them spoken: each takes a process."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda line: speak_line(line, scenario), scenario.lines))


@lru_cache(maxsize=256)
def speak(text: str, *, voice: Voice = DEFAULT_VOICE) -> Speech:
    """Speak `text` with espeak-ng.

    Parameters
    ----------
    text : str
        English or whatever language the voice speaks.
    voice : Voice
        Its name may carry a variant ("en-us+f3", "en+m2"; "en" is the British one).

    Returns
    -------
    Speech
        Leading and trailing silence are kept as espeak-ng gives them; the peak is SPEECH_PEAK.

    Raises
    ------
    MissingToolError
        libespeak-ng is not installed.
    ScenarioError
        espeak-ng has no such voice, or the text gives no sound.
    """
    raw, rate, begins = _synthesise(text, voice)
    if not np.any(raw):
        raise ScenarioError(f"espeak-ng made no sound of {text!r}; write words that the voice can say.")
    samples = resample(raw.astype(np.float32) / 32768, from_hz=rate, to_hz=SPEECH_RATE_HZ)
    samples *= np.float32(SPEECH_PEAK / np.max(np.abs(samples)))
    samples.flags.writeable = False
    end_s = len(samples) / SPEECH_RATE_HZ
    return Speech(
        samples, _marks(begins, espeak.WORD, text, end_s=end_s), _marks(begins, espeak.SENTENCE, text, end_s=end_s)
    )


def read_speech(path: Path | str) -> Speech:
    """Read a sound file that libsndfile knows (WAV, FLAC, Ogg) as one voice: channels averaged, brought to 48 kHz.

    Raises
    ------
    AudioError
        The file is not there, or is no sound file.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"There is no sound file {path}. Give a WAV, FLAC or Ogg file.")
    state = path.stat()
    return _read_sound(path, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=32)
def _read_sound(path: Path, version: tuple[int, int]) -> Speech:
    """Read a sound file; one that has changed since has another version."""
    import soundfile

    try:
        data, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as reason:
        said = str(reason).rstrip(".")
        raise AudioError(f"Cannot read speech from {path}: {said}. Give a WAV, FLAC or Ogg file.") from reason
    samples = resample(data.mean(axis=1), from_hz=int(rate), to_hz=SPEECH_RATE_HZ)
    samples.flags.writeable = False
    return Speech(samples)


def resample(samples: np.ndarray, *, from_hz: int, to_hz: int) -> np.ndarray:
    """Bring (n,) samples to another rate, as float32 and without a delay."""
    import soxr

    if from_hz == to_hz:
        return np.array(samples, dtype=np.float32)
    return np.asarray(soxr.resample(samples.astype(np.float32), from_hz, to_hz))


def _synthesise(text: str, voice: Voice) -> tuple[np.ndarray, int, list[list[float]]]:
    """Return int16 samples, their rate in Hz and when words and sentences begin."""
    request = {"text": text, "voice": voice.name, "speed_wpm": voice.speed_wpm, "pitch": voice.pitch}
    program = [sys.executable, "-I", espeak.__file__]
    done = subprocess.run(program, input=json.dumps(request).encode(), capture_output=True, check=False)
    if done.returncode == espeak.NO_VOICE:
        raise ScenarioError(f"espeak-ng has no voice {voice.name!r}; see the File column of `espeak-ng --voices`.")
    if done.returncode:
        reason = f"espeak-ng failed on {text!r} with status {done.returncode}; try other words or another voice."
        raise MissingToolError(_FAILED.get(done.returncode, reason))
    header, _, samples = done.stdout.partition(b"\n")
    answer = json.loads(header)
    return np.frombuffer(samples, dtype="<i2"), int(answer["rate_hz"]), answer["events"]


def _marks(begins: list[list[float]], kind: int, text: str, *, end_s: float) -> tuple[Mark, ...]:
    own = [(int(position), int(length), start_s) for of, position, length, start_s in begins if of == kind]
    marks = []
    for row, (position, length, start_s) in enumerate(own):
        next_position, _, next_s = own[row + 1] if row + 1 < len(own) else (len(text) + 1, 0, end_s)
        stop = position - 1 + length if kind == espeak.WORD else next_position - 1
        marks.append(Mark(text[position - 1 : stop].strip(), start_s, next_s))
    return tuple(marks)
