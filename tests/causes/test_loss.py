from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from building import (
    encode,
    make_journey,
    make_site,
    make_stream,
    played,
    receiver_reports,
    sender_reports,
    silent_stream,
    without,
)

from forensics.audio import decode_stream
from forensics.causes import loss
from forensics.model import DATAGRAM_COLUMNS, FLOW_COLUMNS, LOSS_COLUMNS, Capture, Cause, empty_table

COUNT, AT = 400, 200
NUMBER = np.arange(COUNT)


def site(lost=4, *, at=AT, stream=None, sender=None, **columns):
    """The site of a loss; `stream` changes the receiver's stream, `sender` is what the sender's tap holds."""
    journey = without(make_journey(COUNT, **columns), range(at, at + lost))
    downlink = silent_stream(NUMBER * 0.02 + 0.005, lost=range(at, at + lost), **(stream or {}))
    return make_site(journey, at, kind="loss", downlink=downlink, sender_streams=() if sender is None else (sender,))


def told(evidence):
    """What each claim says of which cause."""
    return {claim.cause: claim.supports for claim in evidence}


def said(evidence):
    return " ".join(claim.statement for claim in evidence)


@pytest.mark.parametrize(("lost", "mechanism"), [(1, "isolated_loss"), (2, "burst_loss"), (12, "burst_loss")])
def test_missing_numbers_speak_for_the_network(lost, mechanism):
    (claim,) = loss.sequence_gap(site(lost))
    assert (claim.cause, claim.supports, claim.mechanism) == (Cause.NETWORK_DROP, True, mechanism)
    assert claim.statement.startswith(f"{lost} sequence number")
    assert claim.weight > 0


@pytest.mark.parametrize(("quiet", "edge"), [(NUMBER < AT, "start"), (NUMBER >= AT, "end")])
def test_a_loss_at_an_edge_of_speech_clips_it(quiet, edge):
    (claim,) = loss.sequence_gap(site(speech=~quiet))
    assert claim.statement.endswith(f"never arrived: the {edge} of an utterance is clipped.")
    (claim,) = loss.sequence_gap(site())
    assert claim.statement.endswith("never arrived.")


def test_a_loss_behind_a_delay_that_grew_is_a_queue_that_overflowed():
    grown_s = np.clip((NUMBER - AT + 60) * 0.003, 0, 0.2)
    (claim,) = loss.sequence_gap(site(3, lateness_s=grown_s))
    assert claim.mechanism == "queue_overflow"


def test_contiguous_numbers_speak_against_the_network():
    (claim,) = loss.sequence_gap(make_site(make_journey(COUNT), AT))
    assert (claim.cause, claim.supports) == (Cause.NETWORK_DROP, False)
    assert claim.weight < 0
    assert "contiguous" in claim.statement


@pytest.mark.parametrize(
    "rule", [loss.seen_at_sender, loss.sender_packet_count, loss.receiver_saw_no_loss, loss.played_through]
)
def test_where_nothing_is_missing_the_other_rules_are_silent(rule):
    assert rule(make_site(make_journey(COUNT), AT)) == []


def at_sender(**changes):
    return silent_stream(NUMBER * 0.02, **changes)


def test_without_the_sender_capture_it_cannot_be_seen_there():
    (claim,) = loss.seen_at_sender(site())
    assert claim.supports is None
    assert "No capture from the sender's side" in claim.statement


def test_packets_that_the_sender_sent_were_lost_on_the_way():
    evidence = loss.seen_at_sender(site(sender=at_sender()))
    assert told(evidence) == {Cause.NETWORK_DROP: True, Cause.SENDER_POLICY: False}
    assert "holds 4 of the 4 missing packets" in said(evidence)


def test_packets_that_the_sender_never_sent_were_dropped_on_purpose():
    evidence = loss.seen_at_sender(site(sender=at_sender(lost=range(AT, AT + 4))))
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.NETWORK_DROP: False}
    assert evidence[0].mechanism == "deliberate_drop"
    assert "holds 0 of the 4" in said(evidence)


@pytest.mark.parametrize("held", [range(0, AT - 20), range(AT + 20, COUNT), [*range(AT - 20), *range(AT + 20, COUNT)]])
def test_a_sender_capture_that_does_not_cover_the_gap_says_nothing(held):
    (claim,) = loss.seen_at_sender(site(sender=at_sender(lost=np.setdiff1d(NUMBER, held))))
    assert claim.supports is None
    assert "does not cover" in claim.statement


