"""Whether payloads are SRTP where no handshake was captured that would say so."""

from __future__ import annotations

import numpy as np

from forensics.capture.srtp import PROFILES

FEWEST_PACKETS = 32
"""Below, chance decides."""

_SAMPLE = 256
_AS_RANDOM = 0.75
"""Share of the distinct first octets that random ones would show. Ours: Opus headers and video descriptors show a few
values, encrypted ones 63 % of all 256 after 256 packets."""

_OCTETS_PER_MS = {0: 8, 8: 8, 9: 8, 18: 1}
"""PCMU, PCMA, G.722 and G.729: octets per millisecond, in frames of 10 ms (RFC 3551 sections 4.5.2 to 4.5.14)."""

_TAGS = tuple({profile.tag for profile in PROFILES.values()})


def looks_sealed(first_octets: np.ndarray, sizes: np.ndarray, payload_type: int) -> bool:
    """Say whether payloads look encrypted.

    Parameters
    ----------
    first_octets : ndarray of uint8, shape (n,)
        First octet of each payload of one stream and payload type.
    sizes : ndarray of int64, shape (n,)
        Octets of each payload.
    payload_type : int
        Decides what plain payloads are like: those of a fixed rate have whole frames, and a tag breaks that; the others
        begin with a header of few values.

    Notes
    -----
    It cannot tell SRTP from a codec of variable rate that has no header of its own, nor say anything of a short stream.
    """
    if len(sizes) < FEWEST_PACKETS:
        return False
    if payload_type in _OCTETS_PER_MS:
        surplus = sizes % (10 * _OCTETS_PER_MS[payload_type])
        return bool(np.isin(surplus, [tag % (10 * _OCTETS_PER_MS[payload_type]) for tag in _TAGS]).mean() > 0.9)
    sample = first_octets[:_SAMPLE]
    expected = 256 * (1 - (255 / 256) ** len(sample))
    return len(np.unique(sample)) > _AS_RANDOM * expected
