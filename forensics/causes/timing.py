"""Rules about packets that came late: held on the way, sent late, or produced late."""

from __future__ import annotations

import numpy as np

from forensics.causes.claim import DECISIVE, FAIR, SLIGHT, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.site import GROWTH_WINDOW_S, Site
from forensics.model import Cause, Evidence

LATE_S = 0.02
"""A packet that is one packet later than those before it is late; less is timer wobble at either end."""

SHARE = 0.5
"""A step explains a hole when it is at least half as long: a steady buffer covers the other half at most."""

FLAT_SHARE = 0.25
"""A clock that moved by less than a quarter of the stall did not stand still for it."""

RECOVERY_S = 0.3
"""Queueing drains at line rate and a stalled loop catches up at once: the backlog of a hold is through within this
time, while a sender that holds audio back on purpose, or resumes where it stopped, stays late."""


WATCHED_S = 1.0
"""How long the delay behind a glitch is watched for ups and downs: a queue with a tenth of its link to spare comes down
by 100 ms in that time."""

WOBBLE_S = 0.002
"""Timers at either end move a packet by less (an idle event loop: 0.3 ms on average): less is no descent."""

LEVEL_S = 0.005
"""A delay that a sender holds is as level as its packets were before; so much more is granted it."""


def arrived_late(site: Site) -> list[Evidence]:
    """The first packet behind the glitch came later than its timestamp says: there was nothing to be played."""
    if site.measured("lost_packets") > 0:
        return []
    late_s = site.lateness_s
    if late_s >= LATE_S:
        lost = int(site.glitch.measurements.get("also_lost_packets", 0))
        besides = f"{lost} before it were lost, which explains less of the hole" if lost else "nothing was lost"
        statement = f"Frame {site.frames[-1]} came {milliseconds(late_s)} later than its timestamp says; {besides}."
        return [
            supports(
                site,
                "arrived_late",
                Cause.BUFFER_UNDERRUN,
                statement,
                weight=SLIGHT,
                mechanism=_late_mechanism(site),
                lateness_s=late_s,
            ),
            supports(
                site,
                "arrived_late",
                Cause.LATE_MODEL_OUTPUT,
                statement,
                weight=SLIGHT,
                mechanism="stall",
                lateness_s=late_s,
            ),
        ]
    return []


def _late_mechanism(site: Site) -> str:
    """Scattered lateness is jitter, a common step of all packets a spike."""
    overtaken = site.journey["frame"].to_numpy()[site.before : site.after + 8]
    if (np.diff(overtaken) < 0).any():
        return "reordering" if site.lateness_s < 2 * LATE_S else "jitter"
    around = site.journey["lateness_s"].to_numpy()[max(0, site.before - 25) : site.after + 25]
    steps = np.diff(around)
    return "jitter" if (steps > LATE_S).sum() > 3 else "delay_spike"


def departed_late(site: Site) -> list[Evidence]:
    """The sender's own capture shows the packet leaving on time, or late."""
    if site.measured("lost_packets") > 0 or site.lateness_s < LATE_S:
        return []
    if np.isnan(site.departure_s):
        return [
            unchecked(
                site,
                "departed_late",
                Cause.BUFFER_UNDERRUN,
                "No capture from the sender's side: whether the packet was late when it left cannot be seen there.",
            )
        ]
    share = site.departure_s / site.lateness_s
    numbers = (
        f"At the sender the packet was {milliseconds(site.departure_s)} late, at the receiver "
        f"{milliseconds(site.lateness_s)}"
    )
    if share < SHARE:
        statement = f"{numbers}: it was held on the way."
        return [
            supports(
                site,
                "departed_late",
                Cause.BUFFER_UNDERRUN,
                statement,
                weight=DECISIVE,
                mechanism=_late_mechanism(site),
                departure_s=site.departure_s,
            ),
            opposes(site, "departed_late", Cause.LATE_MODEL_OUTPUT, statement, weight=STRONG),
            opposes(site, "departed_late", Cause.SENDER_POLICY, statement, weight=STRONG),
        ]
    statement = f"{numbers}: it left late."
    return [
        opposes(site, "departed_late", Cause.BUFFER_UNDERRUN, statement, weight=DECISIVE, departure_s=site.departure_s),
        supports(site, "departed_late", Cause.LATE_MODEL_OUTPUT, statement, weight=FAIR, mechanism="stall"),
        supports(site, "departed_late", Cause.SENDER_POLICY, statement, weight=FAIR, mechanism="artificial_delay"),
    ]


