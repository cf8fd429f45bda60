"""From captured frames to datagrams: one row each, chunk by chunk, without an object per packet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.capture.demultiplex import HEAD_OCTETS, tell_apart
from forensics.capture.files import OctetFile, Window
from forensics.capture.gather import field, windows
from forensics.capture.interning import Interner
from forensics.capture.links import find_networks
from forensics.capture.network import TCP, UDP, AddressBook, Packets, find_packets
from forensics.capture.records import Records
from forensics.capture.sniff import open_records
from forensics.capture.tally import Tally


@dataclass(slots=True, eq=False)
class Datagrams:
    """Datagrams of one chunk as columns, in the order of their frames. `octets` may be overwritten by the next chunk.

    `head` are the first octets of each, shape (n, HEAD_OCTETS); `offset` and `captured` bound it in `octets`, `wire`
    is its length before the snap length cut it. `flow` numbers the directed five-tuple over the whole capture.
    """

    octets: np.ndarray
    frame: np.ndarray
    time_ns: np.ndarray
    flow: np.ndarray
    protocol: np.ndarray
    offset: np.ndarray
    captured: np.ndarray
    wire: np.ndarray
    head: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)


class FlowBook:
    """Numbers directed five-tuples over a whole capture."""

    def __init__(self) -> None:
        self.addresses = AddressBook()
        self._flows = Interner(2)

    def __len__(self) -> int:
        return len(self._flows)

    def number(self, packets: Packets, ports: np.ndarray) -> np.ndarray:
        """Return the flow of each packet; `ports` are its first four transport octets as one number."""
        transport = packets.protocol.astype(np.uint64) | packets.family.astype(np.uint64) << np.uint64(8)
        return self._flows.number(packets.pair, ports.astype(np.uint64) << np.uint64(32) | transport)

    def five_tuple(self, flow: int) -> tuple[str, str, int, str, int]:
        """Return transport, source address and port, destination address and port."""
        pair, word = (int(number) for number in self._flows.keys[flow])
        source, destination = self.addresses.addresses(word >> 8 & 0xFF, pair)
        return "udp" if word & 0xFF == UDP else "tcp", source, word >> 48, destination, word >> 32 & 0xFFFF


class DatagramReader:
    """Reads a capture file chunk by chunk.

    Parameters
    ----------
    path : Path
        pcap or pcapng, plain, gzip or Zstandard.
    progress : bool
        Show a progress bar on stderr once reading takes longer than about two seconds.

    Attributes
    ----------
    origin_ns : int
        UTC of the first frame of the file.
    frames : int
        Frames read so far, understood or not.
    flows : FlowBook
    tally : Tally
    secrets : list of bytes
        TLS key logs that the file itself carries.

    Raises
    ------
    CaptureError
        The file is missing, empty, or of no format that is known.
    """

    def __init__(self, path: Path, *, progress: bool = False) -> None:
        self.path = path
        self.progress = progress
        self.origin_ns = 0
        self.frames = 0
        self.flows = FlowBook()
        self.tally = Tally()
        self.secrets: list[bytes] = []

    def chunks(self) -> Iterator[Datagrams]:
        """Yield the datagrams of the file; the octets of a chunk are overwritten by the next one."""
        from forensics.capture.progress import shown

        with OctetFile(self.path) as file:
            records = open_records(Window(file), self.path, tally=self.tally, secrets=self.secrets)
            for chunk in shown(records, file=file, wanted=self.progress):
                if not self.frames:
                    self.origin_ns = int(chunk.time_ns[0])
                self.frames = int(chunk.frame[-1])
                yield self._datagrams(chunk)
            if file.fault:
                self.tally.note(f"{file.fault}: the {self.frames} frames before it were read")

    def _datagrams(self, records: Records) -> Datagrams:
        packets = find_packets(records, find_networks(records, self.tally), book=self.flows.addresses, tally=self.tally)
        return self._udp(records, self._whole_udp(packets))

    def _whole_udp(self, packets: Packets) -> Packets:
        udp = (packets.protocol == UDP) & (packets.fragment < 0)
        if udp.all():
            return packets
        others = packets.protocol[packets.protocol != UDP]
        names = {1: "ICMP", 2: "IGMP", TCP: "TCP", 58: "ICMPv6"}
        for number, count in zip(*np.unique(others, return_counts=True), strict=True):
            self.tally.skip(f"not UDP: {names.get(int(number), f'IP protocol {number}')}", int(count))
        return packets.where(udp)

    def _udp(self, records: Records, packets: Packets) -> Datagrams:
        room = packets.end - packets.offset
        if not (room >= 8).all():
            self.tally.skip_rows("cut off inside the UDP header", room < 8)
            packets = packets.where(room >= 8)
        header = windows(records.octets, packets.offset, 8)
        length = field(header, 4, ">u2").astype(np.int64)
        available = packets.wire_end - packets.offset
        told = np.where((length < 8) | (length > available), available, length)
        self.tally.skip_rows(
            "UDP length contradicts the IP length (used the IP length)", (told != length) & (length != 0)
        )
        offset = packets.offset + 8
        captured = np.minimum(packets.end - offset, told - 8)
        head = windows(records.octets, offset, HEAD_OCTETS)
        return Datagrams(
            octets=records.octets,
            frame=records.frame[packets.row],
            time_ns=records.time_ns[packets.row],
            flow=self.flows.number(packets, field(header, 0, ">u4")),
            protocol=tell_apart(head, captured, told - 8),
            offset=offset,
            captured=captured,
            wire=told - 8,
            head=head,
        )