def test_the_numbers_may_wrap_within_the_gap():
    wrapped = 65_336 + NUMBER  # 65 536 is the packet at AT
    gap = site(ext_sequence_number=wrapped, stream={"sequence": wrapped}, sender=at_sender(sequence=wrapped))
    assert told(loss.seen_at_sender(gap))[Cause.NETWORK_DROP] is True


def counted(counts):
    """Sender reports each second whose packet count runs as told."""
    reports = sender_reports([(t, t, t, count) for t, count in zip((1.0, 3.0, 5.0, 7.0), counts, strict=True)])
    return site(stream={"reports": reports, "timestamp": 5000 + NUMBER * 960})


def test_a_sender_that_counted_all_packets_sent_them():
    evidence = loss.sender_packet_count(counted([50, 150, 250, 350]))
    assert told(evidence) == {Cause.NETWORK_DROP: True}
    assert "advanced by 100 and the sender counted 100" in said(evidence)


def test_a_sender_that_counted_fewer_never_sent_them():
    evidence = loss.sender_packet_count(counted([50, 150, 246, 346]))
    assert told(evidence) == {Cause.SENDER_POLICY: True, Cause.NETWORK_DROP: False}
    assert "never sent" in said(evidence)


def test_numbers_that_were_left_out_may_be_any_of_those_that_are_missing():
    reports = sender_reports([(1.0, 1.0, 1.0, 50), (7.0, 7.0, 7.0, 346)])
    journey = without(make_journey(COUNT), [*range(AT, AT + 4), *range(AT + 40, AT + 50)])
    stream = silent_stream(NUMBER * 0.02, reports=reports, timestamp=5000 + NUMBER * 960)
    (claim,) = loss.sender_packet_count(make_site(journey, AT, kind="loss", downlink=stream))
    assert claim.supports is None
    assert "10 more are missing there" in claim.statement


def test_the_packet_count_may_wrap():
    evidence = loss.sender_packet_count(counted([2**32 - 150, 2**32 - 50, 50, 150]))
    assert told(evidence) == {Cause.NETWORK_DROP: True}


def test_a_count_that_fits_neither_is_not_checkable():
    (claim,) = loss.sender_packet_count(counted([50, 150, 248, 348]))
    assert claim.supports is None
    assert "fits neither" in claim.statement


@pytest.mark.parametrize("rows", [[], [(1.0, 1.0, 1.0, 50)], [(7.0, 7.0, 7.0, 350)]])
def test_without_reports_on_both_sides_packets_cannot_be_counted(rows):
    (claim,) = loss.sender_packet_count(
        site(stream={"reports": sender_reports(rows), "timestamp": 5000 + NUMBER * 960})
    )
    assert claim.supports is None
    assert "No readable sender report on both sides" in claim.statement


def test_a_receiver_that_missed_nothing_got_the_packets():
    reports = receiver_reports([(2.0, 3, 200), (6.0, 3, 400)])
    (claim,) = loss.receiver_saw_no_loss(site(stream={"reports": reports}))
    assert (claim.cause, claim.supports) == (Cause.CAPTURE_LOSS, True)
    assert "only the capture missed them" in claim.statement


def test_a_receiver_that_missed_them_too():
    reports = receiver_reports([(2.0, 3, 200), (6.0, 7, 400)])
    (claim,) = loss.receiver_saw_no_loss(site(stream={"reports": reports}))
    assert (claim.cause, claim.supports) == (Cause.CAPTURE_LOSS, False)
    assert "count 4 lost packets across the gap of 4" in claim.statement


def with_another_gap(counted, *, other):
    """The site's gap of four, one of `other` packets a second before it, and reports around both."""
    gaps = [(100 + AT - 50, other, AT - 51, AT - 50, 0.02 * other), (100 + AT, 4, AT - 1, AT, 0.08)]
    losses = pd.DataFrame(gaps, columns=list(LOSS_COLUMNS)).astype(dict(LOSS_COLUMNS))
    reports = receiver_reports([(1.0, 3, 100 + 50), (6.0, 3 + counted, 100 + AT + 90)])
    beside = site(stream={"reports": reports})
    return loss.receiver_saw_no_loss(replace(beside, stream=replace(beside.stream, losses=losses)))


