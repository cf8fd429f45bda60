"""Datagrams to RTP and RTCP streams: found without signalling, unwrapped, timed, each packet with its fate.

Names are loaded when they are first used: statistics do without pandas and cryptography.
"""

from __future__ import annotations

from forensics.front_door import offer

_HOME = {
    "StreamSet": "forensics.streams.finding",
    "find_streams": "forensics.streams.finding",
    "Feedback": "forensics.streams.feedback",
    "find_feedback": "forensics.streams.feedback",
    "describe_streams": "forensics.streams.describing",
    "measure_streams": "forensics.streams.measuring",
    "streams_report": "forensics.streams.describing",
    "streams_text": "forensics.streams.describing",
}

__all__ = [*_HOME]  # noqa: PLE0604 - the keys are strings

__getattr__, __dir__ = offer(__name__, _HOME)
