"""The only wiring: from the files of a case to its diagnosis, stage by stage."""

from __future__ import annotations

import pandas as pd

from forensics.causes import judge_glitches
from forensics.conclusion import write_conclusion
from forensics.diagnosis.ahead import Ahead
from forensics.diagnosis.alignment import align_events, align_sender, place_counters, set_axis, trace
from forensics.diagnosis.directions import choose_directions
from forensics.diagnosis.evidence import Known, read_evidence
from forensics.diagnosis.progress import Told, stage_bar
from forensics.diagnosis.provenance import Log
from forensics.errors import AudioError
from forensics.glitches import find_glitches
from forensics.model import Case, Diagnosis, Scene, Turn
from forensics.streams.call_setup import find_call_setup
from forensics.turns import find_prompts, find_turns
from forensics.turns.first_sound import find_first_sound
from forensics.turns.voices import find_sent_speech, hear_uplink

STAGES = (
    "capture", "streams", "audio", "telemetry", "clocks", "playout", "turns", "glitches", "causes",
)  # fmt: skip
"""In the order in which they are first done, for the progress bar."""


def diagnose(case: Case, *, progress: bool | Told = False) -> Diagnosis:
    """Find what went wrong in a call, and why.

    Parameters
    ----------
    case : Case
        From `open_case`. Any subset of evidence will do: a capture, a recording, statistics or an event log.
    progress : bool or callable
        Show a progress bar, as a widget in a notebook, else on stderr; or what to call with stage and action before
        each step.

    Returns
    -------
    Diagnosis
        With every verdict, the scene they rest on, and each step with its parameters and what it could not do.

    Raises
    ------
    ForensicsError
        A file of the case cannot be read at all. Evidence that can be read but not used (keys that do not fit, a
        recording of another call) does not raise: the diagnosis goes on without it and says so.
    """
    with stage_bar(STAGES, wanted=progress) as told, Ahead() as ahead:
        return _diagnose(case, Log(told=told), ahead)


def _diagnose(case: Case, log: Log, ahead: Ahead) -> Diagnosis:
    """Go through the stages."""
    known = Known()
    read_evidence(case, known, log)
    align_sender(known, log)
    choose_directions(known, log, ahead)
    trace(known, log)
    set_axis(known)
    align_events(known, log)
    place_counters(known, log)
    heard = _hear_voices(known, log, ahead)
    turns = log.run(
        "turns",
        "find",
        lambda: find_turns(
            known.recording,
            known.microphone,
            journey=known.journey,
            clocks=known.clocks,
            events=known.events,
            stats=known.stats,
            heard=heard,
        ),
    )
    prompts = log.run(
        "turns",
        "follow prompts",
        lambda: find_prompts(
            turns, known.uplink, sender_streams=known.sender_streams, clocks=known.clocks, stats=known.stats
        ),
    )
    known.setup = log.run("streams", "follow set-up", lambda: _follow_setup(known, turns))
    scene = Scene(case=case, inputs=tuple(log.inputs), turns=turns, **vars(known))
    glitches = log.run("glitches", "find", lambda: find_glitches(scene))
    verdicts = log.run("causes", "judge", lambda: judge_glitches(glitches, scene))
    from forensics import __version__

    return Diagnosis(
        scene, verdicts, write_conclusion(verdicts, caveats=log.caveats), tuple(log.steps), __version__, prompts
    )


def _hear_voices(known: Known, log: Log, ahead: Ahead) -> tuple[tuple[float, float], ...]:
    """Take the voices from their packets: the user's where no microphone was recorded, the agent's where nobody was."""
    downlink, uplink, journey = known.downlink, known.uplink, known.journey
    placed = known.recording is None or "recording" in known.clocks
    try:
        if known.microphone is None and uplink is not None and uplink.readable and placed:
            clock = known.clocks.get("recording")
            known.microphone = log.run(
                "turns", "decode uplink", lambda: hear_uplink(uplink, clock=clock, decoded=ahead.take(uplink))
            )
        if known.recording is None and downlink is not None and downlink.readable and journey is not None:
            return log.run("turns", "hear downlink", lambda: find_sent_speech(downlink, journey, sent=known.sent))
    except AudioError as fault:
        log.note("turns", "decode", f"{fault} There are no turns.")
    return ()


def _follow_setup(known: Known, turns: tuple[Turn, ...]) -> pd.DataFrame | None:
    """Follow the call's set-up from its signalling to the first sound that was heard."""
    if known.capture is None or known.downlink is None or len(known.downlink.packets) == 0:
        return None
    first_sound_s, frame = find_first_sound(turns, known.journey, clock=known.clocks.get("recording"))
    return find_call_setup(known.capture, known.downlink, first_sound_s=first_sound_s, sound_frame=frame)
