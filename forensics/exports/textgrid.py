"""A TextGrid for Praat: glitches and turns as tiers over the recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from forensics.exports.intervals import Interval, call_intervals
from forensics.findings import findings
from forensics.model import Diagnosis

SHORTEST_S = 1e-6
"""What is shorter is no interval to Praat, whose bounds must differ."""


def write_textgrid(diagnosis: Diagnosis, path: str | Path) -> Path:
    """Write glitches and turns as interval tiers.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
        The file to write, by custom with the suffix `.TextGrid`.

    Returns
    -------
    Path
        The file that was written.

    Notes
    -----
    Praat's long text format (Praat manual, "TextGrid file formats"): the intervals of a tier follow each other without
    gap or overlap, so what is unlabelled gets an empty text, and glitches that overlap go to further tiers.
    """
    tiers = [tier for kind, intervals in call_intervals(diagnosis).items() for tier in _tiers(kind, intervals)]
    ends = [interval.end_s for _, intervals in tiers for interval in intervals]
    end_s = max([findings(diagnosis)["duration_s"], SHORTEST_S, *ends])
    lines = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end_s:.6f}",
        "tiers? <exists>", f"size = {len(tiers)}", "item []:",
    ]  # fmt: skip
    for number, (name, intervals) in enumerate(tiers, 1):
        lines += _tier(number, name, list(_filled(intervals, end_s)), end_s=end_s)
    path = Path(path)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _tiers(kind: str, intervals: Iterable[Interval]) -> list[tuple[str, list[Interval]]]:
    """Put intervals into as few tiers as hold them without overlap; at least one."""
    tiers: list[list[Interval]] = [[]]
    for one in intervals:
        interval = replace(one, end_s=max(one.end_s, one.start_s + SHORTEST_S))
        free = next((tier for tier in tiers if not tier or tier[-1].end_s <= interval.start_s), None)
        if free is None:
            tiers.append([interval])
        else:
            free.append(interval)
    return [(kind if number == 1 else f"{kind} {number}", tier) for number, tier in enumerate(tiers, 1)]


def _filled(intervals: Iterable[Interval], end_s: float) -> Iterator[Interval]:
    """Give `intervals` with empty ones between them, from zero to the end."""
    at_s = 0.0
    for interval in intervals:
        if interval.start_s - at_s >= SHORTEST_S:
            yield Interval(at_s, interval.start_s, "")
            at_s = interval.start_s
        yield Interval(at_s, interval.end_s, interval.text)
        at_s = interval.end_s
    if end_s - at_s >= SHORTEST_S:
        yield Interval(at_s, end_s, "")


def _tier(number: int, name: str, intervals: list[Interval], *, end_s: float) -> list[str]:
    lines = [
        f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(name)}",
        "        xmin = 0", f"        xmax = {end_s:.6f}", f"        intervals: size = {len(intervals)}",
    ]  # fmt: skip
    for place, interval in enumerate(intervals, 1):
        lines += [
            f"        intervals [{place}]:", f"            xmin = {interval.start_s:.6f}",
            f"            xmax = {interval.end_s:.6f}", f"            text = {_quoted(interval.text)}",
        ]  # fmt: skip
    return lines


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
