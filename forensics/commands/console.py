"""What the command line prints for people: verdicts, comparisons, surveys and the doctor's answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from forensics.commands.doctor import Check
from forensics.model import BLAMING_CAUSES, Cause, Diagnosis, Prompt, Turn, Verdict
from forensics.turns.goal import GOAL_S, describe_latencies
from forensics.views.wording import percent

if TYPE_CHECKING:
    from forensics.comparison.nouns import Comparison, LatencyChange, Rate, RateChange
    from forensics.survey import Survey

CAUSE_STYLES = {
    Cause.NETWORK_DROP: "red",
    Cause.BUFFER_UNDERRUN: "yellow",
    Cause.LATE_MODEL_OUTPUT: "magenta",
    Cause.SENDER_POLICY: "blue",
}
OUTCOME_STYLES = {"better": "green", "worse": "red", "unclear": "dim"}
SURVEYED = (*BLAMING_CAUSES, Cause.UNDETERMINED)


def print_diagnosis(diagnosis: Diagnosis, *, stderr: bool = False) -> None:
    """Print the conclusion, a row per audible glitch and what was left out, to stdout or to stderr."""
    console = _console(stderr=stderr)
    console.print(Text(diagnosis.scene.case.name, style="bold"))
    console.print(Text(diagnosis.conclusion))
    audible = [verdict for verdict in diagnosis.verdicts if verdict.glitch.audible]
    if audible:
        console.print(_verdict_table(audible))
    for line in _told_of_turns(diagnosis):
        console.print(Text(line))
    for note in _left_out(diagnosis):
        console.print(Text(f"note: {note}", style="dim"))


def print_comparison(comparison: Comparison, *, stderr: bool = False) -> None:
    """Print the conclusion and a row per cause, mechanism and latency."""
    console = _console(stderr=stderr)
    console.print(Text(comparison.conclusion))
    table = _table("", "before", "after", "p", "difference")
    for change in (*comparison.causes, *comparison.mechanisms):
        if change.before.count or change.after.count:
            table.add_row(change.what, _rate(change.before), _rate(change.after), *_difference(change))
    for delay in comparison.latencies:
        if delay.before_s and delay.after_s:
            table.add_row(delay.what, _median(delay.before_s), _median(delay.after_s), *_difference(delay))
    console.print(table)


def print_survey(survey: Survey, *, stderr: bool = False) -> None:
    """Print a row per call, those that could not be read with the reason, and where the page is."""
    console = _console(stderr=stderr)
    table = _table("call", "length", "audible", *(cause.partition("_")[0] for cause in SURVEYED), "longest", "latency")
    for row in survey.calls[survey.calls["error"] == ""].to_dict("records"):
        counts = [f"{row[str(cause)]:.0f}" if row[str(cause)] else "" for cause in SURVEYED]
        latency = "" if math.isnan(row["latency_median_s"]) else f"{1000 * row['latency_median_s']:.0f} ms"
        longest = f"{1000 * row['longest_glitch_s']:.0f} ms" if row["audible"] else ""
        length = _clock(row["duration_s"])
        table.add_row(Text(row["call"]), length, f"{row['audible']:.0f}", *counts, longest, latency)
    console.print(table)
    for one in survey.surveyed:
        if one.error:
            console.print(Text(f"could not be read: {one.place.name}: {one.error}", style="red"))
    console.print(Text(f"Page: {survey.page}"))


def print_checks(checks: Iterable[Check]) -> None:
    """Print one row per thing looked for, and what to do about each that is missing."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    for check in checks:
        mark, style = _mark(check)
        advice = Text("" if check.found else check.advice)
        table.add_row(Text(mark, style=style), check.name, check.found or "missing", advice)
    _console().print(table)


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table


def _rate(rate: Rate) -> str:
    return f"{rate.count} ({rate.per_minute:.2g}/min)" if rate.minutes else str(rate.count)


