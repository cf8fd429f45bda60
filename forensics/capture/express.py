"""The short way for what nearly every packet of a call is: UDP in unfragmented IPv4 without options, in plain Ethernet.

One window on the headers is gathered instead of one per layer. Whatever differs in any way takes the long way through
`links`, `network` and `datagrams`, which gives the same for these packets too; a test holds the two together.
"""

from __future__ import annotations

import numpy as np

from forensics.capture.demultiplex import HEAD_OCTETS
from forensics.capture.gather import field, windows
from forensics.capture.links import IPV4
from forensics.capture.network import FAMILY_4, UDP
from forensics.capture.records import Records

_ETHERNET = 1
_NETWORK, _TRANSPORT, _PAYLOAD = 14, 34, 42
_WINDOW = _PAYLOAD + HEAD_OCTETS
_FRAGMENT_BITS = 0x3FFF


class Express:
    """The headers of a chunk, and which of its frames may take the short way.

    Parameters
    ----------
    records : Records
        The chunk.

    Attributes
    ----------
    fits : ndarray of bool, shape (n,)
        Frames whose headers are plain, whole, and agree on their lengths.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self.headers = windows(records.octets, records.offset, _WINDOW)
        self._udp_length = field(self.headers, 38, ">u2").astype(np.int64)
        network_length = field(self.headers, 16, ">u2")
        self.fits = (
            (records.link == _ETHERNET)
            & (field(self.headers, 12, ">u2") == IPV4)
            & (self.headers[:, 14] == 0x45)
            & (self.headers[:, 23] == UDP)
            & (field(self.headers, 20, ">u2") & _FRAGMENT_BITS == 0)
            & (self._udp_length == network_length - np.int64(20))
            & (self._udp_length >= 8)
            & (records.captured >= _PAYLOAD)
        )

    def columns(self, rows: np.ndarray | slice) -> dict[str, np.ndarray]:
        """Return the columns of the datagrams in `rows`, which must fit, and the two words that name their flow."""
        records, headers = self.records, np.ascontiguousarray(self.headers[rows])
        wire = self._udp_length[rows] - 8
        ports = field(headers, _TRANSPORT, ">u4").astype(np.uint64) << np.uint64(32)
        return {
            "frame": records.frame[rows],
            "time_ns": records.time_ns[rows],
            "offset": records.offset[rows] + _PAYLOAD,
            "captured": np.minimum(wire, records.captured[rows] - _PAYLOAD),
            "wire": wire,
            "head": np.ascontiguousarray(headers[:, _PAYLOAD:]),
            "pair": field(headers, _NETWORK + 12, ">u8"),
            "ports": ports | np.uint64(UDP | FAMILY_4 << 8),
        }
