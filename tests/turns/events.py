"""Event logs made to order, and what they are witnesses with."""

import pandas as pd

from forensics.model import EVENT_COLUMNS, ClockMap, EventKind
from forensics.turns.witnesses import Witnesses

BLANK = {"response_id": "", "item_id": "", "audio_s": float("nan"), "media_s": float("nan"),
         "duration_s": float("nan"), "text": "", "name": ""}  # fmt: skip


def log(*rows):
    """Events out of (capture_s, kind, changes)."""
    table = [
        {**BLANK, "line": line, "received_at_s": at_s, "capture_s": at_s, "kind": str(EventKind(kind)), **changes}
        for line, (at_s, kind, changes) in enumerate(rows, start=1)
    ]
    return pd.DataFrame(table, columns=list(EVENT_COLUMNS)).astype(dict(EVENT_COLUMNS))


def witnesses(*rows, error_s=0.02, clocks=None, **known):
    own = {"events": ClockMap("events", 0.0, error_s, "wall-clock"), **(clocks or {})}
    return Witnesses(events=log(*rows) if rows else None, clocks=own, **known)


def answer(name, began_s, *, made_s=3.0, pieces=15, text="", done=True):
    """The events of one answer: its start, its audio in pieces, its end."""
    of = {"response_id": name}
    rows = [(began_s - 0.4, "response_started", of)]
    rows += [(began_s + 0.1 * n, "audio_produced", {**of, "audio_s": made_s / pieces}) for n in range(pieces)]
    rows += [(began_s + 0.1 * pieces, "agent_transcript", {**of, "text": text})] if text else []
    return rows + ([(began_s + 0.1 * pieces, "response_done", of)] if done else [])
