"""What was not understood, counted by reason, and what a person should know about the file."""

from __future__ import annotations

from collections import Counter

import numpy as np


class Tally:
    """Collects skipped frames and notes while a capture is read.

    Attributes
    ----------
    skipped : Counter of str
        Frames or datagrams by the reason for which they were left out.
    notes : list of str
        Sentences without a full stop.
    """

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self.notes: list[str] = []

    def skip(self, reason: str, count: int = 1) -> None:
        """Count `count` frames that were left out for `reason`; none is not worth an entry."""
        if count:
            self.skipped[reason] += int(count)

    def skip_rows(self, reason: str, rows: np.ndarray) -> None:
        """Count the true rows of a mask."""
        self.skip(reason, int(np.count_nonzero(rows)))

    def note(self, sentence: str) -> None:
        """Keep a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def cut(self, offset: int, octets: int, *, frames: int) -> None:
        """Tell that the file ends inside a record that starts at `offset`, of which `octets` octets are there."""
        self.skip("record cut off at the end of the file")
        self.note(
            f"the file is cut off: its last record starts at octet {offset} and only {octets} octets of it are there; "
            f"the {frames} frames before it were read"
        )
