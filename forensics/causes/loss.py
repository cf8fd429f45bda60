"""Rules about packets that never arrived: lost on the way, or never sent."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from forensics.audio.resample import resample_track
from forensics.causes.claim import DECISIVE, FAIR, SLIGHT, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.site import Site
from forensics.clocks.recording import Whitened, find_in
from forensics.clocks.reports import read_sender_clock
from forensics.glitches.missing import decode_twin, find_sent
from forensics.model import AudioTrack, Cause, Evidence, RtpStream, Scene

QUEUE_RISE_S = 0.06
"""A queue that overflows is full before it drops; 60 ms above the path's own minimum are three packets in it."""

EXACT_S = 0.0005
"""Concealment ends in a merge that moves the audio by part of a pitch period, milliseconds; audio that was decoded
goes on to the sample, and the search for it is exact to one."""

LONG_GAP_S = 0.1
"""Up to here concealment can by chance be as long as what it stands for; behind a longer one the merge finds another
place in the pitch period."""

NEAR_S = 0.003
"""How far from where it was due a missing packet is looked for."""

SCALED_S = 0.03
"""Where the playout curve steps over a gap by what two time scalings of 15 ms explain, a missing packet is due anywhere
in that step: what was played there was stretched or shortened before it or behind it."""

FAINT_DBFS = -60.0
"""Quieter packets hold too little waveform to be told from noise."""

PLAYED_SCORE, CONCEALED_SCORE = 0.95, 0.6
"""Correlation of a missing packet, taken from the sender's capture, with the recording where it was due, both
pre-emphasised: played audio has 0.99; concealment repeats what came before and has 0.1 to 0.6, in steady vowels 0.9."""

REPEATED_S, BETTER_THAN_REPEATED = 0.03, 8.0
"""How far before the gap the sound lies that a concealment repeats (two periods of the lowest voice), and how many
times less of the missing audio may be left over by having been played than by repeating that: of twelve gaps of
recorded calls that only the tap had it was less than a hundredth, of eight that were concealed in vowels a quarter at
least."""

SURE_PACKETS = 2
"""A report counts the packet that leaves with it or does not; one packet of difference says nothing."""

AWAKE_PACKETS = 3.0
"""So many other packets have to be due in a gap, for their coming or not to say whether the tap was awake."""

AWAKE_S = 2.0
"""From how far around the gap their usual rate is taken."""

BURST_PACKETS = 2
"""RFC 3611 §4.7 calls losses that close together a burst; a single one is isolated."""


def sequence_gap(site: Site) -> list[Evidence]:
    """Sequence numbers are missing at the receiver's tap (RFC 3550 §A.3): lost on the way, unless never sent.

    Where the capture holds the voice and nothing else, they may as well have been missed by the tap or never sent, and
    it weighs little.
    """
    lost = int(site.measured("lost_packets"))
    if lost <= 0:
        also = int(site.glitch.measurements.get("also_lost_packets", 0))
        statement = (
            f"{also} packets are missing as well, but the hole is longer than what they held."
            if also
            else "The sequence numbers are contiguous across the glitch: nothing is missing."
        )
        return [opposes(site, "sequence_gap", Cause.NETWORK_DROP, statement, weight=FAIR if also else STRONG)]
    early = site.journey["lateness_s"].to_numpy()[max(0, site.before - 4) : site.before + 1]
    mechanism = (
        "queue_overflow"
        if np.median(early) > QUEUE_RISE_S and _rising(site)
        else "burst_loss"
        if lost >= BURST_PACKETS
        else "isolated_loss"
    )
    statement = (
        f"{lost} sequence number{'s' if lost > 1 else ''} between frames {site.frames[0]} and {site.frames[-1]} never "
        f"arrived{_clipped(site)}."
    )
    return [
        supports(
            site,
            "sequence_gap",
            Cause.NETWORK_DROP,
            statement,
            weight=gap_weight(site),
            mechanism=mechanism,
            lost_packets=lost,
        )
    ]


def _clipped(site: Site) -> str:
    """Where a gap cuts the start or the end off what was said."""
    before, after = (site.measured(f"speech_{side}") > 0 for side in ("before", "after"))
    if before == after:
        return ""
    return ": the start of an utterance is clipped" if after else ": the end of an utterance is clipped"


