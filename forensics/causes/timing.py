"""Rules about packets that came late: held on the way, sent late, or produced late."""

from __future__ import annotations

import numpy as np

from forensics.causes.claim import DECISIVE, FAIR, SLIGHT, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.course import LATE_S, RECOVERY_S, SHARE, late_mechanism, overtaken, stays_late, wanders
from forensics.causes.holding import find_release
from forensics.causes.site import Site
from forensics.model import Cause, Evidence


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
                mechanism=late_mechanism(site),
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
                mechanism=late_mechanism(site),
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
    """The delay crept up packet by packet until the buffer was empty: a source slower than real time, or a queue.

    Timestamps that jump are another matter: the delay before them ends there. So is audio that was passed over: a
    buffer that runs empty passes over nothing. And what grew before an earlier hole was made up for by that one.
    """
    jumped = site.measured("media_gap_s") >= LATE_S or site.glitch.kind == "skip"
    if site.measured("lost_packets") > 0 or site.lateness_s >= LATE_S or jumped or not site.crept_s >= LATE_S:
        return []
    numbers = f"Over {site.crept_over_s:.1f} s before the glitch the delay grew by {milliseconds(site.crept_s)}"
    source_s = site.departure_crept_s if np.isfinite(site.departure_crept_s) else site.sender_clock_crept_s
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
    if source_s > site.crept_s / SHARE:
        reason = f"{numbers}: whatever moved it so much was something else, at another time."
        return [unchecked(site, "fell_behind", Cause.LATE_MODEL_OUTPUT, reason)]
    if source_s >= SHARE * site.crept_s:
        return [
            supports(
                site,
                "fell_behind",
                Cause.LATE_MODEL_OUTPUT,
                f"{numbers}: the source is slower than real time.",
                weight=STRONG,
                mechanism="slow_generation",
                growth_s=site.crept_s,
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
            growth_s=site.crept_s,
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
        return _came_back(site, rest_s)
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
                mechanism=late_mechanism(site),
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


def _came_back(site: Site, rest_s: float) -> list[Evidence]:
    """A backlog that arrived at once waited on the way, or at the sender, if the path let something else through."""
    statement = (
        f"The delay was back to {milliseconds(max(rest_s, 0.0))} above its baseline within "
        f"{milliseconds(RECOVERY_S + site.lateness_s)}: a backlog arrived at once"
    )
    passed = _passed_meanwhile(site)
    where = ", and as the path was open meanwhile, it had waited at the sender." if passed else "."
    cause, weight = (Cause.LATE_MODEL_OUTPUT, SLIGHT) if passed else (Cause.BUFFER_UNDERRUN, FAIR)
    mechanism = "stall" if passed else late_mechanism(site)
    return [
        supports(site, "step_or_return", cause, statement + where, weight=weight, mechanism=mechanism, rest_s=rest_s),
        opposes(site, "step_or_return", Cause.SENDER_POLICY, statement + ".", weight=STRONG),
    ]


def _passed_meanwhile(site: Site) -> list[int]:
    """Frames of other datagrams that the sender's flow brought while its audio did not come.

    One path keeps the order of one flow's datagrams, so that none passes another that is held. Where packets were
    overtaken nearby it does not, and one that comes says nothing of those that do not.
    """
    if site.lateness_s < 2 * LATE_S or site.scene.capture is None or overtaken(site):
        return []
    datagrams = site.scene.capture.datagrams
    start_s = float(site.journey["arrival_s"].iat[site.before]) + 2 * LATE_S
    stop_s = float(site.journey["arrival_s"].iat[site.after]) - LATE_S / 2
    same = datagrams[
        (datagrams["flow"] == site.stream.flow) & (datagrams["arrival_s"] > start_s) & (datagrams["arrival_s"] < stop_s)
    ]
    own = set(site.journey["frame"])
    return [int(frame) for frame in same["frame"] if int(frame) not in own]


def path_was_open(site: Site) -> list[Evidence]:
    """Other datagrams from the same sender came through while the audio did not: the path was not held."""
    if site.measured("lost_packets") > 0 or site.lateness_s < 2 * LATE_S or site.scene.capture is None:
        return []
    others = _passed_meanwhile(site)
    if not others:
        reason = (
            "Packets overtook each other nearby, so that whatever else came says nothing of those that did not."
            if overtaken(site)
            else "Nothing else came from the sender during the hole, so the path may have been held or not."
        )
        return [unchecked(site, "path_was_open", Cause.BUFFER_UNDERRUN, reason)]
    statement = (
        f"{len(others)} other datagram{'s' if len(others) > 1 else ''} from the same sender (frame {others[0]}) came "
        "through while the audio did not: the path was open."
    )
    return [
        opposes(site, "path_was_open", Cause.BUFFER_UNDERRUN, statement, weight=STRONG, others=len(others)),
        supports(site, "path_was_open", Cause.LATE_MODEL_OUTPUT, statement, weight=SLIGHT, mechanism="stall"),
        supports(site, "path_was_open", Cause.SENDER_POLICY, statement, weight=SLIGHT, mechanism="artificial_delay"),
    ]


RULES = (arrived_late, departed_late, fell_behind, timestamps_followed_clock, step_or_return, path_was_open)
