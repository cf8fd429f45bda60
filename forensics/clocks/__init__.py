"""Clocks: recording and sender's capture on the axis of the receiver's capture, each map with its method and error."""

from forensics.clocks.captures import estimate_departures, estimate_sender_clock
from forensics.clocks.counted_delay import refine_recording_clock
from forensics.clocks.course import Course, estimate_course
from forensics.clocks.envelope import estimate_recording_clock_closed
from forensics.clocks.placement import estimate_recording_clock, place_course
from forensics.clocks.predicted_wait import refine_by_replay
from forensics.clocks.recording import CoarseOffset, estimate_coarse_offset
from forensics.clocks.reports import read_sender_clock
from forensics.clocks.sending import estimate_sending_clock

__all__ = [
    "CoarseOffset",
    "Course",
    "estimate_coarse_offset",
    "estimate_course",
    "estimate_departures",
    "estimate_recording_clock",
    "estimate_recording_clock_closed",
    "estimate_sender_clock",
    "estimate_sending_clock",
    "place_course",
    "read_sender_clock",
    "refine_by_replay",
    "refine_recording_clock",
]
