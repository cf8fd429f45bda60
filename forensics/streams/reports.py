"""The RTCP of a capture as one table, opened where the keys allow it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.capture.demultiplex import DTLS, RTCP, are_handshakes
from forensics.capture.secrets import Secrets
from forensics.capture.srtp import open_rtcp
from forensics.model import REPORT_COLUMNS, Capture, empty_table
from forensics.streams.rtcp import BLANK, NAMES, parse_rtcp

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Reports:
    """Rows of REPORT_COLUMNS, the canonical name of each SSRC, and what stayed closed."""

    table: pd.DataFrame
    cnames: Mapping[int, str]
    skipped: Mapping[str, int]


def read_reports(capture: Capture, secrets: Secrets) -> Reports:
    """Read all RTCP of a capture.

    Parameters
    ----------
    capture : Capture
    secrets : Secrets
        Keys that may open SRTCP.

    Returns
    -------
    Reports
        Of a closed packet only the first header is known: its type and the SSRC of its sender.
    """
    rows: list[dict[str, Any]] = []
    cnames: dict[int, str] = {}
    skipped: Counter[str] = Counter()
    for base, packet, plain in plain_reports(capture, secrets):
        if plain is None:
            skipped["RTCP packet that stayed closed"] += 1
            rows.append(base | _closed(packet))
            continue
        for row in parse_rtcp(plain):
            if "cname" in row:
                cnames[row["sender_ssrc"]] = row.pop("cname")
            rows.append(base | row)
    return Reports(_table(rows), cnames, skipped)


def plain_reports(capture: Capture, secrets: Secrets) -> Iterator[tuple[dict[str, Any], bytes, bytes | None]]:
    """Yield every RTCP datagram: where it stands (frame, arrival, flow), as captured, and opened (None: closed).

    Parameters
    ----------
    capture : Capture
    secrets : Secrets
        Keys that may open SRTCP.
    """
    sealed_flows = sealed_flows_of(capture)
    table = capture.datagrams
    columns = {name: table[name].to_numpy() for name in ("frame", "arrival_s", "flow")}
    for at in np.flatnonzero(table["protocol"].to_numpy() == RTCP).tolist():
        base = {name: column[at] for name, column in columns.items()}
        packet = capture.payload(at)
        sealed = bool(secrets.masters) or int(base["flow"]) in sealed_flows
        yield base, packet, _opened(packet, secrets) if sealed else packet


def _opened(packet: bytes, secrets: Secrets) -> bytes | None:
    for master in secrets.masters:
        plain = open_rtcp(master, packet)
        if plain is not None:
            return plain
    return None


def _closed(packet: bytes) -> dict[str, Any]:
    name = NAMES.get(packet[1], "OTHER")
    return BLANK | {"packet_type": name, "sender_ssrc": int.from_bytes(packet[4:8], "big")}


def sealed_flows_of(capture: Capture) -> frozenset[int]:
    """Flows between addresses that also speak DTLS: their RTCP is SRTCP."""
    table, flows = capture.datagrams, capture.flows
    rows = np.flatnonzero((table["protocol"].to_numpy() == DTLS) & (table["payload_bytes"].to_numpy() > 0))
    first = capture.octets[table["payload_offset"].to_numpy()[rows]]
    rows = rows[are_handshakes(first, table["protocol"].to_numpy()[rows])]
    speaks = np.unique(table["flow"].to_numpy()[rows]).tolist()
    source, destination = flows["source_address"].tolist(), flows["destination_address"].tolist()
    pairs = {frozenset((source[flow], destination[flow])) for flow in speaks}
    return frozenset(at for at in range(len(flows)) if frozenset((source[at], destination[at])) in pairs)


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    if not rows:
        return empty_table(REPORT_COLUMNS)
    return pd.DataFrame(rows, columns=list(REPORT_COLUMNS)).astype(dict(REPORT_COLUMNS))


def reports_of(table: pd.DataFrame, ssrc: int) -> pd.DataFrame:
    """Return the sender reports of one SSRC and the report blocks about it."""
    sender, reported = table["sender_ssrc"].to_numpy(), table["reported_ssrc"].to_numpy()
    rows = np.flatnonzero(((sender == ssrc) & (reported < 0)) | (reported == ssrc))
    return table.take(rows).reset_index(drop=True)
