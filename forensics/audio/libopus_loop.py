"""The loop over Opus packets as machine code, which runs without Python's lock; Numba keeps it on disk.

It is bound by name to `opus_decode` of the library that `forensics.audio.libopus` found.
"""

from ctypes import c_void_p, cast
from typing import Any

import numpy as np
from llvmlite import binding
from numba import njit, types
from numba.core.types import ExternalFunction

from forensics.audio.libopus import load_libopus

_library = load_libopus()
if _library is None:
    raise ImportError("Found no libopus to bind the loop to.")
binding.add_symbol("opus_decode", cast(_library.opus_decode, c_void_p).value)

_opus_decode: Any = ExternalFunction(
    "opus_decode",  # state, data, len, pcm, frame_size, decode_fec (opus.h)
    types.int32(types.voidptr, types.voidptr, types.int32, types.CPointer(types.int16), types.int32, types.int32),
)


@njit("int64(int64, int64[::1], int32[::1], int64[::1], int16[::1])", nogil=True, cache=True)
def decode_packets(state: int, places: np.ndarray, sizes: np.ndarray, lengths: np.ndarray, samples: np.ndarray) -> int:
    """Decode packets of `sizes` octets at the addresses `places` into `samples`, and say how long each is.

    Parameters
    ----------
    state : int
        Address of the decoder.
    places : ndarray, (n,) int64
    sizes : ndarray, (n,) int32
    lengths : ndarray, (n,) int64
        Is filled in: samples of each packet, 0 where it is refused or has no octets.
    samples : ndarray, (n * m,) int16
        Is filled in from its beginning; m is what the longest packet can have.

    Returns
    -------
    int
        Samples that were written.
    """
    done, most = 0, len(samples) // max(1, len(places))
    for k in range(len(places)):
        if sizes[k] > 0:
            count = _opus_decode(state, places[k], sizes[k], samples[done:].ctypes, most, 0)
            lengths[k] = max(count, 0)
            done += lengths[k]
    return done
