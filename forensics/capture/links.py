"""Link layers: from a frame to the network protocol that it carries and where that starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forensics.capture.gather import field, windows
from forensics.capture.records import Records
from forensics.capture.tally import Tally

IPV4, IPV6 = 0x0800, 0x86DD
VLAN_TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
"""IEEE 802.1Q, 802.1ad and the two tags that came before it."""

NO_NETWORK, CUT_OFF = 0, 0xFFFF
_BSD_IPV6 = (10, 23, 24, 28, 30)
"""AF_INET6 of Linux, of Windows, and of the BSDs and macOS; AF_INET is 2 everywhere."""

_DEEPEST_TAGS = 8


@dataclass(frozen=True, slots=True)
class Network:
    """Columns with one row per frame: its EtherType (0: none), and where the network header starts in `octets`."""

    ethertype: np.ndarray
    offset: np.ndarray


def _ethernet(octets: np.ndarray, offset: np.ndarray) -> Network:
    return Network(field(windows(octets, offset + 12, 2), 0, ">u2"), offset + 14)


def _linux_cooked(octets: np.ndarray, offset: np.ndarray) -> Network:
    return Network(field(windows(octets, offset + 14, 2), 0, ">u2"), offset + 16)


def _linux_cooked_2(octets: np.ndarray, offset: np.ndarray) -> Network:
    return Network(field(windows(octets, offset, 2), 0, ">u2"), offset + 20)


def _bsd(octets: np.ndarray, offset: np.ndarray) -> Network:
    """Null and loop: an address family in the byte order of whoever captured, told by where the small number stands."""
    family = field(windows(octets, offset, 4), 0, "<u4")
    family = np.where(family > 0xFFFF, family.byteswap(), family)
    ethertype = np.where(family == 2, IPV4, np.where(np.isin(family, _BSD_IPV6), IPV6, NO_NETWORK))
    return Network(ethertype.astype(np.uint16), offset + 4)


def _raw_ip(octets: np.ndarray, offset: np.ndarray) -> Network:
    version = octets[offset] >> 4
    ethertype = np.where(version == 4, IPV4, np.where(version == 6, IPV6, NO_NETWORK))
    return Network(ethertype.astype(np.uint16), offset.copy())


LINKS: dict[int, Callable[[np.ndarray, np.ndarray], Network]] = {
    0: _bsd,
    1: _ethernet,
    12: _raw_ip,
    14: _raw_ip,
    101: _raw_ip,
    108: _bsd,
    113: _linux_cooked,
    228: _raw_ip,
    229: _raw_ip,
    276: _linux_cooked_2,
}
"""LINKTYPE_ numbers of the registry at tcpdump.org."""


def find_networks(records: Records, tally: Tally) -> Network:
    """Find the network layer of every frame, below any number of VLAN tags.

    Parameters
    ----------
    records : Records
        Frames of any mixture of link types.
    tally : Tally
        Counts frames of link types that are not known.

    Returns
    -------
    Network
        EtherType `NO_NETWORK` where there is none to be seen, `CUT_OFF` where the frame ends before it.
    """
    first = int(records.link[0]) if len(records) else 0
    if (records.link == first).all():
        network = _of_link(records, first, slice(None), tally)
    else:
        network = Network(np.zeros(len(records), np.uint16), records.offset.copy())
        for link in np.unique(records.link):
            rows = np.flatnonzero(records.link == link)
            part = _of_link(records, int(link), rows, tally)
            network.ethertype[rows], network.offset[rows] = part.ethertype, part.offset
    _untag(records.octets, network)
    short = network.offset > records.offset + records.captured
    tally.skip_rows("cut off inside the link header", short & (network.ethertype != NO_NETWORK))
    network.ethertype[short] = CUT_OFF
    return network


def _of_link(records: Records, link: int, rows: np.ndarray | slice, tally: Tally) -> Network:
    offset = records.offset[rows]
    if link in LINKS:
        return LINKS[link](records.octets, offset)
    tally.skip(f"link type {link}", len(offset))
    return Network(np.zeros(len(offset), np.uint16), offset)


def _untag(octets: np.ndarray, network: Network) -> None:
    """Step over VLAN tags, in place: two octets of tag, then the EtherType of what follows."""
    ethertype, offset = network.ethertype, network.offset
    for _ in range(_DEEPEST_TAGS):
        tagged = np.flatnonzero((ethertype >= 0x8100) & np.isin(ethertype, VLAN_TAGS))
        if not len(tagged):
            break
        ethertype[tagged] = field(windows(octets, offset[tagged] + 2, 2), 0, ">u2")
        offset[tagged] += 4