def fell_behind(site: Site) -> list[Evidence]:
    """The delay crept up packet by packet until the buffer was empty: a source slower than real time, or a queue."""
    if site.measured("lost_packets") > 0 or site.lateness_s >= LATE_S or not site.growth_s >= LATE_S:
        return []
    numbers = f"Over {GROWTH_WINDOW_S:.0f} s before the glitch the delay grew by {milliseconds(site.growth_s)}"
    source_s = site.departure_growth_s if np.isfinite(site.departure_growth_s) else site.sender_clock_growth_s
    if np.isnan(source_s):
        source = supports(
            site,
            "fell_behind",
            Cause.LATE_MODEL_OUTPUT,
            f"{numbers}, packet by packet.",
            weight=SLIGHT,
            mechanism="slow_generation",
        )
        path = supports(
            site,
            "fell_behind",
            Cause.BUFFER_UNDERRUN,
            f"{numbers}, packet by packet.",
            weight=SLIGHT,
            mechanism="jitter",
        )
        return [source, path]
    numbers = f"{numbers}, at the sender by {milliseconds(source_s)}"
    if source_s >= SHARE * site.growth_s:
        return [
            supports(
                site,
                "fell_behind",
                Cause.LATE_MODEL_OUTPUT,
                f"{numbers}: the source is slower than real time.",
                weight=STRONG,
                mechanism="slow_generation",
                growth_s=site.growth_s,
            ),
            opposes(site, "fell_behind", Cause.BUFFER_UNDERRUN, f"{numbers}: it is not the path.", weight=STRONG),
        ]
    return [
        supports(
            site,
            "fell_behind",
            Cause.BUFFER_UNDERRUN,
            f"{numbers}: a queue on the way filled.",
            weight=STRONG,
            mechanism="jitter",
            growth_s=site.growth_s,
        ),
        opposes(site, "fell_behind", Cause.LATE_MODEL_OUTPUT, f"{numbers}: it was sent in time.", weight=STRONG),
    ]


def timestamps_followed_clock(site: Site) -> list[Evidence]:
    """The timestamps jumped by as much as the arrivals paused: the sender's clock ran on without anything to send."""
    jump_s, pause_s = site.measured("media_gap_s"), site.measured("arrival_gap_s")
    if site.measured("lost_packets") > 0 or jump_s < LATE_S:
        return []
    if pause_s >= SHARE * jump_s:
        statement = (
            f"The timestamps jump by {milliseconds(jump_s)} while no packet came for {milliseconds(pause_s)}, in the "
            "middle of speech: the sender had nothing to send."
        )
        return [
            supports(
                site,
                "timestamps_followed_clock",
                Cause.LATE_MODEL_OUTPUT,
                statement,
                weight=DECISIVE,
                mechanism="stall",
                jump_s=jump_s,
                pause_s=pause_s,
            )
        ]
    statement = (
        f"The timestamps jump by {milliseconds(jump_s)} although the packets kept coming "
        f"({milliseconds(max(pause_s, 0.0))} between them): the sender passed over audio that it had."
    )
    return [
        supports(
            site,
            "timestamps_followed_clock",
            Cause.SENDER_POLICY,
            statement,
            weight=DECISIVE,
            mechanism="deliberate_drop",
            jump_s=jump_s,
            pause_s=pause_s,
        ),
        opposes(
            site,
            "timestamps_followed_clock",
            Cause.LATE_MODEL_OUTPUT,
            "No pause in the packets: the sender did not wait for anything.",
            weight=FAIR,
        ),
    ]


def stays_late(site: Site) -> bool:
    """Whether the packets behind the glitch are still late once a backlog would have been through."""
    soon_s = site.lateness_after_s(0.0, RECOVERY_S + site.lateness_s)
    return len(soon_s) > 0 and float(np.min(soon_s)) >= SHARE * site.lateness_s


def wanders(site: Site) -> bool:
    """Whether the delay behind the glitch comes down again and again, more than it did before: a queue, or jitter."""
    down_s = _descent_s(site.lateness_after_s(0.0, WATCHED_S))
    arrival_s = site.journey["arrival_s"].to_numpy()
    earlier = arrival_s[: site.before + 1] >= arrival_s[site.before] - WATCHED_S
    usual_s = _descent_s(site.journey["lateness_s"].to_numpy()[: site.before + 1][earlier])
    return down_s >= 2 * usual_s + max(LATE_S / 2, FLAT_SHARE * site.lateness_s)


