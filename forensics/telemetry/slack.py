"""Slack: how far ahead of real time the model was, event by event, inside each answer.

An answer that begins to play with its first audio needs, at every moment, at least as much audio as time has passed.
What there is beyond that is slack; where it falls below zero the listener waits, unless somebody held audio back from
the start. So its minimum, taken as a positive number, is the send lead that would have covered the whole answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.model import SLACK_COLUMNS, EventKind, empty_table


@dataclass(frozen=True, slots=True)
class Utterance:
    """One answer of the model as its log has it. Times are on the axis, or on the log's own clock where it has none."""

    response_id: str
    started_s: float  # the answer began to be made; NaN where the log does not say
    first_audio_s: float
    last_audio_s: float
    audio_s: float  # produced in all
    min_slack_s: float
    min_slack_at_s: float
    real_time_factor: float  # wall time over audio time, from the first audio to the last; NaN for a single piece
    whole: bool  # the log says that the answer ended of itself: neither cancelled nor cut off

    @property
    def lead_s(self) -> float:
        """Send lead that would have covered the whole answer."""
        return max(0.0, -self.min_slack_s)


def estimate_slack(events: pd.DataFrame) -> pd.DataFrame:
    """Follow the slack of every answer.

    Parameters
    ----------
    events : DataFrame
        EVENT_COLUMNS. Times are taken from `capture_s` where the log was placed, else from `received_at_s`.

    Returns
    -------
    DataFrame
        SLACK_COLUMNS, one row per event of audio, answer by answer in the order of time; without rows where the log
        holds no audio, as over WebRTC. The first row of an answer has a slack of zero.

    Notes
    -----
    `slack_s` counts what was there before an event came, so it is the slack at its lowest: the moment before more
    audio arrives. What was made is measured at whoever wrote the log; how it fared from there is not in it.
    """
    produced = events[(events["kind"] == EventKind.AUDIO_PRODUCED) & events["audio_s"].gt(0)]
    if len(produced) == 0:
        return empty_table(SLACK_COLUMNS)
    table = pd.DataFrame(
        {
            "response_id": produced["response_id"],
            "line": produced["line"],
            "capture_s": _times_s(produced),
        }
    )
    answers = produced.groupby("response_id", sort=False)["audio_s"]
    table["produced_s"] = answers.cumsum()
    table["elapsed_s"] = table["capture_s"] - table.groupby("response_id")["capture_s"].transform("first")
    table["slack_s"] = table["produced_s"] - produced["audio_s"] - table["elapsed_s"]
    order = table.groupby("response_id", sort=False).ngroup()
    table = table.iloc[np.lexsort((table["capture_s"], order))]
    return table.reset_index(drop=True)[list(SLACK_COLUMNS)].astype(dict(SLACK_COLUMNS))


def find_utterances(events: pd.DataFrame, slack: pd.DataFrame) -> tuple[Utterance, ...]:
    """Sum up the slack of each answer.

    Parameters
    ----------
    events : DataFrame
        EVENT_COLUMNS.
    slack : DataFrame
        From `estimate_slack` of the same events.

    Returns
    -------
    tuple of Utterance
        In the order of their first audio.
    """
    if len(slack) == 0:
        return ()
    answers = slack.groupby("response_id", sort=False)
    lowest = slack.loc[answers["slack_s"].idxmin()].set_index("response_id")
    first, last = answers.first(), answers.last()
    before_last_s = answers["produced_s"].nth(-2)
    before_last_s.index = slack.loc[before_last_s.index, "response_id"]
    begun = events[events["kind"] == EventKind.RESPONSE_STARTED]
    begun_s = _times_s(begun).groupby(begun["response_id"]).first()
    ended = _ended(events)
    found = [
        Utterance(
            response_id=str(name),
            started_s=float(begun_s.get(name, np.nan)),
            first_audio_s=float(first.at[name, "capture_s"]),
            last_audio_s=float(last.at[name, "capture_s"]),
            audio_s=float(last.at[name, "produced_s"]),
            min_slack_s=float(lowest.at[name, "slack_s"]),
            min_slack_at_s=float(lowest.at[name, "capture_s"]),
            real_time_factor=float(last.at[name, "elapsed_s"]) / float(before_last_s.get(name, np.nan)),
            whole=name in ended,
        )
        for name in first.index
    ]
    return tuple(sorted(found, key=lambda utterance: utterance.first_audio_s))


CUT_SHORT = {"cancelled", "failed", "incomplete", "interrupted"}
"""What a log calls an answer that did not end of itself."""


def _ended(events: pd.DataFrame) -> set[str]:
    """Answers that ended, and of which neither the making nor the playing was cut short."""
    done = events[events["kind"] == EventKind.RESPONSE_DONE]
    cleared = events[events["kind"].isin([EventKind.PLAYBACK_CLEARED, EventKind.TRUNCATED])]
    cut = done[done["text"].isin(CUT_SHORT)]
    items = set(cleared["item_id"]) - {""}  # OpenAI truncates an item, and does not say of which answer
    of_items = events[events["item_id"].isin(items)]
    return set(done["response_id"]) - set().union(*(rows["response_id"] for rows in (cut, cleared, of_items)))


def _times_s(events: pd.DataFrame) -> pd.Series:
    """When events came: on the axis, else on the log's own clock."""
    return events["capture_s"].where(events["capture_s"].notna(), events["received_at_s"])


def find_starved(slack: pd.DataFrame) -> pd.DataFrame:
    """Find where a sender that plays each answer as it comes ran out of audio.

    Parameters
    ----------
    slack : DataFrame
        SLACK_COLUMNS.

    Returns
    -------
    DataFrame
        One row per event before which there was nothing left to play: `response_id`, `line`, `start_s` (the audio
        before it had been played), `end_s` (the event came), `slack_s`, `played_s` (audio of the answer played by
        then).

    Notes
    -----
    After such a moment the answer plays on so much later: unlike `slack_s`, which is measured from the first audio on,
    a second row here is a second shortage.
    """
    rows = [row for _, answer in slack.groupby("response_id", sort=False) for row in _shortages(answer)]
    columns = ["response_id", "line", "start_s", "end_s", "slack_s", "played_s"]
    return pd.DataFrame(rows, columns=columns)


def _shortages(answer: pd.DataFrame) -> Iterator[tuple[str, int, float, float, float, float]]:
    ends_s, made_s = -np.inf, 0.0
    for name, line, at_s, produced_s, _, slack_s in answer.itertuples(index=False, name=None):
        if at_s > ends_s and np.isfinite(ends_s):
            yield name, line, ends_s, at_s, slack_s, made_s
        ends_s, made_s = max(ends_s, at_s) + produced_s - made_s, produced_s
