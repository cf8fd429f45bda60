"""One glitch out of what several detectors saw of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from forensics.glitches.audibility import CONCEALED_S
from forensics.model import Glitch

KIND_ORDER = (
    "late_answer", "loss", "skip", "stall", "silence", "splice", "late", "blank", "clipped", "hole", "concealed",
    "shortage", "stretch", "unsent",
)  # fmt: skip
"""Which kind names a glitch that several detectors saw: the most specific comes first."""

REFILL_S = 0.4
"""After a hole NetEq waits until half of its target is buffered and may open a second one; with targets up to the
400 ms that a stall leaves behind it comes at most so much later."""

NO_BUFFER = ("late_answer", "splice", "clipped", "stretch", "unsent")
"""Kinds that leave no buffer empty: the stream went on as if nothing had happened."""

FRAGMENT_S = 0.05
"""What is heard between two holes for less than a short phoneme is no speech of its own."""

EPISODE_S = 1.0
"""Packets that came late so soon behind each other are one disturbance of the path, if the buffer covered them all."""

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
        the same buffer filling up again and belongs to that glitch. Holes where packets were discarded are one with
        nothing but a fragment of speech between them, and so are late packets that the buffer covered, with no glitch
        between them: it stands for the latest of them, and `late_packets` counts them.
    """
    merged: list[Glitch] = []
    for glitch in sorted(glitches, key=_order):
        twin = next((i for i, other in enumerate(merged) if _same(other, glitch)), None)
        if twin is not None:
            merged[twin] = _join(merged[twin], glitch)
        elif merged and (_refill(merged[-1], glitch) or _fragmented(merged[-1], glitch)):
            merged[-1] = _prolong(merged[-1], glitch)
        else:
            merged.append(glitch)
    return _gather_episodes(sorted(merged, key=lambda g: g.start_s))


def _gather_episodes(glitches: list[Glitch]) -> list[Glitch]:
    """Make one glitch of late packets that the buffer covered one after the other."""
    gathered: list[Glitch] = []
    for glitch in glitches:
        if gathered and _same_episode(gathered[-1], glitch):
            gathered[-1] = _gather(gathered[-1], glitch)
        else:
            gathered.append(glitch)
    return gathered


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
    return contained and a.end_s - a.start_s > 0.01 and b.kind in ("hole", "silence", "clipped")


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


def _fragmented(before: Glitch, glitch: Glitch) -> bool:
    """Whether both are holes for discarded packets, and what is between them is too short to be heard as speech."""
    discarded = all(g.kind == "late" and g.measurements.get("discarded_packets", 0) > 0 for g in (before, glitch))
    return discarded and glitch.start_s - before.end_s < FRAGMENT_S


def _same_episode(before: Glitch, glitch: Glitch) -> bool:
    """Whether both are late packets that the buffer covered, in one episode."""
    covered = all(g.kind == "late" and _covered(g) for g in (before, glitch))
    return covered and before.direction == glitch.direction and glitch.start_s - before.end_s < EPISODE_S


def _covered(glitch: Glitch) -> bool:
    """Whether nothing was concealed for late packets, as for all of an episode."""
    late = glitch.measurements.get("late_packets", 1) > 1
    return late or glitch.end_s - glitch.start_s < CONCEALED_S


def _gather(before: Glitch, glitch: Glitch) -> Glitch:
    """The late packets of one episode as one glitch, with the numbers and frames of the latest."""
    latest = max(before, glitch, key=lambda g: g.measurements.get("lateness_step_s", 0.0))
    count = before.measurements.get("late_packets", 1.0) + 1
    return replace(
        latest,
        start_s=before.start_s,
        end_s=glitch.end_s,
        capture_start_s=min(before.capture_start_s, glitch.capture_start_s),
        capture_end_s=max(before.capture_end_s, glitch.capture_end_s),
        measurements={**latest.measurements, "late_packets": count},
    )


def _sources(a: Glitch, b: Glitch) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*a.found_by, *b.found_by)))
