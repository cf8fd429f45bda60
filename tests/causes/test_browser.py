import numpy as np
import pandas as pd
import pytest
from building import SSRC, make_journey, make_site

from forensics.causes import browser
from forensics.causes.claim import SLIGHT, STRONG
from forensics.model import Cause, ClockMap

HOLE_AT = 100  # the packet behind the hole; heard from 2.065 s on in a faultless journey


def readings(column, growth, *, every_s=1.0, grows_at_s=2.1):
    """A counter that grows once, read at intervals."""
    at_s = np.arange(0.05, 4.0, every_s)
    return pd.DataFrame({"capture_s": at_s, "ssrc": SSRC, column: np.where(at_s >= grows_at_s, float(growth), 0.0)})


def site(stats, *, kind="hole", hole_s=0.2, lost=0):
    """A hole of `hole_s` that is heard in front of a packet, with packets all on time."""
    heard_s = np.arange(200) * 0.02 + 0.065 + np.where(np.arange(200) >= HOLE_AT, hole_s, 0.0)
    journey = make_journey(200, heard_s=heard_s)
    if lost:
        journey = journey.drop(index=range(HOLE_AT - lost, HOLE_AT)).reset_index(drop=True)
    return make_site(
        journey, HOLE_AT - lost, kind=kind, stats=stats, clocks={"stats": ClockMap("stats", 0.0, 0.01, "packet-count")}
    )


def synthesised(growth_s, **changes):
    table = readings("synthesized_samples_duration", growth_s, **changes).drop(columns="ssrc")
    return {"media-playout": table}


@pytest.mark.parametrize("every_s", [0.1, 1.0])
def test_a_device_that_had_to_synthesise_what_was_missing_proves_a_playout_stall(every_s):
    (claim,) = browser.device_underran(site(synthesised(0.2, every_s=every_s)))
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.BUFFER_UNDERRUN, True, "playout_stall")
    assert claim.weight == STRONG
    assert "synthesise 200 ms of its own across the glitch (media-playout)" in claim.statement


def test_another_amount_in_readings_far_apart_says_little():
    (claim,) = browser.device_underran(site(synthesised(0.9)))
    assert claim.weight == SLIGHT


@pytest.mark.parametrize("stats", [{}, synthesised(0.0), synthesised(0.005), synthesised(0.2, grows_at_s=3.5)])
def test_a_device_that_synthesised_nothing_then_says_nothing(stats):
    assert browser.device_underran(site(stats)) == []


def test_only_holes_and_late_packets_are_the_devices():
    assert browser.device_underran(site(synthesised(0.2), kind="loss")) == []


def lost_packets(count, **changes):
    return {"inbound-rtp": readings("packets_lost", count, **changes)}


def test_what_the_browser_did_not_lose_the_network_did_not():
    (claim,) = browser.counted_lost(site(lost_packets(0)))
    assert (claim.cause, claim.supports) == (Cause.NETWORK_DROP, False)


def test_what_only_the_capture_misses_the_browser_got():
    claims = browser.counted_lost(site(lost_packets(0), kind="loss", lost=3))
    assert [(claim.cause, claim.supports) for claim in claims] == [
        (Cause.NETWORK_DROP, False), (Cause.CAPTURE_LOSS, True)
    ]  # fmt: skip


def test_what_the_browser_lost_the_capture_did_not_only_miss():
    (claim,) = browser.counted_lost(site(lost_packets(3, every_s=0.1), kind="loss", lost=3))
    assert (claim.cause, claim.supports) == (Cause.CAPTURE_LOSS, False)


def test_losses_in_readings_far_apart_may_be_of_another_moment():
    (claim,) = browser.counted_lost(site(lost_packets(3)))
    assert (claim.cause, claim.supports) == (Cause.NETWORK_DROP, None)


def test_readings_of_another_stream_do_not_count():
    stats = lost_packets(0)
    stats["inbound-rtp"]["ssrc"] = 5
    assert browser.counted_lost(site(stats)) == []
