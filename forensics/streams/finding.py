"""`find_streams`: the RTP streams of a capture, found without signalling, with the fate of every packet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from forensics.capture.demultiplex import RTP
from forensics.capture.interning import Interner
from forensics.capture.secrets import Secrets, find_secrets
from forensics.capture.signalling import find_descriptions
from forensics.errors import StreamError
from forensics.model import PROTOCOLS, Capture, RtpStream
from forensics.streams.assembly import assemble
from forensics.streams.candidates import LEFT_OUT, are_streams, no_rtp, weigh
from forensics.streams.codecs import Meanings, read_decode_as
from forensics.streams.headers import read_headers
from forensics.streams.media import Media
from forensics.streams.reports import read_reports
from forensics.streams.sdp import described_codecs, described_extensions, read_description


@dataclass(frozen=True, slots=True, eq=False)
class StreamSet:
    """The streams of a capture, in the order of their first packet, and what was not understood.

    It behaves as the tuple of its streams: `len`, iteration and indices work.
    """

    streams: tuple[RtpStream, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[RtpStream]:
        return iter(self.streams)

    def __len__(self) -> int:
        return len(self.streams)

    def __getitem__(self, at: int) -> RtpStream:
        return self.streams[at]


def find_streams(
    capture: Capture,
    *,
    keys: Path | None = None,
    decode_as: Mapping[str, str] | None = None,
    sdp: Path | None = None,
) -> StreamSet:
    """Find the RTP streams of a capture.

    Parameters
    ----------
    capture : Capture
        As `read_capture` returns it.
    keys : Path, optional
        NSS key log, SDES lines or raw master keys, for SRTP.
    decode_as : Mapping of str to str, optional
        `{"udp.port==5004": "rtp"}`, `{"rtp.p_type==111": "opus/48000/2"}`; see `codecs.read_decode_as`.
    sdp : Path, optional
        A session description. Those that SIP carries inside the capture are used in any case.

    Returns
    -------
    StreamSet
        One stream per SSRC and directed five-tuple. `skipped` adds to the capture's own counts.

    Raises
    ------
    StreamError
        Nothing in the capture goes on as an RTP stream does, or `decode_as` is not understood.
    KeysError
        The keys belong to another call. Ask again without them: the streams are then found closed.

    Notes
    -----
    Packets whose header extensions are encrypted as well (cryptex, RFC 9335) stay closed and are counted; single
    extensions that are (RFC 6904) are told where the session description says so.

    A closed stream gives what its headers tell; its padding cannot be told from its payload, and without a handshake
    its tag is taken to be the usual ten octets. Streams of fewer than four packets are not found. A call whose path
    moves (ICE) shows as one stream per path.
    """
    descriptions = (*read_description(sdp), *find_descriptions(capture))
    described, anywhere = described_codecs(descriptions)
    meanings = replace(read_decode_as(decode_as or {}), described=described, anywhere=anywhere)
    secrets = find_secrets(capture, keys=keys)
    media, left_out = _media(capture, meanings)
    if media is None:
        seen = np.bincount(capture.datagrams["protocol"].to_numpy(), minlength=len(PROTOCOLS))
        raise StreamError(no_rtp(capture.path, seen.tolist(), capture.skipped))
    skipped = Counter(capture.skipped)
    if left_out:
        skipped[LEFT_OUT] += left_out
    hidden = int(np.count_nonzero(media.headers.hidden))
    if hidden:
        skipped["RTP packet with encrypted header extensions (cryptex)"] += hidden
    reports = read_reports(capture, secrets)
    streams = assemble(
        capture,
        media,
        secrets=secrets,
        meanings=meanings,
        reports=reports,
        extensions=described_extensions(descriptions),
    )
    skipped.update(reports.skipped)
    notes = (*capture.notes, *secrets.notes, *_closed_note(streams, secrets))
    return StreamSet(streams, dict(skipped), tuple(dict.fromkeys(notes)))


def _media(capture: Capture, meanings: Meanings) -> tuple[Media | None, int]:
    """Return the packets of all streams, sorted by stream, and how many datagrams only looked like RTP."""
    table = capture.datagrams
    rows = np.flatnonzero(table["protocol"].to_numpy() == RTP)
    offset, captured, wire = (
        table[name].to_numpy()[rows].astype(np.int64) for name in ("payload_offset", "payload_bytes", "wire_bytes")
    )
    headers = read_headers(capture.octets, offset, captured, wire)
    sound = slice(None) if headers.sound.all() else np.flatnonzero(headers.sound)  # as a rule there is nothing to copy
    rows, headers = rows[sound], headers.where(sound)
    flow = table["flow"].to_numpy()[rows]
    interner = Interner(1)
    stream = interner.number(flow.astype(np.uint64) << np.uint64(32) | headers.ssrc)
    order = np.argsort(stream, kind="stable")
    candidates = weigh(stream[order], headers.sequence_number[order], headers.timestamp[order], streams=len(interner))
    accepted = are_streams(candidates) | _is_given(capture, interner, meanings)
    order = order[accepted[stream[order]]]
    if not len(order):
        return None, len(offset)
    chosen = rows[order]
    media = Media(
        stream=stream[order],
        row=chosen,
        arrival_s=table["arrival_s"].to_numpy()[chosen],
        offset=offset[sound][order],
        captured=captured[sound][order],
        wire=wire[sound][order],
        headers=headers.where(order),
    )
    return media, len(offset) - len(order)


def _is_given(capture: Capture, interner: Interner, meanings: Meanings) -> np.ndarray:
    """Say which candidates use a port that the user calls RTP."""
    flow = (interner.keys[: len(interner), 0] >> np.uint64(32)).astype(np.int64)
    ports = list(meanings.ports)
    named = capture.flows["source_port"].isin(ports) | capture.flows["destination_port"].isin(ports)
    return named.to_numpy()[flow] if len(flow) else np.zeros(0, bool)


def _closed_note(streams: tuple[RtpStream, ...], secrets: Secrets) -> list[str]:
    closed = sum(not stream.readable for stream in streams)
    if not closed:
        return []
    if secrets.masters:
        return [f"no key opens {closed} of {len(streams)} streams: they give what their headers tell"]
    return [f"{closed} of {len(streams)} streams are encrypted and no key was given: they give what their headers tell"]
