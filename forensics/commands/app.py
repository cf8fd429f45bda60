"""`app`: the commands put together, with their examples. Stages are imported inside the commands: `--help` is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from forensics import __version__
from forensics.commands.call import diagnose, export, report, streams
from forensics.commands.calls import compare, survey

app = typer.Typer(
    help="Name the cause of every glitch in a voice AI or WebRTC call, with the evidence.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: drawing it with rich doubles the time to the first line
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _examples(*lines: str) -> str:
    """Write examples so that typer keeps their lines."""
    return "\n".join(["\b", "Examples:", *(f"  forensics {line}" for line in lines)])


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


app.command(
    epilog=_examples(
        "diagnose calls/monday --json findings.json",
        "diagnose monday.pcapng --recording heard.wav --keys sslkeys.log",
        "diagnose calls/monday --fail-on 'late_model_output>0' --junit results.xml",
    )
)(diagnose)
app.command(epilog=_examples("report calls/monday --out monday.html", "report calls/monday --redact --no-audio"))(
    report
)
app.command(
    epilog=_examples("compare calls/monday calls/tuesday", "compare old_calls/ new_calls/ --report change.html")
)(compare)
app.command(epilog=_examples("survey calls/ --out reports/week", "survey calls/ --fail-on 'audible>3' --junit r.xml"))(
    survey
)
app.command(epilog=_examples("export calls/monday --out monday"))(export)
app.command(epilog=_examples("streams monday.pcapng", "streams calls/monday --json -"))(streams)


@app.command()
def doctor() -> None:
    """Say what is installed and what is missing. Exit status: 0 a diagnosis can be made, 1 something needed is gone."""
    from forensics.commands.console import print_checks
    from forensics.commands.doctor import check_installation, healthy

    checks = check_installation()
    print_checks(checks)
    raise typer.Exit(0 if healthy(checks) else 1)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Make labelled calls, simulated or real."""
    from forensics.lab.cli import app as lab_app

    lab_app(args=context.args, prog_name="forensics lab")
