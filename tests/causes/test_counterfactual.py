import numpy as np
import pytest
from building import make_site, silent_stream

from forensics.causes.counterfactual import gone_without
from forensics.model import Cause
from forensics.playout.journey import trace_journey

COUNT, AT = 500, 250
NUMBER = np.arange(COUNT)
PATH_S = 0.02
HELD_S = np.where(NUMBER >= AT, np.maximum(0.25 - 0.02 * (NUMBER - AT), 0.0), 0.0)
STALLED_S = np.where(NUMBER >= AT, 0.4, 0.0)


def site(*, sent_late_s=0.0, path_late_s=0.0, lost=(), kind="late", tapped=True):
    """A call whose packets left and travelled so late, with the sender's tap or without."""
    sent_s = NUMBER * 0.02 + sent_late_s
    stream = silent_stream(sent_s + PATH_S + path_late_s, lost=lost)
    departures_s = np.delete(sent_s, list(lost))[np.argsort(np.argsort(stream.packets["ext_sequence_number"]))]
    journey = trace_journey(stream, departures_s=departures_s if tapped else None)
    return make_site(journey, AT, kind=kind, downlink=stream)


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def test_a_hold_on_the_way_is_gone_without_delay_variation():
    evidence = told(gone_without(site(path_late_s=HELD_S)))
    assert evidence[Cause.BUFFER_UNDERRUN] is True
    assert evidence[Cause.NETWORK_DROP] is False


def test_a_stall_is_gone_without_stalls_at_the_sender():
    evidence = told(gone_without(site(sent_late_s=STALLED_S)))
    assert evidence[Cause.LATE_MODEL_OUTPUT] is True
    assert evidence[Cause.BUFFER_UNDERRUN] is False


def test_a_loss_is_gone_without_losses():
    evidence = told(gone_without(site(lost=range(AT, AT + 8), kind="loss", tapped=False)))
    assert evidence[Cause.NETWORK_DROP] is True


def test_timestamps_that_jump_over_a_stall_jump_without_losses_too():
    stalled_s = np.where(NUMBER >= AT, 0.36, 0.0)
    sent_s = NUMBER * 0.02 + stalled_s
    stream = silent_stream(sent_s + PATH_S, timestamp=np.round(48_000 * sent_s).astype(int))
    evidence = gone_without(make_site(trace_journey(stream), AT, kind="stall", downlink=stream))
    (claim,) = [claim for claim in evidence if claim.cause is Cause.NETWORK_DROP]
    assert claim.supports is False
    assert claim.measurements["left_s"] == pytest.approx(0.36, abs=0.01)


def test_where_the_replay_shows_no_hole_it_cannot_be_asked():
    (claim,) = gone_without(site(path_late_s=np.where(NUMBER >= AT, 0.01, 0.0)))
    assert claim.supports is None
    assert "shows no hole here" in claim.statement


@pytest.mark.parametrize("kind", ["silence", "splice", "skip", "blank"])
def test_a_replay_of_arrivals_says_nothing_of_what_was_sent(kind):
    assert gone_without(site(path_late_s=HELD_S, kind=kind)) == []
