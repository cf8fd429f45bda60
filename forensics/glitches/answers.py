"""Answers that came too late: the pause between the user's last word and the agent's first."""

from __future__ import annotations

import numpy as np

from forensics.model import Glitch, Scene

LATE_ANSWER_S = 1.5
"""Between people a gap of 0.2 s is usual and one of a second already means something (Stivers et al. 2009); voice
agents aim below 1 s, and half a second more is heard as a fault by anyone."""


def find_late_answers(scene: Scene) -> list[Glitch]:
    """Return a glitch of kind "late_answer" for every agent turn that began more than `LATE_ANSWER_S` after the user's.

    Parameters
    ----------
    scene : Scene
        With turns of both sides; without the user's side nothing is found.

    Returns
    -------
    list of Glitch
        From the end of the user's speech to the first sample heard. Measurements: `latency_s` and its parts.
    """
    late = [turn for turn in scene.turns if turn.latency_s is not None and turn.latency_s > LATE_ANSWER_S]
    clock = scene.clocks.get("recording")
    found = []
    for turn in late:
        assert turn.latency_s is not None
        asked_s = turn.start_s - turn.latency_s
        found.append(
            Glitch(
                kind="late_answer",
                start_s=asked_s,
                end_s=turn.start_s,
                capture_start_s=float(clock.to_capture_s(asked_s)) if clock else asked_s,
                capture_end_s=float(clock.to_capture_s(turn.start_s)) if clock else turn.start_s,
                direction="downlink",
                ssrc=scene.downlink.ssrc if scene.downlink is not None else None,
                frames=_frames(scene, turn.start_s),
                measurements={"latency_s": turn.latency_s, **turn.parts},
                found_by=("turns",),
            )
        )
    return found


def _frames(scene: Scene, start_s: float) -> tuple[int, ...]:
    """Frame numbers of the packet that was heard at `start_s` and of the one before it; empty without packets."""
    if scene.journey is None or not scene.journey["heard_s"].notna().any():
        return ()
    position = int(np.searchsorted((scene.journey["heard_s"] + scene.journey["duration_s"]).to_numpy(), start_s))
    around = scene.journey["frame"].iloc[max(0, position - 1) : position + 1]
    return tuple(int(frame) for frame in around)
