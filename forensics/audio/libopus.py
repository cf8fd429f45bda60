"""Opus by libopus itself: many packets in one call that leaves Python's lock alone, at the rate that is wanted.

FFmpeg's decoder is libopus too, but it takes a packet a call, which costs a fifth more and keeps threads from each
other, and it yields 48 kHz only. The library is the copy that PyAV's wheel brings, or that of the environment or the
system; where there is none, `forensics.audio.decoder` does with FFmpeg's.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from ctypes.util import find_library
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from weakref import finalize

import numpy as np

RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Rates that the decoder yields (RFC 6716 §2.1.3; `opus_decoder_create`)."""

LONGEST_PACKET_S = 0.12
"""The longest packet of Opus (RFC 7587 §4.2, RFC 6716 §3.2.5)."""

MANY = 3_000
"""Packets from which on a compiled loop is worth the 50 ms in which LLVM is loaded: a minute of 20 ms."""

LIBRARY = re.compile(r"(lib)?opus(-\w+)?(\.\d+)*\.(so|dylib|dll)")
"""What the library's file is called on Linux, macOS and Windows, with the mark that makers of wheels put in."""


class OpusDecoder:
    """A decoder in the state in which the packets so far have left it.

    Parameters
    ----------
    sample_rate_hz : int
        One of `RATES_HZ`; whatever was encoded, mono comes out.
    packets : int
        How many are to come, which decides whether a loop is compiled for them.

    Raises
    ------
    OSError
        There is no libopus here.
    ValueError
        The rate is none of Opus.
    """

    def __init__(self, sample_rate_hz: int, *, packets: int = MANY) -> None:
        library = load_libopus()
        if library is None:
            raise OSError("Found no libopus in PyAV's wheel, this environment or the system. Install libopus.")
        self._library, self._compiled = library, packets >= MANY
        self._most = round(LONGEST_PACKET_S * sample_rate_hz)
        self._state = library.opus_decoder_create(sample_rate_hz, 1, None)
        if not self._state:
            raise ValueError(f"Opus cannot be decoded at {sample_rate_hz} Hz. Give one of {RATES_HZ}.")
        finalize(self, library.opus_decoder_destroy, self._state)

    def decode(self, octets: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode packets that lie in one buffer.

        Parameters
        ----------
        octets : ndarray, (m,) uint8
        first, last : ndarray, (n,) int64
            The octets of each packet, `first` included, `last` not; a packet without octets yields nothing.

        Returns
        -------
        lengths : ndarray, (n,) int64
            Samples of each packet; 0 where it is refused.
        samples : ndarray, (sum of lengths,) int16
            One packet after the other.
        """
        octets = np.ascontiguousarray(octets)
        lengths, samples = np.zeros(len(first), np.int64), np.empty(len(first) * self._most, np.int16)
        places, sizes = octets.ctypes.data + np.asarray(first, np.int64), np.asarray(last - first, np.int32)
        loop = load_loop() if self._compiled else None
        arrays = places, sizes, lengths, samples
        done = self._one_by_one(*arrays) if loop is None else self._at_once(loop, *arrays)
        return lengths, samples[:done]

    def _at_once(self, loop: Callable[..., int], *arrays: np.ndarray) -> int:
        """Let `forensics.audio.libopus_loop` decode; the arrays are those of `_one_by_one`."""
        decode = ctypes.cast(self._library.opus_decode, ctypes.c_void_p)
        return loop(decode, self._state, len(arrays[0]), *(array.ctypes.data for array in arrays), self._most)

    def _one_by_one(self, places: np.ndarray, sizes: np.ndarray, lengths: np.ndarray, samples: np.ndarray) -> int:
        """Do what `decode_packets` does, without a compiler."""
        decode, room, done = self._library.opus_decode, samples.ctypes.data, 0
        for k, (place, size) in enumerate(zip(places.tolist(), sizes.tolist(), strict=True)):
            count = decode(self._state, place, size, room + 2 * done, self._most, 0) if size > 0 else 0
            lengths[k] = max(count, 0)
            done += max(count, 0)
        return done


@cache
def load_loop() -> Callable[..., int] | None:
    """Return `decode_packets` of `forensics.audio.libopus_loop`, compiled; None where LLVM is not to be had."""
    try:
        from forensics.audio.libopus_loop import compile_loop

        return compile_loop()
    except (ImportError, OSError, RuntimeError):
        return None


@cache
def load_libopus() -> ctypes.CDLL | None:
    """Return libopus, its functions declared; None where there is none."""
    for path in _places():
        try:
            library = ctypes.CDLL(path)
            _declare(library)
            return library
        except (OSError, AttributeError):  # not to be loaded, or something else of that name
            continue
    return None


def _declare(library: ctypes.CDLL) -> None:
    """Say what the functions take and return (opus.h)."""
    state, number, buffer = ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p
    library.opus_decoder_create.argtypes = number, ctypes.c_int, buffer
    library.opus_decoder_create.restype = state
    library.opus_decoder_destroy.argtypes = (state,)
    library.opus_decoder_destroy.restype = None
    library.opus_decode.argtypes = state, buffer, number, buffer, ctypes.c_int, ctypes.c_int
    library.opus_decode.restype = ctypes.c_int


def _places() -> list[str]:
    """Where libopus may be: in PyAV's wheel, beside this interpreter, in the system."""
    try:
        carried = [str(file.locate()) for file in files("av") or () if LIBRARY.match(file.name)]
    except PackageNotFoundError:
        carried = []
    beside = [str(path) for path in sorted(Path(sys.prefix, "lib").glob("libopus*")) if LIBRARY.match(path.name)]
    system = find_library("opus")
    return [*carried, *beside, *([system] if system else [])]
