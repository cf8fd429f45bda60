"""Statistics of all streams of a file, read in chunks: the memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forensics.capture.datagrams import DatagramReader, Datagrams
from forensics.capture.demultiplex import DTLS, RTP
from forensics.capture.gather import field
from forensics.capture.interning import Interner
from forensics.model import Codec
from forensics.streams.candidates import are_streams, weigh
from forensics.streams.codecs import SAMPLE_PACKETS, Meanings, carries_audio, infer_codec
from forensics.streams.statistics import Marked, Sums
from forensics.streams.timeline import Rows

MOST_CANDIDATES = 1 << 17
"""Candidates that are kept in mind; beyond, those that came once and did not go on are forgotten."""

_WAITING, _ACCEPTED, _REJECTED = range(3)
_COLUMNS = ("stream", "arrival_s", "sequence_number", "timestamp", "payload_type", "marker", "payload_octets")


@dataclass(slots=True, eq=False)
class _Packets:
    """RTP packets as columns, one row each."""

    stream: np.ndarray
    arrival_s: np.ndarray
    sequence_number: np.ndarray
    timestamp: np.ndarray
    payload_type: np.ndarray
    marker: np.ndarray
    payload_octets: np.ndarray

    def __len__(self) -> int:
        return len(self.stream)

    def where(self, rows: np.ndarray) -> _Packets:
        return _Packets(*(getattr(self, name)[rows] for name in _COLUMNS))

    def behind(self, earlier: _Packets) -> _Packets:
        return _Packets(*(np.concatenate([getattr(earlier, n), getattr(self, n)]) for n in _COLUMNS))

    def sorted(self) -> _Packets:
        numbers = self.stream.astype(np.uint16) if len(self) and self.stream.max() < 1 << 16 else self.stream
        return self.where(np.argsort(numbers, kind="stable"))  # a radix sort for 16 bits


class StreamMeter:
    """Finds and measures the RTP streams of datagrams that come in chunks.

    A candidate waits until it has `SAMPLE_PACKETS` packets, or the file ends; then it is judged, its clock is
    inferred, and from then on its packets go straight into the sums.

    Parameters
    ----------
    meanings : Meanings
        What is known about payload types and ports.

    Attributes
    ----------
    left_out : int
        Datagrams that look like RTP and go on in no stream.
    """

    def __init__(self, meanings: Meanings) -> None:
        self.meanings = meanings
        self.left_out = 0
        self.sealed_flows: set[int] = set()
        self._keys = Interner(1)
        self._sums = Sums()
        self._state = np.zeros(0, np.uint8)
        self._codecs: dict[int, Codec] = {}
        self._waiting = _Packets(*(np.zeros(0, kind) for kind in ("i4", "f8", "u2", "u4", "u1", "?", "i8")))

    def add(self, chunk: Datagrams, *, origin_ns: int) -> None:
        """Take in the next datagrams of the capture."""
        sealed = chunk.protocol == DTLS
        if sealed.any():
            self.sealed_flows.update(np.unique(chunk.flow[sealed]).tolist())
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

    def rows(self) -> list[dict[str, Any]]:
        """Return the figures of every stream, in the order of their first packets."""
        accepted = np.flatnonzero(self._state[: len(self._keys)] == _ACCEPTED).tolist()
        rows = [self._row(stream) for stream in accepted]
        return sorted(rows, key=lambda row: row["start_s"])

    def _row(self, stream: int) -> dict[str, Any]:
        key, codec = int(self._keys.keys[stream, 0]), self._codecs[stream]
        return {
            "ssrc": key & 0xFFFF_FFFF,
            "flow": key >> 32,
            "codec": codec.name,
            "clock_rate_hz": codec.clock_rate_hz,
            "codec_known": codec.known,
            **self._sums.figures(stream),
        }

    def _packets(self, chunk: Datagrams, origin_ns: int) -> _Packets:
        if (chunk.protocol == RTP).all():
            flow, time_ns, wire, head = chunk.flow, chunk.time_ns, chunk.wire, chunk.head
        else:
            rows = np.flatnonzero(chunk.protocol == RTP)
            flow, time_ns, wire, head = chunk.flow[rows], chunk.time_ns[rows], chunk.wire[rows], chunk.head[rows]
        second = head[:, 1]
        key = flow.astype(np.uint64) << np.uint64(32) | field(head, 8, ">u4")
        return _Packets(
            stream=self._keys.number(key),
            arrival_s=(time_ns - origin_ns) / 1e9,
            sequence_number=field(head, 2, ">u2"),
            timestamp=field(head, 4, ">u4"),
            payload_type=second & 0x7F,
            marker=second > 127,
            payload_octets=wire - 12 - 4 * (head[:, 0] & 15).astype(np.int64),
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
        judged = np.unique(waiting.stream)
        self._state[judged] = np.where(accepted[judged], _ACCEPTED, _REJECTED)
        starts = np.searchsorted(waiting.stream, judged)
        ends = np.append(starts[1:], len(waiting))
        for stream, start, end in zip(judged.tolist(), starts.tolist(), ends.tolist(), strict=True):
            if accepted[stream]:
                codec = self._codec(waiting.where(np.arange(start, end)))
                self._codecs[stream] = codec
                self._sums.timelines.clock_rate_hz[stream] = codec.clock_rate_hz

    def _given(self) -> np.ndarray:
        return np.zeros(len(self._keys), bool)

    def _codec(self, packets: _Packets) -> Codec:
        kinds, counts = np.unique(packets.payload_type, return_counts=True)
        ranked = kinds[np.argsort(-counts, kind="stable")].tolist()
        chosen = next((kind for kind in ranked if carries_audio(self.meanings.of(kind))), ranked[0])
        mine = packets.where(packets.payload_type == chosen)
        return self.meanings.of(chosen) or infer_codec(mine.arrival_s, mine.sequence_number, mine.timestamp)

    def _released(self, packets: _Packets) -> _Packets:
        """Put the packets of candidates that were just accepted before `packets`; forget those of rejected ones."""
        state = self._state[self._waiting.stream]
        released = self._waiting.where(state == _ACCEPTED)
        self.left_out += int(np.count_nonzero(state == _REJECTED))
        self._waiting = self._waiting.where(state == _WAITING)
        return packets.behind(released) if len(released) else packets

    def _measure(self, packets: _Packets) -> None:
        rows = Rows(packets.stream, packets.arrival_s, packets.sequence_number, packets.timestamp)
        self._sums.add(rows, Marked(packets.payload_type, packets.marker, packets.payload_octets))

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


def measure_streams(
    path: str | Path, *, decode_as: Mapping[str, str] | None = None, progress: bool = False
) -> dict[str, Any]:
    """Measure the RTP streams of a capture file without keeping its packets."""
    from forensics.streams.codecs import read_decode_as

    reader = DatagramReader(Path(path), progress=progress)
    meter = StreamMeter(read_decode_as(decode_as or {}))
    for chunk in reader.chunks():
        meter.add(chunk, origin_ns=reader.origin_ns)
    meter.finish()
    rows = meter.rows()
    for row in rows:
        transport, source, source_port, destination, destination_port = reader.flows.five_tuple(row.pop("flow"))
        row |= {"transport": transport, "source": f"{source}:{source_port}", "destination": f"{destination}:{destination_port}"}
    return {"streams": rows, "skipped": dict(reader.tally.skipped), "notes": reader.tally.notes, "left_out": meter.left_out}
