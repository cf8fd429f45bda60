"""A diagnosis that has everything a report can show: answers in parts, a damaged prompt, slack, set-up."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
from synthetic_call import synthetic_diagnosis

from forensics.model import (
    EVENT_COLUMNS,
    SETUP_COLUMNS,
    SLACK_COLUMNS,
    Case,
    Cause,
    ClockMap,
    Evidence,
    InputFile,
    Prompt,
    Step,
    Turn,
)
from forensics.views.notes import make_note, write_notes

HOSTILE = '</script><img src=x onerror="alert(1)">{{ 7*7 }}'

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


def hostile_diagnosis(folder):
    """Return the same with every text hostile that a file, a stream, a log or a person can bring; notes in `folder`."""
    told = told_diagnosis()
    verdicts = tuple(
        replace(v, remedy=HOSTILE, would_not_help=HOSTILE, mechanism=HOSTILE,
                evidence=tuple(replace(e, statement=HOSTILE, rule=HOSTILE) for e in v.evidence))
        for v in told.verdicts
    )  # fmt: skip
    file = Path(HOSTILE.replace("/", ""))
    inputs = (InputFile("capture", file, "00", {HOSTILE: 1}, {HOSTILE: 2}, (HOSTILE,)),)
    claim = Evidence(HOSTILE, Cause.NETWORK_DROP, True, HOSTILE)
    prompts = (Prompt(0.4, 1.6, 0.1, 0.0, ((0.5, 0.6, HOSTILE),), HOSTILE, HOSTILE, (claim,)),)
    steps = (Step(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, (HOSTILE,)),)
    scene = replace(_hostile_scene(told.scene), case=Case(HOSTILE, folder=folder, capture=file), inputs=inputs)
    write_notes(scene.case, (make_note(verdicts[0], decision="overrule", text=HOSTILE, author=HOSTILE),))
    return replace(
        told, scene=scene, verdicts=verdicts, conclusion=HOSTILE, version=HOSTILE, prompts=prompts, steps=steps
    )


def _hostile_scene(scene):
    codec = replace(scene.downlink.codec, name=HOSTILE, known=HOSTILE)
    stream = replace(scene.downlink, cname=HOSTILE, source=HOSTILE, mid=HOSTILE, notes=(HOSTILE,), codec=codec)
    event = dict.fromkeys(EVENT_COLUMNS, 0) | {"kind": "other", "capture_s": 6.0}
    event |= dict.fromkeys(("response_id", "item_id", "text", "name"), HOSTILE)
    return replace(
        scene,
        streams=(stream,),
        downlink=stream,
        clocks={name: replace(clock, method=HOSTILE, notes=(HOSTILE,)) for name, clock in scene.clocks.items()},
        events=pd.DataFrame([event]).astype(dict(EVENT_COLUMNS)),
        turns=tuple(replace(turn, text=HOSTILE, said_over=HOSTILE) for turn in scene.turns),
        slack=scene.slack.assign(response_id=HOSTILE),
        setup=scene.setup.assign(phase=HOSTILE, statement=HOSTILE),
    )
