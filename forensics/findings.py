"""The findings as a document: schema `forensics.findings/1`, strict JSON for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.model import ClockMap, Diagnosis, Evidence, InputFile, Prompt, Scene, Turn, Verdict

if TYPE_CHECKING:
    from forensics.telemetry.slack import Utterance

SCHEMA = "forensics.findings/1"
SCHEMA_PATH = Path(__file__).with_name("findings.schema.json")
"""The JSON Schema (draft 2020-12) that every document made here satisfies."""

DECIMALS = 6  # microseconds in seconds: finer than any clock that a capture is stamped by


def findings(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what `diagnosis` found as plain JSON values.

    Parameters
    ----------
    diagnosis : Diagnosis

    Returns
    -------
    dict
        With the keys of `SCHEMA_PATH`. Seconds are rounded to microseconds; what is not a finite number is None.

    Notes
    -----
    Samples, packets and views are left out: this is what was concluded and on which evidence. `notes` repeats what
    each step could not do, so that a reader knows what the findings rest on.
    """
    document = {
        "schema": SCHEMA,
        "case": diagnosis.scene.case.name,
        "duration_s": _duration_s(diagnosis.scene),
        "inputs": [_input(file) for file in diagnosis.scene.inputs],
        "clocks": [_clock(clock) for clock in diagnosis.scene.clocks.values()],
        "glitches": [_glitch(verdict, diagnosis.scene.origin_ns) for verdict in diagnosis.verdicts],
        "turns": [_turn(turn, _natural_pauses(diagnosis.scene.turns)) for turn in diagnosis.scene.turns],
        "latency": _latency(diagnosis.scene.turns),
        "prompts": [_prompt(prompt) for prompt in diagnosis.prompts],
        "answers": _answers(diagnosis),
        "statistics": _statistics(diagnosis.scene),
        "setup": [] if diagnosis.scene.setup is None else diagnosis.scene.setup.to_dict("records"),
        "summary": diagnosis.summary,
        "notes": [note for step in diagnosis.steps for note in step.notes],
    }
    return _plain(document)


def findings_json(diagnosis: Diagnosis) -> str:
    """Return `findings(diagnosis)` as indented JSON text without NaN or Infinity."""
    return json.dumps(findings(diagnosis), indent=1, ensure_ascii=False, allow_nan=False)


def _duration_s(scene: Scene) -> float:
    """Length of the axis that the findings stand on: the recording, else first to last RTP packet, or reading."""
    if scene.recording is not None:
        return scene.recording.duration_s
    arrivals = [stream.packets["arrival_s"] for stream in scene.streams if len(stream.packets)]
    arrivals = arrivals or [table["capture_s"] for table in scene.stats.values() if "capture_s" in table]
    arrivals = arrivals or ([scene.events["capture_s"]] if scene.events is not None else [])
    if not arrivals:
        return 0.0
    return max(float(at.max()) for at in arrivals) - min(float(at.min()) for at in arrivals)


