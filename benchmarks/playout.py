"""Hold the replay of NetEq to the browser: `python benchmarks/playout.py FOLDER…`, a labelled call or several in each.

Per call: concealed intervals found (F1 at 100 ms), concealed time against the browser's, the delay of the jitter buffer
against `getStats`; the fixed buffer of Wireshark's player stands beside it as the peer. Then an hour, timed. The truth
of a call is `observed.concealment_intervals` of its truth.json on the clock of clock.json, and getstats.jsonl[.gz].

Five replays: of the arrivals alone, and with the decoded audio; of both when the sound card asked by what the browser's
own dump counted once a second; and of both when it really asked, which shows how much of an error is the listener's
machine's, not the model's. Arrivals cannot tell that a sound card stood still, nor in which blocks it asks.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from placement import hand_over_s, true_blocks

from forensics.audio.payloads import decode_stream
from forensics.capture import read_capture
from forensics.case import open_case
from forensics.clocks.statistics import estimate_stats_clock, place_stats
from forensics.model import AudioTrack, Codec, Playout, RtpStream
from forensics.playout import estimate_ticks, replay_fixed, replay_neteq
from forensics.playout.ticks import TICK_S
from forensics.streams import find_streams
from forensics.telemetry.statistics import read_stats

TOLERANCE_S = 0.1
HOUR_PACKETS = 180_000


@dataclass(frozen=True)
class Call:
    """A labelled call: the stream, its audio, and what the browser said about it, all on the capture's clock."""

    name: str
    stream: RtpStream
    sent: AudioTrack
    tick_s: np.ndarray
    end_s: float
    intervals: list[tuple[float, float]]
    concealed_s: float
    stats: pd.DataFrame
    counted_s: np.ndarray


def read_call(folder: Path) -> Call | None:
    truth = json.loads((folder / "truth.json").read_text())
    case = open_case(folder)
    capture = read_capture(case.capture)
    (stream,) = (s for s in find_streams(capture, keys=case.keys) if s.ssrc == truth["agent_ssrc"])
    anchors = np.array(json.loads((folder / "clock.json").read_text())["anchors_rec_s_epoch"])
    anchors[:, 1] -= capture.origin_ns / 1e9
    observed = truth["observed"]["concealment_intervals"]
    edges = [(i["rec_start"], i["rec_end"]) for i in observed]
    anchors = carry_on(anchors, max([end for _, end in edges], default=0.0))
    return Call(
        name=folder.name,
        stream=stream,
        sent=decode_stream(stream).track,
        tick_s=true_ticks(anchors),
        end_s=float(anchors[-1, 1]),
        intervals=[tuple(np.interp(edge, *anchors.T)) for edge in edges],
        concealed_s=sum(i["concealed_ms"] for i in observed) / 1000,
        stats=read_delays(folder, stream.ssrc, capture.origin_ns),
        counted_s=counted_ticks(case.stats, stream, capture.origin_ns),
    )


def true_ticks(anchors: np.ndarray) -> np.ndarray:
    """When the sound card asked for each 10 ms: the even clock behind the anchors, in the blocks that they tell."""
    offset_s, block_s, phase = true_blocks(anchors)
    at_s = np.arange(0, anchors[-1, 0], TICK_S)
    asked_s = at_s + np.interp(at_s, anchors[:, 0], offset_s) + hand_over_s(at_s, block_s, phase)
    return np.maximum.accumulate(asked_s)


def counted_ticks(path: Path, stream: RtpStream, origin_ns: int) -> np.ndarray:
    """When it asked by the browser's dump."""
    inbound = dict(read_stats(path).tables)["inbound-rtp"]
    clock = estimate_stats_clock(inbound, stream, origin_ns=origin_ns)
    own = place_stats({"inbound-rtp": inbound}, clock, origin_ns=origin_ns)["inbound-rtp"]
    own = own[own["ssrc"] == stream.ssrc]
    return estimate_ticks(own["capture_s"], own["total_samples_received"], rate_hz=stream.codec.clock_rate_hz)


def carry_on(anchors: np.ndarray, until_s: float) -> np.ndarray:
    """Anchors to the end of what was observed: the last one stands up to half a second before it."""
    beyond_s = max(0.0, until_s - anchors[-1, 0])
    return np.vstack([anchors, anchors[-1] + beyond_s]) if beyond_s else anchors


def read_delays(folder: Path, ssrc: int, origin_ns: int) -> pd.DataFrame:
    names = ("timestamp", "jitterBufferDelay", "jitterBufferEmittedCount")
    with gzip.open(folder / "getstats.jsonl.gz", "rt") as lines:
        reports = [r for line in lines for r in json.loads(line)["reports"]]
    rows = [[r[n] for n in names] for r in reports if r["type"] == "inbound-rtp" and r["ssrc"] == ssrc]
    table = pd.DataFrame(rows, columns=["capture_s", "jitter_buffer_delay", "jitter_buffer_emitted_count"])
    table["capture_s"] = table["capture_s"] / 1000 - origin_ns / 1e9
    return table


