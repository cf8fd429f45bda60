"""The recording's clock from what the browser counted: how long packets waited in its buffer, second by second.

A packet was heard when it had arrived and waited. Arrivals are in the capture, the place of the packet is in the
recording, and the wait is in getStats: so much that every second of statistics places the recording by itself, and a
recorder or sound card that stood still shows as a step.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.clocks.stepped_line import fit_stepped_line
from forensics.model import ClockMap, Playout, RtpStream

LEAST_PACKETS = 25
"""Half a second of located packets between two readings: with fewer, the mean wait is not theirs."""

LEAST_SECONDS = 5
"""Readings that a placement needs."""

STEADY_S = 0.06
"""Where waits scatter more than by three packets, the mean over those that were located is not the mean over all."""

HANDOVER_S = 0.0024
"""From the decoding of a packet to its first sample, less half a tick for the whole ticks that the counter counts.
Median over 54 labelled calls of Chromium 156; ± 3 ms from call to call."""

LEAST_STEP_S = 0.04
"""Sound cards are served three or four blocks of 10 ms early or late without standing still."""

DRIFT_SPAN_S = 300.0
"""Readings scatter by 5 ms: in five minutes that is 3 ppm, in a minute 40."""

ERROR_S = 0.01
"""A tick of 10 ms, which is what the counter, and the service of the sound card, cannot tell apart."""


def refine_recording_clock(clock: ClockMap, playout: Playout, stream: RtpStream, *, inbound: pd.DataFrame) -> ClockMap:
    """Place a recording by the mean wait of its packets in the jitter buffer, where the statistics count it.

    Parameters
    ----------
    clock : ClockMap
        Of the recording, from `estimate_recording_clock`.
    playout : Playout
        What was heard.
    stream : RtpStream
        The same stream.
    inbound : DataFrame
        The browser's inbound-rtp with `capture_s`; readings of other streams are passed over.

    Returns
    -------
    ClockMap
        With `steps` where the recording stood still while the call went on, and drift where the call lasts
        `DRIFT_SPAN_S`; `clock` itself where fewer than `LEAST_SECONDS` readings tell anything.

    Notes
    -----
    W3C webrtc-stats: jitterBufferDelay over jitterBufferEmittedCount, from reading to reading, is the mean time
    between arrival and decoding. Readings further apart blur a step; it is placed between two of them.
    """
    places = _places(playout, stream, inbound[inbound["ssrc"] == stream.ssrc])
    if len(places) < LEAST_SECONDS:
        return clock
    t, y = places["heard_s"].to_numpy(), places["offset_s"].to_numpy()
    line = fit_stepped_line(t, y, least_step=LEAST_STEP_S, level=t[-1] - t[0] < DRIFT_SPAN_S)
    return ClockMap(
        clock.local,
        line.offset,
        ERROR_S + 2 * line.deviation / float(np.sqrt(line.kept.sum())),
        "decoded-audio, jitterBufferDelay",
        drift_ppm=line.slope * 1e6,
        notes=(*clock.notes, f"{line.kept.sum()} of {len(t)} readings agree within {line.deviation * 1e3:.0f} ms"),
        steps=line.steps,
    )


def _places(playout: Playout, stream: RtpStream, own: pd.DataFrame) -> pd.DataFrame:
    """Recording time and offset of the clock for each pair of readings, as means over the packets decoded between."""
    columns = ["capture_s", "jitter_buffer_delay", "jitter_buffer_emitted_count"]
    nothing = pd.DataFrame({"heard_s": [], "offset_s": []})
    if not set(columns) <= set(own):
        return nothing
    readings = own[columns].dropna().drop_duplicates("capture_s").sort_values("capture_s").to_numpy(dtype=float)
    heard = playout.packets.dropna(subset="heard_s")
    if len(readings) < 2 or not len(heard):
        return nothing
    heard_s = heard["heard_s"].to_numpy()
    arrival_s = stream.packets["arrival_s"].to_numpy()[heard["row"]]
    delay_s, count = np.diff(readings[:, 1:], axis=0).T
    wait_s = np.divide(delay_s, count, out=np.full(len(count), np.nan), where=count > 0)
    rows = []
    for start_s, end_s, mean_s in zip(readings[:-1, 0], readings[1:, 0], wait_s, strict=True):
        here = (arrival_s + mean_s > start_s) & (arrival_s + mean_s <= end_s)
        if here.sum() >= LEAST_PACKETS and np.std(heard_s[here] - arrival_s[here]) <= STEADY_S:
            at_s = float(heard_s[here].mean())
            rows.append((at_s, float(arrival_s[here].mean()) + mean_s + HANDOVER_S - at_s))
    return pd.DataFrame(rows, columns=["heard_s", "offset_s"]).sort_values("heard_s", ignore_index=True)