def gap_weight(site: Site) -> float:
    """What a gap in the sequence weighs: little where nothing but the voice was captured."""
    return STRONG if site.witnessed else SLIGHT


def _rising(site: Site) -> bool:
    """Whether the delay had grown over the second before the glitch, as in a queue that fills."""
    lateness_s = site.journey["lateness_s"].to_numpy()
    earlier = lateness_s[max(0, site.before - 50) : max(1, site.before - 25)]
    return (
        bool(len(earlier))
        and float(np.median(lateness_s[max(0, site.before - 10) : site.before + 1]))
        > float(np.median(earlier)) + QUEUE_RISE_S / 3
    )


def seen_at_sender(site: Site) -> list[Evidence]:
    """The sender's capture holds the missing packets, or it does not: then they were never sent."""
    lost = int(site.measured("lost_packets"))
    if lost <= 0:
        return []
    twin = find_sent(site.scene)
    if twin is None:
        return [
            unchecked(
                site,
                "seen_at_sender",
                Cause.NETWORK_DROP,
                "No capture from the sender's side: whether the missing packets were sent cannot be seen there.",
            )
        ]
    first = int(site.journey["ext_sequence_number"].iat[site.before]) + 1
    around = np.arange(first - 1, first + lost + 1) & 0xFFFF
    held = np.isin(around, twin.packets["sequence_number"].to_numpy())
    sent = int(held[1:-1].sum())
    if sent < (lost + 1) // 2 and not (held[0] and held[-1]):
        reason = "The sender's capture does not cover the gap: it lacks the packets beside it as well."
        return [unchecked(site, "seen_at_sender", Cause.NETWORK_DROP, reason)]
    if sent >= (lost + 1) // 2:
        statement = (
            f"The sender's capture holds {sent} of the {lost} missing packets: they were sent and lost on the way."
        )
        return [
            supports(site, "seen_at_sender", Cause.NETWORK_DROP, statement, weight=FAIR, sent=sent),
            opposes(site, "seen_at_sender", Cause.SENDER_POLICY, statement, weight=DECISIVE),
        ]
    statement = (
        f"The sender's capture holds {sent} of the {lost} missing packets: their numbers were skipped, the audio was "
        "never sent."
    )
    return [
        supports(
            site,
            "seen_at_sender",
            Cause.SENDER_POLICY,
            statement,
            weight=2 * DECISIVE,
            mechanism="deliberate_drop",
            sent=sent,
        ),
        opposes(site, "seen_at_sender", Cause.NETWORK_DROP, statement, weight=DECISIVE),
    ]


def sender_packet_count(site: Site) -> list[Evidence]:
    """The sender report's packet count against the advance of the sequence numbers (RFC 3550 §6.4.1)."""
    lost = int(site.measured("lost_packets"))
    if lost <= 0:
        return []
    reported_s, packet_count = _counting_reports(site.stream)
    media_s, sequence = site.journey["media_s"].to_numpy(), site.journey["ext_sequence_number"].to_numpy()
    earlier, later = (
        np.flatnonzero(side) for side in (reported_s <= media_s[site.before], reported_s >= media_s[site.after])
    )
    if len(earlier) == 0 or len(later) == 0:
        return [
            unchecked(
                site,
                "sender_packet_count",
                Cause.NETWORK_DROP,
                "No readable sender report on both sides of the gap: the packets that were sent cannot be counted.",
            )
        ]
    around = [earlier[-1], later[0]]
    span = np.searchsorted(media_s, reported_s[around] + 1e-4) - 1
    advance = int(sequence[span[1]] - sequence[span[0]])
    counted = int(np.diff(packet_count[around])[0] % 2**32)
    numbers = f"Between two sender reports the sequence advanced by {advance} and the sender counted {counted} packets"
    others = advance - int(span[1] - span[0]) - lost
    if others >= advance - counted >= SURE_PACKETS:
        reason = f"{numbers}; but {others} more are missing there, and which of them were never sent is not told."
        return [unchecked(site, "sender_packet_count", Cause.NETWORK_DROP, reason)]
    if advance - counted >= max(0.8 * lost, SURE_PACKETS):
        statement = f"{numbers}: the missing ones were never sent."
        return [
            supports(
                site,
                "sender_packet_count",
                Cause.SENDER_POLICY,
                statement,
                weight=DECISIVE,
                mechanism="deliberate_drop",
                advance=advance,
                counted=counted,
            ),
            opposes(site, "sender_packet_count", Cause.NETWORK_DROP, statement, weight=STRONG),
        ]
    if abs(advance - counted) <= max(1.0, 0.2 * lost):
        return [
            supports(
                site,
                "sender_packet_count",
                Cause.NETWORK_DROP,
                f"{numbers}: all of them were sent.",
                weight=FAIR,
                advance=advance,
                counted=counted,
            )
        ]
    return [unchecked(site, "sender_packet_count", Cause.NETWORK_DROP, f"{numbers}, which fits neither.")]