def overlaps(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> int:
    """How many of `a` meet one of `b`, widened by the tolerance."""
    return sum(any(s < e2 + TOLERANCE_S and e > s2 - TOLERANCE_S for s2, e2 in b) for s, e in a)


def delay_error_s(replay: Playout, stats: pd.DataFrame) -> float:
    """Median deviation of the mean delay per 100 ms of statistics."""
    if replay.method != "neteq":
        return float("nan")
    columns = ["jitter_buffer_delay", "jitter_buffer_emitted_count"]
    mine = np.array([np.interp(stats["capture_s"], replay.curve["tick_s"], replay.curve[c]) for c in columns])
    (own_delay, own_count), (delay, count) = np.diff(mine), np.diff(stats[columns].to_numpy().T)
    known = (own_count > 0) & (count > 0)
    return float(np.median(np.abs(own_delay[known] / own_count[known] - delay[known] / count[known])))


def compare(call: Call, replay: Playout) -> dict[str, float]:
    own = list(zip(replay.concealed["start_s"], replay.concealed["end_s"], strict=True))
    own_s = sum(end - start for start, end in own)
    return {
        "true": len(call.intervals),
        "found": overlaps(call.intervals, own),
        "said": len(own),
        "right": overlaps(own, call.intervals),
        "true_s": call.concealed_s,
        "said_s": own_s,
        "delay_error_ms": 1000 * delay_error_s(replay, call.stats),
    }


def summarise(rows: pd.DataFrame) -> str:
    total = rows.sum(numeric_only=True)
    precision, recall = total["right"] / max(1, total["said"]), total["found"] / max(1, total["true"])
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    share = (rows["said_s"] / rows["true_s"] - 1).abs()[rows["true_s"] > 0].median()
    delay = rows["delay_error_ms"].median()
    return (
        f"F1 {f1:.2f} (precision {precision:.2f}, recall {recall:.2f}), concealed time off by {share:.1%} in the "
        f"median call, jitter buffer delay by {delay:.1f} ms"
    )


def replays(call: Call) -> dict[str, Playout]:
    return {
        "arrivals": replay_neteq(call.stream, until_s=call.end_s),
        "arrivals and audio": replay_neteq(call.stream, sent=call.sent, until_s=call.end_s),
        "and the browser's counts": replay_neteq(
            call.stream, sent=call.sent, until_s=call.end_s, tick_s=call.counted_s
        ),
        "with the true ticks": replay_neteq(call.stream, sent=call.sent, until_s=call.end_s, tick_s=call.tick_s),
        "fixed 50 ms (peer)": replay_fixed(call.stream),
    }


def hour() -> RtpStream:
    """An hour at 50 packets a second with 1 % loss, 50 ppm of drift and 2 ms of jitter."""
    rng = np.random.default_rng(1)
    index = np.flatnonzero(rng.random(HOUR_PACKETS) > 0.01)
    packets = pd.DataFrame(
        {
            "arrival_s": np.maximum.accumulate(index * 0.02 * (1 + 50e-6) + rng.exponential(0.002, len(index))),
            "payload_type": 111,
            "ext_sequence_number": index,
            "ext_timestamp": index * 960,
            "payload_bytes": 80,
        }
    )
    nothing = pd.DataFrame()
    return RtpStream(1, "a", "b", 0, Codec("opus", 48_000, 2), packets, nothing, nothing, np.zeros(0, np.uint8))


def time_hour() -> None:
    stream = hour()
    replay_neteq(stream)
    start = time.perf_counter()
    replay = replay_neteq(stream)
    neteq_s = time.perf_counter() - start
    start = time.perf_counter()
    replay_fixed(stream)
    fixed_s = time.perf_counter() - start
    print(
        f"\nAn hour, {len(stream.packets)} packets, {replay.counters['concealment_events']} concealments: "
        f"NetEq {neteq_s:.2f} s, fixed buffer {fixed_s:.2f} s (ratio {neteq_s / fixed_s:.1f})"
    )


def main(folders: list[str]) -> None:
    found = sorted({p.parent for f in folders for p in [*Path(f).glob("truth.json"), *Path(f).glob("*/truth.json")]})
    calls = [read_call(folder) for folder in found if (folder / "clock.json").exists()]
    rows = [{"call": c.name, "replay": name, **compare(c, r)} for c in calls for name, r in replays(c).items()]
    if rows:
        table = pd.DataFrame(rows)
        for name, group in table.groupby("replay", sort=False):
            print(f"\n{name}: {summarise(group)}")
            print(group.drop(columns="replay").round(2).to_string(index=False))
    time_hour()


if __name__ == "__main__":
    main(sys.argv[1:])
