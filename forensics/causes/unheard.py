"""Rules about speech that was played otherwise than it came: starts that were not heard, stretches that were."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from forensics.causes.ahead import find_ahead
from forensics.causes.claim import SLIGHT, STRONG, milliseconds, opposes, supports
from forensics.causes.course import LATE_S
from forensics.causes.site import BASE_PACKETS, Site
from forensics.glitches.playout import PAUSE_S
from forensics.glitches.stretches import find_stretches
from forensics.model import Cause, Evidence, Scene

BEFORE_S, BEHIND_S = 3.0, 4.0
"""Where stretches are told of: a buffer that creeps empty takes so long, and after a stall it plays slower for seconds
(92 to 240 ms were put in within 4 s in recorded calls)."""


@lru_cache(maxsize=2)
def stretches_of(scene: Scene) -> pd.DataFrame:
    """Return `find_stretches` of a scene; every glitch asks for it."""
    assert scene.journey is not None
    return find_stretches(scene.journey)


def start_unheard(site: Site) -> list[Evidence]:
    """The first packets of an utterance came in time and the recording is silent where they were due.

    A buffer plays what it has: either the device was not playing yet, or the recorder was not recording. Which, the
    device's own counter tells (`device_underran`); without it both are as likely.
    """
    clipped_s = site.measured("clipped_s")
    if site.glitch.kind != "clipped" or not clipped_s > 0:
        return []
    statement = (
        f"The start of the utterance is clipped: its first {milliseconds(clipped_s)} came in time (frame "
        f"{site.frames[0]} on), and the recording is {site.measured('quieter_db'):.0f} dB quieter there than they are; "
        "what follows is heard where it belongs."
    )
    return [
        opposes(site, "start_unheard", Cause.LATE_MODEL_OUTPUT, statement, weight=STRONG, clipped_s=clipped_s),
        supports(
            site,
            "start_unheard",
            Cause.BUFFER_UNDERRUN,
            statement,
            weight=SLIGHT,
            mechanism="playout_stall",
            clipped_s=clipped_s,
        ),
        supports(site, "start_unheard", Cause.RECORDING_ARTEFACT, statement, weight=STRONG, clipped_s=clipped_s),
    ]


def time_scaled(site: Site) -> list[Evidence]:
    """By how much the buffer played slower or faster around a glitch; it informs, unless the stretch itself is heard.

    Slower: the buffer wanted more than it held, for something had come late. Faster: it held more than it wanted.
    """
    if not site.journey["located"].any():
        return []
    if site.glitch.kind == "stretch":
        return _heard(site)
    stretches = stretches_of(site.scene)
    near = stretches[
        (stretches["end_s"] >= site.glitch.start_s - BEFORE_S) & (stretches["start_s"] <= site.glitch.end_s + BEHIND_S)
    ]
    if len(near) == 0:
        return []
    told = "; ".join(_told(row.inserted_s, row.scalings, row.start_s, row.end_s) for row in near.itertuples())
    inserted_s, removed_s = (float(near["inserted_s"].clip(*limits).sum()) for limits in ((0, None), (None, 0)))
    statement = f"Around it the buffer played slower or faster without a hole: {told}. It is not heard as a glitch."
    return [
        supports(
            site,
            "time_scaled",
            Cause.BUFFER_UNDERRUN,
            statement,
            weight=0.0,
            inserted_s=inserted_s,
            removed_s=-removed_s,
        )
    ]


def _told(inserted_s: float, scalings: int, start_s: float, end_s: float) -> str:
    """One stretch in words."""
    how = "put in" if inserted_s > 0 else "taken out"
    far = end_s - start_s > inserted_s + PAUSE_S
    times = f"in {scalings} steps" if scalings > 1 else "somewhere" if far else "at once"
    return f"{milliseconds(abs(inserted_s))} {how} {times} from {start_s:.2f} to {end_s:.2f} s"


def _heard(site: Site) -> list[Evidence]:
    """A stretch that is heard: the buffer had too little, or too much, and who saw to that."""
    inserted_s = site.measured("inserted_s")
    lasted_s = site.glitch.end_s - site.glitch.start_s
    statement = (
        f"Speech of {milliseconds(lasted_s - inserted_s)} was played in {milliseconds(lasted_s)}"
        f" ({_told(inserted_s, int(site.measured('scalings')), site.glitch.start_s, site.glitch.end_s)})"
    )
    if inserted_s < 0:
        lateness_s = site.journey["lateness_s"].to_numpy()
        earliest = site.before + int(np.argmin(lateness_s[site.before : site.after + 1]))
        ahead = find_ahead(site.journey, earliest, base_packets=BASE_PACKETS)
        if ahead is not None and ahead.ahead_s >= LATE_S:
            why = (
                f"{statement}: it came up to {milliseconds(ahead.ahead_s)} ahead of its time, the sender does not pace."
            )
            return [
                supports(
                    site,
                    "time_scaled",
                    Cause.SENDER_POLICY,
                    why,
                    weight=STRONG,
                    mechanism="unpaced_burst",
                    inserted_s=inserted_s,
                )
            ]
    why = f"{statement}: the buffer {'held more' if inserted_s < 0 else 'held less'} than it wanted."
    return [
        supports(
            site,
            "time_scaled",
            Cause.BUFFER_UNDERRUN,
            why,
            weight=STRONG,
            mechanism="delay_spike",
            inserted_s=inserted_s,
        )
    ]


RULES = (start_unheard, time_scaled)
