import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from building import make_glitch, make_journey, make_scene, sender_reports, silent_stream, without
from hypothesis import given
from hypothesis import strategies as st

from forensics.causes import judge_glitch, judge_glitches, weigh
from forensics.causes.remedies import REMEDIES, deciding_capture, remedy_for
from forensics.causes.site import find_site
from forensics.causes.verdict import DECIDED, JUDGED
from forensics.glitches import find_glitches
from forensics.model import BLAMING_CAUSES, MECHANISMS, Case, Cause, Evidence

COUNT, AT = 400, 200
NUMBER = np.arange(COUNT)


def claim(cause=Cause.NETWORK_DROP, weight=15.0, *, supports=True):
    return Evidence("rule", cause, supports, "Because.", (), weight)


claims = st.builds(
    claim,
    st.sampled_from(list(Cause)),
    st.floats(-5000, 5000),
    supports=st.sampled_from([True, False, None]),
)


@given(st.lists(claims, max_size=20))
def test_shares_are_shares(evidence):
    posterior = weigh(evidence)
    assert set(posterior) == set(JUDGED)
    assert all(0 <= share <= 1 for share in posterior.values())
    assert math.isclose(sum(posterior.values()), 1.0)


@given(st.lists(claims, max_size=8), st.sampled_from(JUDGED), st.floats(0.1, 50))
def test_evidence_for_a_cause_never_lowers_its_share(evidence, cause, weight):
    before = weigh(evidence)[cause]
    assert weigh([*evidence, claim(cause, weight)])[cause] >= before - 1e-12


@given(st.lists(claims, max_size=8), st.randoms())
def test_the_order_of_evidence_does_not_matter(evidence, random):
    shuffled = random.sample(evidence, len(evidence))
    assert weigh(shuffled) == pytest.approx(weigh(evidence), abs=1e-6)


def test_what_could_not_be_checked_weighs_nothing():
    assert weigh([claim(supports=None)]) == weigh([])


def test_ten_decibans_are_ten_to_one():
    posterior = weigh([claim(Cause.NETWORK_DROP, 10.0)])
    assert posterior[Cause.NETWORK_DROP] / posterior[Cause.BUFFER_UNDERRUN] == pytest.approx(10.0)


def test_intent_and_artefacts_are_rarer_than_accidents():
    posterior = weigh([])
    assert posterior[Cause.SENDER_POLICY] < posterior[Cause.NETWORK_DROP]
    assert posterior[Cause.RECORDING_ARTEFACT] < posterior[Cause.SENDER_POLICY]


def judged(journey, **known):
    scene = make_scene(journey=journey, **known)
    return judge_glitches(find_glitches(scene), scene)


def test_a_loss_is_judged_a_network_drop_with_its_evidence():
    heard_s = NUMBER * 0.02 + 0.065 + np.where(NUMBER >= AT, 0.007, 0.0)
    journey = without(make_journey(COUNT, heard_s=heard_s), range(AT, AT + 6))
    reports = sender_reports([(1.0, 1.0, 1.0, 50), (7.0, 7.0, 7.0, 350)])
    (verdict,) = judged(journey, downlink=silent_stream(journey["arrival_s"], reports=reports))
    assert (verdict.id, verdict.cause, verdict.mechanism) == ("g01", Cause.NETWORK_DROP, "burst_loss")
    assert verdict.confidence >= DECIDED
    assert {"sequence_gap", "seen_at_sender", "played_through"} <= {e.rule for e in verdict.evidence}
    assert verdict.remedy.startswith("RED")
    assert "the packet never came" not in verdict.would_not_help


def test_a_loss_in_a_capture_of_the_voice_alone_is_left_open():
    heard_s = NUMBER * 0.02 + 0.065 + np.where(NUMBER >= AT, 0.007, 0.0)
    (verdict,) = judged(without(make_journey(COUNT, heard_s=heard_s), range(AT, AT + 6)))
    assert verdict.cause is Cause.UNDETERMINED
    assert verdict.alternatives[0][0] is Cause.NETWORK_DROP


def test_evidence_comes_heaviest_first():
    (verdict,) = judged(without(make_journey(COUNT), range(AT, AT + 6)))
    weights = [abs(e.weight) for e in verdict.evidence]
    assert weights == sorted(weights, reverse=True)


