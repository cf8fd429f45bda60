import numpy as np
import pandas as pd
import pytest

from forensics.model import EVENT_COLUMNS, SLACK_COLUMNS, EventKind
from forensics.telemetry import estimate_slack, find_starved, find_utterances


def log_of(*rows):
    """An event log of (at_s, kind, response_id, audio_s, text)."""
    blank = {"line": 0, "received_at_s": np.nan, "capture_s": np.nan, "kind": "", "response_id": "", "item_id": "",
             "audio_s": np.nan, "media_s": np.nan, "duration_s": np.nan, "text": "", "name": ""}  # fmt: skip
    filled = [
        {**blank, "line": number, "received_at_s": at_s, "kind": str(kind), "response_id": answer, **more}
        for number, (at_s, kind, answer, more) in enumerate(rows, start=1)
    ]
    return pd.DataFrame(filled, columns=list(EVENT_COLUMNS)).astype(dict(EVENT_COLUMNS))


def answer(name, pieces, *, started_s=None, done="completed"):
    """Events of an answer out of (at_s, audio_s)."""
    rows = [] if started_s is None else [(started_s, EventKind.RESPONSE_STARTED, name, {})]
    rows += [(at_s, EventKind.AUDIO_PRODUCED, name, {"audio_s": audio_s}) for at_s, audio_s in pieces]
    return [*rows, (pieces[-1][0] + 0.01, EventKind.RESPONSE_DONE, name, {"text": done})] if done else rows


STALLED = answer("a1", [(10.0, 0.2), (10.1, 0.2), (10.7, 0.2), (10.8, 0.2)], started_s=9.6)


def test_slack_is_what_was_made_less_the_time_that_passed():
    slack = estimate_slack(log_of(*STALLED))
    assert {name: str(dtype) for name, dtype in slack.dtypes.items()} == dict(SLACK_COLUMNS)
    assert slack["slack_s"].tolist() == pytest.approx([0.0, 0.1, -0.3, -0.2])
    assert slack["produced_s"].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert slack["elapsed_s"].tolist() == pytest.approx([0.0, 0.1, 0.7, 0.8])
    assert slack["line"].tolist() == [2, 3, 4, 5]


def test_the_lowest_slack_is_the_lead_that_would_have_covered_the_answer():
    events = log_of(*STALLED)
    (utterance,) = find_utterances(events, estimate_slack(events))
    assert utterance.lead_s == pytest.approx(0.3)
    assert utterance.min_slack_at_s == pytest.approx(10.7)
    assert utterance.started_s == pytest.approx(9.6)
    assert utterance.audio_s == pytest.approx(0.8)
    assert utterance.real_time_factor == pytest.approx(0.8 / 0.6)
    assert utterance.whole


def test_with_that_lead_nothing_would_have_been_short():
    events = log_of(*STALLED)
    slack = estimate_slack(events)
    (utterance,) = find_utterances(events, slack)
    held = slack.assign(capture_s=slack["capture_s"].where(slack.index > 0, slack["capture_s"] + utterance.lead_s))
    assert len(find_starved(held)) == 0


def test_a_shortage_begins_when_everything_was_played_and_moves_the_rest():
    starved = find_starved(estimate_slack(log_of(*STALLED)))
    assert starved[["start_s", "end_s"]].to_numpy().tolist() == [pytest.approx([10.4, 10.7])]
    assert starved["played_s"].tolist() == pytest.approx([0.4])
    again = answer("a1", [(0.0, 0.2), (0.5, 0.2), (0.7, 0.2), (1.3, 0.2)])
    starved = find_starved(estimate_slack(log_of(*again)))
    assert (starved["end_s"] - starved["start_s"]).tolist() == pytest.approx([0.3, 0.4])
    assert starved["slack_s"].tolist() == pytest.approx([-0.3, -0.7])


def test_a_model_that_keeps_ahead_is_never_short():
    fast = [(0.1 * i, 0.2) for i in range(20)]
    events = log_of(*answer("a1", fast))
    slack = estimate_slack(events)
    assert slack["slack_s"].min() == 0.0
    assert len(find_starved(slack)) == 0
    assert find_utterances(events, slack)[0].real_time_factor == pytest.approx(0.5)


def test_answers_are_followed_each_for_itself():
    events = log_of(*answer("a1", [(0.0, 1.0), (0.5, 1.0)]), *answer("a2", [(0.4, 0.2), (9.0, 0.2)]))
    slack = estimate_slack(events.sort_values("received_at_s", ignore_index=True))
    assert slack["response_id"].tolist() == ["a1", "a1", "a2", "a2"]
    assert slack["slack_s"].tolist() == pytest.approx([0, 0.5, 0, -8.4])
    assert [u.response_id for u in find_utterances(events, slack)] == ["a1", "a2"]


@pytest.mark.parametrize("cut", ["cancelled", "failed", "interrupted"])
def test_an_answer_that_was_cut_short_is_not_whole(cut):
    events = log_of(*answer("a1", [(0.0, 0.2)], done=cut))
    assert not find_utterances(events, estimate_slack(events))[0].whole


@pytest.mark.parametrize("kind", [EventKind.PLAYBACK_CLEARED, EventKind.TRUNCATED])
def test_nor_is_one_whose_playback_was(kind):
    events = log_of(*answer("a1", [(0.0, 0.2)]), (0.1, kind, "a1", {}))
    assert not find_utterances(events, estimate_slack(events))[0].whole


def test_without_audio_there_is_no_slack():
    slack = estimate_slack(log_of((0.0, EventKind.RESPONSE_STARTED, "a1", {})))
    assert len(slack) == 0
    assert list(slack) == list(SLACK_COLUMNS)
    assert find_utterances(log_of((0.0, EventKind.RESPONSE_STARTED, "a1", {})), slack) == ()
    assert len(find_starved(slack)) == 0


def test_placed_events_are_followed_on_the_axis():
    events = log_of(*STALLED).assign(capture_s=lambda table: table["received_at_s"] - 9)
    assert estimate_slack(events)["capture_s"].iat[0] == pytest.approx(1.0)


def test_openai_truncates_an_item_without_saying_of_which_answer():
    rows = [*answer("a1", [(0.0, 0.2)]), (0.2, EventKind.TRUNCATED, "", {"item_id": "i1"})]
    rows[0][3]["item_id"] = "i1"
    events = log_of(*rows)
    assert not find_utterances(events, estimate_slack(events))[0].whole
