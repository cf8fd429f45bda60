"""One glitch out of what several detectors saw of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from forensics.model import Glitch

KIND_ORDER = (
    "late_answer", "loss", "skip", "stall", "silence", "splice", "late", "blank", "hole", "concealed", "shortage",
    "unsent",
)  # fmt: skip
"""Which kind names a glitch that several detectors saw: the most specific comes first."""

REFILL_S = 0.4
"""After a hole NetEq waits until half of its target is buffered and may open a second one; with targets up to the
400 ms that a stall leaves behind it comes at most so much later."""

NO_BUFFER = ("late_answer", "splice", "unsent")
"""Kinds that leave no buffer empty: the stream went on as if nothing had happened."""

ON_TIME_S = 0.01
"""A packet within half a packet of its predecessor's lateness is on time."""


def merge_glitches(glitches: Iterable[Glitch]) -> list[Glitch]:
    """Merge what is one glitch, in the order of time.

    Parameters
    ----------
    glitches : iterable of Glitch
        From all detectors, in any order.

    Returns
    -------
    list of Glitch
        Glitches between the same two packets become one; a hole without a late packet right behind another glitch is
        the same buffer filling up again and belongs to that glitch.
    """
    merged: list[Glitch] = []
    for glitch in sorted(glitches, key=_order):
        twin = next((i for i, other in enumerate(merged) if _same(other, glitch)), None)
        if twin is not None:
            merged[twin] = _join(merged[twin], glitch)
        elif merged and _refill(merged[-1], glitch):
            merged[-1] = _prolong(merged[-1], glitch)
        else:
            merged.append(glitch)
    return sorted(merged, key=lambda g: g.start_s)


def _order(glitch: Glitch) -> tuple[float, float, int, float]:
    """Time first; what begins together, by kind and then the longer first, which may hold the shorter."""
    return glitch.start_s, glitch.capture_start_s, KIND_ORDER.index(glitch.kind), -glitch.end_s


def _same(a: Glitch, b: Glitch) -> bool:
    """Whether both stand between the same two packets, or one lies within the other as heard."""
    if a.direction != b.direction or {"late_answer", "unsent"} & {a.kind, b.kind}:
        return False
    if a.frames and a.frames == b.frames:
        return True
    contained = b.start_s >= a.start_s - 1e-3 and b.end_s <= a.end_s + 1e-3
    return contained and a.end_s - a.start_s > 0.01 and b.kind in ("hole", "silence")


def _join(a: Glitch, b: Glitch) -> Glitch:
    """Keep the more specific of the two, and who found it."""
    first, second = sorted((a, b), key=lambda g: KIND_ORDER.index(g.kind))
    return replace(first, found_by=_sources(first, second), measurements={**second.measurements, **first.measurements})


def _prolong(before: Glitch, refill: Glitch) -> Glitch:
    """The glitch and the refill behind it as one, on both clocks."""
    capture_end_s = max(before.capture_end_s, refill.capture_end_s)
    return replace(before, end_s=refill.end_s, capture_end_s=capture_end_s, found_by=_sources(before, refill))


def _refill(before: Glitch, glitch: Glitch) -> bool:
    """Whether `glitch` is the buffer filling up behind `before`."""
    if before.kind in NO_BUFFER or before.direction != glitch.direction:
        return False
    on_time = glitch.kind == "hole" and glitch.measurements.get("lateness_step_s", 0.0) < ON_TIME_S
    return on_time and 0 <= glitch.start_s - before.end_s < REFILL_S


def _sources(a: Glitch, b: Glitch) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*a.found_by, *b.found_by)))
