"""The only wiring: from the files of a case to its diagnosis, stage by stage."""

from __future__ import annotations

import pandas as pd

from forensics.causes import judge_glitches
from forensics.conclusion import write_conclusion
from forensics.diagnosis.ahead import Ahead, Spans
from forensics.diagnosis.alignment import align_events, align_sender, place_counters, set_axis, trace
from forensics.diagnosis.directions import choose_directions
from forensics.diagnosis.evidence import Known, read_evidence
from forensics.diagnosis.progress import Told, stage_bar
from forensics.diagnosis.provenance import Log
from forensics.errors import AudioError
from forensics.glitches import find_glitches
from forensics.model import AudioTrack, Case, Diagnosis, RtpStream, Scene, Turn
from forensics.streams.call_setup import find_call_setup
from forensics.turns import find_prompts, find_turns
from forensics.turns.first_sound import find_first_sound
from forensics.turns.voices import find_sent_speech, hear_uplink, uplink_start_s

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
    read_evidence(case, known, log, ahead)
    align_sender(known, log)
    choose_directions(known, log, ahead)
    trace(known, log)
    set_axis(known)
    align_events(known, log)
    place_counters(known, log)
    heard, said = _hear_voices(known, log, ahead)
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
            said=said,
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


def _hear_voices(known: Known, log: Log, ahead: Ahead) -> tuple[Spans, Spans]:
    """Find the phrases of agent and user: in the recordings, and where nobody recorded them in their packets."""
    heard, said = (_recorded(track, log, ahead) for track in (known.recording, known.microphone))
    downlink, uplink, journey = known.downlink, known.uplink, known.journey
    placed = known.recording is None or "recording" in known.clocks
    try:
        if known.microphone is None and uplink is not None and uplink.readable and placed:
            known.microphone, said = log.run("turns", "decode uplink", lambda: _hear_uplink(known, uplink, ahead))
        if known.recording is None and downlink is not None and downlink.readable and journey is not None:
            heard = log.run("turns", "hear downlink", lambda: find_sent_speech(downlink, journey, sent=known.sent))
    except AudioError as fault:
        log.note("turns", "decode", f"{fault} There are no turns.")
    return heard, said


def _recorded(track: AudioTrack | None, log: Log, ahead: Ahead) -> Spans:
    """The phrases in a recording; none where there is no recording."""
    return () if track is None else log.run("turns", f"find speech in {track.name}", lambda: ahead.speech(track))


def _hear_uplink(known: Known, uplink: RtpStream, ahead: Ahead) -> tuple[AudioTrack, Spans]:
    """Take the user's voice from its packets, and the phrases in it."""
    (decoded, phrases), clock = ahead.voice(uplink), known.clocks.get("recording")
    start_s = uplink_start_s(uplink, decoded, clock=clock)
    said = tuple((max(0.0, start + start_s), end + start_s) for start, end in phrases if end + start_s > 0)
    return hear_uplink(uplink, clock=clock, decoded=decoded), said


def _follow_setup(known: Known, turns: tuple[Turn, ...]) -> pd.DataFrame | None:
    """Follow the call's set-up from its signalling to the first sound that was heard."""
    if known.capture is None or known.downlink is None or len(known.downlink.packets) == 0:
        return None
    first_sound_s, frame = find_first_sound(turns, known.journey, clock=known.clocks.get("recording"))
    return find_call_setup(known.capture, known.downlink, first_sound_s=first_sound_s, sound_frame=frame)
