"""The report's content as plain values, apart from HTML: facts, causes, verdicts, turns, provenance."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from forensics.findings import findings
from forensics.model import BLAMING_CAUSES, Cause, Diagnosis, Verdict
from forensics.report.clips import Format, faded, sound_clip
from forensics.report.content import Audio, glitch_window
from forensics.report.embed import data_url
from forensics.report.parameters import parameters
from forensics.views.findings import call_facts, frames_of, plain, sides
from forensics.views.notes import Note, notes_on, read_notes
from forensics.views.palette import LOOKS
from forensics.views.view import View

VERSIONED = ("numpy", "scipy", "pandas", "librosa", "av", "webrtcvad-wheels", "pylibsrtp", "cryptography")
"""Packages whose version can change a finding."""

PICTURE_LANES = ("downlink", "heard-wave", "heard-spectrogram")
PICTURE_LANES_UNHEARD = ("downlink", "sent-wave", "sent-spectrogram")


def facts(diagnosis: Diagnosis, view: View) -> list[tuple[str, str]]:
    """Return what there is to know of the call itself, as (name, text)."""
    found = call_facts(diagnosis.scene)
    out = [("Call", diagnosis.scene.case.name)]
    if diagnosis.scene.origin_ns:
        began = datetime.fromtimestamp(diagnosis.scene.origin_ns / 1e9, tz=UTC)
        out.append(("Capture began", f"{began:%Y-%m-%d %H:%M:%S} UTC"))
    out.append(("Length", f"{view.axis.end_s - view.axis.start_s:.1f} s of {view.axis.name} time"))
    for name, title in (("downlink", "Downlink, to the listener"), ("uplink", "Uplink, from the listener")):
        if found[name]:
            out.append((title, _stream_sentence(found[name])))
    counted = findings(diagnosis)["statistics"]
    if counted:
        out.append(("Browser’s own count", _count_sentence(counted)))
    return out


def cause_rows(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Return one row per cause: how many glitches, how much time, where in the call; blaming causes always stand."""
    always = (*BLAMING_CAUSES, Cause.UNDETERMINED)
    rows = []
    for cause, look in LOOKS.items():
        verdicts = [v for v in diagnosis.verdicts if v.cause is cause]
        if verdicts or cause in always:
            heard = [v for v in verdicts if v.glitch.audible]
            seconds = sum(v.glitch.end_s - v.glitch.start_s for v in heard)
            rows.append({"cause": str(cause), "look": look, "audible": len(heard), "masked": len(verdicts) - len(heard),
                         "seconds": seconds, "glitches": [v.glitch for v in verdicts]})  # fmt: skip
    return rows


def glitch_sections(
    diagnosis: Diagnosis, view: View, *, audio: Audio, clips: Format = Format.WEBM
) -> list[dict[str, Any]]:
    """Return one section per verdict: its facts, its evidence by side, its picture's window, its sounds."""
    rows = {row["id"]: row for row in view.header["glitches"]}
    verdicts = sorted(diagnosis.verdicts, key=lambda v: v.glitch.start_s)
    notes = read_notes(diagnosis.scene.case)
    return [_section(v, rows[v.id], view, notes, audio=audio, clips=clips) for v in verdicts]


def provenance(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what it takes to repeat the diagnosis: inputs, clocks, steps, parameters, versions."""
    return {
        "inputs": diagnosis.scene.inputs,
        "clocks": list(diagnosis.scene.clocks.values()),
        "steps": [(step, plain(dict(step.parameters))) for step in diagnosis.steps],
        "parameters": parameters(),
        "versions": [("forensics", diagnosis.version), ("Python", platform.python_version()), *_versions()],
    }


def display_filter(frames: Iterable[int]) -> str:
    """Return a Wireshark display filter for `frames`, runs written as ranges; empty without frames.

    The set syntax with commas and ranges is that of Wireshark 3.6 and later (wireshark-filter(4)).
    """
    runs: list[list[int]] = []
    for frame in sorted(set(frames)):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    parts = [str(a) if a == b else f"{a}..{b}" for a, b in runs]
    return f"frame.number in {{{', '.join(parts)}}}" if parts else ""


def _section(
    verdict: Verdict, row: dict[str, Any], view: View, notes: tuple[Note, ...], *, audio: Audio, clips: Format
) -> dict[str, Any]:
    window = glitch_window(view, row)
    frames = frames_of(verdict)
    return {
        "verdict": verdict,
        "look": LOOKS[verdict.cause],
        "window": window,
        "lanes": PICTURE_LANES if "heard" in view.sounds else PICTURE_LANES_UNHEARD,
        "sides": sides(verdict),
        "alternatives": [(LOOKS[Cause(cause)], confidence) for cause, confidence in verdict.alternatives],
        "frames": frames,
        "filter": display_filter(frames),
        "notes": notes_on(verdict, notes),
        "sounds": _sounds(view, window, clips) if audio is not Audio.NONE and verdict.glitch.audible else [],
    }


def _sounds(view: View, window: tuple[float, float], clips: Format) -> list[tuple[str, str]]:
    """As heard and as sent, each as (label, data URL)."""
    out = []
    for name in ("heard", "sent"):
        if name not in view.sounds:
            continue
        rate = view.sounds[name].sample_rate_hz
        samples = view.clip(name, start_s=window[0], seconds=window[1] - window[0])
        clip = sound_clip(faded(samples, sample_rate_hz=rate), sample_rate_hz=rate, format=clips)
        out.append((view.sounds[name].label, data_url(clip, clips.media_type)))
    return out


def _count_sentence(counted: dict[str, Any]) -> str:
    """Say what the browser concealed and how deep its buffer was, as far as its statistics tell."""
    concealed, buffer = counted["concealment"], counted["buffer"]
    parts = [("lost_s", "lost"), ("late_s", "late"), ("unsent_s", "never sent"), ("silent_s", "in silence")]
    of_it = ", ".join(f"{1e3 * concealed[name]:.0f} ms {word}" for name, word in parts if concealed[name])
    sentence = f"{1e3 * (concealed['concealed_s'] or 0):.0f} ms concealed{f' ({of_it})' if of_it else ''}"
    if buffer["mean_delay_s"] is not None:
        sentence += f"; its buffer held {1e3 * buffer['mean_delay_s']:.0f} ms on average"
    if counted["device_underruns_s"]:
        sentence += f"; its sound card went without for {1e3 * counted['device_underruns_s']:.0f} ms"
    return sentence


def _stream_sentence(stream: dict[str, Any]) -> str:
    kind = "SRTP" if stream["encrypted"] else "RTP"
    closed = "" if stream["readable"] else ", payload closed (no key)"
    return (
        f"{stream['codec']}, {kind}{closed}; {stream['source']} → {stream['destination']}, SSRC {stream['ssrc']}; "
        f"{stream['packets']} packets, {stream['lost']} lost ({100 * stream['lost_share']:.2f} %), "
        f"95 % arrive within {stream['delay_p95_ms']:.1f} ms of the quickest"
    )


def _versions() -> list[tuple[str, str]]:
    out = []
    for package in VERSIONED:
        try:
            out.append((package, version(package)))
        except PackageNotFoundError:
            out.append((package, "not installed"))
    return out