@lru_cache(maxsize=2)
def _counting_reports(stream: RtpStream) -> tuple[np.ndarray, np.ndarray]:
    """Media time and packet count of the sender reports that tell how many packets were sent."""
    reports = read_sender_clock(stream)
    reports = reports[reports["packet_count"] >= 0]
    return reports["media_s"].to_numpy(), reports["packet_count"].to_numpy()


def tap_was_awake(site: Site) -> list[Evidence]:
    """Packets of other flows that the tap saw during the gap, against those that were due, say whether it slept."""
    if int(site.measured("lost_packets")) <= 0 or site.scene.capture is None:
        return []
    arrival_s = site.journey["arrival_s"].to_numpy()
    edge_s = float(site.journey["duration_s"].iat[site.before])  # the tap may have slept from there on only
    start_s, stop_s = float(arrival_s[site.before]) + edge_s, float(arrival_s[site.after]) - edge_s
    around = _others_between(site.scene, start_s - AWAKE_S, start_s)
    around += _others_between(site.scene, stop_s, stop_s + AWAKE_S)
    due = around * max(stop_s - start_s, 0.0) / (2 * AWAKE_S)
    seen = _others_between(site.scene, start_s, stop_s)
    if due < AWAKE_PACKETS:
        reason = "Too little else was on the wire during the gap to see whether the tap was awake."
        return [unchecked(site, "tap_was_awake", Cause.CAPTURE_LOSS, reason)]
    numbers = f"During the gap the tap saw {seen} packets of other flows, {due:.0f} were due"
    if seen == 0:
        statement = f"{numbers}: the tap missed everything, the call need not have."
        return [
            supports(site, "tap_was_awake", Cause.CAPTURE_LOSS, statement, weight=DECISIVE, due=due),
            opposes(site, "tap_was_awake", Cause.NETWORK_DROP, statement, weight=FAIR),
            opposes(site, "tap_was_awake", Cause.SENDER_POLICY, statement, weight=FAIR),
        ]
    if seen < due / 2:
        return [unchecked(site, "tap_was_awake", Cause.CAPTURE_LOSS, f"{numbers}, which is neither.")]
    statement = f"{numbers}: the tap was awake."
    return [
        opposes(site, "tap_was_awake", Cause.CAPTURE_LOSS, statement, weight=FAIR, seen=seen, due=due),
        supports(site, "tap_was_awake", Cause.NETWORK_DROP, statement, weight=SLIGHT),
    ]


def _others_between(scene: Scene, start_s: float, stop_s: float) -> int:
    """How many packets of other flows came between two times."""
    others_s = _others_s(scene)
    return max(0, int(np.searchsorted(others_s, stop_s) - np.searchsorted(others_s, start_s, side="right")))


@lru_cache(maxsize=1)
def _others_s(scene: Scene) -> np.ndarray:
    """When the packets came that are none of the voice's, in order."""
    assert scene.capture is not None
    assert scene.journey is not None
    datagrams = scene.capture.datagrams
    return np.sort(datagrams.loc[~datagrams["frame"].isin(scene.journey["frame"]), "arrival_s"].to_numpy())


