"""Writes the report: one HTML file with everything in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from forensics.audio.payloads import decode_stream
from forensics.diagnosis.progress import Told, stage_bar
from forensics.errors import ForensicsError
from forensics.model import Diagnosis
from forensics.report.answers import prompt_rows, setup_rows, slack_rows, turn_section
from forensics.report.clips import Format
from forensics.report.content import Audio, page_data
from forensics.report.embed import script_json
from forensics.report.redaction import redacted
from forensics.report.sections import cause_rows, facts, glitch_sections, provenance
from forensics.report.shell import read_part, render_page
from forensics.views.renderer import evidence_style, timeline_source, timeline_style
from forensics.views.view import make_view

STAGES = ("draw", "pack", "write")
"""For the progress bar."""


def write_report(
    diagnosis: Diagnosis,
    path: str | Path,
    *,
    audio: Audio | str = Audio.CALL,
    clips: Format | str = Format.WEBM,
    redact: bool = False,
    redaction_key: bytes | None = None,
    progress: bool | Told = False,
) -> Path:
    """Write `diagnosis` as one self-contained page that opens from the file system and fetches nothing.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
        The HTML file to write; folders above it are made.
    audio : {"call", "glitches", "none"}
        How much of what was spoken leaves with the page. "call": a clip per glitch, and for calls up to two minutes
        the whole call; "glitches": sound, spectrogram and fine waveform around the glitches only; "none": no sound and
        no spectrogram, of the waveform the envelope.
    clips : {"webm", "mp3"}
        How the sound is packed: Opus in WebM is small, MP3 plays where WebM does not.
    redact : bool
        Whether addresses, ports, names and ids are replaced by pseudonyms, and paths and checksums left out.
    redaction_key : bytes, optional
        Reports redacted with the same key use the same pseudonyms; by default each report has its own.
    progress : bool or callable
        As for `diagnose`.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        Where `audio` or `clips` is none of those.
    """
    path = Path(path)
    shown = redacted(diagnosis, key=redaction_key) if redact else diagnosis
    with stage_bar(STAGES, wanted=progress) as told:
        page = render_report(shown, audio=Audio(audio), clips=Format(clips), told=told)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def render_report(
    diagnosis: Diagnosis, *, audio: Audio = Audio.CALL, clips: Format = Format.WEBM, told: Told = lambda *_: None
) -> str:
    """Return the page of `diagnosis` as text; `told` is called before each step."""
    diagnosis = diagnosis if audio is Audio.NONE else _with_sound(diagnosis)
    told("draw", "the call")
    view = make_view(diagnosis)
    told("pack", "pictures and sounds of the glitches")
    sections = glitch_sections(diagnosis, view, audio=audio, clips=clips)
    told("write", "the page")
    return render_page(
        "report.html",
        kind="Call report",
        title=diagnosis.scene.case.name,
        text=diagnosis.conclusion,
        scripts=(timeline_source(), read_part("theme.js"), read_part("page.js")),
        styles=(timeline_style(), evidence_style(), read_part("page.css")),
        axis=view.axis,
        facts=facts(diagnosis, view),
        causes=cause_rows(diagnosis),
        glitches=[section for section in sections if section["verdict"].glitch.audible],
        masked=[section for section in sections if not section["verdict"].glitch.audible],
        answers=turn_section(diagnosis.scene.turns),
        slack=slack_rows(diagnosis, view.axis),
        setup=setup_rows(diagnosis.scene.setup),
        prompts=prompt_rows(diagnosis.prompts),
        provenance=provenance(diagnosis),
        data=script_json(page_data(view, audio=audio, clips=clips)),
    )


def _with_sound(diagnosis: Diagnosis) -> Diagnosis:
    """Return `diagnosis` with what was sent decoded, where that was not needed to judge: a call without recording."""
    scene = diagnosis.scene
    if scene.sent is not None or scene.downlink is None or not scene.downlink.readable:
        return diagnosis
    try:
        sent = decode_stream(scene.downlink).track
    except ForensicsError:
        return diagnosis
    return replace(diagnosis, scene=replace(scene, sent=sent))
