"""Datagrams to RTP and RTCP streams: found without signalling, unwrapped, timed, each packet with its fate.

Names are loaded when they are first used: statistics do without pandas and cryptography.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

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


def __getattr__(name: str) -> Any:
    """Load a public name from its home at first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'forensics.streams' has no attribute {name!r}; it offers: {', '.join(_HOME)}")
    return getattr(import_module(_HOME[name]), name)