def receiver_saw_no_loss(site: Site) -> list[Evidence]:
    """The receiver's own reports count no loss where the tap misses packets: then only the tap missed them.

    A report counts what was lost since the one before it. Where the tap misses more packets between the two, as their
    highest sequence numbers tell, those may be what it counts.
    """
    lost = int(site.measured("lost_packets"))
    if lost <= 0:
        return []
    blocks = _blocks_about(site.stream)
    arrival_s = site.journey["arrival_s"].to_numpy()
    earlier, later = (
        blocks[blocks["arrival_s"] < arrival_s[site.before]],
        blocks[blocks["arrival_s"] > arrival_s[site.after] + 0.1],
    )
    if len(later) == 0:
        return [
            unchecked(
                site,
                "receiver_saw_no_loss",
                Cause.CAPTURE_LOSS,
                "No readable receiver report after the gap: whether the receiver missed the packets too cannot be seen "
                "there.",
            )
        ]
    counted = int(later["packets_lost"].iat[0]) - (int(earlier["packets_lost"].iat[-1]) if len(earlier) else 0)
    others = _missing_between(site, earlier.iloc[-1:], later.iloc[:1]) - lost
    besides = f" and {others} more" if others > 0 else ""
    numbers = f"The receiver's reports count {counted} lost packets across the gap of {lost}{besides}"
    if counted <= 0 or (others == counted != lost):
        got = "it got them" if counted <= 0 else "the others account for all of them, it got these"
        statement = f"{numbers}: {got}, only the capture missed them."
        weight = 2 * DECISIVE if counted <= 0 else STRONG
        return [
            supports(site, "receiver_saw_no_loss", Cause.CAPTURE_LOSS, statement, weight=weight, counted=counted),
            *(
                [opposes(site, "receiver_saw_no_loss", Cause.NETWORK_DROP, statement, weight=FAIR)]
                if others > 0
                else []
            ),
        ]
    either = counted != lost or others == lost  # fewer than both, and not for sure these
    if others > 0 and counted < lost + others - SURE_PACKETS and either:
        statement = f"{numbers}: it got some of them, and which is not told."
        return [unchecked(site, "receiver_saw_no_loss", Cause.CAPTURE_LOSS, statement)]
    statement = f"{numbers}: it missed them too."
    return [
        opposes(site, "receiver_saw_no_loss", Cause.CAPTURE_LOSS, statement, weight=FAIR, counted=counted),
    ]


def _missing_between(site: Site, earlier: pd.DataFrame, later: pd.DataFrame) -> int:
    """Packets that the tap missed of those that two receiver reports have between them, by their highest numbers."""
    losses, arrival_s = site.stream.losses, site.stream.packets["arrival_s"].to_numpy()
    newest = site.stream.packets["ext_sequence_number"].cummax().to_numpy()
    edges = [int(newest[0]) - 1, int(newest[-1])]
    for side, report in enumerate((earlier, later)):
        if len(report):
            near = int(newest[max(0, np.searchsorted(arrival_s, float(report["arrival_s"].iat[0])) - 1)])
            away = (int(report["highest_sequence_number"].iat[0]) - near + 2**15) % 2**16 - 2**15
            edges[side] = near + away
    first = losses["first_ext_sequence_number"].to_numpy()
    last = first + losses["packets"].to_numpy() - 1
    return int(np.clip(np.minimum(last, edges[1]) - np.maximum(first, edges[0] + 1) + 1, 0, None).sum())


@lru_cache(maxsize=2)
def _blocks_about(stream: RtpStream) -> pd.DataFrame:
    """Return the report blocks of whoever receives a stream."""
    blocks = stream.reports
    return blocks[(blocks["reported_ssrc"] == stream.ssrc) & (blocks["highest_sequence_number"] >= 0)]


def played_through(site: Site) -> list[Evidence]:
    """The recording goes on through the gap to the sample, or it shows where something was concealed."""
    lost_s, inserted_s = site.measured("media_gap_s"), site.curve_step_s
    if int(site.measured("lost_packets")) <= 0 or np.isnan(inserted_s):
        return []
    numbers = (
        f"In the recording {milliseconds(lost_s + inserted_s)} stand in place of {milliseconds(lost_s)} of missing "
        "audio"
    )
    if abs(inserted_s) <= EXACT_S:
        statement = f"{numbers}, exact to the sample, as if the audio had been played and only the capture missed it."
        if lost_s < LONG_GAP_S:
            return [
                supports(site, "played_through", Cause.CAPTURE_LOSS, statement, weight=SLIGHT, inserted_s=inserted_s)
            ]
        return [
            supports(site, "played_through", Cause.CAPTURE_LOSS, statement, weight=DECISIVE, inserted_s=inserted_s),
            opposes(site, "played_through", Cause.NETWORK_DROP, statement, weight=STRONG),
        ]
    statement = f"{numbers}: concealed or skipped."
    return [opposes(site, "played_through", Cause.CAPTURE_LOSS, statement, weight=STRONG, inserted_s=inserted_s)]


