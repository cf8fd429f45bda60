"""Everything else on the axis: the sender's capture, the journey of each packet, statistics and event log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forensics.audio.activity import find_speech
from forensics.audio.decoder import DECODERS
from forensics.clocks.captures import estimate_departures, estimate_sender_clock
from forensics.clocks.counted_delay import refine_recording_clock
from forensics.clocks.events import estimate_events_clock, place_events
from forensics.clocks.predicted_wait import refine_by_replay
from forensics.clocks.sending import estimate_sending_clock
from forensics.clocks.statistics import WALL_ERROR_S, choose_connection, estimate_stats_clock, place_stats
from forensics.clocks.talk import find_talkspurts
from forensics.diagnosis.evidence import Known
from forensics.diagnosis.provenance import Log
from forensics.errors import ClockError
from forensics.model import ClockMap, RtpStream
from forensics.playout.arrivals import playout_rate_hz
from forensics.playout.causality import take_back_early
from forensics.playout.journey import trace_journey
from forensics.playout.replay import replay_neteq
from forensics.playout.ticks import estimate_ticks
from forensics.telemetry.counters import find_counted_speech
from forensics.telemetry.events import has_wall_time
from forensics.telemetry.slack import estimate_slack


def align_sender(known: Known, log: Log) -> None:
    """Bring the sender's capture onto the axis."""
    if known.sender_streams:
        clock = log.attempt(
            "clocks",
            "place sender capture",
            lambda: estimate_sender_clock(known.streams, known.sender_streams),
            without="The sender's capture is left out.",
        )
        if clock is not None:
            known.clocks["sender_capture"] = clock


def trace(known: Known, log: Log) -> None:
    """Put sent, arrived and heard side by side."""
    downlink = known.downlink
    if downlink is None:
        return
    clock = known.clocks.get("sender_capture")
    departures_s = estimate_departures(downlink, known.sender_streams, clock=clock) if clock is not None else None
    _place_sender(known, downlink, log)
    tick_s = _place_stats(known, downlink, log)
    _refine_recording(known, downlink, log)
    sent = (
        known.sent if known.sent is not None and known.sent.sample_rate_hz == DECODERS[downlink.codec.name][1] else None
    )
    known.replay = log.run("playout", "replay", lambda: replay_neteq(downlink, sent=sent, tick_s=tick_s))
    _settle_recording(known, log)
    _take_back_early(known, downlink, log)
    playout = known.heard or known.replay
    known.journey = log.run(
        "playout",
        "trace journey",
        lambda: trace_journey(
            downlink,
            departures_s=departures_s,
            playout=playout,
            to_recording=known.clocks.get("recording"),
            sent=known.sent,
        ),
    )


def _place_stats(known: Known, downlink: RtpStream, log: Log) -> np.ndarray | None:
    """Bring the browser's statistics onto the axis; when its sound card asked for audio, where they tell."""
    if "inbound-rtp" not in known.stats or known.capture is None:
        return None
    without = "The statistics are left out."
    chosen = log.attempt(
        "clocks", "choose connection", lambda: choose_connection(known.stats, ssrc=downlink.ssrc), without=without
    )
    known.stats, notes = chosen or ({}, ())
    for note in notes:
        log.note("clocks", "choose connection", note)
    if chosen is None:
        return None
    inbound, origin_ns = known.stats["inbound-rtp"], known.capture.origin_ns
    clock = log.attempt(
        "clocks",
        "place statistics",
        lambda: estimate_stats_clock(inbound, downlink, origin_ns=origin_ns),
        without=without,
    )
    if clock is None:
        known.stats = {}
        return None
    known.clocks["stats"] = clock
    known.stats = place_stats(dict(known.stats), clock, origin_ns=origin_ns)
    own = known.stats["inbound-rtp"]
    own = own[own["ssrc"] == downlink.ssrc].dropna(subset=["total_samples_received"])
    if len(own) == 0 or clock.method != "packet-count":
        return None
    return estimate_ticks(own["capture_s"], own["total_samples_received"], rate_hz=playout_rate_hz(downlink.codec))


def _place_sender(known: Known, downlink: RtpStream, log: Log) -> None:
    """Bring the clock that the sender stamps its packets with onto the axis, where it does."""
    origin_ns = known.capture.origin_ns if known.capture is not None else 0
    try:
        known.clocks["sender"] = log.run(
            "clocks", "place sender", lambda: estimate_sending_clock(downlink, origin_ns=origin_ns)
        )
    except ClockError as fault:
        log.note("clocks", "place sender", str(fault))


def _refine_recording(known: Known, downlink: RtpStream, log: Log) -> None:
    """Place the recording by how long the browser says that packets waited."""
    clock, heard, stats = known.clocks.get("recording"), known.heard, known.clocks.get("stats")
    if clock is None or heard is None or stats is None or stats.method != "packet-count":
        return
    inbound = known.stats["inbound-rtp"]
    known.clocks["recording"] = log.run(
        "clocks", "refine recording", lambda: refine_recording_clock(clock, heard, downlink, inbound=inbound)
    )


