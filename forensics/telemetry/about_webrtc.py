"""Firefox's about:webrtc: what its buttons "Copy report" and "Copy report history" put into the clipboard.

A report is one moment of one peer connection: "pcid", "timestamp" and a list per type, called "inboundRtpStreamStats"
and so on (dom/webidl/RTCStatsReport.webidl). A history is {"reports": [report, …]}. "Save page" writes a page for
people, with rounded numbers, and is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from forensics.telemetry.reading import Reader, Reading, epoch_s

COLLECTIONS: Mapping[str, str] = {
    "inboundrtpstreamstats": "inbound-rtp",
    "outboundrtpstreamstats": "outbound-rtp",
    "remoteinboundrtpstreamstats": "remote-inbound-rtp",
    "remoteoutboundrtpstreamstats": "remote-outbound-rtp",
    "icecandidatepairstats": "candidate-pair",
    "codecstats": "codec",
}
"""Name of a list in a report, in lower case (it was inboundRTPStreamStats until Firefox 68) → type."""

_PCID = re.compile(r"id=(\S+)")


def is_firefox(document: Any) -> bool:
    """Say whether a document is a report or a history of reports."""
    return any(_is_report(report) for report in _reports(document))


def read_firefox(document: Any, reader: Reader) -> Iterator[Reading]:
    """Yield the readings of a report or of a history."""
    for report in _reports(document):
        if not _is_report(report):
            reader.skipped["reports of no known layout"] += 1
            continue
        pcid = str(report.get("pcid", ""))
        found = _PCID.search(pcid)
        yield from reader.readings(
            _objects(report),
            connection=found[1] if found else pcid,
            fallback_s=epoch_s(report.get("timestamp")),
        )


def _reports(document: Any) -> list[Any]:
    if isinstance(document, Mapping) and isinstance(document.get("reports"), list):
        return document["reports"]
    return document if isinstance(document, list) else [document]


def _is_report(report: Any) -> bool:
    return isinstance(report, Mapping) and any(name.lower() in COLLECTIONS for name in report)


def _objects(report: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Statistics objects of a report; the list that holds one tells its type, whatever the object says."""
    for name, objects in report.items():
        kind = COLLECTIONS.get(name.lower())
        if kind is None or not isinstance(objects, list):
            continue
        for entry in objects:
            if isinstance(entry, Mapping):
                yield str(entry.get("id", "")), {**entry, "type": kind}
