"""Rules about packets that may never have been sent: what counts them where payloads and reports are closed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from forensics.causes.claim import DECISIVE, FAIR, STRONG, opposes, supports, unchecked
from forensics.causes.loss import gap_weight, seen_at_sender, sender_packet_count
from forensics.causes.site import Site
from forensics.model import Cause, Evidence, Scene

SENT_SHARE = 0.8
"""So many of the missing numbers have to be missing in the transport's count too, for packets to have been sent: one
loss in five of another stream's packets leaves as much open."""

NEARBY_S, LOSSY_GAPS = 3.0, 2
"""Of 126 losses in simulated sealed calls with two other gaps so near 1 was numbers left out, of 159 without 39."""


def transport_numbers(site: Site) -> list[Evidence]:
    """The transport's own count of packets (transport-wide congestion control) across the gap.

    Every packet that leaves takes the next number, whatever stream it is of. Numbers of the voice that the transport
    does not miss were never sent. They stand in a header extension, which SRTP leaves readable (RFC 3711 §3.1).
    """
    lost = int(site.measured("lost_packets"))
    if lost <= 0:
        return []
    numbers = site.stream.packets["transport_sequence_number"].to_numpy()
    first, last = (int(numbers[site.journey["row"].iat[position]]) for position in (site.before, site.after))
    if min(first, last) < 0:
        reason = "The packets bear no transport-wide numbers, which would tell a loss from numbers that were left out."
        return [unchecked(site, "transport_numbers", Cause.NETWORK_DROP, reason)]
    advance = (last - first) % 2**16 - 1
    missing = advance - _seen_between(site, first, advance)
    numbers_told = f"Across the gap of {lost} the transport's own count advanced by {advance} and misses {missing}"
    if missing >= SENT_SHARE * lost:
        statement = f"{numbers_told}: they were sent."
        return [
            supports(site, "transport_numbers", Cause.NETWORK_DROP, statement, weight=FAIR, missing=missing),
            opposes(site, "transport_numbers", Cause.SENDER_POLICY, statement, weight=DECISIVE),
        ]
    if missing > (1 - SENT_SHARE) * lost:
        reason = f"{numbers_told}, which fits neither."
        return [unchecked(site, "transport_numbers", Cause.NETWORK_DROP, reason)]
    statement = f"{numbers_told}: those of the voice were left out, nothing was sent with them."
    return [
        supports(
            site,
            "transport_numbers",
            Cause.SENDER_POLICY,
            statement,
            weight=2 * DECISIVE,
            mechanism="deliberate_drop",
            missing=missing,
        ),
        opposes(site, "transport_numbers", Cause.NETWORK_DROP, statement, weight=DECISIVE),
        opposes(site, "transport_numbers", Cause.CAPTURE_LOSS, statement, weight=STRONG),
    ]


def _seen_between(site: Site, first: int, advance: int) -> int:
    """How many different numbers behind `first` the tap saw on the way of the stream, of all its streams."""
    way = (site.stream.source, site.stream.destination)
    arrival_s = site.journey["arrival_s"].to_numpy()
    start_s, stop_s = arrival_s[site.before] - 1.0, arrival_s[site.after] + 1.0
    seen: set[int] = set()
    for stream in {id(s): s for s in (*site.scene.streams, site.stream)}.values():
        if (stream.source, stream.destination) == way:
            packets = stream.packets
            near = (packets["arrival_s"] >= start_s) & (packets["arrival_s"] <= stop_s)
            own = packets["transport_sequence_number"].to_numpy()[near.to_numpy()]
            seen |= set(((own[own >= 0] - first) % 2**16).tolist())
    return int(np.sum([1 <= number <= advance for number in seen]))


def perhaps_never_sent(site: Site) -> list[Evidence]:
    """Where nothing counts what was sent, a gap in the sequence speaks for a loss and for numbers left out alike.

    A loss is named all the same, because intent is rarer than accident (`PRIOR_DB`), but not with the certainty of
    packets that were counted. Where others are missing nearby the path is known to lose packets, and it informs only.
    """
    told = [*seen_at_sender(site), *sender_packet_count(site), *transport_numbers(site)]
    if not told or any(claim.supports is not None for claim in told):
        return []
    statement = (
        "Nothing here counts what was sent: the sender may have left these numbers out as well, of audio that it threw "
        "away. Its capture, keys for its reports, or transport-wide numbers would tell."
    )
    others = _gaps_nearby(site)
    lossy = others >= LOSSY_GAPS
    if lossy:
        statement += f" But {others} other gaps within {NEARBY_S:.0f} s speak for a path that loses packets."
    weight = 0.0 if lossy else gap_weight(site)
    return [
        supports(site, "perhaps_never_sent", Cause.SENDER_POLICY, statement, weight=weight, mechanism="deliberate_drop")
    ]


def _gaps_nearby(site: Site) -> int:
    """How many other gaps in the sequence there are within `NEARBY_S` of this one."""
    about_s = site.journey["arrival_s"].to_numpy()[[site.before, site.after]] + np.array([-NEARBY_S, NEARBY_S])
    first, last = np.searchsorted(_latest_s(site.scene), about_s)
    return int((np.diff(site.journey["ext_sequence_number"].to_numpy()[first:last]) > 1).sum()) - 1


@lru_cache(maxsize=1)
def _latest_s(scene: Scene) -> np.ndarray:
    """When the latest packet had come, up to each of the journey."""
    assert scene.journey is not None
    return np.maximum.accumulate(scene.journey["arrival_s"].to_numpy())


RULES = (transport_numbers, perhaps_never_sent)
