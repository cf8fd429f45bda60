"""Counterfactuals: the cause of a glitch is what, taken away, takes the glitch away.

The same call is replayed with one thing mended: nothing lost, nothing delayed on the way, no stall at the sender. Each
replay takes milliseconds, so every glitch is asked in each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from forensics.causes.claim import SLIGHT, milliseconds, opposes, supports, unchecked
from forensics.causes.site import Site
from forensics.model import Cause, Evidence, Playout, RtpStream, Scene
from forensics.playout.interventions import without_delay_variation, without_network_loss, without_sender_stalls
from forensics.playout.replay import replay_neteq

HOLE_S = 0.02
"""A replay shows a hole from here on: two of NetEq's ticks, more than one time scaling inserts."""

MENDED = {
    Cause.NETWORK_DROP: "nothing lost on the way",
    Cause.BUFFER_UNDERRUN: "nothing delayed on the way",
    Cause.LATE_MODEL_OUTPUT: "no stall at the sender",
}


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """One replay: for each packet played, how far its playout lies behind its media time; the mean wait to it."""

    ext_sequence_number: np.ndarray  # (n,) rising
    offset_s: np.ndarray  # (n,)
    mean_delay_s: float

    def inserted_s(self, before: int, after: int) -> float:
        """Recording time inserted between two packets, by extended sequence number; NaN where one was never played."""
        return self._offset_s(after) - self._offset_s(before)

    def _offset_s(self, number: int) -> float:
        place = int(np.searchsorted(self.ext_sequence_number, number, side="right")) - 1
        played = place >= 0 and self.ext_sequence_number[place] == number
        return float(self.offset_s[place]) if played else float("nan")


def replay_what_if(stream: RtpStream, *, minimum_delay_s: float = 0.0) -> Replayed:
    """Replay a stream and keep when each packet was played."""
    return _replayed(stream, replay_neteq(stream, minimum_delay_s=minimum_delay_s))


def _replayed(stream: RtpStream, playout: Playout) -> Replayed:
    played = playout.packets.dropna(subset="heard_s")
    sequence, arrival_s = (
        stream.packets[name].to_numpy()[played["row"]] for name in ("ext_sequence_number", "arrival_s")
    )
    order = np.argsort(sequence, kind="stable")
    offset_s = (played["heard_s"] - played["media_s"]).to_numpy()
    return Replayed(sequence[order], offset_s[order], float(np.mean(played["heard_s"] - arrival_s)))


@lru_cache(maxsize=2)
def replay_as_it_was(scene: Scene) -> Replayed:
    """Return the replay of the call as it was."""
    assert scene.downlink is not None
    return _replayed(scene.downlink, scene.replay) if scene.replay is not None else replay_what_if(scene.downlink)


@lru_cache(maxsize=2)
def replay_mended(scene: Scene) -> dict[Cause, Replayed]:
    """Return the call replayed with the work of one cause taken out, for each cause in `MENDED`."""
    stream, departure_s = scene.downlink, departures_s(scene)
    assert stream is not None
    mended = {
        Cause.NETWORK_DROP: partial(without_network_loss, stream),
        Cause.LATE_MODEL_OUTPUT: partial(without_sender_stalls, stream, sent_s=departure_s),
    }
    if departure_s is not None:
        mended[Cause.BUFFER_UNDERRUN] = partial(without_delay_variation, stream, sent_s=departure_s)
    return {cause: replay_what_if(mend()) for cause, mend in mended.items()}


def departures_s(scene: Scene) -> np.ndarray | None:
    """Return the departures in the order of the stream's packets; None unless every packet has one."""
    journey, stream = scene.journey, scene.downlink
    if journey is None or stream is None or journey["departure_s"].isna().any() or len(journey) != len(stream.packets):
        return None
    in_order_s = np.empty(len(stream.packets))
    in_order_s[journey["row"].to_numpy()] = journey["departure_s"].to_numpy()
    return in_order_s


def gone_without(site: Site) -> list[Evidence]:
    """The replay shows the hole, and mended of one cause it does not.

    Without departures the stalls of the sender are told from those of the path by the slope test, which is weighed
    already (`step_or_return`): then the answer for the sender informs only.
    """
    if site.glitch.kind not in ("loss", "late", "stall", "hole"):
        return []
    before, after = sides(site)
    was_s = replay_as_it_was(site.scene).inserted_s(before, after) + max(site.measured("media_gap_s"), 0.0)
    if not was_s >= HOLE_S:
        reason = "The replay of these arrivals shows no hole here, so it cannot be asked what takes it away."
        return [unchecked(site, "gone_without", Cause.BUFFER_UNDERRUN, reason)]
    answers = []
    for cause, mended in replay_mended(site.scene).items():
        restored = cause is Cause.NETWORK_DROP and site.measured("lost_packets") > 0  # with them the timestamps go on
        jump_s = 0.0 if restored else max(site.measured("media_gap_s"), 0.0)
        left_s = mended.inserted_s(before, after) + jump_s
        if np.isnan(left_s):
            continue
        left = milliseconds(max(left_s, 0.0))
        statement = f"Replayed with {MENDED[cause]}, the hole of {milliseconds(was_s)} becomes {left}."
        weight = 0.0 if cause is Cause.LATE_MODEL_OUTPUT and np.isnan(site.departure_s) else SLIGHT
        if left_s < was_s / 2:
            answers.append(supports(site, "gone_without", cause, statement, weight=weight, left_s=left_s))
        else:
            answers.append(opposes(site, "gone_without", cause, statement, weight=weight, left_s=left_s))
    return answers


def sides(site: Site) -> tuple[int, int]:
    """Return the extended sequence numbers of the packets on either side."""
    sequence = site.journey["ext_sequence_number"]
    return int(sequence.iat[site.before]), int(sequence.iat[site.after])


RULES = (gone_without,)
