"""How exactly recordings of labelled calls are placed on the capture's clock: `python benchmarks/placement.py FOLDER…`

The truth of a call is the anchors of its clock.json: when the jitter buffer handed over a sample, twice a second. It
does so when the sound card asks, and that asks in blocks of its own (512 samples at 44.1 kHz are 11.6 ms), so that
anchors lie anywhere within a block: interpolated, they are off by 2.9 ms in the median themselves. Errors are given
against the even clock behind the blocks, and against the anchors as they are; packets heard during a labelled fault
are left out, and so is what the recording is not placed in.

Four ways: by decoded audio alone; with a replay of the jitter buffer; with what the browser counted; and without keys,
by levels or sizes of packets. Then every recording is tried against every other call of its folder without keys, where
it has to be refused. Beside them stands what people do without any of this: the recording begins with the first packet.
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

CARD_BLOCKS_S = (0.01, 512 / 48_000, 512 / 44_100, 1024 / 48_000)
"""What sound cards ask for at once, by which the anchors of a call are uneven."""

AROUND_FAULT_S = 0.05


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
    faults: list[tuple[float, float]]

    def anchored_s(self, recording_s: np.ndarray) -> np.ndarray:
        """Capture time of recording times, straight between the anchors."""
        return np.interp(recording_s, *self.anchors.T)

    def true_s(self, recording_s: np.ndarray) -> np.ndarray:
        """Capture time of recording times on the even clock behind the anchors."""
        return recording_s + np.interp(recording_s, self.anchors[:, 0], true_blocks(self.anchors)[0])

    def heard_s(self) -> np.ndarray:
        """When packets were heard outside of the labelled faults."""
        heard_s = self.heard.packets["heard_s"].dropna().to_numpy()
        inside = [(heard_s > a - AROUND_FAULT_S) & (heard_s < b + AROUND_FAULT_S) for a, b in self.faults]
        return heard_s[~np.any(inside, axis=0)] if inside else heard_s


def true_blocks(anchors: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Even offset at each anchor, block and phase of the sound card: those without which the anchors are most even."""
    at_s, offset_s = anchors[:, 0], anchors[:, 1] - anchors[:, 0]
    trials = []
    for block_s in CARD_BLOCKS_S:
        for phase in np.arange(0, 1, 0.01):
            even_s = offset_s - hand_over_s(at_s, block_s, phase)
            trials.append((float(np.median(np.abs(np.diff(even_s)))), block_s, phase, even_s))
    _, block_s, phase, even_s = min(trials, key=lambda trial: trial[:3])
    return pd.Series(even_s).rolling(3, center=True, min_periods=1).median().to_numpy(), block_s, phase


def hand_over_s(at_s: np.ndarray, block_s: float, phase: float) -> np.ndarray:
    """How much later, or earlier, than evenly a sample is handed over that is asked for in blocks."""
    blocks = at_s / block_s + phase
    return (np.ceil(blocks - 1e-9) - blocks - 0.5) * block_s


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
        locate_packets(decoded, recording, place=coarse, ssrc=stream.ssrc),
        place_stats(tables, stats, origin_ns=capture.origin_ns)["inbound-rtp"],
        anchors,
        [(e["rec_start"], e["rec_end"]) for e in truth["events"] if e.get("category") != "response_latency"],
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
    heard_s = call.heard_s()
    rows = []
    for way, clock in clocks(call):
        row = {"way": way, "call": call.name, "placed": clock is not None, "held": False}
        if clock is not None:
            placed_s = clock.to_capture_s(heard_s)
            error_s = placed_s - call.true_s(heard_s)
            row |= {
                "error_s": np.abs(error_s),
                "anchored_s": np.abs(placed_s - call.anchored_s(heard_s)),
                "held": bool(abs(np.median(error_s)) <= clock.error_s),
            }
        rows.append(row)
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
        error_ms, anchored_ms = (1000 * np.concatenate(placed[name].to_numpy()) for name in ("error_s", "anchored_s"))
        medians = 1000 * placed["error_s"].map(np.median)
        middle, high = np.percentile(error_ms, [50, 95])
        print(
            f"{way:36s} placed {len(placed)} of {len(group)}; all packets: median {middle:.1f} ms, 95 % {high:.1f} ms; "
            f"median call {medians.median():.1f} ms, worst {medians.max():.0f} ms; against the bare anchors "
            f"{np.median(anchored_ms):.1f} and {np.percentile(anchored_ms, 95):.1f} ms; "
            f"the stated error holds in {placed['held'].mean():.0%}"
        )
    print(f"recordings of other calls, without keys: {wrong} of {tried} accepted")


if __name__ == "__main__":
    main(sys.argv[1:])
