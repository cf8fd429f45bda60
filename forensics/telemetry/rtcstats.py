"""Dumps of rtcstats: one JSON array a line, [method, connection, value, …, time], with getStats as changes.

Two generations. Version 3 begins with the line "RTCStatsDump" and a JSON object; times are steps since the line before,
methods, types and members are numbers, a member "t" dates all of a reading, null takes an object away. Before, times
are absolute, names are plain, and objects that did not change at all are left out. In both a reading holds what changed
since the one before of the same connection. Older servers also wrote the lines as one object, {"peerConnections": …}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forensics.telemetry.reading import Reader, Reading, epoch_s, load_json

MAGIC = "RTCStatsDump"

GETSTATS = ("getstats", "g", "1")
"""How the method is called, in lower case: by name, and in the two numberings of version 3."""

TYPES: Mapping[str, str] = {
    "1": "inbound-rtp",
    "2": "outbound-rtp",
    "3": "remote-inbound-rtp",
    "4": "remote-outbound-rtp",
    "5": "transport",
    "6": "candidate-pair",
    "7": "local-candidate",
    "8": "remote-candidate",
    "9": "data-channel",
    "10": "peer-connection",
    "11": "certificate",
    "12": "media-source",
    "13": "media-playout",
    "14": "codec",
}
"""Numbers of types in version 3 (rtcstats-shared, compression.js: "numbers must not be reassigned")."""

MEMBERS: Mapping[str, str] = {
    "t": "timestamp",
    "4": "payloadType", "5": "transportId", "6": "mimeType", "7": "clockRate", "8": "channels", "9": "sdpFmtpLine",
    "10": "ssrc", "11": "kind", "12": "codecId", "14": "packetsReceived", "15": "packetsLost", "16": "jitter",
    "17": "trackIdentifier", "18": "mid", "19": "remoteId", "34": "lastPacketReceivedTimestamp",
    "35": "headerBytesReceived", "36": "packetsDiscarded", "37": "fecPacketsReceived", "38": "fecPacketsDiscarded",
    "41": "bytesReceived", "45": "totalProcessingDelay", "46": "estimatedPlayoutTimestamp",
    "47": "jitterBufferDelay", "48": "jitterBufferTargetDelay", "49": "jitterBufferEmittedCount",
    "50": "jitterBufferMinimumDelay", "51": "totalSamplesReceived", "52": "concealedSamples",
    "53": "silentConcealedSamples", "54": "concealmentEvents", "55": "insertedSamplesForDeceleration",
    "56": "removedSamplesForAcceleration", "57": "audioLevel", "58": "totalAudioEnergy", "59": "totalSamplesDuration",
    "62": "playoutId", "74": "localId", "75": "roundTripTime", "76": "totalRoundTripTime", "77": "fractionLost",
    "78": "roundTripTimeMeasurements", "79": "packetsSent", "80": "bytesSent", "81": "mediaSourceId",
    "84": "headerBytesSent", "85": "retransmittedPacketsSent", "102": "remoteTimestamp", "103": "reportsSent",
    "109": "synthesizedSamplesDuration", "110": "synthesizedSamplesEvents", "111": "totalPlayoutDelay",
    "112": "totalSamplesCount", "118": "state", "137": "priority", "148": "localCandidateId",
    "149": "remoteCandidateId", "150": "nominated", "151": "lastPacketSentTimestamp", "152": "currentRoundTripTime",
    "153": "availableOutgoingBitrate", "154": "availableIncomingBitrate", "155": "requestsReceived",
    "156": "requestsSent", "157": "responsesReceived", "158": "responsesSent", "159": "consentRequestsSent",
}  # fmt: skip
"""Numbers of members in version 3, those of sound and path; the same source."""


def is_event(document: Any) -> bool:
    """Say whether a document is one line of such a dump."""
    return isinstance(document, list) and len(document) >= 4 and isinstance(document[0], str | int)


def is_collected(document: Any) -> bool:
    """Say whether a document is a whole dump as older servers wrote it."""
    return isinstance(document, Mapping) and isinstance(document.get("peerConnections"), Mapping)


def read_collected(document: Mapping[str, Any], reader: Reader) -> Iterator[Reading]:
    """Yield the readings of a dump in one object: per connection a list of {"time", "type", "value"}."""
    lines = (
        [event.get("type"), connection, event.get("value"), event.get("timestamp", event.get("time"))]
        for connection, events in document["peerConnections"].items()
        for event in events
        if isinstance(event, Mapping)
    )
    yield from read_events(lines, reader)


def read_events(documents: Iterable[Any], reader: Reader, *, stepped: bool = False) -> Iterator[Reading]:
    """Yield the readings of a dump, line by line.

    Parameters
    ----------
    documents : iterable
        Lines; those that are no arrays (the object with metadata) are passed over.
    reader : Reader
    stepped : bool
        Times are steps in ms since the line before, as in version 3; else they are absolute.
    """
    states: dict[str, _State] = {}
    now_ms = 0.0
    for line in documents:
        if not is_event(line):
            continue
        method, connection, value = line[:3]
        stamp = line[-1] if stepped else line[3]
        if stepped and isinstance(stamp, int | float):
            now_ms += stamp
        if str(method).lower() not in GETSTATS:
            continue
        value = _unpacked(value)
        if not isinstance(value, Mapping):
            reader.skipped["readings without statistics"] += 1
            continue
        came_s = epoch_s(now_ms) if stepped else epoch_s(stamp)
        name = "" if connection is None else str(connection)
        objects = states.setdefault(name, _State()).change(value, came_s)
        yield from reader.readings(objects, connection=name, fallback_s=came_s)


def _unpacked(value: Any) -> Any:
    """Return a value that some servers wrote as a JSON text within the line; others as they are."""
    try:
        return load_json(value)
    except ValueError:
        return value


@dataclass(slots=True)
class _State:
    """The statistics of one connection as they stand, each change laid over what was there."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def change(self, value: Mapping[str, Any], came_s: float | None) -> list[tuple[str, dict[str, Any]]]:
        """Lay a reading's changes over the state and return the objects as they are now."""
        common = value.get("t", value.get("timestamp"))
        common = common if epoch_s(common) is not None else None
        for identity, changes in value.items():
            if changes is None:
                self.objects.pop(identity, None)
            elif isinstance(changes, Mapping):
                self._lay(identity, {MEMBERS.get(name, name): member for name, member in changes.items()})
        for report in self.objects.values():
            if report.pop("dated", None) is None and (common is not None or came_s is not None):
                report["timestamp"] = common if common is not None else (came_s or 0.0) * 1000
        return [(identity, dict(report)) for identity, report in self.objects.items()]

    def _lay(self, identity: str, changes: dict[str, Any]) -> None:
        report = self.objects.setdefault(identity, {})
        kind = changes.get("type")
        if kind is not None:
            changes["type"] = TYPES.get(str(kind), kind)
        if epoch_s(changes.get("timestamp")) is not None:
            changes["dated"] = True
        report.update(changes)
