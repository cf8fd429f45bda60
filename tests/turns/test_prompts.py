import numpy as np
import pandas as pd
import pytest
from building import AGENT, LISTENER, SSRC, receiver_reports, silent_stream

from forensics.model import Cause, ClockMap, Turn
from forensics.turns import find_prompts

COUNT, TRAVEL_S = 500, 0.03
LEFT_S = np.arange(COUNT) * 0.02
TURNS = (Turn("user", 2.0, 4.0, text="as it was understood"), Turn("agent", 5.0, 6.0), Turn("user", 7.0, 8.0))
FIRST = 100  # the packet that holds the sound from 2.0 s on leaves 20 ms later, as number 101


def uplink(**changes):
    return silent_stream(LEFT_S, route=(LISTENER, AGENT), **changes)


def there(*, late=(), late_s=0.3, **changes):
    """The same stream at the model's side."""
    came_s = LEFT_S + TRAVEL_S
    came_s[list(late)] += late_s
    return silent_stream(came_s, route=(LISTENER, AGENT), **changes)


def prompts(twin=None, *, stream=None, **known):
    return find_prompts(TURNS, stream or uplink(), sender_streams=() if twin is None else (twin,), **known)


def test_words_that_arrived_whole_say_so():
    first, second = prompts(there())
    assert (first.start_s, first.end_s, first.understood) == (2.0, 4.0, "as it was understood")
    assert (first.lost_s, first.late_s, first.spans) == (0, 0, ())
    (claim,) = first.evidence
    assert (claim.supports, claim.cause) == (False, Cause.NETWORK_DROP)
    assert claim.statement == "All 100 packets of these words reached the model's side in time."
    assert second.spans == ()


def test_words_that_the_network_lost():
    first, second = prompts(there(lost=range(126, 136)))
    assert first.lost_s == pytest.approx(0.2)
    ((start_s, end_s, what),) = first.spans
    assert (start_s, end_s, what) == (pytest.approx(2.5), pytest.approx(2.7), "lost")
    (claim,) = first.evidence
    assert claim.supports
    assert "10 of the 100 packets of these words were lost on the way to the model's side" in claim.statement
    assert claim.frames == tuple(range(127, 137))
    assert second.lost_s == 0


def test_words_that_came_late():
    first, _ = prompts(there(late=range(126, 131), late_s=0.3))
    assert first.lost_s == 0
    assert first.late_s == pytest.approx(0.1)
    assert [what for *_, what in first.spans] == ["late"]
    assert "5 came up to 300 ms later than the quickest" in first.evidence[0].statement


def test_two_holes_are_two_spans():
    first, _ = prompts(there(lost=(120, 121, 150)))
    assert [round(end - start, 3) for start, end, _ in first.spans] == [0.04, 0.02]


def test_what_was_lost_between_the_turns_is_nobodys_words():
    assert all(prompt.spans == () for prompt in prompts(there(lost=range(250, 300))))


def test_what_the_other_capture_does_not_cover_is_not_lost():
    assert all(prompt.lost_s == 0 for prompt in prompts(there(lost=[*range(110), *range(400, COUNT)])))


def test_times_are_those_of_the_recording():
    clocks = {"recording": ClockMap("recording", -0.5, 0.02, "decoded-audio")}
    first, _ = prompts(there(lost=range(126, 136)), clocks=clocks)
    assert first.spans[0][0] == pytest.approx(3.0)


def test_a_sender_capture_on_another_clock():
    clock = {"sender_capture": ClockMap("sender_capture", 40.0, 0.02, "two-way minimum delay")}
    shifted = silent_stream(LEFT_S + TRAVEL_S - 40.0, route=(LISTENER, AGENT), lost=range(126, 136))
    first, _ = prompts(shifted, clocks=clock)
    assert first.lost_s == pytest.approx(0.2)


def test_packets_that_are_missing_at_the_listeners_tap_were_lost_before_it():
    first, _ = prompts(stream=uplink(lost=range(126, 131)))
    assert first.lost_s == pytest.approx(0.1)
    assert "lost before the listener's tap" in first.evidence[0].statement


def test_packets_that_only_the_listeners_tap_missed_were_not_lost():
    first, _ = prompts(there(), stream=uplink(lost=range(126, 131)))
    assert (first.lost_s, first.spans) == (0, ())


@pytest.mark.parametrize("twin", [None, there(lost=range(126, 131))], ids=["one capture", "two"])
def test_packets_that_the_models_reports_do_not_miss_only_the_tap_missed(twin):
    stream = uplink(
        lost=range(126, 131) if twin is None else (), reports=receiver_reports([(1.5, 0, 170), (4.5, 0, 320)])
    )
    first, _ = prompts(twin, stream=stream)
    assert (first.lost_s, first.spans) == (0, ())
    assert first.evidence[-1].cause is Cause.CAPTURE_LOSS
    assert "5 packets of these words are missing in the capture" in first.evidence[-1].statement


@pytest.mark.parametrize(("rows", "lost_s", "supports", "says"), [
    ([(1.5, 0, 170), (4.5, 12, 320)], 0.24, True, "missed 12 packets in the 3.0 s around these words"),
    ([(1.5, 3, 170), (4.5, 3, 320)], 0.0, False, "missed nothing of these words"),
    ([(0.1, 0, 105), (9.9, 12, 590)], 0.0, None, "which ones is not told"),
    ([(2.5, 0, 220), (3.5, 12, 270)], 0.0, None, "No two of its receiver reports lie around these words"),
])  # fmt: skip
def test_without_that_capture_the_models_reports_tell_how_many(rows, lost_s, supports, says):
    first, _ = prompts(stream=uplink(reports=receiver_reports(rows)))
    claim = first.evidence[1]
    assert (claim.supports, first.spans) == (supports, ())
    assert says in claim.statement
    assert first.lost_s == pytest.approx(lost_s)


def test_without_reports_the_browser_tells():
    table = pd.DataFrame({"capture_s": [1.0, 2.0, 5.0], "ssrc": SSRC, "packets_lost": [0.0, 0.0, 4.0]})
    first, _ = prompts(stats={"remote-inbound-rtp": table})
    assert first.lost_s == pytest.approx(0.08)
    assert "By the browser's remote-inbound-rtp the model's side missed 4 packets" in first.evidence[1].statement


def test_without_anything_nothing_is_claimed():
    first, _ = prompts()
    assert [claim.supports for claim in first.evidence] == [None, None]
    assert "what became of them is not seen" in first.evidence[0].statement


def test_without_an_uplink_or_without_the_users_turns_there_are_no_prompts():
    assert find_prompts(TURNS, None) == ()
    assert find_prompts(TURNS[1:2], uplink()) == ()