def test_a_receiver_that_missed_only_what_else_is_missing_got_these():
    evidence = with_another_gap(7, other=7)
    assert told(evidence) == {Cause.CAPTURE_LOSS: True, Cause.NETWORK_DROP: False}
    assert "across the gap of 4 and 7 more: the others account for all of them" in said(evidence)


def test_a_receiver_that_missed_all_that_is_missing_missed_these():
    assert told(with_another_gap(11, other=7)) == {Cause.CAPTURE_LOSS: False}


def test_a_receiver_that_missed_as_many_as_either_gap_holds_may_have_missed_the_other():
    (claim,) = with_another_gap(4, other=4)
    assert claim.supports is None


def test_of_two_gaps_alike_nobody_knows_which_the_receiver_counts():
    (claim,) = with_another_gap(2, other=7)
    assert claim.supports is None
    assert "which is not told" in claim.statement


@pytest.mark.parametrize("rows", [[], [(2.0, 0, 200)], [(4.1, 0, 300)]], ids=["none", "before", "too soon"])
def test_without_a_report_after_the_gap_the_receiver_says_nothing(rows):
    (claim,) = loss.receiver_saw_no_loss(site(stream={"reports": receiver_reports(rows)}))
    assert claim.supports is None


@pytest.mark.parametrize("lost", [1, 2])
def test_a_short_gap_that_is_exact_may_have_been_repaired(lost):
    (claim,) = loss.played_through(site(lost))
    assert (claim.cause, claim.supports) == (Cause.CAPTURE_LOSS, True)
    assert claim.weight < 5


def test_a_recording_that_goes_on_to_the_sample_had_the_packets():
    evidence = loss.played_through(site(12))
    assert told(evidence) == {Cause.CAPTURE_LOSS: True, Cause.NETWORK_DROP: False}
    assert "exact to the sample" in said(evidence)


@pytest.mark.parametrize("moved_s", [0.007, -0.06])
def test_a_recording_that_moved_concealed_or_skipped(moved_s):
    heard_s = NUMBER * 0.02 + 0.065 + np.where(NUMBER >= AT, moved_s, 0.0)
    evidence = loss.played_through(site(heard_s=heard_s))
    assert told(evidence) == {Cause.CAPTURE_LOSS: False}


def test_packets_that_were_not_located_say_nothing_about_the_playout():
    assert loss.played_through(site(located=np.zeros(COUNT, bool))) == []


def test_numbers_and_frames_are_kept_with_the_claim():
    gap = site(sender=at_sender())
    claims = [claim for rule in loss.RULES for claim in rule(gap)]
    assert all(claim.frames == gap.glitch.frames for claim in claims)
    assert all(claim.weight == 0 for claim in claims if claim.supports is None)
    assert replace(claims[0], weight=0.0).measurements["lost_packets"] == 4


GAP_AT = 85


def heard_or_not(heard, *, lost=6, gap_at_sender=(), moved_s=0.0, left_out=(), sound=None, period=0):
    """A loss at the receiver's tap that the listener heard, or not; a hiss, of which no two packets are alike.

    With a `period` the last one before the gap was repeated for the listener instead. What is heard from the first lost
    packet on is heard by `moved_s` later than what was before. Packets `left_out` were never sent, and never had a
    number, as in silence.
    """
    hiss = np.random.default_rng(8).normal(0, 0.05, 3 * 8000)
    payloads = encode(hiss if sound is None else sound, "pcmu")
    count, lost = len(payloads), range(GAP_AT, GAP_AT + lost)
    number = np.arange(count)
    sent = np.array(decode_stream(make_stream(payloads, codec="pcmu")).track.samples)
    if period:
        first = lost.start * 160
        sent[first : first + len(lost) * 160] = np.resize(sent[first - period : first], len(lost) * 160)
    heard_s = number * 0.02 + 0.5 + np.where(number >= GAP_AT, moved_s, 0.0)
    concealed = np.where(np.isin(number, lost) & (not heard), np.nan, heard_s)
    sequence = 100 + np.cumsum(~np.isin(number, left_out)) - 1
    journey = without(make_journey(count, heard_s=heard_s, ext_sequence_number=sequence), sorted({*lost, *left_out}))
    return make_site(
        journey,
        lost.start,
        kind="loss",
        downlink=make_stream(payloads, codec="pcmu", lost=[*lost, *left_out], sequence=sequence),
        sender_streams=(make_stream(payloads, codec="pcmu", lost=[*gap_at_sender, *left_out], sequence=sequence),),
        recording=played(sent, concealed, seconds=5.0, rate_hz=8000),
    )


