"""From captured frames to datagrams: one row each, chunk by chunk, without an object per packet."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from forensics.capture.chunk import Datagrams, in_order
from forensics.capture.demultiplex import HEAD_OCTETS, STUN, TURN, tell_apart
from forensics.capture.endpoints import endpoint
from forensics.capture.express import are_plain, plain_columns
from forensics.capture.files import OctetFile
from forensics.capture.fragments import Reassembly
from forensics.capture.gather import field, windows
from forensics.capture.interning import Interner
from forensics.capture.links import find_networks
from forensics.capture.network import TCP, UDP, AddressBook, Packets, find_packets, join
from forensics.capture.records import Records
from forensics.capture.sniff import open_records
from forensics.capture.tally import Tally
from forensics.capture.tcp import TcpMessages
from forensics.capture.turn import Relays, unwrap
from forensics.capture.window import SLACK_OCTETS, Window


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
        return self.numbered(packets.pair, ports.astype(np.uint64) << np.uint64(32) | transport)

    def numbered(self, pair: np.ndarray, word: np.ndarray) -> np.ndarray:
        """Return the flow of each pair of addresses and word of ports, family and protocol."""
        return self._flows.number(pair, word)

    def five_tuple(self, flow: int) -> tuple[str, str, int, str, int]:
        """Return transport, source address and port, destination address and port."""
        pair, word = (int(number) for number in self._flows.keys[flow])
        source, destination = self.addresses.addresses(word >> 8 & 0xFF, pair)
        return "udp" if word & 0xFF == UDP else "tcp", source, word >> 48, destination, word >> 32 & 0xFFFF

    def peers(self, relays: Relays) -> dict[int, str]:
        """Return for each flow to or from a TURN server whom it relays for: "address:port", several with commas.

        Parameters
        ----------
        relays : Relays
            What was learned from the messages of either direction.
        """
        turned: dict[tuple[object, ...], list[str]] = {}
        for flow, peers in relays.peers.items():
            transport, *ends = self.five_tuple(flow)
            names = [endpoint(*peer) for peer in peers]
            for way in ((*ends,), (*ends[2:], *ends[:2])):
                turned.setdefault((transport, *way), []).extend(names)
        flows = {self.five_tuple(flow): flow for flow in range(len(self))} if turned else {}
        return {flows[ends]: ", ".join(dict.fromkeys(names)) for ends, names in turned.items() if ends in flows}


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
    relays : Relays
        Whom the TURN servers of the capture relay for, as far as it was read.

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
        self.relays = Relays()
        self._fragments = Reassembly(self.tally)
        self._tcp = TcpMessages(self.tally)

    def chunks(self) -> Generator[Datagrams, None, None]:
        """Yield the datagrams of the file; the octets of a chunk are overwritten by the next one.

        The file stays open, and may be read ahead, until the end or until the generator is closed.
        """
        from forensics.capture.progress import shown

        with OctetFile(self.path) as file, Window(file) as window:
            records = open_records(window, self.path, tally=self.tally, secrets=self.secrets)
            for chunk in shown(records, file=file, wanted=self.progress):
                if not self.frames:
                    self.origin_ns = int(chunk.time_ns[0])
                self.frames = int(chunk.frame[-1])
                yield self._datagrams(chunk)
            self._fragments.finish()
            if file.fault:
                self.tally.note(f"{file.fault}: the {self.frames} frames before it were read")

    def _datagrams(self, records: Records) -> Datagrams:
        """Take the short way with the frames that fit it, the long way with the others, and put both in order."""
        plain = are_plain(records)
        if plain.all():
            found = self._short_way(records)
        elif not plain.any():
            found = self._long_way(records)
        else:
            found = in_order(
                self._short_way(records.where(np.flatnonzero(plain))),
                self._long_way(records.where(np.flatnonzero(~plain))),
            )
        if ((found.protocol == TURN) | (found.protocol == STUN)).any():
            unwrap(found, self.relays)
        return found

    def _short_way(self, records: Records) -> Datagrams:
        columns = plain_columns(records)
        flow = self.flows.numbered(columns.pop("pair"), columns.pop("ports"))
        protocol = tell_apart(columns["head"], columns["captured"], columns["wire"])
        return Datagrams(octets=records.octets, flow=flow, protocol=protocol, **columns)

    def _long_way(self, records: Records) -> Datagrams:
        packets = find_packets(records, find_networks(records, self.tally), book=self.flows.addresses, tally=self.tally)
        octets = records.octets
        if (packets.fragment >= 0).any():
            octets, packets = self._reassembled(octets, packets)
        udp = packets.protocol == UDP
        if udp.all():
            found = self._udp(records, octets, packets)
        else:
            self._count_others(packets.protocol[~udp])
            found = self._udp(records, octets, packets.where(udp))
            found = self._with_tcp(records, found, packets.where(packets.protocol == TCP))
        return found

    def _reassembled(self, octets: np.ndarray, packets: Packets) -> tuple[np.ndarray, Packets]:
        """Let reassembled packets, behind the octets of the chunk, stand for the fragments that completed them."""
        whole = self._fragments.add(octets, packets)
        unbroken = packets.where(packets.fragment < 0)
        if not whole:
            return octets, unbroken
        rows = np.array([at for at, _ in whole])
        sizes = np.array([len(one) for _, one in whole], np.int64)
        octets, start = _appended(octets, [one for _, one in whole])
        made = packets.where(rows)
        made.offset, made.end, made.wire_end = start, start + sizes, start + sizes
        made.fragment = np.full(len(rows), -1, np.int64)
        return octets, join([unbroken, made])

    def _count_others(self, protocol: np.ndarray) -> None:
        names = {1: "ICMP", 2: "IGMP", 58: "ICMPv6"}
        for number, count in zip(*np.unique(protocol[protocol != TCP], return_counts=True), strict=True):
            self.tally.skip(f"neither UDP nor TCP: {names.get(int(number), f'IP protocol {number}')}", int(count))

    def _udp(self, records: Records, octets: np.ndarray, packets: Packets) -> Datagrams:
        room = packets.end - packets.offset
        if not (room >= 8).all():
            self.tally.skip_rows("cut off inside the UDP header", room < 8)
            packets = packets.where(room >= 8)
        header = windows(octets, packets.offset, 8)
        length = field(header, 4, ">u2").astype(np.int64)
        available = packets.wire_end - packets.offset
        told = np.where((length < 8) | (length > available), available, length)
        wrong = (told != length) & (length != 0)
        self.tally.skip_rows("UDP length contradicts the IP length (used the IP length)", wrong)
        offset = packets.offset + 8
        captured = np.minimum(packets.end - offset, told - 8)
        head = windows(octets, offset, HEAD_OCTETS)
        return Datagrams(
            octets=octets,
            frame=records.frame[packets.row],
            time_ns=records.time_ns[packets.row],
            flow=self.flows.number(packets, field(header, 0, ">u4")),
            protocol=tell_apart(head, captured, told - 8),
            offset=offset,
            captured=captured,
            wire=told - 8,
            head=head,
        )

    def _with_tcp(self, records: Records, udp: Datagrams, segments: Packets) -> Datagrams:
        """Add the messages that TCP carries, each at the segment that completed it."""
        segments = segments.where(segments.end - segments.offset >= 20)
        if not len(segments):
            return udp
        flow = self.flows.number(segments, field(windows(udp.octets, segments.offset, 4), 0, ">u4"))
        messages = self._tcp.add(udp.octets, segments, flow)
        if not messages:
            return udp
        at = np.array([index for index, _ in messages])
        sizes = np.array([len(message) for _, message in messages], np.int64)
        octets, start = _appended(udp.octets, [message for _, message in messages])
        head = windows(octets, start, HEAD_OCTETS)
        row = segments.row[at]
        made = Datagrams(
            octets=octets,
            frame=records.frame[row],
            time_ns=records.time_ns[row],
            flow=flow[at],
            protocol=tell_apart(head, sizes, sizes),
            offset=start,
            captured=sizes,
            wire=sizes,
            head=head,
        )
        return in_order(udp, made)


def _appended(octets: np.ndarray, parts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return a buffer that holds `parts` behind `octets`, and where each of them starts."""
    sizes = np.array([len(part) for part in parts], np.int64)
    start = len(octets) + np.cumsum(sizes) - sizes
    behind = np.frombuffer(b"".join([*parts, bytes(SLACK_OCTETS)]), np.uint8)
    return np.concatenate([octets, behind]), start
