"""Chrome's names of before the standard ("goog…"), which dumps held until version 98 (February 2022).

Its statistics object of type "ssrc" was both directions and the codec in one, with every number as a text. Only what
means the same today is renamed; gauges that today's cumulative members cannot be made from keep their old names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_SSRC = re.compile(r"ssrc_(\d+)_(recv|send)$")

_RENAMED: Mapping[str, tuple[str, float]] = {
    "googJitterReceived": ("jitter", 1e-3),
    "googRtt": ("roundTripTime", 1e-3),
    "googTrackId": ("trackIdentifier", 1.0),
    "googLocalAddress": ("localAddress", 1.0),
    "googRemoteAddress": ("remoteAddress", 1.0),
}
"""Old name → (today's name, factor to today's unit): libwebrtc's api/legacy_stats_types.cc gives delays in ms."""


def modernise(kind: str, identity: str, report: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield (type, id, members) under today's names; what has them already passes through.

    Parameters
    ----------
    kind : str
        The type that the object gives itself; empty in dumps of before 2019, whose ids tell.
    identity : str
    report : mapping
    """
    found = _SSRC.match(identity)
    if found and kind in ("ssrc", ""):
        yield from _stream(identity, report, ssrc=int(found[1]), received=found[2] == "recv")
    elif kind == "googCandidatePair" or (not kind and identity.startswith("Conn-")):
        yield "candidate-pair", identity, _pair(report)
    else:
        yield kind or _type_by_id(identity), identity, report


def _stream(
    identity: str, report: Mapping[str, Any], *, ssrc: int, received: bool
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    members = {**_renamed(report), "ssrc": ssrc, "kind": report.get("mediaType", "")}
    if codec := report.get("googCodecName"):
        members["codecId"] = f"codec_{codec}"
        yield "codec", f"codec_{codec}", {"mimeType": f"{members['kind']}/{codec}"}
    if received:
        yield "inbound-rtp", identity, members
        return
    yield "outbound-rtp", identity, members
    if "packetsLost" in members:  # what the other side reported of it
        told: dict[str, Any] = {
            name: members[name] for name in ("ssrc", "kind", "packetsLost", "roundTripTime") if name in members
        }
        yield "remote-inbound-rtp", identity, told


def _pair(report: Mapping[str, Any]) -> dict[str, Any]:
    members = _renamed(report)
    members["currentRoundTripTime"] = members.pop("roundTripTime", None)
    members["nominated"] = str(report.get("googActiveConnection")) == "true"
    return members


def _renamed(report: Mapping[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in report.items():
        new, factor = _RENAMED.get(name, (name, 1.0))
        number = _number(value)
        members[new] = value if number is None else number * factor if factor != 1.0 else number
    return members


def _number(value: Any) -> float | None:
    """Return the number that a text spells; None where it spells none."""
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


_ID_PREFIXES: Mapping[str, str] = {
    "RTCInboundRTP": "inbound-rtp",
    "RTCOutboundRTP": "outbound-rtp",
    "RTCRemoteInboundRtp": "remote-inbound-rtp",
    "RTCRemoteOutboundRTP": "remote-outbound-rtp",
    "RTCIceCandidatePair": "candidate-pair",
    "RTCCodec": "codec",
    "RTCMediaStreamTrack": "track",
}
"""How the ids of standard statistics began in dumps that did not tell the type."""


def _type_by_id(identity: str) -> str:
    return next((kind for prefix, kind in _ID_PREFIXES.items() if identity.startswith(prefix)), "")
