"""Turns: who spoke when, and how long the answer took to be heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from forensics.audio.activity import find_speech
from forensics.model import AudioTrack, ClockMap, EventKind, Turn
from forensics.turns.barge_in import find_barge_in
from forensics.turns.latency import split_latency
from forensics.turns.pauses import find_pauses
from forensics.turns.responses import Response, find_responses, join_text, match_responses
from forensics.turns.witnesses import Witnesses

TURN_PAUSE_S = 1.5
"""Phrases of one speaker closer than this, with nobody else in between, are one turn."""

EDGE_S = 0.05
"""How far the end of one speaker and the start of the other may overlap and still be one after the other: twice what
edges of speech are good to."""

ANSWER_WITHIN_S = 10.0
"""An agent that starts later than this after the user ended does not answer that turn."""

LATENCY_ERROR_S = {"recorded": 0.07, "decoded": 0.1}
"""How far 95 % of 54 labelled latencies were off at most, where both voices were recorded and where one came out of its
packets: a codec of 13 kbit/s softens last consonants by 2 to 5 dB, and the replay tells when the answer was heard."""

Spans = Sequence[tuple[float, float]]


def find_turns(
    recording: AudioTrack | None,
    microphone: AudioTrack | None,
    *,
    journey: pd.DataFrame | None = None,
    clocks: Mapping[str, ClockMap] | None = None,
    events: pd.DataFrame | None = None,
    stats: Mapping[str, pd.DataFrame] | None = None,
    heard: Spans | None = None,
    said: Spans | None = None,
) -> tuple[Turn, ...]:
    """Find the turns of user and agent, in recording time; without a recording, on the axis.

    Parameters
    ----------
    recording : AudioTrack, optional
        What the listener heard: the agent.
    microphone : AudioTrack, optional
        What the user said, on the clock of the recording.
    journey : DataFrame, optional
        JOURNEY_COLUMNS; tells when the first packet of an answer was sent and came.
    clocks : mapping of str to ClockMap, optional
        Those of the scene: "recording" ties the recording to the packets, "events" and "sender_capture" say how exact
        their times are.
    events : DataFrame, optional
        EVENT_COLUMNS, placed: endpointing, model and synthesis, transcripts, what was cut off.
    stats : mapping of str to DataFrame, optional
        The browser's statistics, placed; their round trip stands in for a capture at the sender.
    heard, said : sequence of (start_s, end_s), optional
        The phrases of agent and user, where they are known: what `find_speech` finds in the recordings, or
        `find_sent_speech` where nothing was recorded; then they are on the axis.

    Returns
    -------
    tuple of Turn
        In the order of time. `latency_s` of an agent's turn runs from the end of the user's speech to the first sample
        of the agent that was heard, good to `latency_error_s`; `parts` says what passed where, see
        `forensics.turns.latency`.

    Notes
    -----
    Without the user's side there are agent turns without latency. Who speaks over whom is told by time alone.
    """
    clocks = clocks or {}
    on_axis = recording is None or "recording" in clocks
    witnesses = Witnesses(journey if on_axis else None, clocks, events, stats or {})
    heard = _phrases(recording) if heard is None else heard
    said = _phrases(microphone) if said is None else said
    agent, user = _turns(heard, said), _turns(said, heard)
    spoken = [(witnesses.to_axis_s(start), witnesses.to_axis_s(end)) for start, end in agent]
    answers = match_responses(find_responses(witnesses), spoken)
    recorded = all(track is not None and track.path is not None for track in (recording, microphone))
    error_s = LATENCY_ERROR_S["recorded" if recorded else "decoded"]
    turns = [
        _agent_turn(turn, agent, user, phrases=(heard, said), witnesses=witnesses, responses=responses, error_s=error_s)
        for turn, responses in zip(agent, answers, strict=True)
    ]
    texts = _user_texts(user, witnesses)
    turns += [
        Turn("user", start, end, text=text, pauses=find_pauses((start, end), said))
        for (start, end), text in zip(user, texts, strict=True)
    ]
    return tuple(sorted(turns, key=lambda turn: turn.start_s))


def _phrases(track: AudioTrack | None) -> Spans:
    """Stretches of speech; none where nothing was recorded."""
    return () if track is None else find_speech(track)


def _turns(phrases: Spans, others: Spans) -> list[tuple[float, float]]:
    """Join the phrases of one speaker into turns; a phrase of the others that ended in between parts them."""
    turns: list[tuple[float, float]] = []
    for start, end in phrases:
        parted = turns and any(turns[-1][1] < stop <= start + EDGE_S for _, stop in others)
        if turns and start - turns[-1][1] < TURN_PAUSE_S and not parted:
            turns[-1] = (turns[-1][0], end)
        else:
            turns.append((start, end))
    return turns


def _agent_turn(
    turn: tuple[float, float],
    agent: Spans,
    user: Spans,
    *,
    phrases: tuple[Spans, Spans],
    witnesses: Witnesses,
    responses: tuple[Response, ...],
    error_s: float,
) -> Turn:
    """One turn of the agent, with whatever can be told of it."""
    start, end = turn
    asked = _question(start, agent, user)
    parts, measured = (
        ({}, ()) if asked is None else split_latency(asked, start, witnesses=witnesses, responses=responses)
    )
    packet = witnesses.first_packet(start)
    over = find_barge_in(turn, phrases[1], witnesses=witnesses, responses=responses)
    return Turn(
        "agent",
        start,
        end,
        None if asked is None else start - asked,
        parts,
        measured,
        barge_in_s=None if over is None else over.to_silence_s,
        talk_over_s=0.0 if over is None else over.talk_over_s,
        text=" ".join(response.text for response in responses if response.text),
        said_over="" if over is None else over.said_over,
        told_heard_s=None if over is None else over.told_heard_s,
        heard_s=None if over is None else over.heard_s,
        pauses=find_pauses(turn, phrases[0]),
        frame=-1 if packet is None else int(packet["frame"]),
        latency_error_s=None if asked is None else error_s,
    )


def _question(start_s: float, agent: Spans, user: Spans) -> float | None:
    """When the user's turn ended that a turn of the agent answers; None where it answers none."""
    asked = [stop for _, stop in user if stop <= start_s + EDGE_S]
    previous = [stop for begin, stop in agent if begin < start_s]
    if not asked or start_s - asked[-1] > ANSWER_WITHIN_S or (previous and previous[-1] >= asked[-1]):
        return None
    return asked[-1]


def _user_texts(user: Spans, witnesses: Witnesses) -> list[str]:
    """What the model understood of each turn of the user: a transcript belongs to the last turn begun before it."""
    heard = witnesses.of_kind(EventKind.USER_TRANSCRIPT)
    texts: list[list[str]] = [[] for _ in user]
    for at_s, text in zip(heard["capture_s"], heard["text"], strict=True):
        begun = [number for number, (start, _) in enumerate(user) if witnesses.to_axis_s(start) < at_s]
        if begun:
            texts[begun[-1]].append(str(text))
    return [join_text(pieces) for pieces in texts]
