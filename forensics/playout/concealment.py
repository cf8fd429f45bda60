"""What NetEq does to the signal, as far as its timing needs it: pitch, fading and the places where audio is joined.

`Blind` knows no audio and assumes a typical voice; `forensics.playout.waveform.Waveform` does the same on real samples.
Both keep `size`, the length of everything that has been put into the output so far.

Source of every constant: libwebrtc (state of July 2026), modules/audio_coding/neteq, the file named at each.
"""

from __future__ import annotations

OVERLAP = 5 / 8000
"""Seconds of output that are always kept back to join the next piece to (expand.cc, overlap_length_)."""

SHORTEST_PERIOD = 20 / 8000
LONGEST_PERIOD = 120 / 8000
"""Seconds: the pitch periods that are searched, 2.5 to 15 ms (expand.cc, time_stretch.cc)."""

TYPICAL_PERIOD = (SHORTEST_PERIOD + LONGEST_PERIOD) / 2
"""Without audio the middle of that range, 8.75 ms, stands for every pitch period."""

UNITY = 16_384  # 1.0 in Q14: gains are integers in NetEq, and the fade ends when they no longer move
EARLY_SLOPE = 1049 / 2**20  # expand.cc: fade per sample of 8 kHz from the fourth period on (5 % in 6.25 ms)
LATE_SLOPE = 2097 / 2**20  # expand.cc: from the eighth period on (10 % in 6.25 ms)
UNVOICED_SLOPE = 5243 / 2**20  # expand.cc: at least this for what has no clear pitch


class Fade:
    """The gain of a concealment that goes on: unity at first, then faster and faster towards nothing (expand.cc)."""

    def __init__(self) -> None:
        self.periods = 0
        self.gain = UNITY
        self.slope = 0.0

    def restart(self, slope: float = 0.0) -> None:
        """Begin a new concealment that fades by `slope` per sample of 8 kHz."""
        self.periods, self.gain, self.slope = 0, UNITY, slope

    def advance(self, period_s: float, *, onset: bool = False) -> None:
        """Go on by one pitch period."""
        if self.periods == 3:
            self.slope = max(self.slope, EARLY_SLOPE)
        if self.periods == 7:
            self.slope = max(self.slope, LATE_SLOPE)
        if self.periods or not onset:
            kept = max(0, round(UNITY * (1 - period_s * 8000 * self.slope)))
            gain = (kept * self.gain + UNITY // 2) // UNITY
            self.gain = 0 if self.periods > 3 and gain >= self.gain else gain
        self.periods += 1


class Blind:
    """A signal nobody has seen: every pitch period is `TYPICAL_PERIOD` long and every time scaling succeeds.

    Notes
    -----
    Real speech refuses a time scaling whose two periods correlate by less than 0.9; NetEq then tries again 10 ms later,
    so the assumption costs milliseconds. It holds voice to be voiced: fading starts late, after about 35 ms.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.size = round(OVERLAP * rate_hz)
        self.fade = Fade()
        self._period = round(TYPICAL_PERIOD * rate_hz)

    def decode(self, first: int, last: int, samples: int) -> None:
        """Append packets `first` to `last` (exclusive, in media order): `samples` samples."""
        self.size += samples

    def start_expand(self) -> None:
        """Analyse what was played last, before a new concealment."""
        self.fade.restart()

    def expand(self) -> int:
        """Append one pitch period of concealment and return its length."""
        self.fade.advance(self._period / self.rate_hz)
        self.size += self._period
        return self._period

    def resume(self, first: int, last: int, samples: int) -> None:
        """Append late packets right after a concealment, cross-faded for 1 ms."""
        self.decode(first, last, samples)

    def merge(self, first: int, last: int, *, samples: int, future: int, least: int) -> int:
        """Join packets that follow a loss to the concealment where both fit best.

        `future` samples at the end of the output have not been heard yet; the packets replace them, `return` samples
        after the first of these, at least `least`.
        """
        shift = max(least, self._period // 2)
        self.size += shift + samples - future
        return shift

    def accelerate(self, decoded: int) -> int:
        """Take one pitch period out of the last 30 ms (or of the `decoded` samples, if more); return its length."""
        self.size -= self._period
        return self._period

    def preemptive_expand(self, decoded: int, *, heard: int) -> int:
        """Put one pitch period into the last 30 ms, of which `heard` samples are gone; return its length."""
        self.size += self._period
        return self._period

    def noise(self, samples: int) -> None:
        """Append comfort noise or, after a faded concealment, nearly nothing."""
        self.size += samples
