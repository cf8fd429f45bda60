"""Does any threshold fit one call? Each one is moved by a fifth up and down, and everything is scored again.

    python benchmarks/robustness.py CASES [CASES …] [--subsets all,closed] [--only glitches.playout] [--minutes 9]

CASES holds labelled calls, recorded ones or those that `calibration.py` made. Every numeric constant of the rooms
`glitches` and `causes` is varied alone; numbers inside a tuple move together. The scenes are read once: what comes
before the glitches does not change. Per constant: the micro F1 that ± 20 % cost or gained. Whole numbers move by one
at least. Numbers that a fit put into a file are not varied, nor are those that only name a rate or a size.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import pickle
import pkgutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from accuracy import Fault, Tally, evidence_of, findings_of, leave_remedies_out, rates, read_faults, score, totals

import forensics.causes
import forensics.glitches
from forensics.causes import judge_glitches
from forensics.glitches import find_glitches

SHARE = 0.2
NOTABLE = 0.02
EVERY_DETECTOR = {"forensics.glitches.boundaries", "forensics.glitches.candidate"}
"""What all detectors read."""
NOT_THRESHOLDS = ("RATE_HZ", "SIDE", "BLOCK", "DEPTH", "BANDS", "MINIMUM_DELAYS_S", "LEADS_S", "LAG_S", "OPUS_LAG_S")
"""Sizes, rates and facts of a codec: to move them is another program, not another threshold."""


@dataclass(frozen=True)
class Constant:
    """A constant of one module, and the modules that imported it."""

    name: str
    module: ModuleType
    value: Any
    holders: tuple[ModuleType, ...]

    @property
    def title(self) -> str:
        """Where it stands."""
        return f"{self.module.__name__.removeprefix('forensics.')}.{self.name}"

    def set_to(self, value: Any) -> None:
        """Give it another value wherever it is known, and forget what was worked out with the old one."""
        for module in self.holders:
            setattr(module, self.name, value)
            for own in vars(module).values():
                if getattr(own, "__module__", "") == module.__name__ and hasattr(own, "cache_clear"):
                    own.cache_clear()


@dataclass(frozen=True, eq=False)
class Call:
    """A call read once: its scene and its truth."""

    scene: Any
    faults: list[Fault]
    subset: str


def find_constants() -> Iterator[Constant]:
    """Find every numeric constant of the two rooms, in the module that defines it."""
    modules = [module for package in (forensics.glitches, forensics.causes) for module in modules_of(package)]
    for module in modules:
        defined = {
            target.id
            for node in ast.parse(Path(str(module.__file__)).read_text()).body
            if isinstance(node, ast.Assign)
            for targets in node.targets
            for target in (targets.elts if isinstance(targets, ast.Tuple) else [targets])
            if isinstance(target, ast.Name)
        }
        for name in sorted(defined):
            value = getattr(module, name)
            if name.isupper() and name not in NOT_THRESHOLDS and is_numeric(value):
                holders = tuple(m for m in modules if getattr(m, name, None) is value or m is module)
                yield Constant(name, module, value, holders)


def modules_of(package: ModuleType) -> list[ModuleType]:
    """Every module of a package."""
    names = [f"{package.__name__}.{info.name}" for info in pkgutil.iter_modules(package.__path__)]
    return [importlib.import_module(name) for name in names]


def is_numeric(value: Any) -> bool:
    """Whether a constant is a number, or a tuple or mapping of numbers."""
    if isinstance(value, dict):
        return bool(value) and all(is_numeric(entry) for entry in value.values())
    if isinstance(value, tuple):
        return bool(value) and all(is_numeric(entry) for entry in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def moved(value: Any, factor: float) -> Any:
    """Move a number by a factor, whole ones by one at least; what holds numbers, entry by entry."""
    if isinstance(value, dict):
        return {key: moved(entry, factor) for key, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(moved(entry, factor) for entry in value)
    if isinstance(value, int):
        return max(1, round(value * factor), value + 1) if factor > 1 else max(1, min(round(value * factor), value - 1))
    return value * factor


def read_calls(folders: Sequence[Path], subsets: Sequence[str]) -> Iterator[Call]:
    """Diagnose each call once, for its scene."""
    import forensics as fx

    for folder in folders:
        truth = json.loads((folder / "truth.json").read_text())
        for subset in subsets:
            with evidence_of(folder, subset, truth) as case:
                diagnosis = fx.diagnose(case)
            scene = diagnosis.scene
            on_capture = "recording" not in scene.clocks and scene.capture is not None
            origin_s = scene.origin_ns / 1e9 if on_capture else None
            yield Call(scene, list(read_faults(truth, origin_s=origin_s, closed=subset != "all")), subset)


@dataclass(frozen=True)
class Judged:
    """What `findings_of` reads of a diagnosis."""

    verdicts: tuple[Any, ...]


class Remembered:
    """One call scored again and again: detectors that a constant does not touch are not run again."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.detectors = {
            name: detector
            for name, detector in vars(forensics.glitches).items()
            if name.startswith("find_") and name != "find_glitches" and "found" not in signature(detector).parameters
        }
        self.found: dict[str, Any] = {}
        self.scored: dict[str, Tally] = {}

    def score(self, touched: Sequence[ModuleType]) -> Tally:
        """Score the call; `touched` are the modules whose constants were moved."""
        names = {module.__name__ for module in touched}
        glitches = self.find(names)
        told = repr(glitches)
        if any(name.startswith("forensics.causes") for name in names):
            return self.judge(glitches)
        if told not in self.scored:
            self.scored[told] = self.judge(glitches)
        return self.scored[told]

    def find(self, touched: set[str]) -> Any:
        """Find the glitches, with what each untouched detector found before."""
        if not touched & {module.__name__ for module in modules_of(forensics.glitches)} and "" in self.found:
            return self.found[""]
        everything = bool(touched & EVERY_DETECTOR)
        for name, detector in self.detectors.items():
            if not everything and detector.__module__ not in touched:
                setattr(forensics.glitches, name, partial(self.again, name, detector))
        try:
            glitches = find_glitches(self.call.scene)
        finally:
            for name, detector in self.detectors.items():
                setattr(forensics.glitches, name, detector)
        return self.found.setdefault("", glitches) if not touched else glitches

    def again(self, name: str, detector: Any, *given: Any, **known: Any) -> Any:
        """What a detector found when nothing was moved."""
        if name not in self.found:
            self.found[name] = detector(*given, **known)
        return self.found[name]

    def judge(self, glitches: Any) -> Tally:
        """Judge the glitches and score them."""
        verdicts = judge_glitches(glitches, self.call.scene)
        return score(list(findings_of(Judged(verdicts))), self.call.faults)