def _answers(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """What the event log says of each answer of the model, and which glitches its slack explains."""
    events, slack = diagnosis.scene.events, diagnosis.scene.slack
    if events is None or slack is None or len(slack) == 0:
        return []
    from forensics.telemetry.slack import find_utterances  # pandas, which a document without events does without

    found = find_utterances(events, slack)
    ends_s = [*(utterance.first_audio_s for utterance in found[1:]), math.inf]
    return [
        _answer(utterance, late=_explained(diagnosis, utterance.first_audio_s, end_s))
        for utterance, end_s in zip(found, ends_s, strict=True)
    ]


def _explained(diagnosis: Diagnosis, start_s: float, end_s: float) -> list[str]:
    """Glitches that began between two times and that negative slack explains."""
    return [
        verdict.id
        for verdict in diagnosis.verdicts
        if start_s <= verdict.glitch.capture_start_s < end_s
        and any(claim.rule == "slack_of_model" and claim.supports for claim in verdict.evidence)
    ]


def _answer(utterance: Utterance, *, late: list[str]) -> dict[str, Any]:
    return {
        "response_id": utterance.response_id,
        "started_s": utterance.started_s,
        "first_audio_s": utterance.first_audio_s,
        "first_audio_latency_s": utterance.first_audio_s - utterance.started_s,
        "audio_s": utterance.audio_s,
        "real_time_factor": utterance.real_time_factor,
        "min_slack_s": utterance.min_slack_s,
        "min_slack_at_s": utterance.min_slack_at_s,
        "lead_s": utterance.lead_s,
        "whole": utterance.whole,
        "explains": late,
    }


def _input(file: InputFile) -> dict[str, Any]:
    return {
        "role": file.role,
        "file": file.path.name,
        "sha256": file.sha256,
        **file.counts,
        "skipped": file.skipped,
        "notes": file.notes,
    }


def _clock(clock: ClockMap) -> dict[str, Any]:
    return {
        "local": clock.local,
        "offset_s": clock.offset_s,
        "drift_ppm": clock.drift_ppm,
        "error_s": clock.error_s,
        "method": clock.method,
        "steps": [{"at_s": at_s, "change_s": change_s} for at_s, change_s in clock.steps],
    }


def _glitch(verdict: Verdict, origin_ns: int) -> dict[str, Any]:
    glitch = verdict.glitch
    return {
        "id": verdict.id,
        "start_s": glitch.start_s,
        "end_s": glitch.end_s,
        "capture_start_s": glitch.capture_start_s,
        "capture_end_s": glitch.capture_end_s,
        "utc": _utc(origin_ns, glitch.capture_start_s),
        "direction": glitch.direction,
        "ssrc": glitch.ssrc,
        "audible": glitch.audible,
        "cause": verdict.cause,
        "mechanism": verdict.mechanism,
        "confidence": verdict.confidence,
        "evidence": [_evidence(evidence) for evidence in verdict.evidence],
        "alternatives": [{"cause": cause, "confidence": confidence} for cause, confidence in verdict.alternatives],
        "remedy": verdict.remedy,
        "would_not_help": verdict.would_not_help,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "rule": evidence.rule,
        "cause": evidence.cause,
        "supports": evidence.supports,
        "statement": evidence.statement,
        "frames": evidence.frames,
    }


def _natural_pauses(turns: tuple[Turn, ...]) -> dict[str, float | None]:
    """Up to which length a pause is natural, by speaker."""
    from forensics.turns.pauses import estimate_natural_pause

    return {speaker: estimate_natural_pause(turns, speaker) for speaker in ("user", "agent")}


def _turn(turn: Turn, natural_s: Mapping[str, float | None]) -> dict[str, Any]:
    limit_s = natural_s[turn.speaker]
    return {
        "speaker": turn.speaker,
        "start_s": turn.start_s,
        "end_s": turn.end_s,
        "latency_s": turn.latency_s,
        "latency_error_s": turn.latency_error_s,
        "parts": turn.parts,
        "measured": turn.measured,
        "barge_in_s": turn.barge_in_s,
        "talk_over_s": turn.talk_over_s,
        "text": turn.text,
        "frame": turn.frame if turn.frame >= 0 else None,
        "said_over": turn.said_over,
        "told_heard_s": turn.told_heard_s,
        "heard_s": turn.heard_s,
        "pauses": [
            {"start_s": start, "end_s": end, "natural": None if limit_s is None else end - start <= limit_s}
            for start, end in turn.pauses
        ],
    }


def _latency(turns: tuple[Turn, ...]) -> dict[str, Any] | None:
    """How the response latencies are distributed, and why answers missed the goal; None without answers."""
    from forensics.turns.goal import GOAL_S, describe_latencies

    told = describe_latencies(turns)
    return {"goal_s": GOAL_S, **told} if told else None


def _statistics(scene: Scene) -> dict[str, Any] | None:
    """What the browser counted of the downlink, in sums; None without its statistics."""
    inbound, downlink = scene.stats.get("inbound-rtp"), scene.downlink
    if inbound is None or downlink is None:
        return None
    from forensics.playout.arrivals import playout_rate_hz
    from forensics.playout.counted import measure_buffer, measure_concealment

    rate_hz = playout_rate_hz(downlink.codec)
    concealed = measure_concealment(inbound, ssrc=downlink.ssrc, rate_hz=rate_hz, replay=scene.replay)
    buffer = measure_buffer(inbound, ssrc=downlink.ssrc, replay=scene.replay)
    amounts = ("concealed_s", "silent_s", "lost_s", "late_s", "unsent_s", "unknown_s")
    depths = ("delay_s", "target_s", "replayed_delay_s", "replayed_target_s")
    playout = scene.stats.get("media-playout")
    return {
        "concealment": {name: concealed[name].sum() for name in amounts},
        "buffer": {f"mean_{name}": buffer[name].mean() for name in depths},
        "device_underruns_s": None if playout is None else playout["synthesized_samples_duration"].max(),
    }


def _prompt(prompt: Prompt) -> dict[str, Any]:
    return {
        "start_s": prompt.start_s,
        "end_s": prompt.end_s,
        "lost_s": prompt.lost_s,
        "late_s": prompt.late_s,
        "spans": [{"start_s": start_s, "end_s": end_s, "what": what} for start_s, end_s, what in prompt.spans],
        "said": prompt.said,
        "understood": prompt.understood,
        "evidence": [_evidence(evidence) for evidence in prompt.evidence],
    }


def _utc(origin_ns: int, capture_s: float) -> str | None:
    """Return the wall clock at `capture_s` to the millisecond; None where no capture says what time it was."""
    if not origin_ns or not math.isfinite(capture_s):
        return None
    moment = datetime.fromtimestamp(round(origin_ns / 1e6 + capture_s * 1e3) / 1e3, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    """Return `value` in JSON's own types: numpy scalars unwrapped, floats rounded, None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else None
    return value
