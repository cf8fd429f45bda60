"""`survey_calls`: every call of a folder, each done on its own, and what they come to together."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.calls import Worked, call_bar, find_calls, run_each
from forensics.case import open_case
from forensics.diagnosis import diagnose
from forensics.findings import findings
from forensics.report import write_report
from forensics.survey.page import render_survey
from forensics.survey.record import Place, is_done, make_record, place_of, write_whole
from forensics.survey.tables import call_table, glitch_table, write_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """One call of a survey: its findings, or why there are none."""

    place: Place
    document: dict[str, Any] | None
    seconds: float
    error: str = ""
    again: bool = False  # taken over from an earlier survey


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What a survey came to. `page` is the page over all calls; the tables lie beside it as Parquet and CSV."""

    page: Path
    calls: pd.DataFrame  # one row per call
    glitches: pd.DataFrame  # one row per glitch
    surveyed: tuple[Surveyed, ...]


def survey_calls(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    audio: str = "glitches",
    jobs: int | None = None,
    progress: bool = False,
) -> Survey:
    """Diagnose every call in a folder.

    Parameters
    ----------
    folder : str or Path
        Calls are found as `find_calls` does.
    out : str or Path, optional
        The folder to write to: `index.html`, `calls.parquet`, `calls.csv`, `glitches.parquet`, `glitches.csv`, and in
        `calls/` a report and the findings of each call. By default `reports/<name of the folder>`.
    audio : {"call", "glitches", "none"}
        How much sound each report holds.
    jobs : int, optional
        How many processes; by default one per processor. 0 works in this process.
    progress : bool
        Show a bar on stderr.

    Returns
    -------
    Survey

    Raises
    ------
    CaseError
        There is no call in the folder.

    Notes
    -----
    A call that cannot be read is listed with the reason and stops no other; it is tried again the next time. A call
    that is done is not done again as long as its files, the version and `audio` stay the same, so an interrupted
    survey goes on where it was. Processes are spawned: a script that calls this needs ``if __name__ == "__main__":``.
    """
    folder = Path(folder)
    out = Path("reports") / folder.resolve().name if out is None else Path(out)
    paths = find_calls(folder)
    work = partial(_survey_call, folder=folder, out=out, audio=audio)
    with closing(run_each(work, paths, jobs=jobs)) as done:
        counted = call_bar(done, total=len(paths), wanted=progress)
        surveyed = [_result(worked, folder=folder, out=out) for worked in counted]
    surveyed.sort(key=lambda one: one.place.name)
    calls, glitches = call_table(surveyed), glitch_table(surveyed)
    write_table(calls, out / "calls")
    write_table(glitches, out / "glitches")
    page = write_whole(render_survey(folder.resolve().name, surveyed), out / "index.html")
    return Survey(page, calls, glitches, tuple(surveyed))


def _survey_call(path: Path, *, folder: Path, out: Path, audio: str) -> tuple[float, bool]:
    """Diagnose one call and leave its files; return the seconds it took and whether it was done before."""
    place = place_of(path, folder=folder, out=out)
    case = open_case(path)
    record = make_record(place, case, choices={"audio": audio})
    if is_done(place, record):
        return json.loads(place.record.read_text(encoding="utf-8"))["seconds"], True
    began = time.perf_counter()
    diagnosis = diagnose(case)
    write_whole(json.dumps(findings(diagnosis), indent=1, ensure_ascii=False, allow_nan=False), place.findings)
    write_report(diagnosis, place.report, audio=audio)
    seconds = round(time.perf_counter() - began, 3)
    done = make_record(place, case, choices={"audio": audio}, seconds=seconds)
    write_whole(json.dumps(asdict(done), indent=1), place.record)
    return seconds, False


def _result(worked: Worked[tuple[float, bool]], *, folder: Path, out: Path) -> Surveyed:
    place = place_of(worked.path, folder=folder, out=out)
    if worked.value is None:
        return Surveyed(place, None, 0.0, worked.error)
    seconds, again = worked.value
    return Surveyed(place, json.loads(place.findings.read_text(encoding="utf-8")), seconds, again=again)