def vary(calls: Iterator[Call], constants: Sequence[Constant], *, until: float) -> tuple[dict[str, Tally], int]:
    """Score every call with every constant moved; the tally of each variation by its title, and the calls done."""
    tallies: dict[str, Tally] = {}
    done = 0
    for call in calls:
        if time.monotonic() > until:
            break
        remembered = Remembered(call)
        tallies.setdefault("", Tally()).add(remembered.score(()))
        for constant in constants:
            for factor in (1 - SHARE, 1 + SHARE):
                constant.set_to(moved(constant.value, factor))
                try:
                    tallies.setdefault(f"{constant.title} {factor:.1f}", Tally()).add(
                        remembered.score(constant.holders)
                    )
                finally:
                    constant.set_to(constant.value)
        done += 1
    return tallies, done


def f1_of(tally: Tally) -> float:
    """Micro F1."""
    return rates(*totals(tally))[2]


def print_table(tallies: dict[str, Tally], constants: Sequence[Constant]) -> None:
    """Print what each constant costs, the most sensitive first."""
    base = f1_of(tallies[""])
    rows = []
    for constant in constants:
        change = [f1_of(tallies[f"{constant.title} {factor:.1f}"]) - base for factor in (1 - SHARE, 1 + SHARE)]
        rows.append((max(map(abs, change)), constant, change))
    rows.sort(key=lambda row: -row[0])
    print(f"micro F1 {base:.3f}\n{'constant':<44}{'value':>26}{'-20 %':>9}{'+20 %':>9}")
    for largest, constant, change in rows:
        mark = " *" if largest > NOTABLE else ""
        if largest > 0:
            print(f"{constant.title:<44}{str(constant.value)[:25]:>26}{change[0]:>+9.3f}{change[1]:>+9.3f}{mark}")
    still = sum(row[0] == 0 for row in rows)
    print(f"{still} of {len(rows)} constants change nothing; {sum(r[0] > NOTABLE for r in rows)} more than {NOTABLE}")


def main() -> None:
    """Vary the constants over the calls given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("cases", nargs="+", type=Path)
    parser.add_argument("--subsets", default="all")
    parser.add_argument("--only", default="", help="parts of the names of the constants to vary, comma separated")
    parser.add_argument("--calls", default="", help="first:last of the folders")
    parser.add_argument("--minutes", type=float, default=1e6, help="take up no more calls after so long")
    parser.add_argument("--keep", type=Path, help="pool with what earlier runs over other calls left in this file")
    options = parser.parse_args()
    leave_remedies_out()
    folders = sorted(
        folder for cases in options.cases for folder in cases.iterdir() if (folder / "truth.json").is_file()
    )
    first, _, last = options.calls.partition(":")
    folders = folders[int(first or 0) : int(last or len(folders))]
    wanted = options.only.split(",")
    constants = [constant for constant in find_constants() if any(part in constant.title for part in wanted)]
    calls = read_calls(folders, options.subsets.split(","))
    tallies, done = vary(calls, constants, until=time.monotonic() + 60 * options.minutes)
    if options.keep is not None:
        done += pool_with(options.keep, tallies, done)
    print(f"{done} calls, {len(constants)} constants")
    print_table(tallies, constants)


def pool_with(path: Path, tallies: dict[str, Tally], done: int) -> int:
    """Add the tallies of earlier runs, keep all for the next, and return how many calls the earlier ones had."""
    earlier, calls = pickle.loads(path.read_bytes()) if path.is_file() else ({}, 0)
    for title, tally in earlier.items():
        tallies.setdefault(title, Tally()).add(tally)
    path.write_bytes(pickle.dumps((tallies, calls + done)))
    return int(calls)


if __name__ == "__main__":
    main()
