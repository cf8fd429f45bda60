"""Rules about what the event log says: whether the audio that was due had been made, and whether it was sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from forensics.causes import timing
from forensics.causes.claim import DECISIVE, FAIR, STRONG, milliseconds
from forensics.causes.course import LATE_S, SHARE, stays_late
from forensics.causes.site import Site, find_site
from forensics.glitches.boundaries import measure_boundaries
from forensics.glitches.unsent import LEAST_S
from forensics.model import Cause, EventKind, Evidence, Glitch, Scene
from forensics.telemetry.slack import find_starved, find_utterances

REACH_S = 0.25
"""From the moment a sender runs out of audio to the moment its receiver does: a sending loop and a path."""

HEARD_S = 0.5
"""The same where only the recording tells: a jitter buffer may have grown to that by then."""

CREEP_S = 3.0
"""A hole without a late packet is looked for so far back in the log: a buffer hides a source that falls behind for that
long at most, as in `forensics.causes.site.GROWTH_WINDOW_S`."""

AHEAD_S = 0.02
"""One packet: with that much in hand the next one was there."""

BESIDE, SLOWER = 2, 1.03
"""A model is slower than real time where the two pieces before a shortage, or the two behind it, took longer than they
last as well, by more than the wobble of two timers (some ms in 200); one that stalled once was in time around it."""

DIRECT = DECISIVE + STRONG
"""What a log says of the very process that packets and clocks only infer: 10 000 to one. A sender whose clock stands
while it holds audio back looks like a source that stood still, to everything but this."""

KINDS = ("late", "hole", "stall", "silence", "concealed", "shortage")
"""Glitches that a model which came late makes."""


@dataclass(frozen=True)
class Hand:
    """What the model had in hand when some audio was due: `ahead_s` beyond it, from the log's `line` on."""

    response_id: str
    line: int
    ahead_s: float


@lru_cache(maxsize=2)
def shortages_of(scene: Scene) -> pd.DataFrame:
    """Return `find_starved` of a scene that has slack; every glitch asks for it."""
    assert scene.slack is not None
    return find_starved(scene.slack)


def find_shortages(starved: pd.DataFrame, *, due_s: float, came_s: float, reach_s: float) -> pd.DataFrame:
    """Return the rows in which the model had nothing left while some audio was due.

    Parameters
    ----------
    starved : DataFrame
        From `find_starved`.
    due_s, came_s : float
        On the axis: when the audio was due, and when it came.
    reach_s : float
        How much earlier, or later, than on the wire it may have happened at the model.

    Returns
    -------
    DataFrame
        Some of the rows of `starved`.
    """
    near = (starved["start_s"] <= came_s + reach_s) & (starved["end_s"] >= due_s - reach_s)
    ended = starved["end_s"] <= came_s + reach_s
    return starved[near & ended & (starved["end_s"] - starved["start_s"] >= LATE_S)]


NOTHING_PASSED = np.empty((0, 2))


@lru_cache(maxsize=2)
def passed_over_of(scene: Scene) -> np.ndarray:
    """Return when a sender passed over audio that it had, and how much, (n, 2) seconds: its timestamps jump, unpaused.

    What it cuts out without a jump is in the account of the answer alone (`forensics.glitches.unsent`).
    """
    if scene.journey is None:
        return NOTHING_PASSED
    edges = measure_boundaries(scene.journey)
    jump_s, pause_s = edges["media_gap_s"].to_numpy(), edges["arrival_gap_s"].to_numpy()
    jumped = (edges["lost_packets"].to_numpy() == 0) & (jump_s >= LATE_S) & (pause_s < SHARE * jump_s)
    return np.stack([scene.journey["arrival_s"].to_numpy()[1:][jumped], jump_s[jumped]], axis=1)


