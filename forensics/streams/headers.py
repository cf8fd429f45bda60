"""RTP headers in bulk (RFC 3550 section 5.1, RFC 8285)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forensics.capture.gather import field, windows

FIXED_OCTETS = 12
CRYPTEX = (0xC0DE, 0xC2DE)
"""What stands for 0xBEDE and 0x1000 where header extensions and CSRCs are encrypted (RFC 9335 section 5.1)."""


@dataclass(slots=True, eq=False)
class Headers:
    """RTP headers as columns, one row per datagram.

    `header` is the length of the whole header with CSRCs and extension, -1 where the capture cut it off before its
    length is told; `extension` is where the elements of a header extension start, -1 without one; `sound` says that
    the header fits its datagram.
    """

    ssrc: np.ndarray
    payload_type: np.ndarray
    marker: np.ndarray
    sequence_number: np.ndarray
    timestamp: np.ndarray
    padded: np.ndarray
    header: np.ndarray
    extension: np.ndarray
    extension_profile: np.ndarray
    extension_octets: np.ndarray
    sound: np.ndarray

    @property
    def hidden(self) -> np.ndarray:
        """Whose header extensions and CSRCs are encrypted, shape (n,) of bool."""
        return np.isin(self.extension_profile, CRYPTEX)

    def where(self, rows: np.ndarray | slice) -> Headers:
        """Return the headers of a mask, an index or a slice."""
        return Headers(*(getattr(self, name)[rows] for name in self.__slots__))


def read_headers(octets: np.ndarray, offset: np.ndarray, captured: np.ndarray, wire: np.ndarray) -> Headers:
    """Read the RTP headers that start at `offset`.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer.
    offset, captured, wire : ndarray of int64, shape (n,)
        Where each datagram starts, its captured octets (at least 12) and its octets on the wire.

    Returns
    -------
    Headers
        All of them, also those that are not sound.
    """
    head = windows(octets, offset, FIXED_OCTETS)
    first = head[:, 0]
    header = FIXED_OCTETS + 4 * (first & 15).astype(np.int64)
    extended = (first & 0x10) != 0
    extension = np.full(len(offset), -1, np.int64)
    profile = np.zeros(len(offset), np.uint16)
    size = np.zeros(len(offset), np.int64)
    rows = np.flatnonzero(extended & (header + 4 <= captured))
    told = windows(_slack(octets), offset[rows] + header[rows], 4)
    profile[rows] = field(told, 0, ">u2")
    size[rows] = 4 * field(told, 2, ">u2").astype(np.int64)
    extension[rows] = offset[rows] + header[rows] + 4
    header[rows] += 4 + size[rows]
    header[extended & (extension < 0)] = -1
    return Headers(
        ssrc=field(head, 8, ">u4"),
        payload_type=head[:, 1] & 0x7F,
        marker=(head[:, 1] & 0x80) != 0,
        sequence_number=field(head, 2, ">u2"),
        timestamp=field(head, 4, ">u4"),
        padded=(first & 0x20) != 0,
        header=header,
        extension=extension,
        extension_profile=profile,
        extension_octets=np.minimum(size, np.maximum(offset + captured - extension, 0)),
        sound=(header <= wire) & (first >> 6 == 2),
    )


def _slack(octets: np.ndarray) -> np.ndarray:
    return octets if len(octets) >= 4 else np.zeros(4, np.uint8)


def padding(octets: np.ndarray, headers: Headers, end: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return the octets of padding of each packet, from its last octet.

    Parameters
    ----------
    octets : ndarray of uint8
        The buffer.
    headers : Headers
    end : ndarray of int64, shape (n,)
        Where each packet ends in `octets`; only whole and readable packets can be asked.
    room : ndarray of int64, shape (n,)
        Octets of payload and padding together.

    Returns
    -------
    ndarray of int64, shape (n,)
        Zero where the count contradicts the length of the packet.
    """
    count = np.zeros(len(end), np.int64)
    rows = np.flatnonzero(headers.padded & (room > 0))
    count[rows] = octets[end[rows] - 1]
    count[count > room] = 0
    return count