def missing_was_heard(site: Site) -> list[Evidence]:
    """The sender's capture holds what is missing at the receiver: the recording has it, or has something else."""
    if site.measured("lost_packets") <= 0 or site.scene.recording is None or np.isnan(site.curve_step_s):
        return []
    twin = find_sent(site.scene)
    if twin is None or not twin.readable:
        return []
    scores = _scores_of_missing(site, twin)
    if len(scores) == 0:
        return []
    score, repeated = np.median(scores, axis=0).tolist()
    numbers = f"The missing audio, as the sender's capture holds it, fits the recording at {score:.2f} where it was due"
    if score >= PLAYED_SCORE and 1 - score > (1 - repeated) / BETTER_THAN_REPEATED:
        statement = (
            f"{numbers}, but what came before it, repeated, fits it at {repeated:.2f}: a concealment would, too."
        )
        return [unchecked(site, "missing_was_heard", Cause.CAPTURE_LOSS, statement)]
    if score >= PLAYED_SCORE:
        statement = f"{numbers}: it was heard, only the receiver's capture missed it."
        return [
            supports(site, "missing_was_heard", Cause.CAPTURE_LOSS, statement, weight=2 * DECISIVE, score=score),
            opposes(site, "missing_was_heard", Cause.NETWORK_DROP, statement, weight=DECISIVE),
        ]
    if score <= CONCEALED_SCORE:
        statement = f"{numbers}: it was not heard."
        return [opposes(site, "missing_was_heard", Cause.CAPTURE_LOSS, statement, weight=DECISIVE, score=score)]
    return [unchecked(site, "missing_was_heard", Cause.CAPTURE_LOSS, f"{numbers}, which is neither.")]


def _scores_of_missing(site: Site, twin: RtpStream) -> list[tuple[float, float]]:
    """Correlation of each missing packet that the sender's capture holds.

    First with the recording, where it was due; then with what was sent before the gap, which a concealment repeats.
    """
    recording = site.scene.recording
    assert recording is not None
    decoded = decode_twin(twin)
    rate_hz = decoded.track.sample_rate_hz
    heard, sent = whiten(recording, rate_hz), whiten(decoded.track, rate_hz)
    first = (int(site.journey["ext_sequence_number"].iat[site.before]) + 1) & 0xFFFF
    numbers = twin.packets["sequence_number"].to_numpy()[decoded.packets["row"]]
    wanted = np.flatnonzero(np.isin(numbers, (first + np.arange(int(site.measured("lost_packets")))) & 0xFFFF))
    due_s = float(site.journey["heard_s"].iat[site.before] + site.journey["duration_s"].iat[site.before])
    scaled_s = site.curve_step_s if abs(site.curve_step_s) <= SCALED_S else 0.0
    nearest, farthest = (due_s + edge_s for edge_s in (min(scaled_s, 0.0) - NEAR_S, max(scaled_s, 0.0) + NEAR_S))
    ahead = np.flatnonzero(numbers == (first - 1) & 0xFFFF)
    if len(ahead) == 0:
        return []
    begins_s = float(decoded.packets[["media_s", "duration_s"]].iloc[ahead[0]].sum())
    scores = []
    for position in wanted:
        row = decoded.packets.iloc[position]
        since_s = float(row["media_s"] - begins_s)
        start, length = round(float(row["media_s"]) * rate_hz), round(float(row["duration_s"]) * rate_hz)
        low, high = (round((edge_s + since_s) * rate_hz) for edge_s in (nearest, farthest))
        template = sent[start : start + length]
        if len(template) == length and row["level_dbfs"] > FAINT_DBFS:
            latest = round(begins_s * rate_hz) - length
            before = find_in(sent, template, low=max(0, latest - round(REPEATED_S * rate_hz)), high=latest)[1]
            scores.append((find_in(heard, template, low=low, high=high)[1], before))
    return scores


@lru_cache(maxsize=4)
def whiten(track: AudioTrack, rate_hz: int) -> Whitened:
    """Samples of a track at a rate, pre-emphasised: vowels of one voice are alike in their lowest partials."""
    return Whitened(resample_track(track, sample_rate_hz=rate_hz).samples)


RULES = (
    sequence_gap,
    seen_at_sender,
    sender_packet_count,
    tap_was_awake,
    receiver_saw_no_loss,
    played_through,
    missing_was_heard,
)
