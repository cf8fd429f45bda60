"""The recording's clock on the capture's axis, from where its packets were heard."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forensics.audio.payloads import media_time_s
from forensics.clocks.course import Course
from forensics.clocks.stepped_line import fit_stepped_line
from forensics.errors import ClockError
from forensics.model import ClockMap, Playout, RtpStream

EARLIEST = 0.98
"""Quantile that stands for the packets that waited least; above it lie wrong matches and recorder hiccups."""

LEAST_WAIT_S = 0.025
"""What a receiver needs at least between arrival and sound: decoding, one 10 ms tick, half a packet; NetEq's emptiest
buffer played packets 8 to 56 ms after their arrival in 54 measured calls, 25 in the median."""

WAIT_ERROR_S = 0.04
"""Uncertainty of that wait: one packet more or less in the emptiest buffer on either side."""


DRIFT_SPAN_S = 300.0
"""Calls of this length have a drift: 10 ppm move the sound by 3 ms in it; in less, the buffer moves more."""

DRIFT_WINDOW_S = 20.0
"""Long enough for a jitter buffer to have been as empty as it gets, short against `DRIFT_SPAN_S`."""

LEAST_STEP_S = 0.1
"""An emptiest buffer moves with its target by several packets; a recorder that stood still loses more."""


def estimate_recording_clock(playout: Playout, stream: RtpStream) -> ClockMap:
    """Place the recording on the capture's clock.

    Parameters
    ----------
    playout : Playout
        What was heard.
    stream : RtpStream
        The same stream.

    Returns
    -------
    ClockMap
        `local` "recording". No packet is heard before it arrived, and the one that waits least waits `LEAST_WAIT_S`.

    Raises
    ------
    ClockError
        Not one packet was located in the recording.

    Notes
    -----
    The wait itself cannot be seen from packets and sound; `error_s` holds it. Differences of time, on which verdicts
    rest, do not depend on it.
    """
    heard = playout.packets.dropna(subset="heard_s")
    if len(heard) == 0:
        raise ClockError(
            f"None of {len(playout.packets)} packets was located in the recording. Is it one of a few syllables only?"
        )
    ahead_s = stream.packets["arrival_s"].to_numpy()[heard["row"]] - heard["heard_s"].to_numpy()
    found = len(heard) / len(playout.packets)
    offset_s, drift, steps = _emptiest_buffer(heard["heard_s"].to_numpy(), ahead_s)
    return ClockMap(
        local="recording",
        offset_s=offset_s + LEAST_WAIT_S,
        error_s=WAIT_ERROR_S,
        method="decoded-audio",
        drift_ppm=drift * 1e6,
        notes=(f"{len(heard)} of {len(playout.packets)} packets ({found:.0%}) were located in the recording",),
        steps=steps,
    )


def _emptiest_buffer(heard_s: np.ndarray, ahead_s: np.ndarray) -> tuple[float, float, tuple[tuple[float, float], ...]]:
    """Arrival less recording time of the packets that waited least: offset, slope and steps of the line through them.

    `ahead_s` (n,) float64. A call shorter than `DRIFT_SPAN_S` has an offset only.
    """
    if heard_s[-1] - heard_s[0] < DRIFT_SPAN_S:
        return float(np.quantile(ahead_s, EARLIEST)), 0.0, ()
    window = (heard_s // DRIFT_WINDOW_S).astype(int)
    table = pd.DataFrame({"at_s": heard_s, "ahead_s": ahead_s}).groupby(window)
    line = fit_stepped_line(
        table["at_s"].mean().to_numpy(), table["ahead_s"].quantile(EARLIEST).to_numpy(), least_step=LEAST_STEP_S
    )
    return line.offset, line.slope, line.steps


def place_course(course: Course, stream: RtpStream) -> ClockMap:
    """Turn the course of a recording against a stream into the recording's clock on the capture's axis.

    Parameters
    ----------
    course : Course
        From `estimate_course`: the audio was played at one pace, so every sound waited equally long.
    stream : RtpStream
        The same stream.

    Returns
    -------
    ClockMap
        `method` "decoded-audio, one line"; drift and steps are as exact as the course, `error_s` is the wait's, which
        packets and sound do not tell.
    """
    sender_offset_s, sender_drift = _media_clock(stream)
    pace = (1 + sender_drift) / (1 + course.drift_ppm * 1e-6)
    return ClockMap(
        "recording",
        sender_offset_s + LEAST_WAIT_S - course.offset_s * pace,
        WAIT_ERROR_S,
        "decoded-audio, one line",
        drift_ppm=(pace - 1) * 1e6,
        notes=(
            f"{int(course.windows['kept'].sum())} of {len(course.windows)} windows lie on one line, "
            f"its drift known to {course.drift_error_ppm:.3f} ppm",
        ),
        steps=tuple((float(course.recording_s(at_s)), -change_s * pace) for at_s, change_s in course.steps),
    )


def _media_clock(stream: RtpStream) -> tuple[float, float]:
    """Arrival of media time zero at the earliest, and how much slower the sender's media clock runs, as a fraction."""
    media_s = media_time_s(stream)
    late_s = stream.packets["arrival_s"].to_numpy() - media_s
    table = pd.DataFrame({"media_s": media_s, "late_s": late_s})
    quickest = table.loc[table.groupby((media_s // DRIFT_WINDOW_S).astype(int))["late_s"].idxmin()]
    if media_s.max() < DRIFT_SPAN_S:
        return float(late_s.min()), 0.0
    line = fit_stepped_line(quickest["media_s"].to_numpy(), quickest["late_s"].to_numpy(), least_step=LEAST_STEP_S)
    return line.offset, line.slope
