"""Telemetry: what the browser itself counted, as tables."""

from forensics.telemetry.statistics import read_stats

__all__ = ["read_stats"]
