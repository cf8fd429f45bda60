"""Statistics of all streams of a file, read in chunks: the memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forensics.capture.datagrams import DatagramReader
from forensics.errors import StreamError
from forensics.model import PROTOCOLS
from forensics.streams.candidates import LEFT_OUT, no_rtp
from forensics.streams.codecs import read_decode_as
from forensics.streams.meter import StreamMeter
from forensics.streams.sdp import read_description


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of every stream, in the order of their first packets; what was skipped, by reason; what to know."""

    streams: tuple[dict[str, Any], ...]
    skipped: Mapping[str, int]
    notes: tuple[str, ...]
    frames: int
    origin_ns: int


def measure_streams(
    path: str | Path,
    *,
    decode_as: Mapping[str, str] | None = None,
    sdp: Path | None = None,
    progress: bool = False,
) -> Measurement:
    """Measure the RTP streams of a capture file without keeping its packets.

    Parameters
    ----------
    path : str or Path
        Any capture file that `read_capture` reads.
    decode_as : Mapping of str to str, optional
        As for `find_streams`.
    sdp : Path, optional
        A session description.
    progress : bool
        Show a progress bar once it takes longer than about two seconds.

    Returns
    -------
    Measurement

    Raises
    ------
    CaptureError
        The file is missing, empty, or of no format that is known.
    StreamError
        Nothing in the capture goes on as an RTP stream does, or `decode_as` is not understood.

    Notes
    -----
    Memory: a buffer, the sums of each stream, and the packets of candidates that still wait; nothing that grows with
    the packets of accepted streams but the numbers that are missing from the last 32768 of each.
    """
    reader = DatagramReader(Path(path), progress=progress)
    meter = StreamMeter(read_decode_as(decode_as or {}), reader.flows, descriptions=read_description(sdp))
    seen = np.zeros(len(PROTOCOLS), np.int64)
    with closing(reader.chunks()) as chunks:
        for chunk in chunks:
            meter.add(chunk, origin_ns=reader.origin_ns)
            seen += np.bincount(chunk.protocol, minlength=len(PROTOCOLS))
    meter.finish()
    rows = meter.rows(reader.relays)
    skipped = dict(reader.tally.skipped)
    if not rows:
        raise StreamError(no_rtp(Path(path), seen.tolist(), skipped))
    if meter.left_out:
        skipped[LEFT_OUT] = meter.left_out
    return Measurement(tuple(rows), skipped, tuple(reader.tally.notes), reader.frames, reader.origin_ns)
