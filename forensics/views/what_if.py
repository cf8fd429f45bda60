"""The what-if panel: the jitter buffer replayed under other conditions, beside the replay of the call as it was."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np

from forensics.model import Playout, RtpStream
from forensics.playout.interventions import without_delay_variation, without_network_loss, without_sender_stalls
from forensics.playout.replay import replay_neteq
from forensics.views.axis import Axis
from forensics.views.widget import Timeline
from forensics.views.wording import milliseconds

LIVELY_PACKETS = 20_000
"""Up to this many packets (seven minutes at 20 ms) a replay takes about 0.2 s, and the picture follows the slider."""

LARGEST_TARGET_MS = 1000


def replay_what_if(
    stream: RtpStream, *, target_s: float = 0.0, repaired: bool = False, prompt: bool = False, steady: bool = False
) -> Playout:
    """Replay `stream` under other conditions.

    Parameters
    ----------
    stream : RtpStream
    target_s : float
        The receiver's `jitterBufferTarget`, 0..4 s.
    repaired : bool
        Lost packets come after all, as with error correction or retransmission that never fails.
    prompt : bool
        The sender never falls behind.
    steady : bool
        The network takes as long for every packet as for the quickest.

    Returns
    -------
    Playout
        On the clock of the capture.
    """
    for wanted, without in (
        (repaired, without_network_loss), (prompt, without_sender_stalls), (steady, without_delay_variation),
    ):  # fmt: skip
        if wanted:
            stream = without(stream)
    return replay_neteq(stream, minimum_delay_s=target_s)


def prediction_rows(replays: dict[str, Playout], axis: Axis) -> list[dict[str, Any]]:
    """Return what the timeline draws: per replay its name and its holes as (start_s, end_s) on the axis."""
    holes = {name: replay.concealed[["start_s", "end_s"]].to_numpy() for name, replay in replays.items()}
    return [{"name": name, "holes": np.asarray(axis.from_capture(h)).tolist()} for name, h in holes.items()]


def compare_replays(before: Playout, after: Playout) -> str:
    """Return one sentence: how much is concealed in either replay."""
    had, has = (_concealed_s(replay) for replay in (before, after))
    change = "as much as" if abs(has - had) < 1e-3 else ("less than" if has < had else "more than")
    return (
        f"With these settings {milliseconds(has)} would be concealed in {len(after.concealed)} holes, {change} the "
        f"{milliseconds(had)} in {len(before.concealed)} holes of the call as it was, replayed."
    )


def _concealed_s(replay: Playout) -> float:
    return float((replay.concealed["end_s"] - replay.concealed["start_s"]).sum())


class WhatIf(ipywidgets.VBox):
    """Controls of the replay; each change redraws the predicted holes on `timeline`."""

    def __init__(self, stream: RtpStream, timeline: Timeline, *, before: Playout | None = None) -> None:
        self._stream = stream
        self._timeline = timeline
        self._before = before
        lively = len(stream.packets) <= LIVELY_PACKETS
        wide = {"description_width": "initial"}
        self.target_ms = ipywidgets.IntSlider(
            0, 0, LARGEST_TARGET_MS, 10, description="Buffer target, ms", continuous_update=lively, style=wide,
            layout={"width": "420px"},
        )  # fmt: skip
        self.repaired = ipywidgets.Checkbox(False, description="losses repaired", indent=False)
        self.prompt = ipywidgets.Checkbox(False, description="sender never late", indent=False)
        self.steady = ipywidgets.Checkbox(False, description="network without jitter", indent=False)
        self._said = ipywidgets.HTML()
        switches = ipywidgets.HBox([self.repaired, self.prompt, self.steady], layout={"flex_flow": "row wrap"})
        for control in (self.target_ms, self.repaired, self.prompt, self.steady):
            control.observe(self._predict, "value")
        super().__init__([self.target_ms, switches, self._said])

    def _predict(self, _: Any = None) -> None:
        before = self._before = self._before or replay_what_if(self._stream)
        after = replay_what_if(
            self._stream,
            target_s=self.target_ms.value / 1e3,
            repaired=self.repaired.value,
            prompt=self.prompt.value,
            steady=self.steady.value,
        )
        axis = self._timeline.view.axis
        self._timeline.predicted = prediction_rows({"as it was": before, "what if": after}, axis)
        self._said.value = f'<p class="forensics">{compare_replays(before, after)}</p>'
