"""A simulated call as a case on disk: the files of a recorded one, but for the keys, for its packets are in plain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.lab.case_files import check_unused, folder_that_appears_whole, write_call, write_gzip, write_readings
from forensics.lab.relay import Relayed
from forensics.lab.simulate_wire import AGENT, AGENT_SSRC, LISTENER
from forensics.lab.truth import describe_truth
from forensics.lab.uplink import describe_uplink

if TYPE_CHECKING:
    from forensics.lab.simulate import SimulatedCall

DUMP_EVERY = 10
"""Of the readings of the counters one a second is in the dump, as chrome://webrtc-internals keeps them."""


def write_simulated(call: SimulatedCall, out: Path | str) -> Path:
    """Write a simulated call as a case with its truth.

    Parameters
    ----------
    call : SimulatedCall
    out : path-like
        A folder that does not exist yet, or is empty.

    Returns
    -------
    Path
        `out`, which holds receiver and sender captures in plain RTP, recording.flac, mic.flac, speaker.flac (where the
        receiver's machine is at fault), stats.json.gz (in the form of a webrtc-internals dump), getstats.jsonl.gz,
        events.jsonl, clock.json, truth.json and scenario.toml. It appears whole or not at all.

    Raises
    ------
    ScenarioError
        `out` holds something already.
    """
    out = Path(out)
    check_unused(out, verb="simulate")
    truth = {
        **describe_truth(call.account),
        "uplink": describe_uplink(_relayed(call), call.account),
        "agent_ssrc": AGENT_SSRC,
        "addresses": {"agent": list(AGENT), "listener": list(LISTENER)},
        "simulated": True,
    }
    taps = {name: call.wire.tap(name, zero_ns=call.zero_ns) for name in ("receiver", "sender")}
    readings = list(_readings(call))
    with folder_that_appears_whole(out) as whole:
        write_call(whole, call.account, truth, taps=taps, events=call.events)
        write_gzip(whole / "stats.json.gz", json.dumps(_dump(readings[::DUMP_EVERY])).encode())
        write_readings(whole, readings)
    return out


def _relayed(call: SimulatedCall) -> list[Relayed]:
    """Return what passed on the uplink as the recorder's relay would have noted it."""

    def at_ns(time_s: float) -> int:
        return call.zero_ns + round(time_s * 1e9)

    passed = [(trip, [at_ns(out_s) for out_s in trip.out_s]) for trip in call.wire.uplink]
    return [Relayed("uplink", trip.payload, at_ns(trip.at_s), tuple(out), trip.fault, out) for trip, out in passed]


def _readings(call: SimulatedCall) -> Iterator[dict[str, Any]]:
    """Yield what getStats() would have said, every 100 ms."""
    for row in call.statistics.to_dict(orient="records"):
        epoch_s = call.zero_ns / 1e9 + row.pop("at_s")
        stamp = {"timestamp": round(epoch_s * 1000, 3)}
        inbound = {name: value for name, value in row.items() if not name.startswith(".")}
        playout = {name[1:]: value for name, value in row.items() if name.startswith(".")}
        reports = [
            {"id": "IT01", "type": "inbound-rtp", "kind": "audio", "ssrc": AGENT_SSRC, **stamp, **inbound},
            {"id": "AP", "type": "media-playout", "kind": "audio", **stamp, **playout},
        ]
        yield {"t": epoch_s, "reports": reports}


def _dump(readings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return readings in the form of a webrtc-internals dump: one series per report and member."""
    series: dict[tuple[str, str, str], list[Any]] = {}
    for report in (report for reading in readings for report in reading["reports"]):
        for member in report.keys() - {"id"}:
            series.setdefault((report["id"], report["type"], member), []).append(report[member])
    span = {"startTime": _utc(readings[0]["t"]), "endTime": _utc(readings[-1]["t"])} if readings else {}
    stats = {
        f"{name}-{member}": {**span, "statsType": kind, "values": json.dumps(values)}
        for (name, kind, member), values in sorted(series.items())
    }
    return {"getUserMedia": [], "PeerConnections": {"1-1": {"stats": stats, "updateLog": []}}}


def _utc(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
