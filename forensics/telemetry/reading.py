"""What every format of browser statistics is brought to: readings, one per statistics object and moment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from forensics.telemetry.chrome_names import modernise

OLD_TYPES: Mapping[str, str] = {
    "inboundrtp": "inbound-rtp",
    "outboundrtp": "outbound-rtp",
    "candidatepair": "candidate-pair",
}
"""How types were spelt before webrtc-stats became a recommendation (Firefox until 54, W3C drafts until 2016)."""

REMOTE_TYPES: Mapping[str, str] = {"inbound-rtp": "remote-inbound-rtp", "outbound-rtp": "remote-outbound-rtp"}
"""What `isRemote` made of a type before the remote ones had names of their own (Chrome and Firefox until 2018)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One statistics object as it was read once. Members under their W3C names in snake_case, flat."""

    type: str
    time_s: float  # since 1970
    connection: str
    id: str
    members: Mapping[str, Any]


@dataclass(slots=True)
class Reader:
    """What all formats share: the connection that is being read, and the tally of what could not be."""

    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def readings(
        self, objects: Iterable[tuple[str, Any]], *, connection: str = "", fallback_s: float | None = None
    ) -> Iterator[Reading]:
        """Turn statistics objects as `getStats` gives them into readings.

        Parameters
        ----------
        objects : iterable of (id, object)
        connection : str
        fallback_s : float, optional
            When they were read, for those that have no time of their own.
        """
        for identity, report in objects:
            if not isinstance(report, Mapping) or not isinstance(report.get("type"), str):
                self.skipped["statistics without a type"] += 1
                continue
            time_s = epoch_s(report.get("timestamp"))
            time_s = fallback_s if time_s is None else time_s
            if time_s is None:
                self.skipped["statistics without a time"] += 1
                continue
            yield from make_readings(
                str(report["type"]), report, time_s=time_s, connection=connection, identity=str(identity)
            )


def make_readings(
    kind: str, report: Mapping[str, Any], *, time_s: float, connection: str, identity: str
) -> Iterator[Reading]:
    """Bring one statistics object to today's type and names; an object of Chrome's old names may be several."""
    for told, new_identity, members in modernise(kind, identity, report):
        new_kind = OLD_TYPES.get(told, told)
        if members.get("isRemote") in (True, "true"):
            new_kind = REMOTE_TYPES.get(new_kind, new_kind)
        yield Reading(new_kind, time_s, connection, new_identity, _flat(members))


def epoch_s(stamp: Any) -> float | None:
    """Return seconds since 1970 of an ISO time or of milliseconds; None where it is neither, or a placeholder of 0."""
    if isinstance(stamp, str):
        try:
            return datetime.fromisoformat(stamp).timestamp()
        except ValueError:
            return None
    if isinstance(stamp, int | float) and not isinstance(stamp, bool) and stamp > 0:
        return float(stamp) / 1000
    return None


def load_json(text: Any) -> Any:
    """Return JSON that stands as a text within JSON, as Chrome writes it; what is no text is returned as it is."""
    return json.loads(text) if isinstance(text, str) else text


def _flat(report: Mapping[str, Any]) -> dict[str, Any]:
    """Members in snake_case; nested ones and those that every reading has are left out."""
    return {
        snake(name): value
        for name, value in report.items()
        if name not in ("type", "id", "timestamp") and not isinstance(value, dict | list)
    }


def snake(name: str) -> str:
    """Turn packetsLost into packets_lost."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
