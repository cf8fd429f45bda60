"""Commands on one call: `diagnose`, `report` and `streams`."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forensics.commands.inputs import CaseArgument, DecodeAsOption, KeysOption, on_a_case, selectors
from forensics.commands.status import GLITCHES_FOUND, NO_GLITCH, STDOUT, write_text
from forensics.errors import CaseError

if TYPE_CHECKING:
    from forensics.model import Case, Diagnosis

JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")]
ReportOption = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write a page that opens offline.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where to; by default reports/<case>.html.")
]


class ReportAudio(StrEnum):
    """What of the sound goes into a report."""

    CALL = "call"
    GLITCHES = "glitches"
    NONE = "none"


AudioOption = Annotated[ReportAudio, typer.Option("--audio", help="How much sound the page holds.")]
NoAudioOption = Annotated[bool, typer.Option("--no-audio", help="The same as --audio none.")]
RedactOption = Annotated[
    bool, typer.Option("--redact", help="Put pseudonyms for addresses, ports, names and ids; leave paths out.")
]


@on_a_case
def diagnose(case: Any, json_path: JsonOption = None, report_path: ReportOption = None) -> None:
    """Find every glitch of a call and name its cause. Exit status: 0 no glitch, 1 glitches, 2 could not be read."""
    from forensics.console import print_diagnosis
    from forensics.findings import findings_json

    diagnosis = diagnosed(case)
    print_diagnosis(diagnosis, stderr=json_path == STDOUT)
    if json_path is not None:
        write_text(findings_json(diagnosis), json_path)
    if report_path is not None:
        print(f"Report: {_report(diagnosis, report_path)}", file=sys.stderr)
    raise typer.Exit(GLITCHES_FOUND if sum(diagnosis.summary.values()) else NO_GLITCH)


@on_a_case
def report(
    case: Any,
    out: OutOption = None,
    audio: AudioOption = ReportAudio.CALL,
    no_audio: NoAudioOption = False,
    redact: RedactOption = False,
) -> None:
    """Diagnose a call and write its page. Exit status: 0 written, 2 could not be read."""
    from forensics.console import print_diagnosis

    diagnosis = diagnosed(case)
    print_diagnosis(diagnosis)
    audio = ReportAudio.NONE if no_audio else audio
    path = out or Path("reports") / f"{case.name}.html"
    print(f"Report: {_report(diagnosis, path, audio=audio.value, redact=redact)}")


def streams(
    path: CaseArgument,
    json_path: JsonOption = None,
    keys: KeysOption = None,
    decode_as: DecodeAsOption = None,
) -> None:
    """List a call's RTP streams: loss, jitter, drift. Exit status: 0 listed, 2 could not be read."""
    from forensics.case import open_case
    from forensics.streams import streams_report, streams_text

    case = open_case(path, keys=keys, decode_as=selectors(decode_as))
    if case.capture is None:
        raise CaseError(f"The case {case.name} has no capture, so there are no streams to list. Give a capture.")
    found = streams_report(case.capture, keys=case.keys, decode_as=case.decode_as, progress=sys.stderr.isatty())
    if json_path is None:
        print(streams_text(found))
    else:
        write_text(json.dumps(found, indent=1), json_path)


def diagnosed(case: Case) -> Diagnosis:
    """Diagnose `case` with a sign of life on stderr."""
    from rich.console import Console

    with Console(stderr=True).status(f"Diagnosing {case.name} …"):
        from forensics.diagnosis import diagnose as diagnose_case

        return diagnose_case(case)


def _report(diagnosis: Diagnosis, path: Path, **choices: Any) -> Path:
    from rich.console import Console

    with Console(stderr=True).status("Writing the report …"):
        from forensics.report import write_report

        return write_report(diagnosis, path, **choices)
