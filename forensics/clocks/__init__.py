"""Clocks: recording and sender's capture on the axis of the receiver's capture, each map with its method and error.

Names are loaded when they are first used: an alignment does without most of them, and a fifth faster.
"""

from __future__ import annotations

from forensics.front_door import offer

_HOME = {
    "CoarseOffset": "forensics.clocks.recording",
    "Course": "forensics.clocks.course",
    "estimate_coarse_offset": "forensics.clocks.recording",
    "estimate_course": "forensics.clocks.course",
    "estimate_departures": "forensics.clocks.captures",
    "estimate_recording_clock": "forensics.clocks.placement",
    "estimate_recording_clock_closed": "forensics.clocks.envelope",
    "estimate_sender_clock": "forensics.clocks.captures",
    "estimate_sending_clock": "forensics.clocks.sending",
    "place_course": "forensics.clocks.placement",
    "read_sender_clock": "forensics.clocks.reports",
    "refine_by_replay": "forensics.clocks.predicted_wait",
    "refine_recording_clock": "forensics.clocks.counted_delay",
}

__all__ = [*_HOME]  # noqa: PLE0604 - the keys are strings

__getattr__, __dir__ = offer(__name__, _HOME)
