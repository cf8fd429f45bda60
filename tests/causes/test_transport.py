"""A gap in the voice's numbers against the transport's own: lost on the way, or never sent."""

from dataclasses import replace

import numpy as np
import pytest
from building import make_journey, make_site, sender_reports, silent_stream, without

from forensics.causes import transport
from forensics.causes.verdict import decide
from forensics.model import Cause

COUNT, AT, LOST = 400, 200, 4
NUMBER = np.arange(COUNT)


def gap(numbers=None, *, picture=None, reports=None, others=()):
    """The site of a loss; `numbers` are the transport's of all packets of the voice, `picture` of another stream's.

    Packets `others`, behind it, are missing as well.
    """
    missing = [*range(AT, AT + LOST), *others]
    journey = without(make_journey(COUNT), missing)
    journey["row"] = np.arange(len(journey))
    arrived = np.delete(NUMBER, missing)
    stream = silent_stream(
        arrived * 0.02 + 0.005, sequence=100 + arrived, timestamp=5000 + arrived * 960, reports=reports
    )
    other = silent_stream(NUMBER * 0.02 + 0.006, ssrc=7)
    return make_site(
        journey,
        AT,
        kind="loss",
        downlink=_numbered(stream, None if numbers is None else np.asarray(numbers)[arrived]),
        streams=() if picture is None else (_numbered(other, picture),),
    )


def _numbered(stream, numbers):
    own = -1 if numbers is None else np.asarray(numbers) % 2**16
    return replace(stream, packets=stream.packets.assign(transport_sequence_number=np.int32(own)))


def told(evidence):
    return {claim.cause: claim.supports for claim in evidence}


def decided(site):
    return decide(site.glitch, site.scene)


LEFT_OUT = NUMBER - np.clip(NUMBER - AT, 0, LOST)  # the transport counts on as if the numbers had not been


@pytest.mark.parametrize("first", [0, 65_536 - AT - 2], ids=["", "over the wrap"])
def test_packets_that_the_transport_counted_were_sent(first):
    evidence = transport.transport_numbers(gap(first + NUMBER))
    assert told(evidence) == {Cause.NETWORK_DROP: True, Cause.SENDER_POLICY: False}
    assert "misses 4: they were sent" in evidence[0].statement


@pytest.mark.parametrize("first", [0, 65_536 - AT - 2], ids=["", "over the wrap"])
def test_packets_that_it_did_not_count_were_never_sent(first):
    evidence = transport.transport_numbers(gap(first + LEFT_OUT))
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.NETWORK_DROP: False, Cause.CAPTURE_LOSS: False}
    assert evidence[0].mechanism == "deliberate_drop"


def test_packets_of_other_streams_take_numbers_of_it_too():
    sent = (NUMBER < AT) | (NUMBER >= AT + LOST)
    voice = np.cumsum(sent) - sent + NUMBER  # each voice packet that is sent is followed by one of the picture
    evidence = transport.transport_numbers(gap(voice, picture=voice + sent))
    assert told(evidence)[Cause.SENDER_POLICY] is True
    evidence = transport.transport_numbers(gap(2 * NUMBER, picture=2 * NUMBER + 1))
    assert told(evidence)[Cause.NETWORK_DROP] is True


def test_a_count_that_misses_half_of_them_fits_neither():
    (claim,) = transport.transport_numbers(gap(NUMBER - np.clip(NUMBER - AT, 0, LOST // 2)))
    assert claim.supports is None
    assert "fits neither" in claim.statement


def test_without_such_numbers_nothing_is_told():
    (claim,) = transport.transport_numbers(gap())
    assert claim.supports is None
    assert "no transport-wide numbers" in claim.statement
    assert transport.transport_numbers(make_site(make_journey(COUNT), AT)) == []


def test_where_nothing_counts_what_was_sent_numbers_may_have_been_left_out():
    (claim,) = transport.perhaps_never_sent(gap())
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.SENDER_POLICY, True, "deliberate_drop")
    assert "Nothing here counts what was sent" in claim.statement


@pytest.mark.parametrize(("others", "weighs"), [([], True), ([230], True), ([230, 260], False), ([380, 390], True)])
def test_a_path_that_loses_other_packets_nearby_has_lost_these(others, weighs):
    (claim,) = transport.perhaps_never_sent(gap(others=others))
    assert (claim.weight > 0) == weighs
    assert ("a path that loses packets" in claim.statement) != weighs


def test_where_something_does_it_is_not_asked():
    assert transport.perhaps_never_sent(gap(NUMBER)) == []
    counts = [(t, t, t, 50 * t) for t in (1, 3, 5, 7)]
    assert transport.perhaps_never_sent(gap(reports=sender_reports(counts))) == []


def test_a_loss_is_named_then_too_but_with_the_other_beside_it():
    before = sender_reports([(1.0, 1.0, 1.0, 50)])  # the path is witnessed, but not what was sent across the gap
    counted, uncounted = decided(gap(NUMBER, reports=before)), decided(gap(reports=before))
    assert counted.cause is uncounted.cause is Cause.NETWORK_DROP
    assert uncounted.confidence < counted.confidence
    assert uncounted.alternatives[0][0] is Cause.SENDER_POLICY
    assert Cause.SENDER_POLICY not in dict(counted.alternatives)
