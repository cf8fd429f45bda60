"""What was selected on the timeline, as tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forensics.views.view import View


@dataclass(frozen=True, eq=False)
class Selection:
    """A stretch of the call and what is in it.

    Attributes
    ----------
    start_s, end_s : float
        On the axis: recording time, or capture time without a recording.
    view : View
    """

    start_s: float
    end_s: float
    view: View

    @property
    def capture_s(self) -> tuple[float, float]:
        """The stretch on the clock of the capture."""
        start_s, end_s = (float(self.view.axis.to_capture(t)) for t in (self.start_s, self.end_s))
        return start_s, end_s

    @property
    def packets(self) -> pd.DataFrame:
        """RTP packets that arrived in the stretch: the columns of RTP_COLUMNS, with `stream` and `at_s` (axis)."""
        tables = []
        for name, stream in self.view.streams.items():
            chosen = stream.packets[stream.packets["arrival_s"].between(*self.capture_s)]
            tables.append(chosen.assign(stream=name, at_s=self.view.axis.from_capture(chosen["arrival_s"])))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @property
    def samples(self) -> pd.DataFrame:
        """Samples in the stretch at the recording's rate: `at_s`, and one column per sound that has this rate."""
        sounds = self.view.sounds
        if not sounds:
            return pd.DataFrame({"at_s": []})
        rate = next(iter(sounds.values())).sample_rate_hz
        seconds = self.end_s - self.start_s
        alike = [name for name, sound in sounds.items() if sound.sample_rate_hz == rate]
        columns = {name: self.view.clip(name, start_s=self.start_s, seconds=seconds) for name in alike}
        return pd.DataFrame({"at_s": self.start_s + np.arange(round(seconds * rate)) / rate} | columns)

    @property
    def stats(self) -> dict[str, pd.DataFrame]:
        """The browser's statistics in the stretch, a table per type."""
        tables = self.view.diagnosis.scene.stats
        return {name: t[t["capture_s"].between(*self.capture_s)] for name, t in tables.items() if "capture_s" in t}