def in_hand(
    slack: pd.DataFrame, *, due_s: float, error_s: float, passed_over: np.ndarray = NOTHING_PASSED
) -> Hand | None:
    """Return what the model had made beyond what was due at a moment; None where no answer was being spoken then.

    Parameters
    ----------
    slack : DataFrame
        SLACK_COLUMNS.
    due_s : float
        On the axis.
    error_s : float
        Of the log's clock: only what had been made that much earlier counts.
    passed_over : ndarray, (n, 2)
        From `passed_over_of`: what was thrown away of an answer is as little in hand as what was played.
    """
    begun = slack.groupby("response_id", sort=False)["capture_s"].first()
    begun = begun[begun <= due_s].sort_values()
    if len(begun) == 0:
        return None
    name = str(begun.index[-1])
    answer = slack[slack["response_id"] == name]
    starved = find_starved(answer)
    waited_s = (np.minimum(starved["end_s"], due_s) - starved["start_s"]).clip(lower=0.0).sum()
    since = (passed_over[:, 0] > float(begun.iloc[-1])) & (passed_over[:, 0] <= due_s)
    played_s = due_s - float(begun.iloc[-1]) - float(waited_s) + float(passed_over[since, 1].sum())
    if played_s > float(answer["produced_s"].iat[-1]):
        return None
    made = answer[answer["capture_s"] <= due_s - error_s]
    if len(made) == 0:
        return None
    return Hand(name, int(made["line"].iat[-1]), float(made["produced_s"].iat[-1]) - played_s)


