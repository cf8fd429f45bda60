"""Streams put together: numbers unwrapped, payloads opened, tables filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forensics.capture.endpoints import endpoint
from forensics.capture.secrets import Secrets
from forensics.model import LOSS_COLUMNS, RTP_COLUMNS, Capture, Codec, RtpStream
from forensics.streams.codecs import Meanings, carries_audio, infer_codec
from forensics.streams.contents import describe_payloads
from forensics.streams.extensions import extension_columns, infer_identifiers, media_section, read_elements
from forensics.streams.fates import DUPLICATE
from forensics.streams.media import Media
from forensics.streams.placing import Payloads, place_payloads, times
from forensics.streams.repairs import name_repairs
from forensics.streams.reports import Reports, reports_of, sealed_flows_of
from forensics.streams.sdp import DescribedExtensions
from forensics.streams.successions import name_successions
from forensics.streams.timeline import Rows, Timed, Timelines

if TYPE_CHECKING:
    import pandas as pd


def assemble(
    capture: Capture,
    media: Media,
    *,
    secrets: Secrets,
    meanings: Meanings,
    reports: Reports,
    extensions: DescribedExtensions,
) -> tuple[RtpStream, ...]:
    """Make the streams of a capture from their packets.

    Parameters
    ----------
    capture : Capture
    media : Media
        Packets sorted by stream.
    secrets : Secrets
        Keys and handshakes.
    meanings : Meanings
        What is known about payload types.
    reports : Reports
        All RTCP of the capture.
    extensions : DescribedExtensions
        Header extensions that a session description names.

    Returns
    -------
    tuple of RtpStream
        In the order of their first packet.
    """
    starts = np.flatnonzero(np.diff(media.stream, prepend=-1))
    parts = [media.where(slice(a, b)) for a, b in zip(starts, [*starts[1:], len(media.stream)], strict=True)]
    sealed_flows = sealed_flows_of(capture)
    streams = []
    for part in parts:
        codec = _codec(capture, part, meanings)
        timelines = Timelines()
        timelines.reserve(1)
        timelines.clock_rate_hz[0] = codec.clock_rate_hz
        timed = timelines.advance(_rows(part))
        payloads = place_payloads(capture, part, timed, secrets=secrets, sealed_flows=sealed_flows)
        columns, mid, unread = _read_extensions(capture, part, extensions)
        streams.append(_stream(capture, part, timed, codec=codec, payloads=payloads, extensions=columns))
        streams[-1] = replace(
            streams[-1],
            reports=reports_of(reports.table, streams[-1].ssrc),
            cname=reports.cnames.get(streams[-1].ssrc, ""),
            notes=payloads.notes + unread + _restart_note(timelines),
            mid=mid,
            relayed_peer=str(capture.flows["peer"].iat[streams[-1].flow]),
        )
    described = [describe_payloads(stream, meanings) for stream in name_repairs(streams)]
    return tuple(name_successions(sorted(described, key=lambda stream: int(stream.packets["frame"].iat[0]))))


def _read_extensions(
    capture: Capture, part: Media, described: DescribedExtensions
) -> tuple[dict[str, np.ndarray], str, tuple[str, ...]]:
    """Return the columns that header extensions fill, the media section that they name, and what cannot be read."""
    elements = read_elements(capture.octets, part.headers)
    inferred = infer_identifiers(capture.octets, elements, part.arrival_s)
    spoken_for = {*described.plain.values(), *described.encrypted.values()}
    identifiers = {name: one for name, one in inferred.items() if one not in spoken_for} | dict(described.plain)
    columns = extension_columns(capture.octets, elements, part.arrival_s, identifiers)
    encrypted = np.isin(elements.identifier, list(described.encrypted.values()))
    packets, names = len(np.unique(elements.row[encrypted])), ", ".join(described.encrypted)
    note = f"{packets} packets carry encrypted header extensions (RFC 6904), which are not read: {names}"
    return columns, media_section(capture.octets, elements, identifiers), (note,) if packets else ()


def _rows(part: Media) -> Rows:
    stream = np.zeros(len(part.row), np.int64)
    return Rows(stream, part.arrival_s, part.headers.sequence_number, part.headers.timestamp)


def _codec(capture: Capture, part: Media, meanings: Meanings) -> Codec:
    """Return the codec of the payload type that most packets have, among those that carry audio of their own."""
    ends = capture.flows.iloc[int(capture.datagrams["flow"].iat[part.row[0]])]
    destination = (str(ends["destination_address"]), int(ends["destination_port"]))
    kinds, counts = np.unique(part.headers.payload_type, return_counts=True)
    ranked = sorted(zip(counts.tolist(), kinds.tolist(), strict=True), reverse=True)
    audio = [kind for _, kind in ranked if carries_audio(meanings.of(kind, destination))]
    chosen = audio[0] if audio else ranked[0][1]
    known = meanings.of(chosen, destination)
    if known is not None:
        return known
    mine = part.headers.payload_type == chosen
    return infer_codec(part.arrival_s[mine], part.headers.sequence_number[mine], part.headers.timestamp[mine])


def _restart_note(timelines: Timelines) -> tuple[str, ...]:
    restarts = int(timelines.state["restarts"][0])
    return (f"the source began to count anew {times(restarts)}",) if restarts else ()


def _stream(
    capture: Capture,
    part: Media,
    timed: Timed,
    *,
    codec: Codec,
    payloads: Payloads,
    extensions: Mapping[str, np.ndarray],
) -> RtpStream:
    flow = int(capture.datagrams["flow"].iat[part.row[0]])
    ends = capture.flows.iloc[flow]
    packets = _packet_table(capture, part, timed, payloads, extensions)
    return RtpStream(
        ssrc=int(part.headers.ssrc[0]),
        source=endpoint(ends["source_address"], ends["source_port"]),
        destination=endpoint(ends["destination_address"], ends["destination_port"]),
        flow=flow,
        codec=codec,
        packets=packets,
        losses=_loss_table(timed, clock_rate_hz=codec.clock_rate_hz),
        reports=packets.iloc[:0],  # the caller has them
        octets=payloads.octets,
        encrypted=payloads.encrypted,
        readable=payloads.readable,
    )


def _packet_table(
    capture: Capture, part: Media, timed: Timed, payloads: Payloads, extensions: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    import pandas as pd

    columns = {
        "frame": capture.datagrams["frame"].to_numpy()[part.row],
        "arrival_s": part.arrival_s,
        "ssrc": part.headers.ssrc,
        "payload_type": part.headers.payload_type,
        "marker": part.headers.marker,
        "sequence_number": part.headers.sequence_number,
        "timestamp": part.headers.timestamp,
        "ext_sequence_number": timed.ext_sequence_number,
        "ext_timestamp": timed.ext_timestamp,
        "payload_bytes": payloads.size,
        "payload_offset": payloads.offset,
        "relative_delay_s": timed.transit_s - timed.transit_s.min(),
        "jitter_s": timed.jitter_s,
        "fate": timed.fate,
        "new_audio": payloads.size > 0,
        **extensions,
    }
    return pd.DataFrame({name: columns[name].astype(dtype) for name, dtype in RTP_COLUMNS.items()})


def _loss_table(timed: Timed, *, clock_rate_hz: int) -> pd.DataFrame:
    """Runs of numbers between neighbours in sequence, with the media time that is missing between them."""
    import pandas as pd

    rows = np.flatnonzero(timed.fate != DUPLICATE)
    rows = rows[np.argsort(timed.ext_sequence_number[rows], kind="stable")]
    sequence, timestamp = timed.ext_sequence_number[rows], timed.ext_timestamp[rows]
    step, ticks = np.diff(sequence), np.diff(timestamp)
    usual = ticks[(step == 1) & (ticks > 0)]
    frame = float(np.median(usual)) if len(usual) else 0.0
    gap = np.flatnonzero(step > 1)
    columns = {
        "first_ext_sequence_number": sequence[gap] + 1,
        "packets": step[gap] - 1,
        "before": rows[gap],
        "after": rows[gap + 1],
        "media_s": np.maximum(ticks[gap] - frame, 0) / clock_rate_hz,
    }
    return pd.DataFrame({name: columns[name].astype(dtype) for name, dtype in LOSS_COLUMNS.items()})
