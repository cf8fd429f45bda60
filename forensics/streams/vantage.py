"""Where a capture was taken: the endpoint that answers at once, and whose packets come unharmed, is beside the tap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from forensics.model import FATES, PROTOCOLS, Capture, Fate, Protocol, RtpStream

REQUEST, SUCCESS = 0x0001, 0x0101
"""STUN binding request and success response (RFC 8489 §5); the transaction id of 12 octets pairs them."""

LEAST_PAIRS = 2
"""Answered requests that an endpoint needs."""

NEARER = 2.0
"""The far side needs this many times as long to answer as the near one; between equals there is no telling."""

AT_ONCE_S = 0.003
"""Where only one side is asked: it is beside the tap if it answers within this, which is 300 km of fibre to and fro (5
µs a kilometre) and nothing else; Ethernet and Wi-Fi take one or two. Measured beside a tap: 0.3 to 2.3 ms."""

LEAST_MARKS, FEWER = 3, 10
"""Losses and overtaken packets that the far stream has to have, and by how many times more than the near one: what the
network card beside the tap sends has not been on the network yet."""

_NTP_ERA_S = 2_208_988_800
_LONGEST_S = 3.0
"""What is answered later is answered to another request."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """Beside which endpoint ("address:port") a capture was taken, and what tells."""

    near: str
    reason: str


def find_vantage(capture: Capture, streams: Sequence[RtpStream]) -> Vantage | None:
    """Find the endpoint beside which a capture was taken.

    Parameters
    ----------
    capture : Capture
    streams : sequence of RtpStream
        The streams of that capture, both ways.

    Returns
    -------
    Vantage or None
        None where nothing tells: no answers, or equally fast ones (a tap in the middle of the path), and no losses.

    Notes
    -----
    Between a request and its answer lies the way from the tap to the one who answers and back, plus his own time, which
    is well below a millisecond for STUN. A receiver report answers a sender report in the same way: it names it (LSR)
    and says how long it was kept (DLSR, RFC 3550 §6.4.1). So the median of an endpoint's answers tells its distance
    from the tap. Where one side alone was asked, the other is taken to be near if this one is far: a tap in the middle
    of the path looks the same. Without any answer, losses and overtaken packets of one direction only say that this one
    has the network behind it; a sender that leaves out numbers looks the same. Jitter says nothing: programs let their
    timers slip by more than an idle network does.
    """
    return _by_answers(_answer_times_s(capture, streams), streams) or _by_marks(streams)


def _by_answers(waits_s: Mapping[str, Sequence[float]], streams: Sequence[RtpStream]) -> Vantage | None:
    """The endpoint that answers first."""
    medians = sorted(
        (float(np.median(waits)), endpoint) for endpoint, waits in waits_s.items() if len(waits) >= LEAST_PAIRS
    )
    if len(medians) == 1:
        return _by_one_side(*medians[0], streams)
    if not medians or medians[-1][0] < NEARER * medians[0][0]:
        return None
    told = f"it answers within {1000 * medians[0][0]:.1f} ms, the other end within {1000 * medians[-1][0]:.1f} ms"
    return Vantage(medians[0][1], told)


def _by_one_side(wait_s: float, endpoint: str, streams: Sequence[RtpStream]) -> Vantage | None:
    """The one endpoint that was asked, or its only peer."""
    if wait_s <= AT_ONCE_S:
        return Vantage(endpoint, f"it answers within {1000 * wait_s:.1f} ms")
    peers = {s.source for s in streams if s.destination == endpoint}
    peers |= {s.destination for s in streams if s.source == endpoint}
    if wait_s < NEARER * AT_ONCE_S or len(peers) != 1:
        return None
    return Vantage(peers.pop(), f"the other end answers only after {1000 * wait_s:.1f} ms")


def _by_marks(streams: Sequence[RtpStream]) -> Vantage | None:
    """The source of the stream that is whole while the one against it is not."""
    for there, back in permutations(sorted(streams, key=lambda stream: -len(stream.packets)), 2):
        if (there.source, there.destination) != (back.destination, back.source):
            continue
        marks = _marks(there, back)
        if marks >= LEAST_MARKS and marks >= FEWER * _marks(back, there):
            return Vantage(there.destination, f"packets to it are lost or overtaken on the way ({marks}), none from it")
    return None


def _marks(stream: RtpStream, other: RtpStream) -> int:
    """Overtaken packets of a stream, and its gaps in which the tap did not miss the other one as well."""
    overtaken = int((stream.packets["fate"] == FATES.index(Fate.REORDERED)).sum())
    own, others = _gaps_s(stream), _gaps_s(other)
    apart = [not ((others[:, 0] < end) & (others[:, 1] > start)).any() for start, end in own]
    return overtaken + sum(apart)


def _gaps_s(stream: RtpStream) -> np.ndarray:
    """When packets are missing at the tap, (n, 2) seconds."""
    arrival_s = stream.packets["arrival_s"].to_numpy()
    return np.stack([arrival_s[stream.losses[side].to_numpy()] for side in ("before", "after")], axis=1)


def _answer_times_s(capture: Capture, streams: Sequence[RtpStream]) -> dict[str, list[float]]:
    """Seconds between request and answer at the tap, by the endpoint that answered."""
    waits_s: dict[str, list[float]] = {}
    for endpoint, wait_s in (*_stun_answers(capture), *_report_answers(streams)):
        if 0.0 <= wait_s < _LONGEST_S:
            waits_s.setdefault(endpoint, []).append(wait_s)
    return waits_s


def _stun_answers(capture: Capture) -> Iterator[tuple[str, float]]:
    """Yield who answered each STUN request, and after how long."""
    table = capture.datagrams
    rows = np.flatnonzero(table["protocol"].to_numpy() == PROTOCOLS.index(Protocol.STUN))
    asked: dict[bytes, float] = {}
    for row in rows:
        message = capture.payload(int(row))
        kind, transaction = int.from_bytes(message[:2], "big"), message[8:20]
        arrival_s = float(table["arrival_s"].iat[row])
        if kind == REQUEST:
            asked.setdefault(transaction, arrival_s)
        elif kind == SUCCESS and transaction in asked:
            flow = capture.flows.iloc[int(table["flow"].iat[row])]
            yield f"{flow['source_address']}:{flow['source_port']}", arrival_s - asked.pop(transaction)


def _report_answers(streams: Sequence[RtpStream]) -> Iterator[tuple[str, float]]:
    """Yield who answered each sender report, and after how long, less the time that he says he kept it."""
    for stream in streams:
        if stream.encrypted and not stream.readable:
            continue  # what stands behind the first eight bytes is no report then
        reports = stream.reports
        sent = reports[(reports["sender_ssrc"] == stream.ssrc) & (reports["ntp_ns"] > 0)]
        blocks = reports[(reports["reported_ssrc"] == stream.ssrc) & (reports["last_sr"] > 0)]
        at_s = {_middle_of(ntp_ns): at_s for ntp_ns, at_s in zip(sent["ntp_ns"], sent["arrival_s"], strict=True)}
        for block in blocks.itertuples():
            near = [at_s[stamp] for stamp in (block.last_sr - 1, block.last_sr, block.last_sr + 1) if stamp in at_s]
            if near:
                yield stream.destination, block.arrival_s - near[0] - block.delay_since_last_sr_s


def _middle_of(ntp_ns: int) -> int:
    """Middle 32 bits of the NTP time stamp of an instant, give or take one for rounding."""
    seconds, ns = divmod(int(ntp_ns), 10**9)
    return (seconds + _NTP_ERA_S) % 2**16 << 16 | (ns << 16) // 10**9
