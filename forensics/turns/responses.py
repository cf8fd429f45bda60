"""The model's answers in its log, and which turn of the agent each of them was heard as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

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
    told = witnesses.of_kind(*BEGINNINGS, EventKind.RESPONSE_DONE, EventKind.AGENT_TRANSCRIPT)
    answers: dict[str, _Answer] = {}
    number, done = 0, False
    columns = ("kind", "response_id", "capture_s", "audio_s", "text")
    for kind, name, at_s, audio_s, text in zip(*(told[column].tolist() for column in columns), strict=True):
        starts = kind == EventKind.RESPONSE_STARTED or (done and kind != EventKind.AGENT_TRANSCRIPT)
        number, done = number + starts, kind == EventKind.RESPONSE_DONE
        answers.setdefault(name or f"#{number}", _Answer()).add(kind, at_s, audio_s, text)
    found = (answer.whole(name) for name, answer in answers.items())
    return tuple(sorted((one for one in found if one is not None), key=lambda response: response.began_s))


@dataclass(slots=True)
class _Answer:
    """An answer while its events are gone through."""

    first_s: dict[str, float] = field(default_factory=dict)  # by kind
    audio_s: float = 0.0
    texts: list[str] = field(default_factory=list)

    def add(self, kind: str, at_s: float, audio_s: float, text: str) -> None:
        """Take an event in."""
        self.first_s.setdefault(kind, at_s)
        if kind == EventKind.AUDIO_PRODUCED and audio_s > 0:
            self.audio_s += audio_s
        if kind == EventKind.AGENT_TRANSCRIPT:
            self.texts.append(text)

    def whole(self, name: str) -> Response | None:
        """Return the answer; None where nothing says when it began."""
        began = next((kind for kind in BEGINNINGS if kind in self.first_s), None)
        if began is None:
            return None
        audio_s = self.audio_s if self.audio_s > 0 else float("nan")
        has_audio = began is EventKind.AUDIO_PRODUCED
        return Response(name, self.first_s[began], has_audio, audio_s, join_text(self.texts))


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
