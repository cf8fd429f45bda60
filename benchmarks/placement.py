"""How exactly recordings of labelled calls are placed on the capture's clock: `python benchmarks/placement.py FOLDER…`

The truth of a call is the anchors of its clock.json: recording time against time of day. Four ways: by decoded audio
alone; with a replay of the jitter buffer; with what the browser counted; and without keys, by levels or sizes of
packets. Then every recording is tried against every other call of its folder without keys, where it has to be refused.
Beside them stands what people do without any of this: the recording begins with the first packet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forensics.audio import decode_stream, read_recording
from forensics.capture import read_capture
from forensics.case import open_case
from forensics.clocks import (
    estimate_coarse_offset,
    estimate_recording_clock,
    estimate_recording_clock_closed,
    refine_by_replay,
    refine_recording_clock,
)
from forensics.clocks.statistics import estimate_stats_clock, place_stats
from forensics.errors import ForensicsError
from forensics.model import AudioTrack, ClockMap, Playout, RtpStream
from forensics.playout import replay_neteq
from forensics.playout.heard import locate_packets
from forensics.streams import find_streams
from forensics.telemetry.statistics import read_stats


@dataclass(frozen=True)
class Call:
    """A labelled call as the ways of placing it need it."""

    name: str
    stream: RtpStream
    closed: RtpStream
    replay: Playout
    recording: AudioTrack
    heard: Playout
    inbound: pd.DataFrame
    anchors: np.ndarray

    def true_s(self, recording_s: np.ndarray) -> np.ndarray:
        """Capture time of recording times."""
        return np.interp(recording_s, *self.anchors.T)


def read_call(folder: Path) -> Call:
    truth, case = json.loads((folder / "truth.json").read_text()), open_case(folder)
    capture, recording = read_capture(case.capture), read_recording(case.recording)
    (stream,) = (s for s in find_streams(capture, keys=case.keys) if s.ssrc == truth["agent_ssrc"])
    (closed,) = (s for s in find_streams(capture, keys=None) if s.ssrc == truth["agent_ssrc"])
    anchors = np.array(json.loads((folder / "clock.json").read_text())["anchors_rec_s_epoch"])
    anchors[:, 1] -= capture.origin_ns / 1e9
    decoded = decode_stream(stream)
    coarse = estimate_coarse_offset(decoded.track, recording)
    tables = dict(read_stats(case.stats).tables)
    stats = estimate_stats_clock(tables["inbound-rtp"], stream, origin_ns=capture.origin_ns)
    return Call(
        folder.name,
        stream,
        closed,
        replay_neteq(closed),
        recording,
        locate_packets(decoded, recording, coarse=coarse, ssrc=stream.ssrc),
        place_stats(tables, stats, origin_ns=capture.origin_ns)["inbound-rtp"],
        anchors,
    )


def clocks(call: Call) -> Iterator[tuple[str, ClockMap | None]]:
    """Each way's map, None where it refuses."""
    first_s = float(call.stream.packets["arrival_s"].min())
    yield "begins with the first packet (peer)", ClockMap("recording", first_s, np.inf, "first packet")
    decoded = estimate_recording_clock(call.heard, call.stream)
    yield "decoded audio", decoded
    yield "and a replay", refine_by_replay(decoded, call.heard, call.replay)
    yield "and the browser's counts", refine_recording_clock(decoded, call.heard, call.stream, inbound=call.inbound)
    try:
        yield "closed", estimate_recording_clock_closed(call.closed, call.recording, replay=call.replay)
    except ForensicsError:
        yield "closed", None


def errors(call: Call) -> list[dict[str, object]]:
    heard_s = call.heard.packets["heard_s"].dropna().to_numpy()
    rows = []
    for way, clock in clocks(call):
        error_s = np.full(1, np.nan) if clock is None else clock.to_capture_s(heard_s) - call.true_s(heard_s)
        held = clock is not None and bool(abs(np.median(error_s)) <= clock.error_s)
        rows.append(
            {"way": way, "call": call.name, "error_s": np.abs(error_s), "placed": clock is not None, "held": held}
        )
    return rows


def accepted(calls: list[Call]) -> tuple[int, int]:
    """Recordings of other calls that are taken for one's own without keys, and how many were tried."""
    wrong = tried = 0
    for call in calls:
        for other in calls:
            if other is call:
                continue
            tried += 1
            try:
                estimate_recording_clock_closed(call.closed, other.recording, replay=call.replay)
                wrong += 1
            except ForensicsError:
                pass
    return wrong, tried


def main(folders: list[str]) -> None:
    rows, wrong, tried = [], 0, 0
    for folder in folders:
        found = sorted(path.parent for path in Path(folder).glob("*/clock.json"))
        calls = [read_call(path) for path in found]
        rows += [row for call in calls for row in errors(call)]
        wrong, tried = (a + b for a, b in zip((wrong, tried), accepted(calls), strict=True))
    for way, group in pd.DataFrame(rows).groupby("way", sort=False):
        placed = group[group["placed"]]
        error_ms = 1000 * np.concatenate(placed["error_s"].to_numpy())
        medians = 1000 * placed["error_s"].map(np.median)
        middle, high = np.percentile(error_ms, [50, 95])
        print(
            f"{way:36s} placed {len(placed)} of {len(group)}; all packets: median {middle:.1f} ms, 95 % {high:.1f} ms; "
            f"median call {medians.median():.1f} ms, worst {medians.max():.0f} ms; "
            f"the stated error holds in {placed['held'].mean():.0%}"
        )
    print(f"recordings of other calls, without keys: {wrong} of {tried} accepted")


if __name__ == "__main__":
    main(sys.argv[1:])