def _settle_recording(known: Known, log: Log) -> None:
    """Place the recording by the replay, where nothing better did."""
    clock, heard, replay = known.clocks.get("recording"), known.heard, known.replay
    if clock is None or heard is None or replay is None or clock.method != "decoded-audio":
        return
    known.clocks["recording"] = log.run("clocks", "settle recording", lambda: refine_by_replay(clock, heard, replay))


def _take_back_early(known: Known, downlink: RtpStream, log: Log) -> None:
    """Take back the places of packets that would have been heard before they came; say how many."""
    clock, heard = known.clocks.get("recording"), known.heard
    if clock is None or heard is None:
        return
    known.heard = take_back_early(heard, downlink, clock=clock)
    count = int(heard.packets["heard_s"].notna().sum() - known.heard.packets["heard_s"].notna().sum())
    if count:
        text = f"{count} packets were located where they had not come yet, in the concealment before them: taken back."
        log.note("playout", "locate packets", text)


def set_axis(known: Known) -> None:
    """Give an axis without capture and recording its zero: the first reading of the statistics, or the first event."""
    if known.capture is not None or known.recording is not None:
        return
    first_s = [float(table["time_s"].min()) for table in known.stats.values()]
    if known.events is not None and (has_wall_time(known.events) or not first_s):
        first_s.append(float(known.events["received_at_s"].min()))
    known.epoch_ns = round(min(first_s) * 1e9)


def align_events(known: Known, log: Log) -> None:
    """Bring the event log onto the axis, and follow the model's slack."""
    events = known.events
    if events is None:
        return
    origin_ns = known.capture.origin_ns if known.capture is not None else known.epoch_ns
    if known.capture is None and known.recording is None and not known.stats:
        clock: ClockMap | None = ClockMap("events", 0.0, 0.0, "own")
    else:
        clock = log.attempt(
            "clocks",
            "place events",
            lambda: estimate_events_clock(
                events,
                _heard(known),
                known_s=_covered(known),
                origin_ns=origin_ns,
                wall=has_wall_time(events),
                resolution_s=_resolution_s(known),
            ),
            without="The event log is left out.",
        )
    if clock is None:
        known.events = None
        return
    for note in clock.notes if clock.method != "wall-clock" else ():
        log.note("clocks", "place events", note)
    if known.capture is None and known.recording is not None and has_wall_time(events):
        known.epoch_ns = origin_ns = -round(clock.offset_s * 1e9)  # the log tells what time the recording began
        clock = replace(clock, offset_s=0.0)
    known.clocks["events"] = clock
    known.events = placed = place_events(events, clock, origin_ns=origin_ns)
    known.slack = log.run("telemetry", "estimate slack", lambda: estimate_slack(placed))


def place_counters(known: Known, log: Log) -> None:
    """Bring the browser's statistics onto an axis without a capture, by wall time."""
    if known.capture is not None or not known.stats:
        return
    if not known.epoch_ns:
        text = "Nothing tells what time the recording began. The statistics are left out."
        log.note("clocks", "place statistics", text, said=True)
        known.stats = {}
        return
    known.clocks["stats"] = clock = ClockMap("stats", 0.0, WALL_ERROR_S, "wall-clock")
    known.stats = place_stats(dict(known.stats), clock, origin_ns=known.epoch_ns)


def _heard(known: Known) -> tuple[tuple[float, float], ...]:
    """When the agent spoke: by its packets, else in the recording, else by the energy that the browser counted."""
    if known.journey is not None:
        return find_talkspurts(known.journey)
    if known.recording is not None:
        return find_speech(known.recording)
    inbound = known.stats.get("inbound-rtp")
    return find_counted_speech(inbound, epoch_s=known.epoch_ns * 1e-9) if inbound is not None else ()


def _resolution_s(known: Known) -> float:
    """How finely `_heard` is known: by packets and sound well enough, by counters from one reading to the next."""
    inbound = known.stats.get("inbound-rtp")
    if known.journey is not None or known.recording is not None or inbound is None or len(inbound) < 2:
        return 0.0
    return float(np.median(np.diff(np.unique(inbound["time_s"]))))


def _covered(known: Known) -> tuple[float, float]:
    """What of the axis the capture covers, else the recording, else the statistics."""
    if known.capture is not None and len(known.capture.datagrams):
        arrival_s = known.capture.datagrams["arrival_s"]
        return float(arrival_s.min()), float(arrival_s.max())
    if known.recording is not None:
        return 0.0, known.recording.duration_s
    read_s = pd.concat([table["time_s"] for table in known.stats.values()]) - known.epoch_ns * 1e-9
    return float(read_s.min()), float(read_s.max())
