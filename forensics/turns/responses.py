"""The model's answers in its log, and which turn of the agent each of them was heard as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.model import EventKind
from forensics.turns.witnesses import Witnesses

BEGINNINGS = (EventKind.AUDIO_PRODUCED, EventKind.PLAYBACK_STARTED, EventKind.RESPONSE_STARTED)
"""What an answer begins with, the best first: over WebRTC no audio passes through the log."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer as its log has it; times on the axis."""

    response_id: str
    began_s: float  # of the best of `BEGINNINGS` that the log has
    has_audio: bool  # it is the first audio that `began_s` tells
    audio_s: float  # produced in all; NaN where the log does not say
    text: str


def find_responses(witnesses: Witnesses) -> tuple[Response, ...]:
    """Return the answers of a log, in the order in which they began.

    Notes
    -----
    A log that does not say which answer an event belongs to is parted where an answer starts or is done.
    """
    spoken = witnesses.of_kind(*BEGINNINGS, EventKind.RESPONSE_DONE, EventKind.AGENT_TRANSCRIPT)
    if len(spoken) == 0:
        return ()
    named = spoken["response_id"].where(spoken["response_id"] != "", _numbered(spoken))
    found = (_response(str(name), rows) for name, rows in spoken.groupby(named, sort=False))
    return tuple(sorted((one for one in found if one is not None), key=lambda response: response.began_s))


def _numbered(events: pd.DataFrame) -> pd.Series:
    """Name answers by their number where the log does not."""
    starts = events["kind"].eq(EventKind.RESPONSE_STARTED)
    ended = events["kind"].shift(fill_value="").eq(EventKind.RESPONSE_DONE) & ~starts
    ended &= events["kind"].ne(EventKind.AGENT_TRANSCRIPT)
    return "#" + (starts | ended).cumsum().astype(str)


def _response(name: str, events: pd.DataFrame) -> Response | None:
    began = next((rows for kind in BEGINNINGS if len(rows := events[events["kind"] == kind])), None)
    if began is None:
        return None
    audio_s = float(events.loc[events["kind"] == EventKind.AUDIO_PRODUCED, "audio_s"].sum())
    return Response(
        name,
        float(began["capture_s"].iat[0]),
        bool(began["kind"].iat[0] == EventKind.AUDIO_PRODUCED),
        audio_s if audio_s > 0 else float("nan"),
        join_text(events.loc[events["kind"] == EventKind.AGENT_TRANSCRIPT, "text"]),
    )


def join_text(pieces: Sequence[str]) -> str:
    """Join the pieces of a transcript: pieces that bring their own spaces as they are, others with one between."""
    pieces = [str(piece) for piece in pieces if str(piece).strip()]
    spaced = any(piece[0].isspace() for piece in pieces[1:]) or any(piece[-1].isspace() for piece in pieces[:-1])
    return ("" if spaced else " ").join(pieces).strip()


def match_responses(
    responses: Sequence[Response], turns: Sequence[tuple[float, float]]
) -> tuple[tuple[Response, ...], ...]:
    """Return the answers that each turn of the agent consists of.

    Parameters
    ----------
    responses : sequence of Response
    turns : sequence of (start_s, end_s)
        On the axis, in the order of time. An answer belongs to the first turn that had not ended when it began.
    """
    ends_s = np.array([end_s for _, end_s in turns])
    owner = [int(np.searchsorted(ends_s, response.began_s, side="right")) for response in responses]
    return tuple(
        tuple(response for response, turn in zip(responses, owner, strict=True) if turn == number)
        for number in range(len(turns))
    )