def _median(seconds: tuple[float, ...]) -> str:
    return f"{1000 * median(seconds):.0f} ms"


def _difference(change: RateChange | LatencyChange) -> tuple[str, Text]:
    p = "" if math.isnan(change.p_adjusted) else f"{change.p_adjusted:.2g}"
    return p, Text(change.outcome, style=OUTCOME_STYLES[change.outcome])


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr)
    if not console.is_terminal:
        console.width = max(console.width, 120)
    return console


def _verdict_table(verdicts: Iterable[Verdict]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading, justify in (("", "left"), ("from", "right"), ("to", "right"), ("ms", "right")):
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for heading in ("cause", "mechanism", "sure", "decisive evidence"):
        table.add_column(heading, overflow="fold")
    for verdict in verdicts:
        table.add_row(*_verdict_row(verdict))
    return table


def _verdict_row(verdict: Verdict) -> list[str | Text]:
    glitch = verdict.glitch
    return [
        verdict.id,
        _clock(glitch.start_s),
        _clock(glitch.end_s),
        f"{1000 * (glitch.end_s - glitch.start_s):.0f}",
        Text(verdict.cause, style=CAUSE_STYLES.get(verdict.cause, "")),
        verdict.mechanism,
        percent(verdict.confidence),
        Text(_decisive(verdict)),
    ]


def _decisive(verdict: Verdict) -> str:
    """Return the statement that says most: for the cause where one is blamed, else the first that there is."""
    blamed = verdict.cause in BLAMING_CAUSES
    speaking = [e for e in verdict.evidence if not blamed or (e.supports and e.cause is verdict.cause)]
    return max(speaking, key=lambda e: abs(e.weight)).statement if speaking else ""


def _told_of_turns(diagnosis: Diagnosis) -> list[str]:
    """What there is to say of answers, interruptions and damaged prompts, a line each."""
    turns = diagnosis.scene.turns
    told: Mapping[str, Any] = describe_latencies(turns)
    lines = [] if not told else [
        f"answers: {told['answers']}, median {_ms(told['median_s'])}, longest {_ms(told['longest_s'])}, "
        f"{told['over_goal']} above {_ms(GOAL_S)}",
        *(f"  {reason}" for reason in told["reasons"]),
    ]  # fmt: skip
    lines += [_interruption(turn, turn.barge_in_s) for turn in turns if turn.barge_in_s is not None]
    return lines + [_damage(prompt) for prompt in diagnosis.prompts if prompt.lost_s or prompt.late_s]


def _interruption(turn: Turn, barge_in_s: float) -> str:
    said = f"; meanwhile it said {turn.said_over!r}" if turn.said_over else ""
    return f"interrupted at {_clock(turn.end_s - barge_in_s)}: the agent was silent after {_ms(barge_in_s)}{said}"


def _damage(prompt: Prompt) -> str:
    whole_s = prompt.end_s - prompt.start_s
    return (
        f"prompt at {_clock(prompt.start_s)}: of {whole_s:.1f} s {_ms(prompt.lost_s)} were lost and "
        f"{_ms(prompt.late_s)} late on the way to the model"
    )


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


def _left_out(diagnosis: Diagnosis) -> list[str]:
    """Return what the files and the steps note, as far as the conclusion does not say it already."""
    inputs = diagnosis.scene.inputs
    of_files = [(file.path.name, note) for file in inputs for note in file.notes]
    of_files += [(file.path.name, f"skipped {n} × {why}") for file in inputs for why, n in file.skipped.items() if n]
    said = {note for _, note in of_files}
    of_steps = [note for step in diagnosis.steps for note in step.notes if note not in said]
    notes = [*(f"{name}: {note}" for name, note in of_files), *dict.fromkeys(of_steps)]
    return [note for note in notes if note not in diagnosis.conclusion]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:06.3f}"


def _mark(check: Check) -> tuple[str, str]:
    if check.found:
        return "✓", "green"
    return ("✗", "red") if check.needed else ("–", "yellow")
