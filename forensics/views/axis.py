"""The one time axis that every lane shares, and how it reads on the other clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics.model import ClockMap, Glitch, Scene

SPILL_S = 5.0
"""Packets further than this outside the recording do not widen the axis: a capture may go on long after the call."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Seconds of the recording, or of the capture where there is no recording that was brought onto its clock.

    Attributes
    ----------
    name : str
        "recording" or "capture".
    start_s, end_s : float
        What there is to see, in seconds of the axis.
    clock : ClockMap or None
        Maps the axis to the capture; None where no capture belongs to the recording.
    origin_ns : int
        UTC of the capture's zero in nanoseconds since 1970; 0 where unknown.
    """

    name: str
    start_s: float
    end_s: float
    clock: ClockMap | None
    origin_ns: int

    def from_capture(self, capture_s: Any) -> Any:
        """Map seconds of the capture onto the axis; unchanged where no map is known."""
        return capture_s if self.clock is None else self.clock.from_capture_s(capture_s)

    def to_capture(self, axis_s: Any) -> Any:
        """Map seconds of the axis onto the capture; unchanged where no map is known."""
        return axis_s if self.clock is None else self.clock.to_capture_s(axis_s)

    def captured_s(self, glitch: Glitch) -> tuple[float, float] | None:
        """Return where `glitch` lay in the capture, in seconds of the axis; None where no capture tells."""
        span_s = (glitch.capture_start_s, glitch.capture_end_s)
        if self.clock is None or not np.isfinite(span_s).all():
            return None
        start_s, end_s = (float(self.from_capture(at_s)) for at_s in span_s)
        return start_s, end_s

    def as_data(self) -> dict[str, Any]:
        """Return the axis as plain values, for the canvas."""
        return {
            "name": self.name,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "capture": None
            if self.clock is None
            else {
                "offset_s": self.clock.offset_s,
                "drift_ppm": self.clock.drift_ppm,
                "error_s": self.clock.error_s,
                "method": self.clock.method,
                "steps": [list(step) for step in self.clock.steps],
            },
            "origin_ns": str(self.origin_ns),
        }


def scene_axis(scene: Scene) -> Axis:
    """Choose the axis of `scene` and its extent.

    Notes
    -----
    A recording without a map to the capture takes the axis only where there is no capture; its packets could not be
    placed.
    """
    clock = scene.clocks.get("recording")
    if scene.recording is None or (clock is None and scene.capture is not None):
        return _capture_axis(scene)
    start_s, end_s = 0.0, scene.recording.duration_s
    if clock is not None:
        first_s, last_s = (float(clock.from_capture_s(at)) for at in _capture_span(scene))
        start_s = max(min(start_s, first_s), start_s - SPILL_S)
        end_s = min(max(end_s, last_s), end_s + SPILL_S)
    return Axis("recording", start_s, end_s, clock, scene.origin_ns)


def _capture_axis(scene: Scene) -> Axis:
    first_s, last_s = _capture_span(scene)
    identity = ClockMap(local="capture", offset_s=0.0, error_s=0.0, method="identity")
    return Axis("capture", first_s, max(last_s, first_s + 1.0), identity, scene.origin_ns)


def _capture_span(scene: Scene) -> tuple[float, float]:
    """From the call's set-up, where that is known, to its last packet, in seconds of the capture."""
    first_s, last_s = _packet_span(scene)
    if scene.setup is not None and len(scene.setup):
        first_s = min(first_s, float(scene.setup["start_s"].min()))
    return first_s, last_s


def _packet_span(scene: Scene) -> tuple[float, float]:
    """First and last arrival over all streams, in seconds of the capture."""
    arrivals = [s.packets["arrival_s"] for s in scene.streams if len(s.packets)]
    if not arrivals:
        return 0.0, 0.0
    return min(float(a.min()) for a in arrivals), max(float(a.max()) for a in arrivals)
