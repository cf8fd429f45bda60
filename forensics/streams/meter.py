"""The RTP streams of datagrams that come in chunks: found, judged once, and summed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from forensics.capture.chunk import Datagrams
from forensics.capture.datagrams import FlowBook
from forensics.capture.demultiplex import DTLS, OTHER, RTP, are_handshakes
from forensics.capture.endpoints import endpoint
from forensics.capture.gather import field
from forensics.capture.interning import Interner
from forensics.capture.signalling import are_signalling, description_in
from forensics.capture.turn import Relays
from forensics.model import Codec
from forensics.streams.candidates import are_streams, weigh
from forensics.streams.codecs import SAMPLE_PACKETS, Meanings, carries_audio, infer_codec
from forensics.streams.columns import Packets
from forensics.streams.sdp import described_codecs
from forensics.streams.statistics import Marked, Sums
from forensics.streams.timeline import Rows

MOST_CANDIDATES = 1 << 17
"""Candidates that are kept in mind; beyond, those that came once and did not go on are forgotten."""

_WAITING, _ACCEPTED, _REJECTED = range(3)


class StreamMeter:
    """Finds and measures the RTP streams of datagrams that come in chunks.

    A candidate waits until it has `SAMPLE_PACKETS` packets, or the file ends; then it is judged, its clock is
    inferred, and from then on its packets go straight into the sums.

    Parameters
    ----------
    meanings : Meanings
        What is known about payload types and ports.
    flows : FlowBook
        Says which endpoints a flow has.
    descriptions : iterable of str
        Session descriptions (SDP) that are known beforehand.

    Attributes
    ----------
    left_out : int
        Datagrams that look like RTP and go on in no stream.
    """

    def __init__(self, meanings: Meanings, flows: FlowBook, *, descriptions: Iterable[str] = ()) -> None:
        self.meanings = meanings
        self.flows = flows
        self.left_out = 0
        self.sealed_flows: set[int] = set()
        self._keys = Interner(1)
        self._sums = Sums()
        self._state = np.zeros(0, np.uint8)
        self._codecs: dict[int, Codec] = {}
        self._descriptions: dict[str, None] = dict.fromkeys(descriptions)
        self._waiting = Packets(*(np.zeros(0, kind) for kind in ("i4", "f8", "u2", "u4", "u1", "?")))

    def add(self, chunk: Datagrams, *, origin_ns: int) -> None:
        """Take in the next datagrams of the capture."""
        if (chunk.protocol == DTLS).any():
            sealed = are_handshakes(chunk.head[:, 0], chunk.protocol)
            self.sealed_flows.update(np.flatnonzero(np.bincount(chunk.flow[sealed])).tolist())
        if (chunk.protocol == OTHER).any():
            self._descriptions.update(dict.fromkeys(_descriptions(chunk)))
        packets = self._packets(chunk, origin_ns)
        self._reserve()
        state = self._state[packets.stream]
        if (state == _ACCEPTED).all() and not len(self._waiting):
            self._measure(packets.sorted())
            return
        self.left_out += int(np.count_nonzero(state == _REJECTED))
        self._waiting = packets.where(state == _WAITING).behind(self._waiting)
        self._judge(np.bincount(self._waiting.stream, minlength=len(self._keys)) >= SAMPLE_PACKETS)
        self._measure(self._released(packets.where(state == _ACCEPTED)).sorted())
        if len(self._keys) > MOST_CANDIDATES:
            self._forget()

    def finish(self) -> None:
        """Judge what still waits, by the packets that there are."""
        self._judge(np.ones(len(self._keys), bool))
        none = self._waiting.where(np.zeros(0, np.int64))
        self._measure(self._released(none).sorted())

    def rows(self, relays: Relays | None = None) -> list[dict[str, Any]]:
        """Return the figures of every stream, in the order of their first packets; `relays` tell the peers."""
        accepted = np.flatnonzero(self._state[: len(self._keys)] == _ACCEPTED).tolist()
        tuples = [self.flows.five_tuple(flow) for flow in self.sealed_flows]
        sealed = {frozenset((source, destination)) for _, source, _, destination, _ in tuples}
        peers = self.flows.peers(relays) if relays is not None else {}
        rows = [self._row(stream, sealed, peers) for stream in accepted]
        return sorted(rows, key=lambda row: row["start_s"])

    def _row(self, stream: int, sealed: set[frozenset[str]], peers: Mapping[int, str]) -> dict[str, Any]:
        key, codec = int(self._keys.keys[stream, 0]), self._codecs[stream]
        transport, source, source_port, destination, destination_port = self.flows.five_tuple(key >> 32)
        return {
            "ssrc": key & 0xFFFF_FFFF,
            "transport": transport,
            "source": endpoint(source, source_port),
            "destination": endpoint(destination, destination_port),
            "relayed_peer": peers.get(key >> 32, ""),
            "encrypted": frozenset((source, destination)) in sealed,
            "codec": codec.name,
            "clock_rate_hz": codec.clock_rate_hz,
            "codec_known": codec.known,
            **self._sums.figures(stream),
        }

    def _packets(self, chunk: Datagrams, origin_ns: int) -> Packets:
        if (chunk.protocol == RTP).all():
            flow, time_ns, head = chunk.flow, chunk.time_ns, chunk.head
        else:
            rows = np.flatnonzero(chunk.protocol == RTP)
            flow, time_ns, head = chunk.flow[rows], chunk.time_ns[rows], chunk.head[rows]
        second = head[:, 1]
        key = flow.astype(np.uint64) << np.uint64(32) | field(head, 8, ">u4")
        return Packets(
            stream=self._keys.number(key),
            arrival_s=(time_ns - origin_ns) / 1e9,
            sequence_number=field(head, 2, ">u2"),
            timestamp=field(head, 4, ">u4"),
            payload_type=second & 0x7F,
            marker=second > 127,
        )

    def _reserve(self) -> None:
        more = len(self._keys) - len(self._state)
        if more > 0:
            self._state = np.concatenate([self._state, np.zeros(max(more, len(self._state)), np.uint8)])
            self._sums.reserve(len(self._keys))

    def _judge(self, due: np.ndarray) -> None:
        """Accept or reject the candidates of a mask, by their packets that wait."""
        waiting = self._waiting.where(due[self._waiting.stream]).sorted()
        if not len(waiting):
            return
        candidates = weigh(waiting.stream, waiting.sequence_number, waiting.timestamp, streams=len(self._keys))
        accepted = are_streams(candidates) | self._given()
        judged = np.flatnonzero(np.bincount(waiting.stream))
        self._state[judged] = np.where(accepted[judged], _ACCEPTED, _REJECTED)
        starts = np.searchsorted(waiting.stream, judged)
        ends = np.append(starts[1:], len(waiting))
        for stream, start, end in zip(judged.tolist(), starts.tolist(), ends.tolist(), strict=True):
            if accepted[stream]:
                codec = self._codec(stream, waiting.where(slice(start, end)))
                self._codecs[stream] = codec
                self._sums.timelines.clock_rate_hz[stream] = codec.clock_rate_hz

    def _given(self) -> np.ndarray:
        """Say which candidates use a port that the user calls RTP."""
        given = np.zeros(len(self._keys), bool)
        if self.meanings.ports:
            flows = (self._keys.keys[: len(self._keys), 0] >> np.uint64(32)).tolist()
            ends = [self.flows.five_tuple(flow) for flow in flows]
            given[:] = [not self.meanings.ports.isdisjoint((here, there)) for _, _, here, _, there in ends]
        return given

    def _codec(self, stream: int, packets: Packets) -> Codec:
        self._learn_descriptions()
        *_, address, port = self.flows.five_tuple(int(self._keys.keys[stream, 0]) >> 32)
        counts = np.bincount(packets.payload_type)
        ranked = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)].tolist()
        chosen = next((kind for kind in ranked if carries_audio(self.meanings.of(kind, (address, port)))), ranked[0])
        mine = packets.where(packets.payload_type == chosen)
        return self.meanings.of(chosen, (address, port)) or infer_codec(
            mine.arrival_s, mine.sequence_number, mine.timestamp
        )

    def _learn_descriptions(self) -> None:
        if self._descriptions:
            described, anywhere = described_codecs(self._descriptions)
            self.meanings = replace(self.meanings, described=described, anywhere=anywhere)

    def _released(self, packets: Packets) -> Packets:
        """Put the packets of candidates that were just accepted before `packets`; forget those of rejected ones."""
        state = self._state[self._waiting.stream]
        released = self._waiting.where(state == _ACCEPTED)
        self.left_out += int(np.count_nonzero(state == _REJECTED))
        self._waiting = self._waiting.where(state == _WAITING)
        return packets.behind(released) if len(released) else packets

    def _measure(self, packets: Packets) -> None:
        rows = Rows(packets.stream, packets.arrival_s, packets.sequence_number, packets.timestamp)
        self._sums.add(rows, Marked(packets.payload_type, packets.marker))

    def _forget(self) -> None:
        """Forget rejected candidates, and those that wait with a single packet."""
        waiting = np.bincount(self._waiting.stream, minlength=len(self._keys))
        state = self._state[: len(self._keys)]
        kept = np.flatnonzero((state == _ACCEPTED) | ((state == _WAITING) & (waiting > 1)))
        numbers = np.full(len(state), -1, np.int32)
        numbers[kept] = np.arange(len(kept))
        stays = numbers[self._waiting.stream] >= 0
        self.left_out += int(np.count_nonzero(~stays))
        self._waiting = self._waiting.where(stays)
        self._waiting.stream = numbers[self._waiting.stream]
        self._codecs = {int(numbers[old]): codec for old, codec in self._codecs.items()}
        self._keys.keep(kept)
        self._sums.keep(kept)
        self._state = state[kept]


def _descriptions(chunk: Datagrams) -> list[str]:
    rows = np.flatnonzero(are_signalling(chunk.head, chunk.protocol)).tolist()
    starts, sizes = chunk.offset, chunk.captured
    texts = [description_in(chunk.octets[starts[row] : starts[row] + sizes[row]].tobytes()) for row in rows]
    return [text for text in texts if text]