def _descent_s(lateness_s: np.ndarray) -> float:
    """By how much packets came earlier, against their timestamps, than the one before them, all together."""
    steps_s = np.diff(lateness_s)
    return float(-steps_s[steps_s < -WOBBLE_S].sum())


def step_or_return(site: Site) -> list[Evidence]:
    """The slope test: a held path gives the backlog back at once; a sender that resumes where it stopped stays late."""
    if site.measured("lost_packets") > 0 or site.lateness_s < LATE_S or site.measured("media_gap_s") > LATE_S:
        return []
    soon_s = site.lateness_after_s(0.0, RECOVERY_S + site.lateness_s)
    if len(soon_s) < 5:
        return [
            unchecked(
                site,
                "step_or_return",
                Cause.BUFFER_UNDERRUN,
                "The stream ends too soon after the glitch to see whether the delay comes back.",
            )
        ]
    rest_s = float(np.min(soon_s))
    if not site.witnessed:
        reason = (
            f"The delay is {milliseconds(max(rest_s, 0.0))} above its baseline afterwards; but nothing in the capture "
            "tells of the sender or the path besides the voice itself, and a sender that pauses and catches up, or "
            "holds on, looks like a path that does."
        )
        return [unchecked(site, "step_or_return", Cause.BUFFER_UNDERRUN, reason)]
    if not stays_late(site):
        statement = (
            f"The delay was back to {milliseconds(max(rest_s, 0.0))} above its baseline within "
            f"{milliseconds(RECOVERY_S + site.lateness_s)}: a backlog arrived at once."
        )
        return [
            supports(
                site,
                "step_or_return",
                Cause.BUFFER_UNDERRUN,
                statement,
                weight=FAIR,
                mechanism=_late_mechanism(site),
                rest_s=rest_s,
            ),
            opposes(site, "step_or_return", Cause.SENDER_POLICY, statement, weight=STRONG),
        ]
    if find_release(site) is None and wanders(site):
        statement = (
            f"The delay stays {milliseconds(rest_s)} above its baseline, but goes up and down meanwhile: a queue fills "
            "and drains, a sender that had paused goes on at a level."
        )
        return [
            supports(
                site,
                "step_or_return",
                Cause.BUFFER_UNDERRUN,
                statement,
                weight=FAIR,
                mechanism=_late_mechanism(site),
                rest_s=rest_s,
            )
        ]
    statement = f"The delay stays {milliseconds(rest_s)} above its baseline, at a level: no backlog was waiting."
    return [
        opposes(site, "step_or_return", Cause.BUFFER_UNDERRUN, statement, weight=FAIR, rest_s=rest_s),
        supports(
            site, "step_or_return", Cause.LATE_MODEL_OUTPUT, statement, weight=SLIGHT, mechanism="stall", rest_s=rest_s
        ),
    ]


def find_release(site: Site) -> tuple[int, int] | None:
    """Find where a delay that stayed was given back: positions of the last late packet and the first one on time again.

    None where it was not given back within `RECOVERY_S`, or not to where it had been, or was not level until then, and
    where the timestamps jumped between two utterances: there any sender starts its clock anew. A queue that is full is
    level too, and drains at once when its link is free again: but it filled, packet by packet, and it drops.
    """
    behind = slice(site.after, None)
    late_s = site.journey["lateness_s"].to_numpy()[behind] - site.base_lateness_s
    arrival_s = site.journey["arrival_s"].to_numpy()[behind]
    if not stays_late(site) or site.growth_s >= max(LATE_S, FLAT_SHARE * site.lateness_s):
        return None
    on_time = np.flatnonzero(late_s < FLAT_SHARE * site.lateness_s)
    if len(on_time) == 0 or late_s[on_time[0]] < -FLAT_SHARE * site.lateness_s:
        return None
    held = np.flatnonzero(late_s[: on_time[0]] > (1 - FLAT_SHARE) * site.lateness_s)
    level = len(held) > 0 and _spread_s(late_s[: held[-1] + 1]) <= LEVEL_S + site.unsteadiness_s
    if not level or arrival_s[on_time[0]] - arrival_s[held[-1]] > RECOVERY_S:
        return None
    last, first = site.after + int(held[-1]), site.after + int(on_time[0])
    sequence = site.journey["ext_sequence_number"].to_numpy()
    if sequence[last] - sequence[site.after] > last - site.after:
        return None
    passed_s = skipped_s(site, last, first)
    dropped = abs(passed_s - site.lateness_s) <= FLAT_SHARE * site.lateness_s
    within = dropped and bool(site.journey["speech"].iloc[last : first + 1].all())
    return (last, first) if passed_s < LATE_S or within else None


