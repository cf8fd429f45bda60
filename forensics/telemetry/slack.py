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
    by_answer = {str(name): rows for name, rows in events.groupby("response_id", sort=False)}
    found = [
        _utterance(str(name), rows, by_answer[str(name)]) for name, rows in slack.groupby("response_id", sort=False)
    ]
    return tuple(sorted(found, key=lambda utterance: utterance.first_audio_s))


def _utterance(name: str, slack: pd.DataFrame, events: pd.DataFrame) -> Utterance:
    lowest = int(np.argmin(slack["slack_s"]))
    begun = events.loc[events["kind"] == EventKind.RESPONSE_STARTED]
    before_last_s = float(slack["produced_s"].iat[-2]) if len(slack) > 1 else np.nan
    return Utterance(
        response_id=name,
        started_s=float(_times_s(begun).iat[0]) if len(begun) else np.nan,
        first_audio_s=float(slack["capture_s"].iat[0]),
        last_audio_s=float(slack["capture_s"].iat[-1]),
        audio_s=float(slack["produced_s"].iat[-1]),
        min_slack_s=float(slack["slack_s"].iat[lowest]),
        min_slack_at_s=float(slack["capture_s"].iat[lowest]),
        real_time_factor=float(slack["elapsed_s"].iat[-1]) / before_last_s,
        whole=_ended(events),
    )


CUT_SHORT = {"cancelled", "failed", "incomplete", "interrupted"}
"""What a log calls an answer that did not end of itself."""


def _ended(events: pd.DataFrame) -> bool:
    """Whether an answer ended, and neither its making nor its playing was cut short."""
    done = events[events["kind"] == EventKind.RESPONSE_DONE]
    cleared = events["kind"].isin([EventKind.PLAYBACK_CLEARED, EventKind.TRUNCATED]).any()
    return len(done) > 0 and not cleared and not done["text"].isin(CUT_SHORT).any()


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
