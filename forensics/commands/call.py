"""Commands on one call: `diagnose`, `report`, `export` and `streams`."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forensics.commands.inputs import CaseArgument, DecodeAsOption, KeysOption, SdpOption, on_a_case, selectors
from forensics.commands.status import STDOUT, as_json, exit_status, write_text

if TYPE_CHECKING:
    from forensics.model import Case, Diagnosis

JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")]
ReportOption = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write a page that opens offline.")]
FailOnOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="MEASURE>NUMBER",
        help="Exit with 1 only if this holds, as 'late_model_output>0', 'audible>3' or 'latency_p95>1.0'; repeatable.",
    ),
]
JunitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML for continuous integration.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where to; by default reports/<case>.html.")
]

ExportOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")]


class ReportAudio(StrEnum):
    """What of the sound goes into a report."""

    CALL = "call"
    GLITCHES = "glitches"
    NONE = "none"


class ClipFormat(StrEnum):
    """How the sound of a report is packed."""

    WEBM = "webm"
    MP3 = "mp3"


ClipsOption = Annotated[ClipFormat, typer.Option("--clips", help="MP3 is larger and plays where WebM does not.")]
AudioOption = Annotated[ReportAudio, typer.Option("--audio", help="How much sound the page holds.")]
NoAudioOption = Annotated[bool, typer.Option("--no-audio", help="The same as --audio none.")]
RedactOption = Annotated[
    bool, typer.Option("--redact", help="Put pseudonyms for addresses, ports, names and ids; leave paths out.")
]


@on_a_case
def diagnose(
    case: Any,
    json_path: JsonOption = None,
    report_path: ReportOption = None,
    fail_on: FailOnOption = None,
    junit: JunitOption = None,
) -> None:
    """Find every glitch of a call and name its cause.

    Exit status: 0 no glitch, 1 glitches, 2 could not be read. With --fail-on, 1 only if one of the conditions holds.
    """
    from forensics.commands.console import print_diagnosis
    from forensics.commands.gates import check_gates, read_gates
    from forensics.commands.junit import CallOutcome, junit_xml
    from forensics.findings import findings

    gates = read_gates(fail_on)
    began = time.perf_counter()
    diagnosis = diagnosed(case)
    document = findings(diagnosis)
    print_diagnosis(diagnosis, stderr=STDOUT in (json_path, junit))
    outcomes = check_gates(gates, document)
    for outcome in outcomes:
        print(outcome, file=sys.stderr)
    if json_path is not None:
        write_text(as_json(document), json_path)
    if report_path is not None:
        print(f"Report: {_report(diagnosis, report_path)}", file=sys.stderr)
    if junit is not None:
        call = CallOutcome(case.name, time.perf_counter() - began, document, outcomes)
        write_text(junit_xml([call]), junit)
    raise typer.Exit(exit_status(document, outcomes))


@on_a_case
def report(
    case: Any,
    out: OutOption = None,
    audio: AudioOption = ReportAudio.CALL,
    no_audio: NoAudioOption = False,
    clips: ClipsOption = ClipFormat.WEBM,
    redact: RedactOption = False,
) -> None:
    """Diagnose a call and write its page. Exit status: 0 written, 2 could not be read."""
    from forensics.commands.console import print_diagnosis

    diagnosis = diagnosed(case)
    print_diagnosis(diagnosis)
    audio = ReportAudio.NONE if no_audio else audio
    path = out or Path("reports") / f"{case.name}.html"
    print(f"Report: {_report(diagnosis, path, audio=audio.value, clips=clips.value, redact=redact)}")


@on_a_case
def export(case: Any, out: ExportOption) -> None:
    """Diagnose a call and write it for other programs: Audacity, Praat, Wireshark, tables as CSV.

    Exit status: 0 written, 2 could not be read.
    """
    from forensics.exports import write_exports

    diagnosis = diagnosed(case)
    print(f"Exports: {write_exports(diagnosis, out)}")


def streams(
    path: CaseArgument,
    json_path: JsonOption = None,
    keys: KeysOption = None,
    sdp: SdpOption = None,
    decode_as: DecodeAsOption = None,
) -> None:
    """List a call's RTP streams: loss, jitter, drift. Exit status: 0 listed, 2 could not be read."""
    from forensics.commands.listing import list_streams

    list_streams(
        path, json_path=json_path, keys=keys, sdp=sdp, decode_as=selectors(decode_as), progress=sys.stderr.isatty()
    )


def diagnosed(case: Case) -> Diagnosis:
    """Diagnose `case` with a progress bar on stderr, where people look at it."""
    from forensics.diagnosis import diagnose as diagnose_case

    return diagnose_case(case, progress=sys.stderr.isatty())


def _report(diagnosis: Diagnosis, path: Path, **choices: Any) -> Path:
    from rich.console import Console

    with Console(stderr=True).status("Writing the report …"):
        from forensics.report import write_report

        return write_report(diagnosis, path, **choices)
