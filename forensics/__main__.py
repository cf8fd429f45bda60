"""The command line: `forensics diagnose CASE` and its neighbours.

Exit status: 0 no glitch, 1 glitches found, 2 could not be read, 70 a defect of the workbench itself. Results go to
stdout, everything else to stderr.
Stages are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from forensics import __version__
from forensics.errors import CaseError, ForensicsError

if TYPE_CHECKING:
    from forensics.model import Case, Diagnosis

NO_GLITCH, GLITCHES_FOUND, UNREADABLE = 0, 1, 2
DEFECT = 70  # EX_SOFTWARE of sysexits.h: a traceback must not pass for "glitches found"
STDOUT = Path("-")

app = typer.Typer(
    help="Name the cause of every glitch in a voice AI or WebRTC call, with the evidence.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: drawing it with rich doubles the time to the first line
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

CaseArgument = Annotated[Path, typer.Argument(metavar="CASE", help="A case folder, or a capture file.")]
JsonOption = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; - is stdout.")]
RecordingOption = Annotated[Path | None, typer.Option("--recording", help="What the listener heard.")]
MicrophoneOption = Annotated[Path | None, typer.Option("--microphone", help="What the user said.")]
KeysOption = Annotated[Path | None, typer.Option("--keys", help="NSS key log of the DTLS handshake.")]
StatsOption = Annotated[Path | None, typer.Option("--stats", help="webrtc-internals dump or getStats() log.")]
EventsOption = Annotated[Path | None, typer.Option("--events", help="Event log of the model or agent (JSON lines).")]
SenderOption = Annotated[Path | None, typer.Option("--sender-capture", help="A capture taken at the voice AI's side.")]
DecodeAsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--decode-as", metavar="FIELD==VALUE,MEANING", help='As "udp.port==5004,rtp" or "rtp.p_type==111,opus/48000/2".'
    ),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"forensics {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


class ReportAudio(StrEnum):
    """What of the sound goes into a report."""

    CALL = "call"
    GLITCHES = "glitches"
    NONE = "none"


@app.command()
def diagnose(
    path: CaseArgument,
    json_path: JsonOption = None,
    report_path: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write a page that opens offline.")
    ] = None,
    recording: RecordingOption = None,
    microphone: MicrophoneOption = None,
    keys: KeysOption = None,
    stats: StatsOption = None,
    events: EventsOption = None,
    sender_capture: SenderOption = None,
    decode_as: DecodeAsOption = None,
) -> None:
    """Find every glitch of a call and name its cause. Exit status: 0 no glitch, 1 glitches, 2 could not be read."""
    from forensics.case import open_case
    from forensics.console import print_diagnosis
    from forensics.findings import findings_json

    case = open_case(
        path,
        recording=recording,
        microphone=microphone,
        keys=keys,
        stats=stats,
        events=events,
        sender_capture=sender_capture,
        decode_as=_selectors(decode_as),
    )
    diagnosis = _diagnose(case)
    print_diagnosis(diagnosis, stderr=json_path == STDOUT)
    if json_path is not None:
        _write_json(findings_json(diagnosis), json_path)
    if report_path is not None:
        print(f"Report: {_write_report(diagnosis, report_path)}", file=sys.stderr)
    raise typer.Exit(GLITCHES_FOUND if sum(diagnosis.summary.values()) else NO_GLITCH)


@app.command()
def report(
    path: CaseArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; by default reports/<case>.html.")
    ] = None,
    audio: Annotated[ReportAudio, typer.Option("--audio", help="How much sound the page holds.")] = ReportAudio.CALL,
    redact: Annotated[
        bool, typer.Option("--redact", help="Put pseudonyms for addresses, ports, names and ids; leave paths out.")
    ] = False,
) -> None:
    """Diagnose a call and write its page. Exit status: 0 written, 2 could not be read."""
    from forensics.case import open_case
    from forensics.console import print_diagnosis

    case = open_case(path)
    diagnosis = _diagnose(case)
    print_diagnosis(diagnosis)
    path = out or Path("reports") / f"{case.name}.html"
    print(f"Report: {_write_report(diagnosis, path, audio=audio, redact=redact)}")


@app.command()
def streams(
    path: CaseArgument,
    json_path: JsonOption = None,
    keys: KeysOption = None,
    decode_as: DecodeAsOption = None,
) -> None:
    """List a call's RTP streams: loss, jitter, drift. Exit status: 0 listed, 2 could not be read."""
    from forensics.case import open_case
    from forensics.streams import streams_report, streams_text

    case = open_case(path, keys=keys, decode_as=_selectors(decode_as))
    if case.capture is None:
        raise CaseError(f"The case {case.name} has no capture, so there are no streams to list. Give a capture.")
    found = streams_report(case.capture, keys=case.keys, decode_as=case.decode_as, progress=sys.stderr.isatty())
    if json_path is None:
        print(streams_text(found))
    else:
        _write_json(json.dumps(found, indent=1), json_path)


@app.command()
def doctor() -> None:
    """Say what is installed and what is missing. Exit status: 0 a diagnosis can be made, 1 something needed is gone."""
    from forensics.console import print_checks
    from forensics.doctor import check_installation, healthy

    checks = check_installation()
    print_checks(checks)
    raise typer.Exit(0 if healthy(checks) else 1)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Make labelled calls, simulated or real."""
    from forensics.lab.cli import app as lab_app

    lab_app(args=context.args, prog_name="forensics lab")


def _selectors(pairs: list[str] | None) -> dict[str, str]:
    """Read `FIELD==VALUE,MEANING` as often as it was given."""
    selectors = {}
    for pair in pairs or ():
        selector, comma, protocol = pair.partition(",")
        if not (comma and protocol and "==" in selector):
            raise CaseError(f"--decode-as got {pair!r}; expected FIELD==VALUE,MEANING as in 'udp.port==5004,rtp'.")
        selectors[selector.strip()] = protocol.strip()
    return selectors


def _diagnose(case: Case) -> Diagnosis:
    from rich.console import Console

    with Console(stderr=True).status(f"Diagnosing {case.name} …"):
        from forensics.diagnosis import diagnose as diagnose_case

        return diagnose_case(case)


def _write_json(text: str, path: Path) -> None:
    if path == STDOUT:
        print(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def _write_report(
    diagnosis: Diagnosis, path: Path, *, audio: ReportAudio = ReportAudio.CALL, redact: bool = False
) -> Path:
    from rich.console import Console

    with Console(stderr=True).status("Writing the report …"):
        from forensics.report import write_report

        path.parent.mkdir(parents=True, exist_ok=True)
        return write_report(diagnosis, path, audio=audio.value, redact=redact)


def _complain(message: str) -> NoReturn:
    print(f"forensics: {message}", file=sys.stderr)
    sys.exit(UNREADABLE)


def main() -> None:
    """Run the command line; what cannot be read ends in one sentence on stderr and exit status 2."""
    try:
        app(prog_name="forensics")
    except ForensicsError as error:
        _complain(str(error))
    except OSError as error:
        _complain(f"{error.filename or 'a file'} cannot be read or written: {error.strerror or error}")
    except Exception:
        traceback.print_exc()
        print("forensics: this is a defect of the workbench, not of your files. Please report it.", file=sys.stderr)
        sys.exit(DEFECT)


if __name__ == "__main__":
    main()
