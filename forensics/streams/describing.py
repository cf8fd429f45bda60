"""What `forensics streams` prints: one row per stream, then what was not understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forensics.model import RtpStream
from forensics.streams.measuring import measure_streams
from forensics.streams.statistics import Marked, Sums
from forensics.streams.timeline import Rows

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "forensics.streams/1"

_TEXT_COLUMNS = (
    ("Source", "{source}"),
    ("Destination", "{destination}"),
    ("SSRC", "0x{ssrc:08X}"),
    ("Types", "{types}"),
    ("Codec", "{codec_text}"),
    ("Packets", "{packets}"),
    ("Lost", "{lost} ({lost_percent:.1f}%)"),
    ("Late", "{late}"),
    ("Dup", "{duplicate}"),
    ("Reord", "{reordered}"),
    ("Max delta", "{delta_max_ms:.3f} ms"),
    ("Jitter min/mean/max", "{jitter_text} ms"),
    ("Skew", "{skew_ms:.3f} ms"),
    ("Drift", "{drift_text}"),
    ("Spurts", "{talkspurts}"),
)


def describe_streams(streams: Iterable[RtpStream]) -> pd.DataFrame:
    """Return the figures of streams that `find_streams` found, one row each.

    Parameters
    ----------
    streams : iterable of RtpStream

    Returns
    -------
    DataFrame
        Endpoints, SSRC, payload types, codec and how it is known; packets, expected, lost, late, duplicate, reordered;
        deltas, jitter and skew in seconds; clock drift in ppm, positive where the sender's clock runs fast;
        talkspurts. `statistics.Sums` says how each is defined and where tshark differs.
    """
    import pandas as pd

    return pd.DataFrame([_figures(stream) for stream in streams])


def _figures(stream: RtpStream) -> dict[str, Any]:
    table = stream.packets
    sums = Sums()
    sums.reserve(1)
    sums.timelines.clock_rate_hz[0] = stream.codec.clock_rate_hz
    columns = {name: table[name].to_numpy() for name in ("arrival_s", "sequence_number", "timestamp")}
    marked = Marked(table["payload_type"].to_numpy(), table["marker"].to_numpy())
    sums.add(Rows(np.zeros(len(table), np.int64), **columns), marked)
    return {
        "ssrc": stream.ssrc,
        "source": stream.source,
        "destination": stream.destination,
        "relayed_peer": stream.relayed_peer,
        "encrypted": stream.encrypted,
        "readable": stream.readable,
        "codec": stream.codec.name,
        "clock_rate_hz": stream.codec.clock_rate_hz,
        "codec_known": stream.codec.known,
        **sums.figures(0),
    }


def streams_report(
    path: str | Path,
    *,
    keys: Path | None = None,
    decode_as: Mapping[str, str] | None = None,
    sdp: Path | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Return what `forensics streams CAPTURE --json -` prints.

    Parameters
    ----------
    path : str or Path
        A capture file.
    keys : Path, optional
        Key material. With it the packets are kept and opened, which tells which streams it opens and what else they
        carry (`notes` of each stream); without it the file is read in chunks and no payload is looked at.
    decode_as : Mapping of str to str, optional
        As for `find_streams`.
    sdp : Path, optional
        A session description.
    progress : bool
        Show a progress bar once it takes longer than about two seconds.

    Returns
    -------
    dict
        `{"schema", "capture", "streams": [{"ssrc", "packets", "lost", …}], "skipped": {reason: count}, "notes": […]}`;
        ready for JSON.

    Raises
    ------
    CaptureError, StreamError, KeysError
        As `read_capture` and `find_streams` raise them.
    """
    if keys is None:
        measured = measure_streams(path, decode_as=decode_as, sdp=sdp, progress=progress)
        return _report(path, measured.streams, measured.skipped, measured.notes)
    from forensics.capture import read_capture
    from forensics.streams.finding import find_streams

    found = find_streams(read_capture(path, progress=progress), keys=keys, decode_as=decode_as, sdp=sdp)
    rows = [_figures(stream) | {"notes": list(stream.notes)} for stream in found]
    return _report(path, rows, found.skipped, found.notes)


def _report(
    path: str | Path, streams: Sequence[dict[str, Any]], skipped: Mapping[str, int], notes: Sequence[str]
) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "capture": Path(path).name,
        "streams": list(streams),
        "skipped": dict(skipped),
        "notes": list(notes),
    }


def streams_text(report: Mapping[str, Any]) -> str:
    """Write a report of `streams_report` as a table for people, then what was not understood.

    Parameters
    ----------
    report : Mapping
        As `streams_report` returns it.

    Returns
    -------
    str
        Several lines without a newline at the end.
    """
    rows = [[form.format(**_for_people(stream)) for _, form in _TEXT_COLUMNS] for stream in report["streams"]]
    heads = [head for head, _ in _TEXT_COLUMNS]
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [heads, *rows]]
    told = [f"0x{stream['ssrc']:08X}: {note}." for stream in report["streams"] for note in _stream_notes(stream)]
    skipped = [f"Not understood: {count} × {reason}" for reason, count in sorted(report["skipped"].items())]
    return "\n".join(
        [*lines, "", *told, *(skipped or ["Everything was understood."]), *(f"Note: {n}." for n in report["notes"])]
    )


def _stream_notes(stream: Mapping[str, Any]) -> list[str]:
    peer = stream.get("relayed_peer")
    return [*([f"a TURN server relays it; behind it is {peer}"] if peer else []), *stream.get("notes", [])]


def _for_people(stream: Mapping[str, Any]) -> dict[str, Any]:
    milliseconds = {
        name[:-1] + "ms": round((value or 0.0) * 1e3, 3) + 0.0 for name, value in stream.items() if name.endswith("_s")
    }  # zero is added so that none of them is a negative zero
    drift = stream["clock_drift_ppm"]
    return {
        **stream,
        **milliseconds,
        "types": ",".join(map(str, stream["payload_types"])),
        "codec_text": f"{stream['codec']}/{stream['clock_rate_hz']} ({stream['codec_known']})",
        "lost_percent": 100 * stream["lost"] / max(stream["expected"], 1),
        "jitter_text": "/".join(f"{milliseconds[f'jitter_{which}_ms']:.3f}" for which in ("min", "mean", "max")),
        "drift_text": "-" if drift is None else f"{round(drift, 1) + 0.0:+.1f} ppm",
    }