def _spread_s(delay_s: np.ndarray) -> float:
    """Median distance from the median: how level a delay was held, whatever it did as it was let go."""
    return float(np.median(np.abs(delay_s - np.median(delay_s))))


def skipped_s(site: Site, last: int, first: int) -> float:
    """Media time between two journey positions that no packet between them carries."""
    media_s = site.journey["media_s"].to_numpy()
    return float(media_s[first] - media_s[last]) - (first - last) * float(site.journey["duration_s"].iat[0])


def released_later(site: Site) -> list[Evidence]:
    """A delay that is held level for a while and then given back at one stroke was added and released on purpose."""
    if not _came_late(site):
        return []
    release = find_release(site)
    if release is None:
        return []
    arrival_s = site.journey["arrival_s"].to_numpy()
    held_s = float(arrival_s[release[0]] - arrival_s[site.after])
    stroke_s = float(arrival_s[release[1]] - arrival_s[release[0]])
    if skipped_s(site, *release) < LATE_S:
        how, weight = "the backlog came at once", DECISIVE
    else:
        stood = site.sender_clock_step_s >= SHARE * site.lateness_s
        how, weight = "by dropping the backlog", STRONG if stood else STRONG + SLIGHT
    statement = (
        f"The delay was held level for {held_s:.1f} s and then given back within {milliseconds(stroke_s)}, {how}: "
        "audio was kept back and let go."
    )
    return [
        supports(
            site,
            "released_later",
            Cause.SENDER_POLICY,
            statement,
            weight=weight,
            mechanism="artificial_delay",
            held_s=held_s,
            stroke_s=stroke_s,
        ),
        opposes(site, "released_later", Cause.LATE_MODEL_OUTPUT, statement, weight=FAIR),
    ]


def _came_late(site: Site) -> bool:
    """Whether the glitch is one of late packets: nothing lost, no jump of the timestamps."""
    return not (site.measured("lost_packets") > 0 or site.lateness_s < LATE_S or site.measured("media_gap_s") > LATE_S)


def sender_clock_stood(site: Site) -> list[Evidence]:
    """The sender reports' wall clock against their media clock: a stall steps it, holding packets back does not."""
    if site.measured("lost_packets") > 0 or (site.lateness_s < LATE_S and site.measured("media_gap_s") < LATE_S):
        return []
    step_s = site.sender_clock_step_s
    if np.isnan(step_s):
        return [
            unchecked(
                site,
                "sender_clock_stood",
                Cause.LATE_MODEL_OUTPUT,
                "No readable sender reports on both sides of the glitch: the sender's media clock cannot be compared "
                "with its wall clock.",
            )
        ]
    numbers = f"The sender's wall clock moved by {milliseconds(step_s)} against its media clock"
    if site.measured("media_gap_s") >= LATE_S:
        return _clock_over_jump(site, step_s, numbers)
    if step_s >= SHARE * site.lateness_s:
        return _clock_stood(site, step_s, numbers)
    if abs(step_s) < FLAT_SHARE * site.lateness_s:
        return _clock_ran_on(site, step_s, f"{numbers}, which is nothing")
    return [
        unchecked(
            site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, f"{numbers}, which fits neither a stall nor a hold."
        )
    ]


def _clock_stood(site: Site, step_s: float, numbers: str) -> list[Evidence]:
    """The media clock stood still with the packets; for good, unless the delay was given back later.

    Some senders stamp their reports with the packet that leaves, not with the one that the source makes: there a hold
    looks like a stall until it is released.
    """
    release = find_release(site)
    if release is not None and skipped_s(site, *release) < LATE_S:
        statement = f"{numbers}, as much as the packet was late; but the backlog came later, so it had been there."
        return [supports(site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, statement, weight=0.0, step_s=step_s)]
    if release is not None:
        statement = (
            f"{numbers}, as much as the packet was late: the source stood still, or was held, until it dropped audio."
        )
        return [
            supports(
                site,
                "sender_clock_stood",
                Cause.LATE_MODEL_OUTPUT,
                statement,
                weight=SLIGHT,
                mechanism="stall",
                step_s=step_s,
            )
        ]
    statement = f"{numbers}, as much as the packet was late: the source itself stood still."
    return [
        supports(
            site,
            "sender_clock_stood",
            Cause.LATE_MODEL_OUTPUT,
            statement,
            weight=DECISIVE,
            mechanism="stall",
            step_s=step_s,
        ),
        opposes(site, "sender_clock_stood", Cause.BUFFER_UNDERRUN, statement, weight=STRONG),
        opposes(site, "sender_clock_stood", Cause.SENDER_POLICY, statement, weight=STRONG),
    ]


