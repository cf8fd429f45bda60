"""`read_capture`: a whole file in memory, as the tables of the model."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from forensics.capture.datagrams import DatagramReader
from forensics.capture.packing import PayloadBuffer
from forensics.model import DATAGRAM_COLUMNS, FLOW_COLUMNS, Capture, empty_table

_ADDRESSES = ("transport", "source_address", "source_port", "destination_address", "destination_port")


def read_capture(path: str | Path, *, progress: bool = False) -> Capture:
    """Read a capture file.

    Parameters
    ----------
    path : str or Path
        pcap (micro- or nanoseconds, either byte order), pcapng, rtpdump, or a Chrome log with RTP_DUMP lines; plain,
        `.gz` or `.zst`. Ethernet with VLAN tags, Linux cooked 1 and 2, BSD null and loop, raw IP; IPv4 and IPv6 with
        options, extension headers and fragments; UDP, TURN, and media over TCP (RFC 4571, TURN).
    progress : bool
        Show a progress bar once it takes longer than about two seconds.

    Returns
    -------
    Capture
        Times are seconds since the first frame of the file. `skipped` counts by reason what was not understood;
        `notes` say where the file is cut off or damaged, with the octet.

    Raises
    ------
    CaptureError
        The file is missing, empty, or of no format that is known.

    Notes
    -----
    A file that ends inside a record is read up to there. What the capturing machine dropped is not in the file and
    cannot be seen here; receiver reports and the audio can tell (`glitches`).
    """
    reader = DatagramReader(Path(path), progress=progress)
    columns: dict[str, list[np.ndarray]] = {
        name: [] for name in ("frame", "time_ns", "flow", "protocol", "captured", "wire")
    }
    payloads = PayloadBuffer(reader.path.stat().st_size if reader.path.is_file() else 0)
    with closing(reader.chunks()) as chunks:
        for chunk in chunks:
            for name, parts in columns.items():
                parts.append(getattr(chunk, name))
            payloads.add(chunk)
    table = _datagram_table({name: _joined(parts) for name, parts in columns.items()}, reader.origin_ns)
    return Capture(
        path=Path(path),
        origin_ns=reader.origin_ns,
        datagrams=table,
        flows=_flow_table(reader, table["flow"].to_numpy()),
        octets=payloads.octets,
        skipped=dict(reader.tally.skipped),
        notes=tuple(reader.tally.notes),
        secrets=tuple(reader.secrets),
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _datagram_table(columns: dict[str, np.ndarray], origin_ns: int):  # type: ignore[no-untyped-def]
    import pandas as pd

    captured = columns["captured"]
    named = {
        "frame": columns["frame"],
        "arrival_s": (columns["time_ns"] - origin_ns) / 1e9,
        "flow": columns["flow"],
        "protocol": columns["protocol"],
        "payload_offset": np.cumsum(captured) - captured,
        "payload_bytes": captured,
        "wire_bytes": columns["wire"],
    }
    return pd.DataFrame({name: named[name].astype(dtype) for name, dtype in DATAGRAM_COLUMNS.items()})


def _flow_table(reader: DatagramReader, flow: np.ndarray):  # type: ignore[no-untyped-def]
    import pandas as pd

    flows = reader.flows
    if not len(flows):
        return empty_table(FLOW_COLUMNS)
    table = pd.DataFrame([flows.five_tuple(number) for number in range(len(flows))], columns=list(_ADDRESSES))
    peers = flows.peers(reader.relays)
    table["datagrams"] = np.bincount(flow, minlength=len(flows))
    table["peer"] = [peers.get(number, "") for number in range(len(flows))]
    return table.astype(dict(FLOW_COLUMNS))
