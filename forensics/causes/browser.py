"""Rules about what the browser itself counted (W3C webrtc-stats)."""

from __future__ import annotations

from forensics.causes.claim import FAIR, SLIGHT, STRONG, milliseconds, opposes, supports, unchecked
from forensics.causes.site import Site
from forensics.model import Cause, Evidence

CLOSE_S = 0.3
"""Readings further apart than this count too much else to speak for one glitch: a webrtc-internals dump has one a
second, a series of one's own ten."""

SYNTHESISED_S = 0.01
"""One block of a sound card that had to play something of its own."""

ALIKE = 0.5
"""A hole and what the device synthesised are one event where neither is shorter than this share of the other, however
far apart the readings: what a frozen renderer withholds and what the device is left without differ by up to a third."""


def _growth(site: Site, kind: str, column: str) -> tuple[float, float] | None:
    """Growth of a counter over the glitch, and the distance of the two readings; None where it was not read."""
    table = site.scene.stats.get(kind)
    if table is None or "capture_s" not in table or column not in table:
        return None
    if "ssrc" in table:
        table = table[table["ssrc"] == site.stream.ssrc]
    table = table.dropna(subset=[column])
    clock = site.scene.clocks["stats"]
    start_s, end_s = (
        site.glitch.capture_start_s - clock.error_s,
        site.glitch.capture_end_s + clock.error_s + site.hole_s,
    )
    before, after = table[table["capture_s"] <= start_s], table[table["capture_s"] >= end_s]
    if len(before) == 0 or len(after) == 0:
        return None
    apart_s = float(after["capture_s"].iat[0] - before["capture_s"].iat[-1])
    return float(after[column].iat[0]) - float(before[column].iat[-1]), apart_s - (end_s - start_s)


def counted_lost(site: Site) -> list[Evidence]:
    """`packetsLost` of inbound-rtp rose over the glitch, or it did not."""
    growth = _growth(site, "inbound-rtp", "packets_lost")
    if growth is None or site.glitch.kind not in ("loss", "late", "hole", "stall"):
        return []
    lost, spare_s = growth
    numbers = f"The browser counted {lost:.0f} lost packets across the glitch"
    if lost <= 0:
        answers = [opposes(site, "counted_lost", Cause.NETWORK_DROP, f"{numbers}.", weight=FAIR, packets_lost=lost)]
        if site.measured("lost_packets") > 0:
            statement = f"{numbers}: it got what the capture misses."
            answers.append(supports(site, "counted_lost", Cause.CAPTURE_LOSS, statement, weight=STRONG))
        return answers
    if spare_s > CLOSE_S and site.measured("lost_packets") <= 0:
        reason = f"{numbers}, but its readings are too far apart to say that they were lost here."
        return [unchecked(site, "counted_lost", Cause.NETWORK_DROP, reason)]
    return [opposes(site, "counted_lost", Cause.CAPTURE_LOSS, f"{numbers}.", weight=FAIR, packets_lost=lost)]


def device_underran(site: Site) -> list[Evidence]:
    """`synthesizedSamplesDuration` of media-playout rose: the sound card ran out of audio that was there."""
    growth = _growth(site, "media-playout", "synthesized_samples_duration")
    if growth is None or site.glitch.kind not in ("hole", "late", "clipped"):
        return []
    synthesised_s, spare_s = growth
    if synthesised_s < SYNTHESISED_S:
        return []
    statement = (
        f"The sound card had to synthesise {milliseconds(synthesised_s)} of its own across the glitch "
        "(media-playout): it ran out of audio."
    )
    as_long = synthesised_s >= ALIKE * site.hole_s and site.hole_s >= ALIKE * synthesised_s
    weight = STRONG if spare_s <= CLOSE_S or as_long else SLIGHT
    return [
        supports(site, "device_underran", Cause.BUFFER_UNDERRUN, statement, weight=weight, mechanism="playout_stall")
    ]


RULES = (counted_lost, device_underran)