def slack_of_model(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Whether the audio that was missing had been made: negative slack says no, positive slack says yes.

    Slack is measured where the log was written. An answer of which nothing was left when the hole began, and of which
    more came when it ended, was late; an answer that was ahead was not.
    """
    if glitch.kind not in KINDS or scene.events is None or glitch.measurements.get("lost_packets", 0.0) > 0:
        return []
    rule, late = "slack_of_model", Cause.LATE_MODEL_OUTPUT
    if scene.slack is None or len(scene.slack) == 0:
        return [Evidence(rule, late, None, _no_audio(scene), glitch.frames)]
    error_s = scene.clocks["events"].error_s
    due_s, came_s = _due(glitch, scene)
    crept = glitch.kind == "hole" and came_s - due_s < LATE_S
    earlier_s = HEARD_S if scene.journey is None else REACH_S
    reach_s = error_s + (CREEP_S if crept else earlier_s)
    short = find_shortages(shortages_of(scene), due_s=due_s, came_s=came_s, reach_s=reach_s)
    if crept:
        short = short[short["end_s"] >= _refilled_s(glitch, scene) + LATE_S]  # earlier ones made an earlier hole
    size_s = max(came_s - due_s, (glitch.end_s - glitch.start_s) if crept else 0.0)
    if len(short) and float((short["end_s"] - short["start_s"]).sum()) >= SHARE * size_s:
        return _confirmed(glitch, scene, short)
    heard_later_s = HEARD_S if scene.journey is None else 0.0
    passed_over = passed_over_of(scene)
    hand = in_hand(scene.slack, due_s=due_s, error_s=error_s + heard_later_s, passed_over=passed_over)
    if hand is None:
        reason = "No answer was being spoken here by the event log, so that its slack says nothing of this."
        return [Evidence(rule, late, None, reason, glitch.frames)]
    if hand.ahead_s < AHEAD_S:
        reason = (
            f"By the event log the model was {milliseconds(hand.ahead_s)} ahead here, within what the log's clock "
            f"leaves open ({milliseconds(error_s)})."
        )
        return [Evidence(rule, late, None, reason, glitch.frames)]
    missing_s = glitch.measurements.get("missing_s", 0.0)
    if missing_s >= LEAST_S and hand.ahead_s - missing_s < AHEAD_S:
        reason = (
            f"By the event log the model was {milliseconds(hand.ahead_s)} ahead here, had nothing been thrown away; "
            f"but {milliseconds(missing_s)} of the answer were made and never sent, whether before this is not told."
        )
        return [Evidence(rule, late, None, reason, glitch.frames)]
    return _refuted(glitch, scene, hand)


def _due(glitch: Glitch, scene: Scene) -> tuple[float, float]:
    """When the audio behind a glitch was due, and when it came: on the wire, else as heard."""
    site = find_site(glitch, scene)
    if site is None:
        return glitch.capture_start_s, glitch.capture_end_s
    before, after = site.journey.iloc[site.before], site.journey.iloc[site.after]
    due_s, came_s = float(before["arrival_s"] + before["duration_s"]), float(after["arrival_s"])
    return min(due_s, came_s), came_s


def _refilled_s(glitch: Glitch, scene: Scene) -> float:
    """When the listener's buffer was last filled behind a hole, as the packet behind that came."""
    site = find_site(glitch, scene)
    return -np.inf if site is None else site.refilled_s


def _no_audio(scene: Scene) -> str:
    """Why a log says nothing of slack."""
    assert scene.events is not None
    kinds = set(scene.events["kind"])
    why = "it bears playback alone, as over WebRTC" if EventKind.PLAYBACK_STARTED in kinds else "it bears none"
    return f"The event log holds no audio of the answers ({why}), so the model's slack is not known."


def _confirmed(glitch: Glitch, scene: Scene, short: pd.DataFrame) -> list[Evidence]:
    """The model had nothing left when the audio was due."""
    assert scene.slack is not None
    last = short.iloc[-1]
    answer = scene.slack[scene.slack["response_id"] == last["response_id"]]
    gap_s = float((short["end_s"] - short["start_s"]).sum())
    lead_s = max(0.0, -float(answer["slack_s"].min()))
    statement = (
        f"The model had made {last['played_s']:.2f} s of {last['response_id']} and nothing more for "
        f"{milliseconds(gap_s)} after that was played (line {int(last['line'])} of the log): slack "
        f"{milliseconds(float(last['slack_s']))}. A send lead of {milliseconds(gap_s)} would have covered this, one of "
        f"{milliseconds(lead_s)} the whole answer."
    )
    numbers = {"slack_s": float(last["slack_s"]), "starved_s": gap_s, "lead_s": lead_s}
    slow = _slow_around(answer, int(last["line"]))
    mechanism = "silence_fill" if glitch.kind == "silence" else "slow_generation" if slow else "stall"
    late = Evidence(
        "slack_of_model", Cause.LATE_MODEL_OUTPUT, True, statement, glitch.frames, DECISIVE, mechanism, numbers
    )
    others = (Cause.BUFFER_UNDERRUN, Cause.SENDER_POLICY)
    return [late, *(Evidence("slack_of_model", c, False, statement, glitch.frames, -STRONG) for c in others)]


def _slow_around(answer: pd.DataFrame, line: int) -> bool:
    """Whether an answer's pieces came slower than they last beside the one that was late (`line` of the log), too."""
    took_s, lasts_s = np.diff(answer["capture_s"].to_numpy()), np.diff(answer["produced_s"].to_numpy())
    late = int(np.flatnonzero(answer["line"].to_numpy() == line)[0]) - 1
    sides = slice(max(0, late - BESIDE), late), slice(late + 1, late + 1 + BESIDE)
    return any(len(took_s[side]) and took_s[side].sum() > SLOWER * lasts_s[side].sum() for side in sides)


def _refuted(glitch: Glitch, scene: Scene, hand: Hand) -> list[Evidence]:
    """The audio that was due had been made; who held it is then for the packets to say."""
    statement = (
        f"The model had made {milliseconds(hand.ahead_s)} more of {hand.response_id} than was due (line {hand.line} of "
        "the log): its audio was there."
    )
    numbers = {"ahead_s": hand.ahead_s}
    against = Evidence("slack_of_model", Cause.LATE_MODEL_OUTPUT, False, statement, glitch.frames, -DIRECT, "", numbers)
    site = find_site(glitch, scene)
    held = _held(site) if site is not None else None
    if held is None:
        return [against]
    weight, how = held
    kept = f"{statement} {how}"
    return [
        against,
        Evidence("slack_of_model", Cause.SENDER_POLICY, True, kept, glitch.frames, weight, "artificial_delay", numbers),
    ]


def _held(site: Site) -> tuple[float, str] | None:
    """Whether the sender held back what it had, and how much that weighs; None where nothing shows it."""
    if not site.lateness_s >= LATE_S or site.measured("media_gap_s") > LATE_S:
        return None
    if site.departure_s >= SHARE * site.lateness_s:
        return DECISIVE, "It left the sender late all the same: it was held there."
    if np.isfinite(site.departure_s):
        return None
    opened = any(e.cause is Cause.BUFFER_UNDERRUN and e.supports is False for e in timing.path_was_open(site))
    if opened and stays_late(site):
        return FAIR, "It came late over a path that was open, and stayed so: the sender held it."
    return None


def account_of_answer(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """What was made of an answer against what was sent of it, for cuts that leave no trace on the wire.

    Weighs little against the waveform where nothing is missing, as silence that synthesis puts around its words may
    stand in for what was cut out.
    """
    missing_s = glitch.measurements.get("missing_s")
    if glitch.kind not in ("splice", "unsent") or missing_s is None:
        return []
    measured = glitch.measurements
    statement = (
        f"By the log {measured['made_s']:.2f} s of this answer were made; its packets carry {measured['sent_s']:.2f} s "
        f"from the first sound to the last"
    )
    rule, cause, numbers = "account_of_answer", Cause.SENDER_POLICY, {"missing_s": missing_s}
    if missing_s < LATE_S:
        return [Evidence(rule, cause, False, f"{statement}: nothing is missing.", glitch.frames, -FAIR, "", numbers)]
    if missing_s < LEAST_S:
        return []
    where = "" if glitch.kind == "splice" else " Where in the answer, and whether words were in it, cannot be told."
    statement = f"{statement}: {milliseconds(missing_s)} were never sent.{where}"
    return [Evidence(rule, cause, True, statement, glitch.frames, STRONG, "deliberate_drop", numbers)]


def first_audio_of_answer(glitch: Glitch, scene: Scene) -> list[Evidence]:
    """Where the time of a late answer went: until the model's first audio, or from there to the listener."""
    if glitch.kind != "late_answer" or scene.events is None:
        return []
    rule, late = "first_audio_of_answer", Cause.LATE_MODEL_OUTPUT
    if scene.slack is None or len(scene.slack) == 0:
        return [Evidence(rule, late, None, _no_audio(scene), glitch.frames)]
    asked_s, heard_s = glitch.capture_start_s, glitch.capture_end_s
    begun = [
        u.first_audio_s for u in find_utterances(scene.events, scene.slack) if asked_s <= u.first_audio_s <= heard_s
    ]
    if not begun:
        reason = "The event log has no answer that began between the question and what was heard."
        return [Evidence(rule, late, None, reason, glitch.frames)]
    made_s = begun[-1]
    statement = (
        f"By the log the answer's first audio was made {milliseconds(made_s - asked_s)} after the user's last sound"
        f"{_decided(scene.events, asked_s, made_s)}, and heard {milliseconds(heard_s - made_s)} after that."
    )
    numbers = {"to_first_audio_s": made_s - asked_s, "from_first_audio_s": heard_s - made_s}
    if made_s - asked_s >= SHARE * (heard_s - asked_s):
        return [Evidence(rule, late, True, statement, glitch.frames, STRONG, "late_first_audio", numbers)]
    return [Evidence(rule, late, False, statement, glitch.frames, -DIRECT, "", numbers)]


def _decided(events: pd.DataFrame, asked_s: float, made_s: float) -> str:
    """When the turn was taken for ended, where the log says."""
    marks = events[events["kind"].isin([EventKind.SPEECH_STOPPED, EventKind.RESPONSE_STARTED])]
    inside = marks[(marks["capture_s"] >= asked_s) & (marks["capture_s"] <= made_s)]
    if len(inside) == 0:
        return ""
    ended_s = float(inside["capture_s"].min())
    return f" ({milliseconds(ended_s - asked_s)} until its turn was taken for ended)"


RULES = (slack_of_model, account_of_answer, first_audio_of_answer)