@pytest.mark.parametrize("gap_at_sender", [(), (GAP_AT,)], ids=["all of them", "but the first"])
def test_missing_audio_that_is_in_the_recording_was_heard(gap_at_sender):
    evidence = loss.missing_was_heard(heard_or_not(True, gap_at_sender=gap_at_sender))
    assert told(evidence) == {Cause.CAPTURE_LOSS: True, Cause.NETWORK_DROP: False}
    assert "only the receiver's capture missed it" in said(evidence)


def test_missing_audio_that_is_not_in_the_recording_was_not_heard():
    assert told(loss.missing_was_heard(heard_or_not(False))) == {Cause.CAPTURE_LOSS: False}


@pytest.mark.parametrize(("period", "told_of"), [(64, None), (0, True)], ids=["repeated", "played"])
def test_a_vowel_that_was_repeated_is_not_taken_for_the_missing_one(period, told_of):
    time_s = np.arange(3 * 8000) / 8000
    vowel = sum(np.cos(2 * np.pi * 125 * k * time_s + k) for k in range(1, 12)) * 0.02  # a period of 64 samples
    breath = np.random.default_rng(8).normal(0, 0.001, len(vowel))
    evidence = loss.missing_was_heard(heard_or_not(True, sound=vowel + breath, period=period))
    assert told(evidence)[Cause.CAPTURE_LOSS] is told_of
    assert ("repeated, fits it" in said(evidence)) is (told_of is None)


@pytest.mark.parametrize(
    "unlike", [{"moved_s": 0.012}, {"left_out": [GAP_AT + 1]}], ids=["a buffer that played slower", "silence before it"]
)
def test_missing_audio_is_looked_for_where_its_timestamps_and_the_buffer_put_it(unlike):
    for heard in (True, False):
        evidence = loss.missing_was_heard(heard_or_not(heard, **unlike))
        assert told(evidence)[Cause.CAPTURE_LOSS] is heard


def test_without_the_packet_before_it_missing_audio_has_no_place():
    assert loss.missing_was_heard(heard_or_not(True, gap_at_sender=[GAP_AT - 1])) == []


def test_what_the_sender_did_not_capture_cannot_be_looked_for():
    assert loss.missing_was_heard(heard_or_not(True, gap_at_sender=range(GAP_AT, GAP_AT + 6))) == []


def tapped(*others_s, lost=8):
    """The site of a loss in a capture that also saw other packets at these times."""
    plain = site(lost)
    own_s = plain.journey["arrival_s"].to_numpy()
    arrival_s = np.r_[own_s, others_s]
    frames = np.r_[plain.journey["frame"].to_numpy(), 90_000 + np.arange(len(others_s))]
    table = {name: np.zeros(len(arrival_s)) for name in DATAGRAM_COLUMNS} | {"frame": frames, "arrival_s": arrival_s}
    frame = pd.DataFrame(table).astype(dict(DATAGRAM_COLUMNS))
    capture = Capture(Path("call.pcap"), 0, frame, empty_table(FLOW_COLUMNS), np.zeros(0, np.uint8))
    return replace(plain, scene=replace(plain.scene, capture=capture))


UPLINK_S = np.arange(0.007, COUNT * 0.02, 0.02)
IN_GAP = (UPLINK_S > AT * 0.02 - 0.015) & (UPLINK_S < (AT + 8) * 0.02 + 0.005)


def test_a_tap_that_saw_the_other_flows_was_awake():
    evidence = loss.tap_was_awake(tapped(*UPLINK_S))
    assert told(evidence) == {Cause.CAPTURE_LOSS: False, Cause.NETWORK_DROP: True}
    assert "the tap was awake" in said(evidence)


def test_a_tap_that_saw_nothing_at_all_missed_it():
    evidence = loss.tap_was_awake(tapped(*UPLINK_S[~IN_GAP]))
    assert told(evidence) == {Cause.CAPTURE_LOSS: True, Cause.NETWORK_DROP: False, Cause.SENDER_POLICY: False}


def test_where_little_else_was_due_the_tap_cannot_be_asked():
    assert told(loss.tap_was_awake(tapped(1.0, 3.0))) == {Cause.CAPTURE_LOSS: None}
    assert loss.tap_was_awake(site(4)) == []
