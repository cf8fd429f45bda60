"""The short way for what nearly every packet of a call is: UDP in unfragmented IPv4 without options, in plain Ethernet.

Its headers lie in the lead of the record, which is gathered in one piece. Whatever differs in any way takes the long
way through `links`, `network` and `datagrams`, which gives the same for these packets too; a test holds them together.
"""

from __future__ import annotations

import numpy as np

from forensics.capture.demultiplex import HEAD_OCTETS
from forensics.capture.gather import field
from forensics.capture.links import IPV4
from forensics.capture.network import FAMILY_4, UDP
from forensics.capture.records import Records

_ETHERNET = 1
_NETWORK, _TRANSPORT, _PAYLOAD = 14, 34, 42
_SHORTEST = _PAYLOAD - _NETWORK
_TYPE_AND_VERSION, _PLAIN_IPV4 = 0xFFFF_FF00, IPV4 << 16 | 0x45 << 8  # EtherType; version 4, a header of five words
_PIECE_AND_PROTOCOL, _WHOLE_UDP = 0x3FFF_00FF, UDP  # fragment offset and "more fragments"; the protocol


def are_plain(records: Records) -> np.ndarray:
    """Say which frames may take the short way: their headers are plain, whole, and agree on their lengths.

    Parameters
    ----------
    records : Records
        The frames of a chunk.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    lead = records.lead
    network_length, udp_length = field(lead, _NETWORK + 2, ">u2"), field(lead, _TRANSPORT + 4, ">u2")
    return (
        (field(lead, _NETWORK - 2, ">u4") & _TYPE_AND_VERSION == _PLAIN_IPV4)
        & (field(lead, _NETWORK + 6, ">u4") & _PIECE_AND_PROTOCOL == _WHOLE_UDP)
        & (network_length >= _SHORTEST)
        & (network_length - udp_length == _TRANSPORT - _NETWORK)
        & (records.captured >= _PAYLOAD)
        & (records.link == _ETHERNET)
    )


def plain_columns(records: Records) -> dict[str, np.ndarray]:
    """Return the columns of the datagrams in plain frames, and the two words that name their flow.

    Parameters
    ----------
    records : Records
        Frames that `are_plain`.

    Returns
    -------
    dict of str to ndarray
        Those of `Datagrams` but `octets`, `flow` and `protocol`, and `pair` and `ports` of `FlowBook.numbered`.
    """
    lead = records.lead
    wire = field(lead, _NETWORK + 2, ">u2").astype(np.int64) - _SHORTEST
    ports = field(lead, _TRANSPORT, ">u4").astype(np.uint64) << np.uint64(32)
    head = lead[:, _PAYLOAD : _PAYLOAD + HEAD_OCTETS].view(f"V{HEAD_OCTETS}").copy()  # as opaque items: half the time
    return {
        "frame": records.frame,
        "time_ns": records.time_ns,
        "offset": records.offset + _PAYLOAD,
        "captured": np.minimum(wire, records.captured - _PAYLOAD),
        "wire": wire,
        "head": head.view(np.uint8),
        "pair": field(lead, _NETWORK + 12, ">u8"),
        "ports": ports | np.uint64(UDP | FAMILY_4 << 8),
    }
