from dataclasses import replace

import pytest
from building import make_glitch

from forensics.conclusion import BLAME, write_conclusion
from forensics.model import BLAMING_CAUSES, Cause, Verdict


def verdict(cause, start_s=1.0, *, seconds=0.1, audible=True, remedy="Mend it.", useless="Nothing else."):
    glitch = make_glitch("hole", start_s, start_s + seconds, audible=audible)
    return Verdict("g01", glitch, cause, "", 0.9, (), (), remedy, useless)


def test_nothing_heard():
    assert write_conclusion([]) == "No audible glitch was found."


def test_one_glitch_is_named_with_its_remedy():
    text = write_conclusion([verdict(Cause.NETWORK_DROP)])
    assert text == (
        "1 audible glitch: 1 × network drop. The network lost what the sender had sent, 100 ms in all. "
        "First to mend: Mend it. It would not help: Nothing else."
    )


@pytest.mark.parametrize("cause", [*BLAMING_CAUSES, Cause.UNDETERMINED])
def test_every_cause_that_counts_has_words(cause):
    assert BLAME[cause][1:] in write_conclusion([verdict(cause)])


def test_the_cause_that_was_heard_longest_comes_first():
    verdicts = [
        verdict(Cause.NETWORK_DROP, 1.0, seconds=0.05),
        verdict(Cause.NETWORK_DROP, 2.0, seconds=0.05),
        verdict(Cause.LATE_MODEL_OUTPUT, 3.0, seconds=0.9, remedy="Be faster."),
    ]
    text = write_conclusion(verdicts)
    assert text.startswith("3 audible glitches: 1 × late model output, 2 × network drop.")
    assert "In 1 (900 ms) the sender had nothing to send" in text
    assert "; in 2 (100 ms) the network lost what the sender had sent." in text
    assert "First to mend, the longest, at 3.00 s: Be faster." in text


def test_the_remedy_is_that_of_the_longest():
    verdicts = [
        verdict(Cause.NETWORK_DROP, remedy="Small."),
        verdict(Cause.NETWORK_DROP, 2.0, seconds=0.4, remedy="Big."),
    ]
    assert "First to mend, the longest, at 2.00 s: Big." in write_conclusion(verdicts)


def test_late_answers_are_told_apart_from_holes():
    answer = replace(verdict(Cause.LATE_MODEL_OUTPUT, 5.0), glitch=make_glitch("late_answer", 5.0, 7.1))
    text = write_conclusion([verdict(Cause.NETWORK_DROP), answer])
    assert "The network lost what the sender had sent, 100 ms in all." in text
    assert "1 answer came late, after 2.1 s: most of the wait had passed before the sender sent anything." in text


def test_what_takes_no_time_is_told_without_any():
    text = write_conclusion([verdict(Cause.SENDER_POLICY, seconds=0.0), verdict(Cause.NETWORK_DROP)])
    assert "in 1 the sender held audio back or threw it away." in text


@pytest.mark.parametrize(
    ("masked", "sentence"), [(1, "1 more event was not heard"), (3, "3 more events were not heard")]
)
def test_what_was_not_heard_is_counted_apart(masked, sentence):
    verdicts = [verdict(Cause.BUFFER_UNDERRUN, audible=False)] * masked
    assert write_conclusion(verdicts).startswith(f"No audible glitch was found. {sentence}")
    assert f" {sentence}" in write_conclusion([verdict(Cause.NETWORK_DROP), *verdicts])


@pytest.mark.parametrize("cause", [Cause.RECORDING_ARTEFACT, Cause.CAPTURE_LOSS])
def test_artefacts_of_the_tools_are_no_glitches_of_the_call(cause):
    assert write_conclusion([verdict(cause)]) == "No audible glitch was found."


def test_caveats_come_last():
    assert write_conclusion([], caveats=["The keys do not fit.", "No recording."]).endswith(
        "found. The keys do not fit. No recording."
    )


def test_where_the_cause_is_open_it_says_what_would_decide():
    text = write_conclusion([verdict(Cause.UNDETERMINED, remedy="Not decided. What would decide: a capture.")])
    assert text.endswith(
        "The evidence does not separate the causes, 100 ms in all. Not decided. What would decide: a capture."
    )