def _clock_ran_on(site: Site, step_s: float, numbers: str) -> list[Evidence]:
    """The source ran on while its packets were late: they were held back behind it, here or on the way."""
    statement = f"{numbers}: the source ran on, and its packets were held back behind it"
    weight = STRONG if stays_late(site) else FAIR
    not_model = opposes(
        site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, f"{statement}.", weight=weight, step_s=step_s
    )
    if np.isnan(site.departure_s):
        where = f"{statement}, by the sender or on the way."
        held = {Cause.BUFFER_UNDERRUN: _late_mechanism(site), Cause.SENDER_POLICY: "artificial_delay"}
        return [
            not_model,
            *(supports(site, "sender_clock_stood", cause, where, weight=SLIGHT, mechanism=mechanism)
              for cause, mechanism in held.items()),
        ]  # fmt: skip
    if site.departure_s < SHARE * site.lateness_s:
        return [not_model]
    if not stays_late(site):
        return [
            supports(
                site,
                "sender_clock_stood",
                Cause.LATE_MODEL_OUTPUT,
                f"{statement} until the sender caught up at once.",
                weight=SLIGHT,
                mechanism="stall",
                step_s=step_s,
            )
        ]
    return [
        supports(
            site,
            "sender_clock_stood",
            Cause.SENDER_POLICY,
            f"{statement}, at the sender, and went on being late.",
            weight=STRONG,
            mechanism="artificial_delay",
            step_s=step_s,
        ),
        opposes(site, "sender_clock_stood", Cause.LATE_MODEL_OUTPUT, f"{statement}.", weight=FAIR, step_s=step_s),
    ]


def _clock_over_jump(site: Site, step_s: float, numbers: str) -> list[Evidence]:
    """A media clock that ran ahead of the wall clock over a timestamp jump passed over audio."""
    jump_s = site.measured("media_gap_s")
    if step_s <= -SHARE * jump_s:
        statement = f"{numbers}: media was passed over that the wall clock did not see pass."
        return [
            supports(
                site,
                "sender_clock_stood",
                Cause.SENDER_POLICY,
                statement,
                weight=FAIR,
                mechanism="deliberate_drop",
                step_s=step_s,
            )
        ]
    return []


def path_was_open(site: Site) -> list[Evidence]:
    """Other datagrams from the same sender came through while the audio did not: the path was not held."""
    if site.measured("lost_packets") > 0 or site.lateness_s < 2 * LATE_S or site.scene.capture is None:
        return []
    datagrams = site.scene.capture.datagrams
    start_s = float(site.journey["arrival_s"].iat[site.before]) + 2 * LATE_S
    stop_s = float(site.journey["arrival_s"].iat[site.after]) - LATE_S / 2
    same = datagrams[
        (datagrams["flow"] == site.stream.flow) & (datagrams["arrival_s"] > start_s) & (datagrams["arrival_s"] < stop_s)
    ]
    own = set(site.journey["frame"])
    others = [int(frame) for frame in same["frame"] if int(frame) not in own]
    if not others:
        return [
            unchecked(
                site,
                "path_was_open",
                Cause.BUFFER_UNDERRUN,
                "Nothing else came from the sender during the hole, so the path may have been held or not.",
            )
        ]
    statement = (
        f"{len(others)} other datagram{'s' if len(others) > 1 else ''} from the same sender (frame {others[0]}) came "
        "through while the audio did not: the path was open."
    )
    return [
        opposes(site, "path_was_open", Cause.BUFFER_UNDERRUN, statement, weight=STRONG, others=len(others)),
        supports(site, "path_was_open", Cause.LATE_MODEL_OUTPUT, statement, weight=SLIGHT, mechanism="stall"),
        supports(site, "path_was_open", Cause.SENDER_POLICY, statement, weight=SLIGHT, mechanism="artificial_delay"),
    ]


RULES = (
    arrived_late,
    departed_late,
    fell_behind,
    timestamps_followed_clock,
    step_or_return,
    released_later,
    sender_clock_stood,
    path_was_open,
)
