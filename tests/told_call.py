"""A diagnosis that has everything a report can show: answers in parts, a damaged prompt, slack, set-up."""

from dataclasses import replace

import pandas as pd
from synthetic_call import synthetic_diagnosis

from forensics.model import SETUP_COLUMNS, SLACK_COLUMNS, ClockMap, Evidence, Prompt, Turn

ANSWER = Turn(
    "agent", 18.0, 23.0, 1.5, {"endpointing_s": 0.3, "model_s": 1.0, "network_s": 0.2}, ("endpointing_s", "model_s"),
    barge_in_s=0.24, talk_over_s=0.24, text="The last boat leaves <now>.",
)  # fmt: skip
SETUP = pd.DataFrame(
    [("ice", 0.5, 0.9, 12, "A pair was chosen."), ("dtls", 0.9, 1.3, 30, "Keys were agreed.")],
    columns=list(SETUP_COLUMNS),
).astype(dict(SETUP_COLUMNS))
SLACK = pd.DataFrame(
    [("r1", 3, 2.0, 0.5, 0.0, 0.5), ("r1", 4, 3.4, 0.6, 1.4, -0.36), ("r2", 9, 8.0, 0.5, 0.0, 0.4)],
    columns=list(SLACK_COLUMNS),
).astype(dict(SLACK_COLUMNS))
PROMPT = Prompt(
    16.0, 17.0, 0.2, 0.0, ((16.5, 16.7, "lost"),), "the last boat", "the vast goat",
    (Evidence("uplink_packets", "network_drop", True, "10 of the 50 packets of these words were lost."),),
)  # fmt: skip


def told_diagnosis():
    """Return the synthetic call with all of it."""
    plain = synthetic_diagnosis(seconds=24.0)
    clocks = dict(plain.scene.clocks) | {"events": ClockMap("events", 0.0, 0.01, "wall-time")}
    scene = replace(plain.scene, turns=(*plain.scene.turns[:3], ANSWER), setup=SETUP, slack=SLACK, clocks=clocks)
    return replace(plain, scene=scene, prompts=(PROMPT, Prompt(0.4, 1.6)))
