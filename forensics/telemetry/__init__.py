"""Telemetry: what the browser itself counted, and what the model's side logged of its own work, as tables."""

from forensics.telemetry.events import EventLog, read_events
from forensics.telemetry.slack import Utterance, estimate_slack, find_starved, find_utterances
from forensics.telemetry.statistics import read_stats

__all__ = [
    "EventLog",
    "Utterance",
    "estimate_slack",
    "find_starved",
    "find_utterances",
    "read_events",
    "read_stats",
]
