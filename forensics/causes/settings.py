"""What another setting would have done: the smallest buffer, and the smallest send lead, that covers a glitch.

The call is replayed with each setting once; a glitch is covered by the first one that leaves no hole in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forensics.causes.claim import milliseconds
from forensics.causes.counterfactual import HOLE_S, Replayed, departures_s, replay_as_it_was, replay_what_if, sides
from forensics.causes.site import Site, find_site
from forensics.model import Glitch, Scene
from forensics.playout.send_lead import with_send_lead
from forensics.playout.what_if import LEADS_S, MINIMUM_DELAYS_S


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One setting of the buffer or the sender: its size, what it adds to the delay of the call, and its replay."""

    size_s: float
    added_s: float
    replayed: Replayed

    def covers(self, site: Site) -> bool:
        """Whether the replay has no hole where the glitch was."""
        return hole_s(site, self.replayed) < HOLE_S


def hole_s(site: Site, replayed: Replayed) -> float:
    """Recording time between the packets of the site in which a replay has nothing of theirs; NaN if not played."""
    return replayed.inserted_s(*sides(site)) + max(site.measured("media_gap_s"), 0.0)


@lru_cache(maxsize=2)
def buffer_settings(scene: Scene) -> tuple[Setting, ...]:
    """Return the call replayed with deeper and deeper buffers (`jitterBufferTarget`)."""
    assert scene.downlink is not None
    usual = replay_what_if(scene.downlink)
    deeper = {size_s: replay_what_if(scene.downlink, minimum_delay_s=size_s) for size_s in MINIMUM_DELAYS_S[1:]}
    return tuple(Setting(s, max(r.mean_delay_s - usual.mean_delay_s, 0.0), r) for s, r in deeper.items())


@lru_cache(maxsize=2)
def lead_settings(scene: Scene) -> tuple[Setting, ...]:
    """Return the call replayed with a sender that holds a cushion before it starts to speak."""
    stream, sent_s, starts = scene.downlink, departures_s(scene), utterance_rows(scene)
    assert stream is not None
    ahead = {s: with_send_lead(stream, lead_s=s, sent_s=sent_s, starts=starts) for s in LEADS_S[1:]}
    return tuple(Setting(size_s, size_s, replay_what_if(other)) for size_s, other in ahead.items())


def utterance_rows(scene: Scene) -> np.ndarray | None:
    """Return the rows of the downlink's packets with which the agent begins to speak; None where no turn is known."""
    starts_s = [turn.start_s for turn in scene.turns if turn.speaker == "agent"]
    if scene.journey is None or not starts_s or not scene.journey["heard_s"].notna().any():
        return None
    end_s = (scene.journey["heard_s"] + scene.journey["duration_s"]).ffill().to_numpy()
    position = np.minimum(np.searchsorted(end_s, starts_s), len(end_s) - 1)
    return np.unique(scene.journey["row"].to_numpy()[position])


def enough_buffer(glitch: Glitch, scene: Scene, *, alike: Sequence[Glitch] = ()) -> str:
    """Say which buffer target would have covered a glitch, how many like it, and what it costs.

    Parameters
    ----------
    glitch : Glitch
    scene : Scene
    alike : sequence of Glitch
        The audible glitches of the same cause in the call, this one among them.

    Returns
    -------
    str
        A sentence; empty where the replay shows no hole there.
    """
    return _enough(glitch, buffer_settings, scene, alike, name="buffer target", cost="more delay")


def enough_lead(glitch: Glitch, scene: Scene, *, alike: Sequence[Glitch] = ()) -> str:
    """Say which send lead would have covered a glitch, how many like it, and what it costs; as `enough_buffer`."""
    return _enough(glitch, lead_settings, scene, alike, name="send lead", cost="later first words")


def _enough(
    glitch: Glitch,
    settings: Callable[[Scene], tuple[Setting, ...]],
    scene: Scene,
    alike: Sequence[Glitch],
    *,
    name: str,
    cost: str,
) -> str:
    site = find_site(glitch, scene)
    if site is None or not hole_s(site, replay_as_it_was(scene)) >= HOLE_S:
        return ""
    tried = settings(scene)
    enough = next((setting for setting in tried if setting.covers(site)), None)
    if enough is None:
        return f"Not even a {name} of {milliseconds(tried[-1].size_s)} would have covered it."
    price = f"for {milliseconds(enough.added_s)} {cost}"
    sites = [other for other in (find_site(glitch, scene) for glitch in alike) if other is not None]
    if len(sites) < 2:
        return f"A {name} of {milliseconds(enough.size_s)} would have covered it, {price}."
    gone = sum(enough.covers(other) for other in sites)
    return f"A {name} of {milliseconds(enough.size_s)} would have covered it: {gone} of {len(sites)} gone {price}."


def buffer_needed(glitch: Glitch, scene: Scene) -> str:
    """Say how deep a buffer would have had to be for a glitch that is not the buffer's; empty where it is not known."""
    site = find_site(glitch, scene)
    if site is None or not hole_s(site, replay_as_it_was(scene)) >= HOLE_S:
        return ""
    enough = next((setting for setting in buffer_settings(scene) if setting.covers(site)), None)
    if enough is None:
        return (
            f"Nor does a deeper buffer: replayed, not even a target of {milliseconds(MINIMUM_DELAYS_S[-1])} covers it."
        )
    return (
        f"A deeper buffer hides it only from a target of {milliseconds(enough.size_s)} on, for "
        f"{milliseconds(enough.added_s)} more delay of the whole call."
    )
