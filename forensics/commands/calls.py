"""Commands on several calls: `compare` and `survey`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from forensics.commands.call import AudioOption, FailOnOption, JsonOption, JunitOption, ReportAudio
from forensics.commands.status import (
    GLITCHES_FOUND,
    INTERRUPTED,
    NO_GLITCH,
    STDOUT,
    UNREADABLE,
    as_json,
    exit_status,
    write_text,
)

BeforeArgument = Annotated[
    Path, typer.Argument(metavar="BEFORE", help="A call, a folder of calls, or findings as JSON.")
]
AfterArgument = Annotated[Path, typer.Argument(metavar="AFTER", help="The same, after the change.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of case folders or captures.")]
PageOption = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write a page that opens offline.")]
OutFolderOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where to; by default reports/<folder>.")
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes at a time; by default one per processor.")
]


def compare(
    before: BeforeArgument,
    after: AfterArgument,
    json_path: JsonOption = None,
    report_path: PageOption = None,
    jobs: JobsOption = None,
) -> None:
    """Tell what got better, worse or is new between two calls or folders of calls.

    Exit status: 0 nothing got worse by more than chance would give, 1 something did, 2 could not be read.
    """
    from forensics.commands.console import print_comparison
    from forensics.comparison import compare as compare_calls
    from forensics.comparison.document import comparison_document
    from forensics.report import write_comparison

    comparison = compare_calls(before, after, jobs=jobs, progress=sys.stderr.isatty())
    print_comparison(comparison, stderr=json_path == STDOUT)
    if json_path is not None:
        write_text(as_json(comparison_document(comparison)), json_path)
    if report_path is not None:
        print(f"Report: {write_comparison(comparison, report_path)}", file=sys.stderr)
    raise typer.Exit(GLITCHES_FOUND if comparison.worse else NO_GLITCH)


def survey(
    folder: FolderArgument,
    out: OutFolderOption = None,
    audio: AudioOption = ReportAudio.GLITCHES,
    jobs: JobsOption = None,
    fail_on: FailOnOption = None,
    junit: JunitOption = None,
) -> None:
    """Diagnose every call of a folder: a report each, a page and tables over all. Interrupted, it goes on next time.

    Exit status: 0 no glitch in any call, 1 glitches (with --fail-on: a condition holds for a call), 2 a call could not
    be read; the others are done all the same.
    """
    from forensics.commands.console import print_survey
    from forensics.commands.gates import check_gates, read_gates
    from forensics.commands.junit import CallOutcome, junit_xml
    from forensics.survey import survey_calls

    gates = read_gates(fail_on)
    try:
        found = survey_calls(folder, out=out, audio=audio.value, jobs=jobs, progress=sys.stderr.isatty())
    except KeyboardInterrupt:
        print("forensics: interrupted. What is done is kept; run it again to go on from there.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    calls = [
        CallOutcome(
            one.place.name,
            one.seconds,
            one.document,
            check_gates(gates, one.document) if one.document is not None else (),
            one.error,
        )
        for one in found.surveyed
    ]
    print_survey(found, stderr=junit == STDOUT)
    for call in calls:
        for outcome in call.outcomes:
            print(f"{call.name}: {outcome}", file=sys.stderr)
    if junit is not None:
        write_text(junit_xml(calls), junit)
    if any(call.document is None for call in calls):
        raise typer.Exit(UNREADABLE)
    raise typer.Exit(max(exit_status(call.document, call.outcomes) for call in calls if call.document is not None))