def test_what_two_causes_explain_is_left_undetermined_and_says_what_would_decide():
    late_s = np.where(NUMBER >= AT, 0.3, 0.0)
    heard_s = NUMBER * 0.02 + 0.065 + late_s
    (verdict,) = judged(make_journey(COUNT + 0, lateness_s=late_s, heard_s=heard_s).iloc[: AT + 3])
    assert (verdict.cause, verdict.mechanism) == (Cause.UNDETERMINED, "")
    assert verdict.remedy.startswith("Not decided between ")
    assert "What would decide: a capture of the packets" in verdict.remedy
    assert {cause for cause, _ in verdict.alternatives[:2]} == {Cause.BUFFER_UNDERRUN, Cause.LATE_MODEL_OUTPUT}
    assert 0 < verdict.confidence < 1


def test_the_sender_capture_decides_it():
    late_s = np.where(NUMBER >= AT, 0.3, 0.0)
    heard_s, departure_s = NUMBER * 0.02 + 0.065 + late_s, NUMBER * 0.02 + late_s
    (verdict,) = judged(make_journey(COUNT, lateness_s=late_s, heard_s=heard_s, departure_s=departure_s))
    assert (verdict.cause, verdict.mechanism) == (Cause.LATE_MODEL_OUTPUT, "stall")


def test_ids_count_the_glitches():
    verdicts = judged(without(make_journey(COUNT), [50, 51, 52, 150, 151, 152]))
    assert [verdict.id for verdict in verdicts] == ["g01", "g02"]


def test_a_glitch_that_no_packets_enclose_is_undetermined():
    verdict = judge_glitch(make_glitch("hole"), make_scene(), number=3)
    assert (verdict.id, verdict.cause, verdict.evidence) == ("g03", Cause.UNDETERMINED, ())


@pytest.mark.parametrize("frames", [(), (11,), (11, 99_999), (99_999, 13)])
def test_a_site_needs_both_packets(frames):
    scene = make_scene(journey=make_journey(10), downlink=silent_stream(np.arange(10) * 0.02))
    assert find_site(make_glitch("hole", frames=frames), scene) is None


@pytest.mark.parametrize(("cause", "mechanism"), [(c, m) for c in BLAMING_CAUSES for m in MECHANISMS[c]])
def test_every_mechanism_has_its_remedy(cause, mechanism):
    assert (cause, mechanism) in REMEDIES
    helped, useless = remedy_for(cause, mechanism, glitch=make_glitch(), scene=make_scene(), alternatives=())
    assert helped.startswith(REMEDIES[cause, mechanism][0])
    assert useless


@pytest.mark.parametrize("cause", [c for c in Cause if c is not Cause.UNDETERMINED])
def test_a_cause_without_a_mechanism_has_a_remedy_too(cause):
    assert all(remedy_for(cause, "", glitch=make_glitch(), scene=make_scene(), alternatives=()))


def test_what_a_stall_needs_is_told_in_milliseconds():
    stall = make_glitch("late", 1.0, 1.1, measurements={"lateness_step_s": 0.3})
    helped, _ = remedy_for(Cause.LATE_MODEL_OUTPUT, "stall", glitch=stall, scene=make_scene(), alternatives=())
    assert helped.endswith("Needed here: a send lead of about 300 ms.")


def test_the_undecided_are_named():
    causes = [Cause.NETWORK_DROP, Cause.SENDER_POLICY]
    helped, _ = remedy_for(Cause.UNDETERMINED, "", glitch=make_glitch(), scene=make_scene(), alternatives=causes)
    assert helped.startswith("Not decided between network drop or sender policy.")


def test_what_is_at_hand_is_not_asked_for():
    case = Case("built", capture=Path("receiver.pcap"), sender_capture=Path("sender.pcap"))
    assert deciding_capture(replace(make_scene(), case=case)) == (
        "What would decide: a log of when the model produced its audio."
    )
    whole = replace(case, events=Path("events.jsonl"))
    assert "contradicts itself" in deciding_capture(replace(make_scene(), case=whole))


def test_closed_payloads_ask_for_the_keys():
    closed = silent_stream(NUMBER * 0.02, readable=False)
    scene = replace(make_scene(downlink=closed), case=Case("built", capture=Path("receiver.pcap")))
    assert "the keys of the call" in deciding_capture(scene)


def test_a_recording_alone_asks_for_packets_and_nothing_else():
    scene = replace(make_scene(), case=Case("built", recording=Path("heard.wav")))
    assert deciding_capture(scene) == (
        "What would decide: a capture of the packets at the listener, with the keys of the call."
    )
