import pytest

from forensics.model import Turn
from forensics.turns import describe_latencies, estimate_natural_pause, explain_latency
from forensics.turns.pauses import LEAST_PAUSES, find_pauses


def answered(latency_s, *, start_s=10.0, measured=("model_s",), **parts):
    return Turn("agent", start_s, start_s + 3, latency_s, parts, measured)


USUAL = [answered(0.8, model_s=0.5, network_s=0.1, buffer_s=0.2) for _ in range(4)]
SLOW = answered(2.1, start_s=72.34, model_s=0.6, network_s=1.3, buffer_s=0.2)


def test_the_distribution_over_a_call():
    told = describe_latencies((Turn("user", 0, 1), *USUAL, SLOW))
    assert (told["answers"], told["over_goal"]) == (5, 1)
    assert (told["median_s"], told["longest_s"]) == (0.8, 2.1)
    assert told["p90_s"] == pytest.approx(1.58)
    assert told["parts"] == {"model_s": 0.5, "network_s": 0.1, "buffer_s": 0.2}
    assert len(told["reasons"]) == 1


def test_a_call_without_answers_has_no_distribution():
    assert describe_latencies((Turn("user", 0, 1), Turn("agent", 2, 3))) == {}


def test_the_reason_is_the_part_that_takes_longer_than_it_usually_does():
    sentence = explain_latency(SLOW, (*USUAL, SLOW))
    assert sentence == (
        "The answer at 1:12.3 was heard after 2100 ms: 1300 ms of it passed in the network (inferred, where 100 ms are "
        "usual in this call); 600 ms in the model, 200 ms in the listener's buffer and sound card."
    )


def test_in_a_call_of_few_answers_the_reason_is_the_largest_part():
    sentence = explain_latency(answered(1.3, model_s=0.9, buffer_s=0.4), USUAL[:1])
    assert "900 ms of it passed in the model (measured);" in sentence


def test_what_cannot_be_split_is_said():
    assert explain_latency(answered(1.3), ()).endswith("the time cannot be split.")
    assert explain_latency(Turn("agent", 1, 2), ()) == "This turn answers no question."


def test_pauses_lie_between_the_phrases_of_a_turn():
    phrases = [(0.0, 0.5), (1.0, 2.0), (2.4, 3.0), (3.5, 4.0), (9.0, 10.0)]
    assert find_pauses((1.0, 4.0), phrases) == ((2.0, 2.4), (3.0, 3.5))
    assert find_pauses((9.0, 10.0), phrases) == ()


def paused(*lengths_s, speaker="agent"):
    return Turn(speaker, 0, 60, pauses=tuple((float(n), n + length_s) for n, length_s in enumerate(lengths_s)))


def test_a_pause_is_long_for_its_speaker():
    turns = (paused(0.40, 0.45, 0.5), paused(0.42, 0.48, 1.4), paused(1.2, 1.2, speaker="user"))
    limit_s = estimate_natural_pause(turns, "agent")
    assert 0.5 < limit_s < 0.7
    assert estimate_natural_pause(turns, "user") is None


def test_of_few_pauses_nothing_is_said():
    assert estimate_natural_pause((paused(*[0.4] * (LEAST_PAUSES - 1)),), "agent") is None
