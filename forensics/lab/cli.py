"""`forensics lab …`: make labelled calls, recorded for real or simulated."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def _examples(*lines: str) -> str:
    """Write examples so that typer keeps their lines."""
    return "\n".join(["\b", "Examples:", *(f"  forensics lab {line}" for line in lines)])


app = typer.Typer(
    help="Make labelled calls, simulated or real, from one scenario file (docs/lab.md says what may stand in it).",
    epilog=_examples(
        "script two_faults.toml",
        "simulate two_faults.toml calls/simulated",
        "record two_faults.toml calls/recorded",
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ScenarioArgument = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (TOML).")]
OutArgument = Annotated[Path, typer.Argument(metavar="OUT", help="The case folder to make; it must not hold anything.")]
AttemptsOption = Annotated[int, typer.Option(min=1, help="Takes to try while the machine disturbs the call.")]


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)


@app.command(
    epilog=_examples("record two_faults.toml calls/two_faults", "record two_faults.toml calls/two_faults --attempts 8")
)
def record(scenario: ScenarioArgument, out: OutArgument, attempts: AttemptsOption = 4) -> None:
    """Record a call through a real browser, with its captures, its sound, its logs and its truth."""
    from forensics.lab.record import record_call
    from forensics.lab.scenario_file import read_scenario

    typer.echo(record_call(read_scenario(scenario), out, attempts=attempts, tell=_tell))


@app.command(
    epilog=_examples("simulate two_faults.toml calls/two_faults", "simulate two_faults.toml calls/third --seed 3")
)
def simulate(
    scenario: ScenarioArgument,
    out: OutArgument,
    seed: Annotated[int | None, typer.Option(help="Decides about chance, in place of the scenario's own seed.")] = None,
) -> None:
    """Simulate a call: the same files and the same truth, in about a second, without a browser."""
    from forensics.lab.scenario_file import read_scenario
    from forensics.lab.simulate import simulate_call

    typer.echo(simulate_call(read_scenario(scenario), out, seed=seed).folder)


@app.command(epilog=_examples("again sample_captures/*"))
def again(
    cases: Annotated[list[Path], typer.Argument(metavar="CASE...", help="Case folders that hold a scenario.toml.")],
    attempts: AttemptsOption = 4,
) -> None:
    """Record calls again, each from the scenario in its folder; a case is replaced once the new one is whole."""
    from forensics.lab.record import record_call
    from forensics.lab.scenario_file import read_scenario

    for case in cases:
        scenario = read_scenario(case / "scenario.toml")
        with tempfile.TemporaryDirectory(prefix=f".{case.name}-", dir=case.parent) as folder:
            fresh = record_call(scenario, Path(folder) / case.name, attempts=attempts, tell=_tell)
            shutil.rmtree(case)
            fresh.rename(case)
        typer.echo(case)


@app.command(epilog=_examples("script two_faults.toml"))
def script(scenario: ScenarioArgument) -> None:
    """Print what a scenario says and when, word by word, and where its faults fall."""
    from forensics.lab.plan import plan_sending
    from forensics.lab.scenario_file import read_scenario

    plan = plan_sending(read_scenario(scenario))
    entries = [(line.start_s + word.start_s, word.text) for line in plan.spoken for word in line.speech.words]
    entries += [(departure.start_s, f"  [{departure.fault.kind}: {departure.part}]") for departure in plan.departures]
    chosen = read_scenario(scenario).faults_of("network", "receiver", "tap", "recorder")
    entries += [(fault.at_s, f"  [{fault.kind}, {fault.duration_s:g} s]") for fault in chosen]
    for at_s, text in sorted(entries):
        typer.echo(f"{at_s:8.2f}  {text}")
